"""The pictures of a comparison, from what its cells kept.

finished cells + Dataset -> figures 3 and 4 of the paper, training curves

It chooses what is shown and never draws: `figures` does. A cell whose score maps are not in the
folder (cells.json was copied from elsewhere) is left out of the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seget import files
from seget.comparison.cell import RUNS, read_scores
from seget.comparison.cell_results import CellResults
from seget.comparison.figures import comparison_curves, figure3, figure4
from seget.comparison.plan import Cell, ComparisonSettings, title_of
from seget.dataset import Dataset, Tomogram
from seget.errors import InputError
from seget.fusion import colour, fuse

Captioned = list[tuple[str, Path]]
Labels = npt.NDArray[np.integer[Any]]
PICTURES = "pictures"


def draw(
    out: Path,
    dataset: Dataset,
    settings: ComparisonSettings,
    cells: Sequence[Cell],
    results: CellResults,
    slices: Sequence[int] | None,
) -> tuple[Captioned, Captioned]:
    """Draw into `out`/pictures; return (caption, path) of the figures and of the curves.

    Parameters
    ----------
    slices
        0-based slices to show of each tomogram; None takes the middle one of those scored.

    Raises
    ------
    InputError
        A slice asked for was not scored.
    """
    structures = [s for group in settings.groups for s in group]
    shown = [cell for cell in cells if cell.seed == settings.seeds[0] and cell in results]
    pictures: Captioned = []
    for tomogram in dataset.tomograms:
        for z in _chosen(tomogram, structures, slices):
            place = out / PICTURES / f"{tomogram.name}_{z:04d}"
            # A model scores the slices of its own structures alone.
            scored = [s for s in structures if tomogram.mask_of(s, z, "scored") is not None]
            names = _Names(f"{tomogram.name}__{z}", structures, scored)
            panels = _panels(out, shown, results, names)
            pictures += _figures(place, tomogram, z, panels, structures)
    return pictures, _curves(out, settings, cells, results)


def _chosen(
    tomogram: Tomogram, structures: Sequence[str], slices: Sequence[int] | None
) -> Sequence[int]:
    scored = tomogram.slices("scored", structures)
    if slices is None:
        return scored[len(scored) // 2 : len(scored) // 2 + 1]
    missing = sorted(set(slices) - set(scored)) if scored else []
    if missing:
        raise InputError(
            f"--slices {missing[0]}: {tomogram.name} was scored on {scored[0]} to {scored[-1]} "
            "alone; choose among those."
        )
    return slices if scored else ()


class _Names(NamedTuple):
    """A slice as cells name it, all structures, and those that are scored on it."""

    tomogram_slice: str
    structures: Sequence[str]
    scored: Sequence[str]


def _panels(
    out: Path, shown: Sequence[Cell], results: CellResults, names: _Names
) -> dict[str, Labels]:
    """Return network's title -> its labels of one slice, its models' score maps fused."""
    panels: dict[str, Labels] = {}
    for network in dict.fromkeys(cell.network for cell in shown):
        scores: dict[str, npt.NDArray[np.uint8]] = {}
        thresholds: dict[str, float] = {}
        for cell in (cell for cell in shown if cell.network == network):
            maps = read_scores(out / RUNS, cell)
            if maps is not None and names.tomogram_slice in maps:
                scores |= dict(zip(cell.structures, maps[names.tomogram_slice], strict=True))
                found = results[cell]["scores"]
                thresholds |= {s: found[s]["threshold"] for s in cell.structures}
        if scores and set(names.scored) <= set(scores):
            title = title_of(network)
            nothing = np.zeros_like(next(iter(scores.values())))
            found = {s: scores.get(s, nothing) for s in names.structures}
            panels[title] = fuse(found, {s: thresholds.get(s, 0.5) for s in found})
    return panels


def _figures(
    place: Path,
    tomogram: Tomogram,
    z: int,
    panels: Mapping[str, Labels],
    structures: Sequence[str],
) -> Captioned:
    """Draw figures 3 and 4 of one slice."""
    image = tomogram.image.slice(z)
    masks, truth = _drawn(tomogram, z, structures)
    voxel = tomogram.image.voxel_size_nm
    nm = voxel[2] if voxel else None
    title = f"{tomogram.name}, slice {z}"
    found: Captioned = []
    if panels:
        colours = {i: (s, colour(s, i - 1)) for i, s in enumerate(structures, start=1)}
        path = place.with_name(f"{place.name}_figure4.png")
        with files.atomic_path(path) as part:
            figure4(part, image, {**panels, "truth": truth}, colours, title, pixel_size_nm=nm)
        found.append((f"{title}: the image, each network, and the truth.", path))
    path = place.with_name(f"{place.name}_figure3.png")
    with files.atomic_path(path) as part:
        figure3(part, image, masks, {s: colour(s, structures.index(s)) for s in masks}, title, nm)
    found.append((f"{title}: the image and the masks drawn on it.", path))
    return found


def _drawn(
    tomogram: Tomogram, z: int, structures: Sequence[str]
) -> tuple[dict[str, npt.NDArray[np.bool_]], npt.NDArray[np.uint16]]:
    """Return the masks of a slice and all in one, masked (`np.ma`) where not annotated."""
    there = {s: tomogram.masks[s] for s in structures if s in tomogram.masks}
    drawn = {s: mask.slice(z) for s, mask in there.items()}
    truth = np.zeros(tomogram.image.shape[1:], np.uint16)
    # Where drawings overlap the smaller structure lies on top, or it would not be seen.
    for structure in sorted(drawn, key=lambda s: -int(drawn[s].sum())):
        truth[drawn[structure]] = structures.index(structure) + 1
    if all(mask.is_labelled_all_over(z) for mask in there.values()):
        return drawn, truth
    unseen = {s: ~mask.labelled_box(z, None) for s, mask in there.items()}
    masked: dict[str, npt.NDArray[np.bool_]] = {
        s: np.ma.array(drawn[s], mask=unseen[s]) for s in drawn
    }
    return masked, np.ma.array(truth, mask=np.logical_and.reduce(list(unseen.values())))


def _curves(
    out: Path, settings: ComparisonSettings, cells: Sequence[Cell], results: CellResults
) -> Captioned:
    """Draw the validation mIOU of every cell, a picture a group of structures."""
    by: Literal["minutes", "step"] = "step" if settings.terms.kind == "steps" else "minutes"
    found: Captioned = []
    for group in settings.groups:
        runs: dict[str, list[Any]] = {}
        for cell in (cell for cell in cells if cell.structures == group and cell in results):
            if "rows" in results[cell]:
                rows = results[cell]["rows"]
                pace = results.pace.get(cell.network)
                if pace is not None:  # time as the terms count it, not as a busy machine took it
                    rows = [row | {"elapsed_s": pace * row["step"]} for row in rows]
                runs.setdefault(title_of(cell.network), []).append(rows)
        if runs:
            name = group[0] if len(group) == 1 else "joint"
            path = out / PICTURES / f"curves_{name}.png"
            with files.atomic_path(path) as part:
                comparison_curves(part, runs, by)
            found.append((f"{', '.join(group)}: mIOU of the validation slices.", path))
    return found
