"""Reads a dataset.toml: tomograms, their masks, and which slices are held out; proposes one.

dataset.toml -> Volumes + masks + the hold-out; folder -> text of a dataset.toml

It never copies a volume into memory, never changes a grey value, and never writes a file.
Slices are numbered from 0 along z.
"""

from __future__ import annotations

from pathlib import Path

from seget.dataset.masks import Mask
from seget.dataset.names import tomogram_names
from seget.dataset.overview import annotated, annotation_notes
from seget.dataset.proposal import Proposal, described, grouped, propose, propose_named
from seget.dataset.reading import read_tomograms
from seget.dataset.split import Split, hold_out, parse_slices, slice_ranges
from seget.dataset.tables import parse
from seget.dataset.tomogram import Dataset, Tomogram
from seget.errors import InputError

__all__ = [
    "Dataset",
    "Mask",
    "Proposal",
    "Split",
    "Tomogram",
    "annotated",
    "annotation_notes",
    "described",
    "grouped",
    "hold_out",
    "parse_slices",
    "propose",
    "propose_named",
    "read_dataset",
    "slice_ranges",
    "tomogram_names",
]


def read_dataset(path: Path | str) -> Dataset:
    """Read a dataset.toml and every file it names; the paths in it are relative to its folder.

    Without `holdout` it is "auto", see `hold_out`. The annotated slices of the masks are read
    once, to count their values; images and masks stay on disk.

    Raises
    ------
    InputError
        The file or one it names is missing or invalid.
    """
    path = Path(path)
    table = parse(path)
    holdouts = [one.holdout or table.holdout or "auto" for one in table.tomogram]
    if table.gap and not {"block", "auto"} & {one for one in holdouts if isinstance(one, str)}:
        raise InputError(
            f'{path}: gap = {table.gap} has no meaning without holdout = "block"; '
            'remove gap or write holdout = "block".'
        )
    tomograms = read_tomograms(path, table.tomogram, holdouts, table.gap)
    structures = tuple(dict.fromkeys(name for one in tomograms for name in one.masks))
    return Dataset(table.name or path.stem, path, tomograms, structures)
