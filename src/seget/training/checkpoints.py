"""The checkpoints of a run: each is a complete state, written atomically; the last two are kept.

State <-> RUN/checkpoints/step-00000120.safetensors

A file holds tensors, and in its header the plain numbers as JSON and a checksum over both. It never
loads a pickle, and never uses a file whose checksum is wrong: the one before it is used then.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors import torch as safetensors_torch
from torch import Tensor

from seget import files
from seget.errors import InputError
from seget.recipes import differing
from seget.training.run_folder import CHECKPOINTS
from seget.training.state import State

# A power cut may damage the newest although it was written atomically; then the one before is used.
KEPT = 2
NAME = re.compile(r"step-(\d+)\.safetensors")
# The unfinished file that a kill leaves behind.
LEFTOVER = re.compile(r"\.step-\d+\.safetensors\.part")

Tensors = dict[str, Tensor]
Numbers = dict[str, Any]


def kept_steps(folder: Path) -> list[int]:
    """Return the steps of the checkpoints in a run folder, the earliest first."""
    names = (NAME.fullmatch(path.name) for path in (folder / CHECKPOINTS).glob("step-*"))
    return sorted(int(name[1]) for name in names if name)


def save_checkpoint(folder: Path, tensors: Tensors, numbers: Numbers) -> Path:
    """Write a state to the file of its `step`, atomically; remove all but the last two."""
    step = numbers["step"]
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(numbers)
    metadata = {"numbers": text, "sha256": _checksum(plain, text)}
    # Serialised in memory and written by Python: a full disk is then an OSError with its errno.
    content = safetensors_torch.save(plain, metadata)
    path = _place(folder, step)
    with files.atomic_path(path) as part:
        part.write_bytes(content)
    _tidy(folder, step)
    return path


def load_checkpoint(folder: Path, note: Callable[[str], None]) -> tuple[Tensors, Numbers] | None:
    """Return the newest state whose file is undamaged; None if none was written yet.

    Parameters
    ----------
    folder
        The run folder.
    note
        Called with a sentence for each damaged file that is skipped.

    Raises
    ------
    InputError
        All of them are damaged.
    """
    damaged: list[str] = []
    for step in reversed(kept_steps(folder)):
        path = _place(folder, step)
        try:
            saved = _read(path)
        except (
            safetensors.SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError
        ) as error:  # fmt: skip
            damaged.append(f"{path}: damaged ({str(error).partition(chr(10))[0]})")
            continue
        for sentence in damaged:
            note(f"{sentence}; going on from {path.name}, the one before.")
        return saved
    if damaged:
        raise InputError(
            f"{damaged[0]}, and no other checkpoint is whole; put back a copy, or train from the "
            "beginning with --overwrite."
        )
    return None


class Checkpoints:
    """Decides when a run's state is saved, and restores it."""

    def __init__(self, folder: Path, minutes: float, run_inputs: Numbers) -> None:
        self.folder = folder
        self.every_s = minutes * 60
        self.run_inputs = run_inputs
        self._saved_at = time.monotonic()
        self._saved = (0, 0)  # steps and epochs in the newest; a fresh state needs none

    def save(self, state: State) -> None:
        """Save the state, unless the newest checkpoint already holds it."""
        now = (state.step, len(state.rows))
        if now == self._saved:
            return
        save_checkpoint(
            self.folder, state.tensors(), {**state.numbers(), "identity": self.run_inputs}
        )
        self._saved, self._saved_at = now, time.monotonic()

    def save_if_due(self, state: State) -> None:
        """Save the state if the last checkpoint is at least `every_s` old."""
        if time.monotonic() - self._saved_at >= self.every_s:
            self.save(state)

    def restore(self, state: State, note: Callable[[str], None]) -> bool:
        """Restore the newest undamaged checkpoint; return whether there was one.

        Raises
        ------
        InputError
            All are damaged, or the newest belongs to another run or another version of seget.
        """
        saved = load_checkpoint(self.folder, note)
        if saved is None:
            return False
        tensors, numbers = saved
        for key, value in self.run_inputs.items():
            began = numbers["identity"].get(key)
            if began == value:
                continue
            names = list(differing(began or {}, value)) if key == "recipe" else [key]
            if names:
                raise InputError(
                    f"{self.folder}: was begun with another {', '.join(names)}; resume with the "
                    "same, or start anew with --overwrite."
                )
        try:
            state.restore(tensors, numbers)
        except (LookupError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(
                f"{self.folder}: was begun with another version of seget ({reason}); resume with "
                "that one, or start anew with --overwrite."
            ) from None
        self._saved = (state.step, len(state.rows))
        return True


def _place(folder: Path, step: int) -> Path:
    return folder / CHECKPOINTS / f"step-{step:08d}.safetensors"


def _read(path: Path) -> tuple[Tensors, Numbers]:
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = file.metadata()
    if _checksum(tensors, header["numbers"]) != header["sha256"]:
        raise ValueError("its content does not have the checksum in its header")
    return tensors, json.loads(header["numbers"])


def _checksum(tensors: Tensors, numbers: str) -> str:
    """Return the SHA-256 of the numbers and of each tensor's name, type, shape and bytes."""
    sha256 = hashlib.sha256(numbers.encode())
    for name, tensor in sorted(tensors.items()):
        sha256.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        sha256.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha256.hexdigest()


def _tidy(folder: Path, step: int) -> None:
    """Keep the last `KEPT` up to `step`; later ones are left over from before a resume."""
    kept = [there for there in kept_steps(folder) if there <= step][-KEPT:]
    for path in (folder / CHECKPOINTS).iterdir():
        name = NAME.fullmatch(path.name)
        if LEFTOVER.fullmatch(path.name) or (name and int(name[1]) not in kept):
            path.unlink(missing_ok=True)
