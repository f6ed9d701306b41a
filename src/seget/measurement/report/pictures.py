"""The report's pictures: histograms with medians, a slice with outlines and ids.

numbers of objects, a slice of ids -> PNG bytes

It never uses pyplot, whose open figures are shared by a whole process.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from PIL import Image

from seget.measurement.measure import Measurement
from seget.measurement.rows import Measured
from seget.volume import Volume

Picture = npt.NDArray[np.uint8]
FEWEST = 4  # objects of which a histogram says something
SLICE_PX = 1100
MOST_NAMES = 150  # ids written into a slice


def png(picture: Picture) -> bytes:
    """Return a picture `(y, x, 3)` as PNG."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def histograms(found: Measurement, name: str) -> bytes | None:
    """Return histograms of a structure's diameters, lengths and nearest neighbours as PNG.

    None where there are too few objects for any.
    """
    mine = [one for one in found.objects if one.structure == name]
    whole = [one for one in mine if not one.touches_border]
    own = [
        pair.distance_nm
        for pair in found.nearest
        if found.objects[pair.a].structure == name and found.objects[pair.b].structure == name
    ]
    panels = {
        "equivalent diameter, nm (whole objects)": [o.equivalent_diameter_nm for o in whole],
        "length, nm": [one.line.length_nm for one in mine if one.line],
        "to the nearest of its kind, nm": own,
    }
    shown = {label: values for label, values in panels.items() if len(values) >= FEWEST}
    if not shown:
        return None
    figure = Figure(figsize=(3.6 * len(shown), 2.5), dpi=110, layout="constrained")
    for number, (label, values) in enumerate(shown.items(), start=1):
        axes = figure.add_subplot(1, len(shown), number)
        axes.hist(values, bins=int(np.clip(np.sqrt(len(values)) * 2, 5, 40)), color="#7088a0")
        median = float(np.median(values))
        axes.axvline(median, color="#c02020")
        axes.set_title(f"median {median:.4g} nm, n = {len(values)}", fontsize=9)
        axes.set_xlabel(label, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return _bytes(figure)


def slice_with_ids(found: Measurement, tomogram: Volume | None) -> tuple[int, bytes]:
    """Return the slice that most objects cross, with their outlines and ids, and its number.

    Parameters
    ----------
    tomogram
        Shown below, if it has the labels' shape; else the outlines stand on black.
    """
    z = _busiest(found.objects, found.volume.shape[0])
    step = max(1, int(np.ceil(max(found.volume.shape[1:]) / SLICE_PX)))
    ids = found.ids.box((z, 0, 0), (z + 1, *found.volume.shape[1:]))[0][::step, ::step]
    picture = _grey(tomogram, found.volume.shape, z, step, ids.shape)
    edge = np.zeros(ids.shape, bool)
    for axis in (0, 1):
        differs = np.diff(ids, axis=axis) != 0
        first, second = [slice(None)] * 2, [slice(None)] * 2
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        edge[tuple(first)] |= differs & (ids[tuple(first)] > 0)
        edge[tuple(second)] |= differs & (ids[tuple(second)] > 0)
    for one in found.objects:
        colour = found.structures.colours[one.structure]
        if one.low_px[0] <= z < one.high_px[0]:
            picture[edge & (ids == one.number)] = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return z, _named(picture, ids)


def _busiest(objects: Sequence[Measured], depth: int) -> int:
    count = np.zeros(depth + 1, np.int64)
    for one in objects:
        count[int(one.low_px[0])] += 1
        count[int(one.high_px[0])] -= 1
    most = np.cumsum(count[:-1])
    best = np.flatnonzero(most == most.max())
    return int(best[len(best) // 2])


def _grey(
    tomogram: Volume | None, shape: tuple[int, int, int], z: int, step: int, size: tuple[int, ...]
) -> Picture:
    if tomogram is None or tomogram.shape != shape:
        return np.full((*size, 3), 24, np.uint8)
    plane = tomogram.slice(z)[::step, ::step].astype(np.float32)
    plane = np.nan_to_num(plane, posinf=0, neginf=0)
    low, high = np.percentile(plane, [0.5, 99.5])
    grey = np.clip((plane - low) / max(float(high - low), 1e-12) * 255, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _named(picture: Picture, ids: npt.NDArray[np.uint32]) -> bytes:
    """Write the ids of the largest outlines where each has a voxel near its middle."""
    up = max(1, SLICE_PX // max(ids.shape))
    height, width = (n * up for n in ids.shape)
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(picture, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    numbers, counts = np.unique(ids[ids > 0], return_counts=True)
    for number in numbers[np.argsort(-counts)][:MOST_NAMES]:
        y, x = np.nonzero(ids == number)
        nearest = int(np.hypot(y - y.mean(), x - x.mean()).argmin())
        axes.text(
            x[nearest], y[nearest], str(number), color="white", fontsize=9, ha="center",
            va="center", path_effects=[withStroke(linewidth=2, foreground="black")],
        )  # fmt: skip
    return _bytes(figure)


def _bytes(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
