"""Which tomograms and slices a model learnt from, as its provenance tells.

provenance + Volume -> yes, no or unknown; the slices

It never opens a file: a tomogram is known by its fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from seget.volume import Triple, Volume

Slices = tuple[Annotated[int, Field(ge=0)], ...]


class _Parts(BaseModel):
    """The slices that taught, and those that chose epoch, thresholds and calibration."""

    train: Slices
    validation: Slices


class _Taught(_Parts):
    """A tomogram of the dataset: its fingerprint, and which slices had a part.

    Of the structures that have `masks` there; slices of their own are in `splits`.
    """

    image: str
    masks: dict[str, str] = Field(default_factory=dict)
    splits: dict[str, _Parts] = Field(default_factory=dict)


class _Read(BaseModel):
    """How it was read."""

    voxel_size_nm: Triple | None


class _Training(BaseModel):
    """What a training says of its tomograms."""

    data: list[_Taught]
    tomograms: list[_Read] = Field(default_factory=list)


class _Provenance(_Training):
    """What a model says of its training, and of those of the models that it began from."""

    before: list[_Training] = Field(default_factory=list)


def learnt_from(provenance: Mapping[str, Any], volume: Volume) -> bool | None:
    """Return whether slices of a volume taught a model; None where its provenance does not say.

    Of several models as one: whether any of them learnt from it.
    """
    if "models" in provenance:
        found = [learnt_from(one, volume) for one in provenance["models"]]
        return True if True in found else None if None in found else False
    entries = _entries(provenance, volume)
    return None if entries is None else any(one.train for one in entries)


def slices_learnt(
    provenance: Mapping[str, Any], volume: Volume, structures: Sequence[str]
) -> dict[str, dict[str, list[int]]]:
    """Return structure -> the slices of a volume that had a part in it: `train` and `validation`.

    Nothing where the provenance does not say. Of several models as one: the slices of any of them.
    """
    if "models" in provenance:
        each = [slices_learnt(one, volume, structures) for one in provenance["models"]]
        of_each = {s: [one[s] for one in each if s in one] for s in structures}
        known = {s: found for s, found in of_each.items() if found}
    else:
        entries = _entries(provenance, volume)
        if entries is None:
            return {}
        known = {
            s: [one.splits.get(s, one).model_dump() for one in entries if s in one.masks]
            for s in structures
        }
    return {
        structure: {p: sorted({z for one in found for z in one[p]}) for p in _Parts.model_fields}
        for structure, found in known.items()
    }


def _entries(provenance: Mapping[str, Any], volume: Volume) -> list[_Taught] | None:
    """Return what a provenance says of a volume; None if it is not of a training of ours."""
    try:
        told = _Provenance.model_validate(provenance)
    except ValidationError:
        return None  # made by hand, or by another program
    trainings = [told, *told.before]
    every = [one for training in trainings for one in training.data]
    # Its voxel size, which may be stated anew, is part of a fingerprint, and no matter here.
    sizes = {one.voxel_size_nm for training in trainings for one in training.tomograms}
    known: dict[Slices, set[str]] = {}  # a fingerprint is of some slices, and all that decide
    for one in every:
        decided = one.train + one.validation
        if decided and max(decided) < volume.shape[0] and decided not in known:
            known[decided] = {
                replace(volume, voxel_size_nm=size).fingerprint(slices=decided)
                for size in {volume.voxel_size_nm, *sizes}
            }
    return [one for one in every if one.image in known.get(one.train + one.validation, ())]
