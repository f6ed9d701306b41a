"""A trained model, in memory and on disk: what prediction needs, and its provenance.

network, recipe, structures, pixel size, thresholds, provenance <-> model.safetensors + model.json

The only room that writes models. It never loads a pickle: weights are safetensors, the rest is
validated JSON.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from seget import files
from seget.calibration import NONE, Calibration, ValidationScores
from seget.errors import InputError
from seget.networks import Architecture, Calibrated
from seget.recipes import Recipe
from seget.trained.card import ModelCard, read_card
from seget.trained.weights import read_weights, tensors, weights_bytes

WEIGHTS = "model.safetensors"
CARD = "model.json"
SHIPPED = Path(__file__).parents[1] / "models"
GENERAL = "general"


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
    calibration
        Of the structures whose scores are probabilities, fitted on the validation slices.
    validation
        Of these, the scores of the validation pixels: what other thresholds are chosen from.
    pixel_nm
        `(y, x)` pixel size of the training patches, or None if no file states it. Tomograms of
        another pixel size are resampled to it.
    provenance
        Versions, seed, data hashes, epochs: for people; the program reads of it what was learnt
        from (`learnt_from`).
    slice_nm
        Distance between the slices that it sees at once; None if it sees one, or no file states it.
        Of a tomogram with another distance the slices nearest to it are taken.
    """

    network: nn.Module
    structures: tuple[str, ...]
    recipe: Recipe
    thresholds: dict[str, float]
    pixel_nm: tuple[float, float] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""
    calibration: dict[str, Calibration] = field(default_factory=dict)
    validation: dict[str, ValidationScores] = field(default_factory=dict)
    slice_nm: float | None = None

    @property
    def scoring_network(self) -> nn.Module:
        """The network whose sigmoid is the score: calibrated, where the model has a calibration."""
        if not self.calibration:
            return self.network
        own = [self.calibration.get(structure, NONE) for structure in self.structures]
        return Calibrated(self.network, [c.temperature for c in own], [c.bias for c in own])

    @property
    def architecture(self) -> Architecture:
        """The architecture of the network: `architecture.build()` takes its weights."""
        return Architecture.of(self.recipe, len(self.structures))

    def save(self, folder: Path, *, half: bool = False) -> None:
        """Write model.safetensors and model.json into `folder`, each atomically.

        With `half` the kernels are rounded to float16, which halves the file.

        Both are on the disk before either is renamed: only a kill between the two renamings leaves
        a new file beside an old one, which `load` then refuses.
        """
        folder.mkdir(parents=True, exist_ok=True)
        weights = weights_bytes(self.network, half=half)
        card = ModelCard(
            structures=list(self.structures),
            thresholds=self.thresholds,
            calibration=self.calibration,
            validation=self.validation,
            recipe=self.recipe,
            pixel_nm=self.pixel_nm,
            slice_nm=self.slice_nm,
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
    folder = _folder(Path(path))
    folder = folder / "model" if (folder / "model" / CARD).is_file() else folder
    card = read_card(folder / CARD)
    raw = read_weights(folder / WEIGHTS, card.weights_sha256)
    architecture = Architecture.of(card.recipe, len(card.structures))
    network = architecture.build()
    wanted = network.state_dict()
    network.load_state_dict(tensors(folder / WEIGHTS, raw, architecture, wanted))
    return Trained(
        network=network.eval(),
        structures=tuple(card.structures),
        recipe=card.recipe,
        thresholds=card.thresholds,
        pixel_nm=card.pixel_nm,
        slice_nm=card.slice_nm,
        provenance=card.provenance,
        weights_sha256=card.weights_sha256,
        calibration=card.calibration,
        validation=card.validation,
    )


def general() -> Trained:
    """Return the model that comes with seget: what a training begins from (docs/few-slices.md)."""
    return load(SHIPPED / GENERAL)


def find_models(path: Path) -> list[Path]:
    """Return the model folders that a MODEL argument names; empty if it names none.

    A model folder or a file of one, a run folder, or a folder of run folders; "general" is the one
    that comes with seget, if nothing else has that name.

    Raises
    ------
    InputError
        It is a file of weights that stands in no model folder, such as a checkpoint.
    """
    if str(path) == GENERAL and not path.exists():
        return [SHIPPED / GENERAL]
    path = _folder(path)
    if (path / CARD).is_file():
        return [path]
    if (path / "model" / CARD).is_file():
        return [path / "model"]
    if not path.is_dir():
        return []
    for weights in path.glob("*.safetensors"):
        _folder(weights)  # says that they alone are none
    return sorted(run / "model" for run in path.iterdir() if (run / "model" / CARD).is_file())


def _folder(path: Path) -> Path:
    """Return the folder for which a path stands that names model.json or model.safetensors."""
    if not path.is_file():
        return path
    if path.name in (CARD, WEIGHTS) and path.with_name(CARD).is_file():
        return path.parent
    if path.suffix.lower() in (".safetensors", ".pt", ".pth", ".ckpt", ".onnx"):
        raise InputError(
            f"{path}: weights alone are no model, wanted the folder that holds {WEIGHTS} and "
            f"{CARD}; give the run's folder, as `seget train` wrote it."
        )
    return path


def _write(path: Path, content: bytes) -> None:
    # Synced before the renamings: syncing between them would leave time for a kill.
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
