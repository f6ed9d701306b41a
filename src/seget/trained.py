"""A trained model, in memory and on disk: what prediction needs, and its provenance.

network, recipe, structures, pixel size, thresholds, provenance <-> model.safetensors + model.json

The only room that writes models. It never loads a pickle: weights are safetensors, the rest is
validated JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import safetensors
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from safetensors import torch as safetensors_torch
from torch import Tensor, nn

from seget import files
from seget.errors import InputError
from seget.networks import Architecture
from seget.normalisation import NAME as NORMALISATION
from seget.recipes import STRUCTURE_NAME, Recipe
from seget.volume import Triple, known_pixel_nm

WEIGHTS = "model.safetensors"
CARD = "model.json"

# Ten times the size of our largest network: a file from elsewhere must not fill the memory.
MOST_CARD_BYTES = 2**24
MOST_WEIGHTS_BYTES = 2**30
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
    recipe: Recipe
    normalisation: Literal[NORMALISATION] = NORMALISATION  # type: ignore[valid-type]
    pixel_nm: tuple[Length, Length] | None
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


@dataclass(frozen=True)
class Trained:
    """A trained network with its recipe, thresholds, pixel size and provenance.

    Attributes
    ----------
    network
        In evaluation mode; image `(b, inputs, h, w)` -> logits `(b, k, h, w)`.
    structures
        The k structures, in the order of the network's outputs.
    recipe
        The recipe of the training; with the number of structures it determines the architecture.
    thresholds
        Score in 0 to 1 above which a pixel is foreground, chosen on the validation slices.
    pixel_nm
        `(y, x)` pixel size of the training patches, or None if no file states it. Tomograms of
        another pixel size are resampled to it.
    provenance
        Versions, seed, data hashes, epochs: for people, not read by the program.
    """

    network: nn.Module
    structures: tuple[str, ...]
    recipe: Recipe
    thresholds: dict[str, float]
    pixel_nm: tuple[float, float] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""

    @property
    def architecture(self) -> Architecture:
        """The architecture of the network: `architecture.build()` takes its weights."""
        return Architecture.of(self.recipe, len(self.structures))

    def save(self, folder: Path) -> None:
        """Write model.safetensors and model.json into `folder`, each atomically.

        Both are on the disk before either is renamed: only a kill between the two renamings leaves
        a new file beside an old one, which `load` then refuses.
        """
        folder.mkdir(parents=True, exist_ok=True)
        weights = safetensors_torch.save(
            {k: v.contiguous() for k, v in self.network.state_dict().items()}
        )
        card = ModelCard(
            structures=list(self.structures),
            thresholds=self.thresholds,
            recipe=self.recipe,
            pixel_nm=self.pixel_nm,
            weights_sha256=hashlib.sha256(weights).hexdigest(),
            provenance=self.provenance,
        )
        with (
            files.atomic_path(folder / CARD) as card_part,
            files.atomic_path(folder / WEIGHTS) as weights_part,
        ):
            _write(weights_part, weights)
            _write(card_part, files.json_text(card.model_dump(mode="json")).encode())


def load(path: Path | str) -> Trained:
    """Read a model folder, or a run folder that holds one.

    Raises
    ------
    InputError
        There is no model, model.json is invalid, or the weights do not belong to it.
    """
    folder = Path(path)
    folder = folder / "model" if (folder / "model" / CARD).is_file() else folder
    card = _read_card(folder / CARD)
    raw = _read_weights(folder / WEIGHTS, card.weights_sha256)
    network = Architecture.of(card.recipe, len(card.structures)).build()
    network.load_state_dict(_tensors(folder / WEIGHTS, raw, network.state_dict()))
    return Trained(
        network=network.eval(),
        structures=tuple(card.structures),
        recipe=card.recipe,
        thresholds=card.thresholds,
        pixel_nm=card.pixel_nm,
        provenance=card.provenance,
        weights_sha256=card.weights_sha256,
    )


def find_models(path: Path) -> list[Path]:
    """Return the model folders that a MODEL argument names; empty if it names none.

    A model folder, a run folder, or a folder of run folders.
    """
    if (path / CARD).is_file():
        return [path]
    if (path / "model" / CARD).is_file():
        return [path / "model"]
    if not path.is_dir():
        return []
    return sorted(run / "model" for run in path.iterdir() if (run / "model" / CARD).is_file())


def _read_card(path: Path) -> ModelCard:
    raw = _read(path, MOST_CARD_BYTES, "wanted a model folder, as `seget train` writes it")
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


def _read_weights(path: Path, sha256: str) -> bytes:
    raw = _read(path, MOST_WEIGHTS_BYTES, f"copy the one beside {CARD}, or train again")
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise InputError(
            f"{path}: its checksum is not the one in {CARD}; the two are from different runs or "
            "the file is damaged: copy both again, or go on with `seget train --resume` where the "
            "run was stopped."
        )
    return raw


def _tensors(path: Path, raw: bytes, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors in `raw`; their names, shapes and types must be as `wanted`."""
    try:
        found = safetensors_torch.load(raw)
        reason = _misfit(found, wanted)
    except (safetensors.SafetensorError, LookupError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
    if reason:
        raise InputError(f"{path}: not the weights of this model ({reason}); copy both again.")
    return found


def _misfit(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> str:
    """Say how tensors differ from the wanted ones, or are not finite; "" if they do not."""
    for name in sorted(found.keys() ^ wanted.keys()):
        return f"{name} is {'missing' if name in wanted else 'none of its tensors'}"
    for name, tensor in wanted.items():
        if (found[name].shape, found[name].dtype) != (tensor.shape, tensor.dtype):
            return f"{name} is {_words(found[name])}, wanted {_words(tensor)}"
        if not bool(found[name].isfinite().all()):
            return f"{name} is not finite"
    return ""


def _words(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} of {str(tensor.dtype).removeprefix('torch.')}"


def _read(path: Path, most: int, mend: str) -> bytes:
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


def _write(path: Path, content: bytes) -> None:
    # Synced before the renamings: syncing between them would leave time for a kill.
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
