"""The text of a proposed dataset.toml: each line with a comment above it.

Proposal -> TOML

It never writes a file, and lets no name of a file break out of its line.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seget.dataset.proposal.keys import Line
from seget.dataset.split import slice_ranges
from seget.dataset.tables import MaskTable, PartsTable, toml_value
from seget.errors import printable

if TYPE_CHECKING:
    from seget.dataset.proposal.tomograms import ProposedTomogram

WIDTH = 100
MOST_ALIKE = 3  # files left out for the same reason that are listed one by one
BARE = re.compile(r"[A-Za-z0-9_-]+")


def dataset_text(
    name: str,
    holdout: str | None,
    tomograms: Sequence[ProposedTomogram],
    notes: Sequence[str],
    left_out: Mapping[Path, str],
) -> str:
    """Return the text of a dataset.toml; `holdout` is that of all tomograms, None without one."""
    written = [
        *_comment(
            "What seget init found; correct what is wrong. Slices count from 0. "
            "All keys: docs/dataset.md."
        ),
        *_comment("What runs and reports call it."),
        f"name = {toml_value(name)}",
    ]
    if holdout is not None:
        written += ["", *_comment(tomograms[0].parts.reason), f"holdout = {toml_value(holdout)}"]
    for one in tomograms:
        written += ["", *_tomogram(one, with_holdout=holdout is None)]
    if notes:
        written += ["", *(line for note in notes for line in _comment(f"To check: {note}"))]
    if left_out:
        written += ["", *_comment("Left out:")]
        for label, why in grouped(left_out):
            written += _comment(f"{label}: {why}")
    return "\n".join(written) + "\n"


def _tomogram(one: ProposedTomogram, with_holdout: bool) -> Iterator[str]:
    yield "[[tomogram]]"
    yield from _comment(_of_image(one))
    yield f"image = {toml_value(one.file)}"
    if with_holdout:
        yield from _comment(one.parts.reason)
        if one.parts.holdout is not None:
            yield f"holdout = {_holdout(one.parts.holdout)}"
    yield "[tomogram.masks]"
    for line in one.lines:
        for said in (described(line), *line.reasons):
            yield from _comment(said)
        yield f"{_key(line.structure)} = {_entry(line.entry)}"


def described(line: Line) -> str:
    """Return how much is drawn of a structure, and where, as a sentence."""
    mask, shown = line.mask, line.shown
    voxels = sum(mask.foreground_px)
    share = voxels / sum(mask.labelled_px)
    depth = len(mask.foreground_px)
    where = f"all {depth} slices"
    if len(shown) < depth:
        where = f"{len(shown)} of {depth} slices ({slice_ranges(shown)})"
    return f"{voxels:,} voxels on {where}, {share:.2%} of those annotated."


def grouped(left_out: Mapping[Path, str]) -> list[tuple[str, str]]:
    """Return names of files and why they are left out; many of one folder and suffix in one."""
    groups: dict[tuple[Path, str, str], list[Path]] = {}
    for path, why in left_out.items():
        groups.setdefault((path.parent, path.suffix, why), []).append(path)
    found = []
    for (_, _, why), paths in groups.items():
        if len(paths) > MOST_ALIKE:
            found.append((f"{paths[0]} ... {paths[-1].name} ({len(paths)} files)", why))
        else:
            found += [(str(path), why) for path in paths]
    return [(printable(label), printable(why)) for label, why in found]


def _of_image(one: ProposedTomogram) -> str:
    image = one.tomogram.image
    extent = " x ".join(map(str, image.shape))
    size = image.voxel_size_nm
    if size is None:
        return f"{extent} voxels (z, y, x) of unknown size."
    return f"{extent} voxels (z, y, x) of {' x '.join(f'{nm:.4g}' for nm in size)} nm."


def _entry(entry: MaskTable) -> str:
    is_bare = entry.model_dump(exclude_none=True).keys() == {"file"}
    return toml_value(entry.file) if is_bare else entry.inline()


def _holdout(holdout: str | PartsTable) -> str:
    if isinstance(holdout, str):
        return toml_value(holdout)
    return f"{{ validation = {holdout.validation}, test = {holdout.test} }}"


def _key(structure: str) -> str:
    return structure if BARE.fullmatch(structure) else toml_value(structure)


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent="# ",
        subsequent_indent="#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )
