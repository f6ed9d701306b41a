"""Which tomograms a model learnt from, as its provenance tells.

provenance + Volume -> yes, no or unknown

It never opens a file: a tomogram is known by its fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from seget.volume import Triple, Volume

Slices = tuple[Annotated[int, Field(ge=0)], ...]


class _Taught(BaseModel):
    """A tomogram of the dataset: its fingerprint, and which slices had a part."""

    image: str
    train: Slices
    validation: Slices


class _Read(BaseModel):
    """How it was read."""

    voxel_size_nm: Triple | None


class _Provenance(BaseModel):
    """What a training says of its tomograms."""

    data: list[_Taught]
    tomograms: list[_Read] = Field(default_factory=list)


def learnt_from(provenance: Mapping[str, Any], volume: Volume) -> bool | None:
    """Return whether slices of a volume taught a model; None where its provenance does not say.

    Of several models as one: whether any of them learnt from it.
    """
    if "models" in provenance:
        found = [learnt_from(one, volume) for one in provenance["models"]]
        return True if True in found else None if None in found else False
    try:
        told = _Provenance.model_validate(provenance)
    except ValidationError:
        return None  # made by hand, or by another program
    taught = [one for one in told.data if one.train]
    # A fingerprint is of some slices and all that decide, which tomograms often have in common.
    decided = {one.train + one.validation for one in taught}
    # Its voxel size, which may be stated anew, is part of it, and no matter here.
    sizes = {volume.voxel_size_nm, *(one.voxel_size_nm for one in told.tomograms)}
    known = {
        replace(volume, voxel_size_nm=size).fingerprint(slices=slices)
        for slices in decided
        if max(slices) < volume.shape[0]
        for size in sizes
    }
    return any(one.image in known for one in taught)
