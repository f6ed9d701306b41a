"""Chooses what a recipe leaves to the data and to the start of a training, each with its reason.

Dataset + structures -> Choices -> Recipe

It measures the drawn masks of a few training slices, and never trains. The rules are stated here
and in docs/few-slices.md; whoever knows better sets the number (`--set`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from seget.dataset import Dataset, Mask
from seget.recipes import SUPERVISED_FROM_A_MODEL, Recipe, modern
from seget.spacing import common_pixel_nm

# The network sees the image binned by 2 unless more than `THIN_SHARE` of a structure's area is in
# parts thinner than `THIN_PX`: they would be thinner than 2.5 px. VNC's membranes (6 % of them are)
# are better binned, the phantom's tubes (19 %) are lost (docs/results/trials.md).
THIN_PX, THIN_SHARE = 5.0, 0.1
# Edge of the patch as the network sees it: about its receptive field.
NETWORK_PATCH_PX = 256
# What the model that trainings begin from has seen (docs/few-slices.md): coarser is not binned.
COARSEST_NM = 12.0
# Below this share of the labelled pixels sampling alone does not balance: foreground weighs more
# (EPFL's postsynaptic densities, 0.5 %: found with it, lost without it; docs/few-slices.md).
RARE_SHARE, RARE_CAP = 0.01, 20
# Slices of a structure that are measured, and the edge of the field that is measured of each.
MEASURED_SLICES, MEASURED_PX = 4, 1024

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """A number of the recipe, and why."""

    key: str
    value: int
    reason: str


# What a training that begins from a trained model has otherwise than one from random weights.
FROM_A_MODEL = (
    Choice(
        "deep_supervision",
        SUPERVISED_FROM_A_MODEL,
        "it begins from a trained model, whose levels know their parts",
    ),
    Choice(
        "weight_interpolation",
        True,
        "it begins from a trained model, which knows other tomograms",
    ),
)


def configured(
    dataset: Dataset,
    structures: Sequence[str],
    settings: Iterable[str] = (),
    *,
    scratch: bool = False,
) -> tuple[Recipe, list[Choice]]:
    """Return the recipe `modern` for a dataset, and what was chosen in it.

    Parameters
    ----------
    dataset, structures
        What is trained together.
    settings
        `key=value` settings: what they name is not chosen.
    scratch
        Whether the training begins from random weights, and not from a trained model.

    Raises
    ------
    InputError
        A setting is wrong, see `Recipe.override`.
    """
    given = list(settings)
    asked = modern().override(given)
    named = {setting.partition("=")[0].strip() for setting in given}
    chosen = []
    if "binning" not in named:
        chosen.append(_binning(dataset, structures, asked))
    binning = chosen[0].value if chosen else asked.binning
    if "patch_px" not in named:
        reason = f"the network sees {NETWORK_PATCH_PX} px of the image binned by {binning}"
        chosen.append(Choice("patch_px", NETWORK_PATCH_PX * binning, reason))
    rare = _rare(dataset, structures)
    if "weight_cap" not in named and rare:
        chosen.append(Choice("weight_cap", RARE_CAP, rare))
    if asked.network == "seget" and not scratch:
        chosen += [choice for choice in FROM_A_MODEL if choice.key not in named]
    recipe = asked.override(f"{choice.key}={choice.value}" for choice in chosen)
    return recipe, chosen


def _binning(dataset: Dataset, structures: Sequence[str], recipe: Recipe) -> Choice:
    size = common_pixel_nm([t.image for t in dataset.tomograms], recipe.pixel_nm)
    if size is not None and 2 * max(size) > COARSEST_NM:
        return Choice("binning", 1, f"pixels of {max(size):.3g} nm are coarse already")
    shares = dict(_thin_shares(dataset, structures, size))
    worst = max(shares, key=lambda s: shares[s])
    words = f"{shares[worst]:.0%} of {worst} is in parts thinner than {THIN_PX:g} px"
    if shares[worst] > THIN_SHARE:
        return Choice("binning", 1, f"{words}, which binned would be lost")
    nothing = f"next to nothing is in parts thinner than {THIN_PX:g} px"
    return Choice(
        "binning",
        2,
        f"{words if shares[worst] >= 0.005 else nothing}, and the network sees four times the area",
    )


def _thin_shares(
    dataset: Dataset, structures: Sequence[str], size: tuple[float, float] | None
) -> Iterator[tuple[str, float]]:
    """Yield (structure, share of its area in parts thinner than `THIN_PX`), over its tomograms."""
    for structure in structures:
        shares = []
        for tomogram in dataset.tomograms:
            mask = tomogram.masks.get(structure)
            own = tomogram.image.pixel_nm
            finer = size[0] / own[0] if size and own else 1.0  # its pixels in one of the training's
            if mask is not None:
                shares += [thin_share(field, THIN_PX * finer) for field in _fields(mask)]
        yield structure, float(np.mean(shares)) if shares else 0.0


def _fields(mask: Mask) -> Iterator[Bools]:
    """Yield the field around the foreground of a few training slices that show the structure."""
    shown = [z for z in mask.split.train if mask.foreground_px[z]]
    places = np.linspace(0, len(shown) - 1, min(len(shown), MEASURED_SLICES)).round().astype(int)
    for z in (shown[place] for place in places):
        drawn = mask.slice(z)
        field = []
        for axis in (1, 0):
            there = np.flatnonzero(drawn.any(axis=axis))
            low, high = int(there[0]), int(there[-1]) + 1
            middle = int(np.median(there))
            if high - low > MEASURED_PX:
                low = max(0, middle - MEASURED_PX // 2)
                high = low + MEASURED_PX
            field.append(slice(low, high))
        yield drawn[field[0], field[1]]


def thin_share(drawn: Bools, thickness_px: float) -> float:
    """Return the share of a mask's area that no disc of a diameter inside the mask covers.

    That is what an opening by that disc takes away. The field's border is no border of the mask.
    """
    framed = np.pad(drawn, 1, mode="edge")
    radius = thickness_px / 2
    # The nearest background pixel's centre is half a pixel beyond the mask's edge, and the disc's
    # centre may be half a pixel off a pixel's.
    centres = ndimage.distance_transform_edt(framed) > radius
    if not centres.any():
        return 1.0
    covered = ndimage.distance_transform_edt(~centres) <= radius + 0.5
    return 1.0 - float((covered & framed).sum() / framed.sum())


def _rare(dataset: Dataset, structures: Sequence[str]) -> str:
    """Say which structure is rare in the slices that are learnt from; "" if none is."""
    shares = {}
    for structure in structures:
        masks = [t.masks[structure] for t in dataset.tomograms if structure in t.masks]
        drawn = sum(mask.foreground_px[z] for mask in masks for z in mask.split.train)
        looked_at = sum(mask.labelled_px[z] for mask in masks for z in mask.split.train)
        shares[structure] = drawn / max(1, looked_at)
    rarest = min(shares, key=lambda s: shares[s])
    if shares[rarest] >= RARE_SHARE:
        return ""
    return f"{rarest} is {shares[rarest]:.2%} of what is learnt from"
