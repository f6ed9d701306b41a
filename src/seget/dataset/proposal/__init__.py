"""Proposes a dataset.toml for what lies in a folder or is named.

tomograms + masks -> Proposal: a dataset, the text of its dataset.toml, what was left out

It never writes a file and never changes one. `survey` looks what there is, `pairing` finds the
tomogram of each mask, `keys` how a mask is read, `parts` what is held out, `text` writes it down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seget import files
from seget.dataset.names import tomogram_names
from seget.dataset.overview import annotation_notes
from seget.dataset.proposal.pairing import pair
from seget.dataset.proposal.survey import Found, Survey, survey
from seget.dataset.proposal.text import dataset_text, described, grouped
from seget.dataset.proposal.tomograms import ProposedTomogram, proposed, relative
from seget.dataset.tomogram import Dataset
from seget.errors import InputError
from seget.files import imod

__all__ = ["Proposal", "ProposedTomogram", "described", "grouped", "propose", "propose_named"]

MOST_REASONS = 8  # files that an error names


@dataclass(frozen=True)
class Proposal:
    """A dataset that is not written yet.

    Attributes
    ----------
    dataset
        What `read_dataset` returns of `text`, apart from `path`'s being there.
    tomograms
        Its tomograms, with the reasons for each key.
    notes
        What may be wrong with it, a sentence each, as before a training.
    left_out
        Files that are in it in no way, by their paths from its folder, and why.
    text
        Of the dataset.toml.
    """

    dataset: Dataset
    tomograms: tuple[ProposedTomogram, ...]
    notes: tuple[str, ...]
    left_out: dict[Path, str]
    text: str


def propose(paths: Sequence[Path], toml: Path) -> Proposal:
    """Look at folders, tomograms and masks, and propose a dataset of them.

    Parameters
    ----------
    paths
        Volumes and IMOD models, or folders of them.
    toml
        Where the dataset.toml is to be: paths in it are relative to its folder.

    Raises
    ------
    InputError
        There is no tomogram with a mask, or what was named by itself cannot be used.
    """
    found = survey(paths, toml)
    return _proposal(pair(found), found, toml)


def propose_named(image: Path, masks: Sequence[tuple[str | None, Path]], toml: Path) -> Proposal:
    """Propose a dataset of one tomogram and masks of it, each with the name of its structure.

    Without a name a mask is one of what `propose` would take it for.

    Raises
    ------
    InputError
        A mask cannot be used.
    """
    tomogram = Found(image, files.read(image), is_named=True)
    drawn = [
        Found(path, None if imod.is_model(path) else files.read(path), True, structure)
        for structure, path in masks
    ]
    return _proposal([(tomogram, drawn)], Survey(), toml)


def _proposal(pairs: Sequence[tuple[Found, list[Found]]], found: Survey, toml: Path) -> Proposal:
    names = tomogram_names([toml.parent / relative(image.path, toml) for image, _ in pairs])
    maybe = [
        proposed(image, masks, name, toml, found.left_out)
        for (image, masks), name in zip(pairs, names, strict=True)
    ]
    tomograms = tuple(one for one in maybe if one is not None)
    if not tomograms:
        raise InputError(_nothing(found))
    name = tomograms[0].tomogram.name if len(tomograms) == 1 else _folder(toml)
    structures = tuple(dict.fromkeys(s for one in tomograms for s in one.tomogram.masks))
    dataset = Dataset(name, toml, tuple(one.tomogram for one in tomograms), structures)
    notes = tuple(annotation_notes(dataset, structures))
    left_out = {Path(relative(path, toml)): why for path, why in found.left_out.items()}
    text = dataset_text(name, _one_holdout(tomograms), tomograms, notes, left_out)
    return Proposal(dataset, tomograms, notes, left_out, text)


def _folder(toml: Path) -> str:
    return toml.resolve().parent.name or "dataset"


def _one_holdout(tomograms: Sequence[ProposedTomogram]) -> str | None:
    """Return the name of the hold-out of all tomograms; None if they differ or name slices."""
    first = tomograms[0].parts.holdout
    same = all(one.parts.holdout == first for one in tomograms)
    return first if same and isinstance(first, str) else None


def _nothing(found: Survey) -> str:
    """Say that there is no tomogram with a mask, and what there is."""
    images = [str(image.path) for image in found.images]
    reasons = [f"{label}: {why}" for label, why in grouped(found.left_out)]
    listed = "; ".join(reasons[:MOST_REASONS]) + "; ..." * (len(reasons) > MOST_REASONS)
    what = "no mask that was drawn on a tomogram" if images else "no tomogram"
    return (
        f"found {what} ({listed or 'there is nothing'}); name the tomogram and its masks, seget "
        "init TOMOGRAM MASK..."
    )
