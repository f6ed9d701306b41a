"""A training by several processes, run as a script in each of them: losses as JSON.

python tests/rank_tasks.py DATASET.toml RECIPE.json OUT.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from seget.dataset import read_dataset
from seget.device import Device
from seget.listener import Listener
from seget.recipes import Recipe
from seget.samples import Samples
from seget.training import Ranks, joined
from seget.training.clock import Clock
from seget.training.device_patches import DevicePatches
from seget.training.state import State
from seget.training.stepper import DeviceStepper, PlainStepper, Stepper
from seget.training.steps import take_epoch

CPU = Device(torch.device("cpu"), bf16=False)


class Losses(Listener):
    """Remembers the losses, and how large each of the first step's tensors is."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.seen: list[float] = []
        self.first: dict[str, float] = {}

    def step(self, progress: float, loss: float) -> None:
        self.seen.append(loss)
        self.first = self.first or sizes(self.state)


def sizes(state: State) -> dict[str, float]:
    return {name: float(t.double().abs().sum()) for name, t in state.tensors().items()}


def losses(
    dataset: Path, recipe: Recipe, ranks: Ranks
) -> tuple[list[float], list[dict[str, float]]]:
    """Take an epoch's steps in float32; return the losses, and sizes after the first and all."""
    samples = Samples(read_dataset(dataset), ("rods",), recipe, 5)
    samples.part = ranks.rank, ranks.size
    state = State(recipe, 1, 5, CPU, ranks=ranks)
    state.share()
    heard, clock = Losses(state), Clock(recipe, samples.steps_per_epoch)
    stepper: Stepper = PlainStepper(state, samples)
    if ranks.size > 1 and recipe.name == "modern":  # as on CUDA
        stepper = DeviceStepper(state, DevicePatches(samples, CPU), heard.note, record=False)
    mean = take_epoch(state, samples, clock, heard, stepper=stepper)
    return [*heard.seen, mean], [heard.first, sizes(state)]


if __name__ == "__main__":
    given = Recipe.model_validate_json(Path(sys.argv[2]).read_text())
    with joined("cpu") as together:
        found = losses(Path(sys.argv[1]), given, together)
        Path(f"{sys.argv[3]}.{together.rank}").write_text(json.dumps(found))
