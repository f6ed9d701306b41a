"""A trained model, in memory and on disk: all that prediction needs, and where it came from.

network + recipe + structures + thresholds + provenance <-> model.safetensors + model.json

The only room that writes models. It never loads a pickle: weights are safetensors, the rest is
checked JSON.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import safetensors
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from safetensors import torch as safetensors_torch
from torch import nn

from seget import files
from seget.errors import InputError
from seget.networks import build
from seget.recipes import STRUCTURE_NAME, Recipe

WEIGHTS = "model.safetensors"
CARD = "model.json"


class Card(BaseModel):
    """model.json: what the weights are, how they were made and how to use them."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    structures: list[str]
    thresholds: dict[str, float]
    recipe: Recipe
    normalisation: Literal["volume mean and deviation"] = "volume mean and deviation"
    voxel_size_nm: tuple[float, float, float] | None
    weights_sha256: str
    provenance: dict[str, Any]

    @field_validator("structures")
    @classmethod
    def _named(cls, structures: list[str]) -> list[str]:
        for name in structures:
            if not STRUCTURE_NAME.fullmatch(name):
                raise ValueError(f"structure {name!r} is no file name")
        if not structures or len(set(structures)) < len(structures):
            raise ValueError("structures must be named, each once")
        return structures


@dataclass(frozen=True)
class Trained:
    """Weights, recipe, normalisation and provenance: what training hands over.

    Attributes
    ----------
    network
        In evaluation mode; image `(b, 1, h, w)` -> logits `(b, k, h, w)`.
    structures
        The k structures, in the order of the network's outputs.
    recipe
        What it was trained with; its `network` and `binning` say what `network` is.
    thresholds
        Score in 0 to 1 above which a pixel is foreground, chosen on the validation slices.
    voxel_size_nm
        `(z, y, x)` of the tomogram it was trained on, or None.
    provenance
        Versions, seed, data hashes, epochs: plain values for people.
    """

    network: nn.Module
    structures: tuple[str, ...]
    recipe: Recipe
    thresholds: dict[str, float]
    voxel_size_nm: tuple[float, float, float] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""

    def save(self, folder: Path) -> None:
        """Write model.safetensors and model.json into `folder`, each whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = safetensors_torch.save(
            {k: v.contiguous() for k, v in self.network.state_dict().items()}
        )
        card = Card(
            structures=list(self.structures),
            thresholds=self.thresholds,
            recipe=self.recipe,
            voxel_size_nm=self.voxel_size_nm,
            weights_sha256=hashlib.sha256(weights).hexdigest(),
            provenance=self.provenance,
        )
        with files.atomic_path(folder / WEIGHTS) as part:
            part.write_bytes(weights)
        files.write_json(folder / CARD, card.model_dump(mode="json"))


def load(path: Path | str) -> Trained:
    """Read a model folder, or a run folder that holds one.

    Raises
    ------
    InputError
        No model is there, model.json is not one of ours, or the weights do not belong to it.
    """
    folder = Path(path)
    folder = folder / "model" if (folder / "model" / CARD).is_file() else folder
    card = _read_card(folder / CARD)
    try:
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise InputError(
            f"{folder / WEIGHTS}: {error.strerror}; copy it beside {CARD}, or train again."
        ) from None
    sha256 = hashlib.sha256(weights).hexdigest()
    if sha256 != card.weights_sha256:
        raise InputError(
            f"{folder / WEIGHTS}: its checksum is not the one in {CARD}; "
            "the two are from different runs or the file is damaged: copy both again."
        )
    network = build(card.recipe.network, len(card.structures), card.recipe.binning)
    try:
        network.load_state_dict(safetensors_torch.load(weights))
    except (RuntimeError, safetensors.SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{folder / WEIGHTS}: not the weights of this model ({reason}).") from None
    return Trained(
        network=network.eval(),
        structures=tuple(card.structures),
        recipe=card.recipe,
        thresholds=card.thresholds,
        voxel_size_nm=card.voxel_size_nm,
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


def _read_card(path: Path) -> Card:
    try:
        return Card.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}; wanted a model folder, as `seget train` writes it."
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {place}: {first['msg']}; wanted a model of seget.") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); wanted a model of seget.") from None
