"""Short training runs, stopped where a test wants it, and what two of them must have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from seget.listener import Listener
from seget.networks.seget import Center
from seget.recipes import Recipe, modern, paper
from seget.training import kept_steps, read_log
from seget.training.checkpoints import load_checkpoint

# Three steps an epoch, of either recipe; the last batch of the paper's is a smaller one.
SHORT = {
    "modern": ["patch_px=32", "batch_size=2", "epochs=3", "steps_per_epoch=3"],
    "paper": ["patch_px=48", "stride_px=48", "positive_copies=1", "batch_size=12", "epochs=2"],
}
TIMES = ("elapsed_s", "validation_s")


def short(name: str = "modern") -> Recipe:
    if name == "muon":
        return short("modern").override(["optimiser=muon"])
    recipe = modern() if name == "modern" else paper("golgi")
    return recipe.override(SHORT[name])


class StopsAt(Listener):
    """Interrupts a run after so many steps."""

    def __init__(self, step: int) -> None:
        self.left = step
        self.notes: list[str] = []

    def step(self, progress: float, loss: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        self.notes.append(text)


@contextmanager
def in_each_forward(act: Callable[[nn.Module], None]) -> Iterator[None]:
    """Do something in each pass of an image through a SegET, printed or ours, of whichever run."""

    def hook(module: nn.Module, _: object) -> None:
        if isinstance(module, Center):
            act(module)

    handle = nn.modules.module.register_module_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def tensors_of(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of a run's newest checkpoint, which is whole."""
    saved = load_checkpoint(folder, _no_note)
    assert saved is not None
    return saved[0]


def assert_same_run(one: Path, other: Path) -> None:
    """Two finished runs agree bit for bit: model, checkpoint, log.csv apart from times."""
    assert kept_steps(one)[-1] == kept_steps(other)[-1]
    ours, theirs = tensors_of(one), tensors_of(other)
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    models = [(run / "model" / "model.safetensors").read_bytes() for run in (one, other)]
    assert models[0] == models[1]
    rows = [
        [{key: value for key, value in row.items() if key not in TIMES} for row in read_log(run)]
        for run in (one, other)
    ]
    assert rows[0] == rows[1] != []


def _no_note(text: str) -> None:
    raise AssertionError(text)
