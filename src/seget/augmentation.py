"""Augmentation: random flips, rotation, scaling, elastic deformation, grey values and noise.

Recipe + random generator -> View; image (c, q, q), target, labelled (k, q, q) + View -> (., p, p)

Geometry is drawn once and applied to image, target and `labelled`; grey values and noise change the
image alone. It never invents a label: what comes in from outside the patch is unlabelled. Not in
the paper (its conclusion names it as future work).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from seget.recipes import Recipe

Pixels = npt.NDArray[np.float32]
Masks = npt.NDArray[np.bool_]
T = TypeVar("T", Pixels, Masks)
Patch = tuple[Pixels, Masks, Masks]

# Control points of the elastic deformation along a side: in a patch of 256 px about 50 px apart,
# the size of an organelle.
KNOTS = 5

# The gamma curve spans a patch's grey values but for this share at either end, as told by about so
# many rows and columns of it.
GAMMA_TAIL_PERCENT, GAMMA_ROWS = 0.5, 64
GAMMA_ENDS = [GAMMA_TAIL_PERCENT, 100 - GAMMA_TAIL_PERCENT]


@dataclass(frozen=True)
class View:
    """What chance decides about one patch; drawn apart from its pixels, of which it is independent.

    Attributes
    ----------
    angle, zoom, knots
        Rotation, scaling and elastic displacements `(2, KNOTS, KNOTS)` in px; `knots` None: the
        patch is not warped.
    turns, mirror
        Quarter turns, then whether it is mirrored in x.
    contrast, gamma, brightness
        Of its grey values; `contrast` None: they stay as they are.
    sigma, noise
        Deviation, and noise of deviation 1 as `(c, p, p)`; `noise` None: none is added.
    """

    angle: float = 0.0
    zoom: float = 1.0
    knots: Pixels | None = None
    turns: int = 0
    mirror: bool = False
    contrast: float | None = None
    gamma: float = 1.0
    brightness: float = 0.0
    sigma: float = 0.0
    noise: Pixels | None = None


def draw(
    shape: tuple[int, int, int],
    recipe: Recipe,
    rng: np.random.Generator,
    noise: Pixels | None = None,
) -> View:
    """Draw how a patch whose view has the shape `(c, p, p)` is augmented.

    `noise` is an array of that shape for the noise, which is written into it; None: a new one.
    """
    warped: dict[str, Any] = {}
    if recipe.warp and rng.random() < recipe.warp:
        warped["angle"] = rng.uniform(-np.pi / 12, np.pi / 12)
        warped["zoom"] = 1 + rng.uniform(-recipe.scale, recipe.scale)
        knots = rng.normal(0, recipe.elastic_px, (2, KNOTS, KNOTS))
        warped["knots"] = knots.astype(np.float32)
    if recipe.flips:
        warped |= {"turns": int(rng.integers(4)), "mirror": bool(rng.integers(2))}
    if recipe.grey:
        warped["contrast"], warped["gamma"] = 1 + rng.uniform(-recipe.grey, recipe.grey, 2)
        warped["brightness"] = rng.uniform(-recipe.grey, recipe.grey)
    if recipe.noise:
        warped["sigma"] = rng.uniform(0, recipe.noise)
        warped["noise"] = rng.standard_normal(shape, dtype=np.float32, out=noise)
    return View(**warped)


def augment(patch: Patch, view: View, margin: int) -> Patch:
    """Augment a patch and crop it by `margin` px on every side: p = q - 2 * margin."""
    size = patch[0].shape[-1] - 2 * margin
    if view.knots is not None:
        image, target, labelled = warp(patch, margin + sources(size, view))
    else:
        middle = np.s_[:, margin : margin + size, margin : margin + size]
        image, target, labelled = patch[0][middle], patch[1][middle], patch[2][middle]
    image = turn(image, view.turns, view.mirror)
    target, labelled = (turn(masks, view.turns, view.mirror) for masks in (target, labelled))
    return grey(image, view), target, labelled


def turn(pixels: T, turns: int, mirror: bool) -> T:
    """Return `(c, p, p)` rotated by `turns` quarter turns, then mirrored in x if `mirror`."""
    turned = np.rot90(pixels, turns, axes=(1, 2))
    return turned[:, :, ::-1] if mirror else turned


def sources(size: int, view: View) -> Pixels:
    """Return the source coordinates (y, x) in px of each pixel, `(2, p, p)`, for one resampling.

    They combine a rotation by up to 15 degrees, a scaling and an elastic deformation.
    """
    assert view.knots is not None, "a view that is warped"
    middle = np.float32((size - 1) / 2)
    axis = np.arange(size, dtype=np.float32) - middle
    cosine, sine = slopes(view)
    y, x = axis[:, None], axis[None, :]
    bent = view.knots
    weights = basis(size)
    return np.stack(
        [
            cosine * y - sine * x + weights @ bent[0] @ weights.T + middle,
            sine * y + cosine * x + weights @ bent[1] @ weights.T + middle,
        ]
    )


def slopes(view: View) -> tuple[np.float32, np.float32]:
    """Return cosine and sine of the rotation, both times the zoom."""
    return np.float32(np.cos(view.angle) * view.zoom), np.float32(np.sin(view.angle) * view.zoom)


def basis(size: int) -> Pixels:
    """Return `(size, KNOTS)` weights of the knots: raised cosines that add up to 1 everywhere."""
    place = np.linspace(0, KNOTS - 1, size, dtype=np.float32)
    distance = np.abs(place[:, None] - np.arange(KNOTS, dtype=np.float32))
    return np.where(distance < 1, (1 + np.cos(np.pi * distance)) / 2, 0).astype(np.float32)


def warp(patch: Patch, source: Pixels) -> Patch:
    """Resample a patch at `source` `(2, p, p)`: the image bilinearly, the masks by nearest pixel.

    What comes from outside the patch is 0: the mean in the image, unlabelled in the masks.
    NumPy, not torch: batches are made in a thread beside the training, and a second pool of torch
    threads would compete with the first for the cores.
    """
    image, target, labelled = patch
    size = image.shape[-1]
    width = size + 3  # with a border of zeros, which look-ups outside the patch fall into
    y, x = np.clip(source, -1, size) + 1
    low_y, low_x = y.astype(np.int32), x.astype(np.int32)
    part_y, part_x = y - np.floor(y), x - np.floor(x)  # - low_y would give float64
    corner = low_y * width + low_x
    nearest = (y + 0.5).astype(np.int32) * width + (x + 0.5).astype(np.int32)

    def interpolate(channel: Pixels) -> Pixels:
        framed = np.pad(channel, (1, 2)).ravel()
        # Neighbours to the right are one pixel later in the flat array, those below one row later.
        top = framed.take(corner) * (1 - part_x) + framed[1:].take(corner) * part_x
        bottom = framed[width:].take(corner) * (1 - part_x)
        bottom += framed[width + 1 :].take(corner) * part_x
        warped: Pixels = top * (1 - part_y) + bottom * part_y
        return warped

    def look_up(masks: Masks) -> Masks:
        return np.stack([np.pad(mask, (1, 2)).ravel().take(nearest) for mask in masks])

    return np.stack([interpolate(c) for c in image]), look_up(target), look_up(labelled)


def grey(image: Pixels, view: View) -> Pixels:
    """Return the image `(c, p, p)` with other contrast, brightness, gamma and added noise.

    All channels change alike, as slices of one tomogram do; each has noise of its own.
    """
    if view.contrast is not None:
        image = bend(image, float(view.gamma))
        image *= np.float32(view.contrast)
        image += np.float32(view.brightness)
    if view.noise is not None:
        noise = view.noise * np.float32(view.sigma)
        image = noise + image
    return image


def bend(image: Pixels, gamma: float) -> Pixels:
    """Return grey values `(c, p, p)` bent by a gamma curve between nearly their ends.

    Not from the minimum to the maximum: one hot voxel would change the curve of the whole patch.
    Values beyond the ends stay as they are.
    """
    step = gamma_step(image.shape[-1])
    some = image[:, ::step, ::step]
    low, high = np.percentile(some, GAMMA_ENDS, method="nearest")
    if low == high:
        return image.copy()
    unit = image - low
    unit /= high - low
    np.clip(unit, 0, 1, out=unit)
    bent: Pixels = unit ** np.float32(gamma)
    bent -= unit
    bent *= high - low
    bent += image
    return bent


def gamma_step(size: int) -> int:
    """Return every how many rows and columns of a patch of that edge tell its ends."""
    return max(1, size // GAMMA_ROWS)
