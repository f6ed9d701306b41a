"""What must be known of a graph before it is used: the `.json` beside an ONNX file.

JSON -> GraphCard

It never opens a graph.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from seget.recipes import STRUCTURE_NAME

MOST_STRUCTURES = 1000
UNKNOWN_HALO_PX = 256  # of a graph that does not state it: more than most networks see

Share = Annotated[float, Field(ge=0, le=1)]
Length = Annotated[float, Field(gt=0)]


class GraphCard(BaseModel):
    """How a graph is used: what its outputs are, and which images it wants.

    Attributes
    ----------
    structures
        Of its outputs, in their order.
    thresholds
        Score in 0 to 1 above which a pixel is foreground; 0.5 where none is given.
    pixel_nm
        `(y, x)` pixel size of its training images; None if unknown.
    slice_nm
        Distance between the slices that it sees at once; None if it sees one, or if unknown.
    context
        Number of neighbouring slices on either side that it sees as further channels.
    normalisation
        Of its images, for people.
    halo_px, multiple
        As `Architecture` has them.
    weights_sha256
        Of the seget model from which it was made, for people.
    """

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    structures: list[str] = Field(min_length=1, max_length=MOST_STRUCTURES)
    thresholds: dict[str, Share] = Field(default_factory=dict)
    pixel_nm: tuple[Length, Length] | None = None
    slice_nm: Length | None = None
    context: int = Field(default=0, ge=0, le=8)
    normalisation: str = ""
    halo_px: int = Field(default=UNKNOWN_HALO_PX, ge=0, le=2**13)
    multiple: int = Field(default=1, ge=1, le=2**12)
    weights_sha256: str = ""

    @field_validator("structures")
    @classmethod
    def _named(cls, structures: list[str]) -> list[str]:
        for name in structures:
            if not STRUCTURE_NAME.fullmatch(name):
                raise ValueError(f"structure {name!r} is no file name")
        if len(set(structures)) < len(structures):
            raise ValueError("structures must be named, each once")
        return structures
