"""A training run on disk: log.csv and the checkpoint, each whole at any moment.

state of a run <-> folder

It never trains, and never loads a pickle: a checkpoint is one safetensors file whose header holds
the plain numbers as JSON.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from seget import files
from seget.errors import InputError

LOG = "log.csv"
MODEL = "model"
CHECKPOINT = Path("checkpoints") / "last.safetensors"

Row = dict[str, float]


def holds_run(folder: Path) -> bool:
    """Whether something of a training run stands in the folder."""
    return any((folder / name).exists() for name in (LOG, MODEL, CHECKPOINT.parent))


def write_log(folder: Path, rows: list[Row]) -> None:
    """Write one line an epoch: `epoch,loss,miou` and what follows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files.write_text(folder / LOG, text.getvalue())


def read_log(folder: Path) -> list[Row]:
    """Return the epochs so far, oldest first; empty if there is no log yet."""
    if not (folder / LOG).is_file():
        return []
    with (folder / LOG).open(newline="") as lines:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)]


def save_checkpoint(folder: Path, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    """Write tensors and plain numbers as one file, whole or not at all."""
    path = folder / CHECKPOINT
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    with files.atomic_path(path) as part:
        save_file(plain, part, metadata={"numbers": json.dumps(numbers)})


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return what `save_checkpoint` wrote, or None if there is none yet.

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads(file.metadata()["numbers"])
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: damaged ({error}); give --overwrite to train from the beginning."
        ) from None


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state as named tensors."""
    return {
        f"optimiser.{number}.{name}": value
        for number, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put tensors from `optimiser_tensors` back."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, number, key = name.split(".")
            state.setdefault(int(number), {})[key] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
