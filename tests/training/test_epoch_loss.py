"""Losses are added up as they are, each read only when the next has been asked for."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from seget.dataset import read_dataset
from seget.device import choose_device
from seget.samples import Samples
from seget.training import Diverged
from seget.training.epoch_loss import EpochLoss
from seget.training.state import State
from training_runs import short


class Promise(Tensor):
    """A loss that knows whether it was read."""

    def __float__(self) -> float:
        self.was_read = True
        return float(self.as_subclass(Tensor))


def promises(*values: float) -> list[Tensor]:
    return [torch.tensor(value).as_subclass(Promise) for value in values]


def were_read(losses: list[Tensor]) -> list[bool]:
    return [getattr(loss, "was_read", False) for loss in losses]


def test_a_loss_is_read_when_the_next_is_on_its_way() -> None:
    epoch, losses = EpochLoss(0.01), promises(3, 2, 1)
    epoch.add(1, losses[0])
    assert were_read(losses) == [True, False, False], "somebody wants to see the first"
    epoch.add(2, losses[1])
    assert were_read(losses) == [True, False, False]
    epoch.add(3, losses[2])
    assert were_read(losses) == [True, True, False]
    assert epoch.last == 2
    assert epoch.mean() == 2
    assert all(were_read(losses))


def test_a_taken_up_sum_is_the_sum() -> None:
    values = [0.1, 0.7, 0.3, 0.11]
    whole, begun, rest = EpochLoss(0.01), EpochLoss(0.01), EpochLoss(0.01)
    for step, value in enumerate(values):
        whole.add(step, torch.tensor(value))
    for step, value in enumerate(values[:2]):
        begun.add(step, torch.tensor(value))
    rest.begin(begun.total(), begun.steps)
    for step, value in enumerate(values[2:], 2):
        rest.add(step, torch.tensor(value))
    assert (rest.total(), rest.steps) == (whole.total(), 4)
    rest.begin()
    assert (rest.total(), rest.steps) == (0, 0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_diverged_loss_is_told_with_its_own_step(value: float) -> None:
    epoch = EpochLoss(0.03)
    epoch.add(7, torch.tensor(1.0))
    epoch.add(8, torch.tensor(value))
    with pytest.raises(Diverged, match=r"became (nan|inf) at step 8;.*learning_rate=0\.01"):
        epoch.add(9, torch.tensor(1.0))


def test_a_diverged_state_is_never_put_away() -> None:
    state = State(short(), 1, 0, choose_device("cpu"))
    state.losses.add(1, torch.tensor(1.0))
    state.losses.add(2, torch.tensor(math.nan))
    for _ in range(2):
        with pytest.raises(Diverged):
            state.numbers()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_step_never_makes_the_gpu_wait(small_dataset: Path) -> None:
    recipe = short()
    samples = Samples(read_dataset(small_dataset), ("rods",), recipe, 0)
    state = State(recipe, 1, 0, choose_device("cuda"))
    state.losses.add(1, state.train_step(samples.batch(0), 0.0))  # the first allocates
    torch.cuda.set_sync_debug_mode("error")
    try:
        state.train_step(samples.batch(1), 0.1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
