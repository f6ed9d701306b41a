"""model.json: what a model's weights are, how they were made and how to use them.

file -> ModelCard

It never opens weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from seget.calibration import Calibration, ValidationScores
from seget.errors import InputError
from seget.normalisation import NAME as NORMALISATION
from seget.recipes import STRUCTURE_NAME, Recipe
from seget.volume import Triple, known_pixel_nm

# A file from elsewhere must not fill the memory.
MOST_CARD_BYTES = 2**24
MOST_STRUCTURES = 1000

Share = Annotated[float, Field(ge=0, le=1)]
Length = Annotated[float, Field(gt=0)]


class ModelCard(BaseModel):
    """model.json: what the weights are, how they were made and how to use them.

    Format 1 had no pixel size: the voxel size of the first training tomogram is used. Its models
    were trained on grey values normalised with padding and outliers included, which differ by a
    hundredth of a deviation in tomograms without padding.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    format: Literal[2] = 2
    structures: list[str] = Field(max_length=MOST_STRUCTURES)
    thresholds: dict[str, Share]
    calibration: dict[str, Calibration] = Field(default_factory=dict)
    validation: dict[str, ValidationScores] = Field(default_factory=dict)
    recipe: Recipe
    normalisation: Literal[NORMALISATION] = NORMALISATION  # type: ignore[valid-type]
    pixel_nm: tuple[Length, Length] | None
    slice_nm: Length | None = None
    weights_sha256: str
    provenance: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _of_format_2(cls, found: Any) -> Any:
        if not isinstance(found, dict) or found.get("format") != 1:
            return found
        size = known_pixel_nm(_triple(found.get("voxel_size_nm")))
        kept = {k: v for k, v in found.items() if k not in ("voxel_size_nm", "normalisation")}
        return kept | {"format": 2, "pixel_nm": size}

    @field_validator("structures")
    @classmethod
    def _named(cls, structures: list[str]) -> list[str]:
        for name in structures:
            if not STRUCTURE_NAME.fullmatch(name):
                raise ValueError(f"structure {name!r} is no file name")
        if not structures or len(set(structures)) < len(structures):
            raise ValueError("structures must be named, each once")
        return structures


def _triple(found: Any) -> Triple | None:
    """Return a JSON list as a voxel size; None if it is none."""
    if not isinstance(found, list) or len(found) != 3:
        return None
    z, y, x = (one if isinstance(one, int | float) else 0 for one in found)
    return z, y, x


def read_card(path: Path) -> ModelCard:
    """Read a model.json; raise InputError if it is none."""
    raw = read_bytes(path, MOST_CARD_BYTES, "wanted a model folder, as `seget train` writes it")
    try:
        return ModelCard.model_validate(json.loads(raw, parse_constant=_no_constant))
    except ValidationError as error:
        raise InputError(_why_not(path, error)) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); wanted a model of seget.") from None


def _why_not(path: Path, error: ValidationError) -> str:
    """Say why a model.json is invalid."""
    first = error.errors()[0]
    place = ".".join(str(part)[:80] for part in first["loc"]) or "the whole"
    if first["type"] == "extra_forbidden" or place == "format":
        return (
            f"{path}: {place} is not known to this version of seget; the model was made by a "
            "newer or a much older one: use that version, or train again."
        )
    return f"{path}: {place}: {first['msg']}; wanted a model of seget."


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def read_bytes(path: Path, most: int, mend: str) -> bytes:
    """Return a file's content; a file of more than `most` bytes is refused without reading."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise InputError(f"{path}: this is no file; {mend}.")
        if size > most:
            raise InputError(f"{path}: has {size} bytes, wanted at most {most}; {mend}.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; {mend}.") from None
