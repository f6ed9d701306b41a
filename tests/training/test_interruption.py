"""A stopped run keeps every whole step and goes on to the weights of an undisturbed one."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from seget import files
from seget.dataset import Dataset, read_dataset
from seget.device import choose_device
from seget.errors import RunError
from seget.listener import Listener
from seget.samples import Samples
from seget.training import Run, kept_steps, read_log, train
from seget.training.clock import Clock
from seget.training.state import State
from seget.training.steps import take_epoch
from training_runs import StopsAt, assert_same_run, in_each_forward, short


@pytest.fixture(scope="module")
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


@pytest.fixture(scope="module")
def whole(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of an undisturbed run of a recipe, made once."""
    folder = tmp_path_factory.mktemp("whole")

    def make(name: str) -> Path:
        if not (folder / name).exists():
            train(dataset, ("rods",), short(name), Run(folder / name))
        return folder / name

    return make


# The first step, the last of an epoch, the first of one, the middle of one.
STEPS = [
    *(("modern", step) for step in (1, 3, 4)),
    *(("paper", step) for step in (2, 5)),
    ("muon", 4),
]


@pytest.mark.parametrize(("name", "step"), STEPS)
def test_a_run_stopped_at_any_step_loses_none(
    dataset: Dataset, tmp_path: Path, whole: Callable[[str], Path], name: str, step: int
) -> None:
    undisturbed = whole(name)
    run = Run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        train(dataset, ("rods",), short(name), run, StopsAt(step))
    assert kept_steps(run.folder)[-1] == step
    ear = StopsAt(10**9)
    train(dataset, ("rods",), short(name), replace(run, resume=True), ear)
    assert 10**9 - ear.left == kept_steps(undisturbed)[-1] - step, "no step is made twice"
    assert_same_run(undisturbed, run.folder)


def test_a_run_stopped_again_and_again(
    dataset: Dataset, tmp_path: Path, whole: Callable[[str], Path]
) -> None:
    run = Run(tmp_path / "run", resume=True)
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            train(dataset, ("rods",), short(), run, StopsAt(2))
    train(dataset, ("rods",), short(), run)
    assert_same_run(whole("modern"), run.folder)


@pytest.mark.parametrize("name", ["modern", "paper"])
def test_a_run_stopped_while_it_is_judged(
    dataset: Dataset, tmp_path: Path, whole: Callable[[str], Path], name: str
) -> None:
    """The epoch's steps are made, its row is not: nothing of it may be lost or counted twice."""

    def stop(network: nn.Module) -> None:
        if not network.training:
            raise KeyboardInterrupt

    run = Run(tmp_path / "run")
    with in_each_forward(stop), pytest.raises(KeyboardInterrupt):
        train(dataset, ("rods",), short(name), run)
    assert kept_steps(run.folder) == [3]
    assert read_log(run.folder) == []
    train(dataset, ("rods",), short(name), replace(run, resume=True))
    assert_same_run(whole(name), run.folder)


@pytest.mark.parametrize("name", ["modern", "muon"])
def test_moments_are_laid_out_as_they_were(dataset: Dataset, name: str) -> None:
    """Arithmetic over mixed layouts may round in another way."""
    one, other = (State(short(name), 1, 0, choose_device("cpu")) for _ in range(2))
    samples = Samples(dataset, ("rods",), short(name), 0)
    one.train_step(samples.batch(0), 0.1)
    contiguous = {name: tensor.contiguous() for name, tensor in one.tensors().items()}
    other.restore(contiguous, one.numbers())
    for name, tensor in one.tensors().items():
        assert other.tensors()[name].stride() == tensor.stride(), name
    for state in (one, other):
        state.train_step(samples.batch(1), 0.2)
    assert all(torch.equal(other.tensors()[n], tensor) for n, tensor in one.tensors().items())
    assert one.numbers() | {"elapsed_s": 0} == other.numbers() | {"elapsed_s": 0}


class Ear(Listener):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_waits_for_the_step_and_twice_does_not(
    dataset: Dataset, tmp_path: Path, times: int
) -> None:
    calls = []

    def press(network: nn.Module) -> None:
        calls.append(network)
        if len(calls) == 5:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    ear, run = Ear(), Run(tmp_path / "run")
    recipe = short().override(["steps_per_epoch=9"])
    with in_each_forward(press), pytest.raises(KeyboardInterrupt):
        train(dataset, ("rods",), recipe, run, ear)
    assert kept_steps(run.folder) == ([5] if times == 1 else []), "half a step is never saved"
    assert "a second time stops at once" in ear.notes[0]
    assert len(ear.notes) == 1
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_half_made_step_is_known_for_one(dataset: Dataset) -> None:
    state = State(short(), 1, 0, choose_device("cpu"))
    samples, clock = Samples(dataset, ("rods",), short(), 0), Clock(short(), 3)

    def press(_: nn.Module) -> None:
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)

    take_epoch(state, samples, clock, Listener())
    assert (state.whole, state.step, state.losses.steps) == (True, 3, 3)
    state.losses.begin()
    with in_each_forward(press), pytest.raises(KeyboardInterrupt):
        take_epoch(state, samples, clock, Listener())
    assert (state.whole, state.step, state.losses.steps) == (False, 3, 0)


def test_a_step_where_no_signal_comes_is_made(dataset: Dataset, tmp_path: Path) -> None:
    """In another thread than the main one, as under a scheduler."""
    from concurrent.futures import ThreadPoolExecutor

    recipe = short().override(["epochs=1"])
    with ThreadPoolExecutor(1) as other:
        other.submit(train, dataset, ("rods",), recipe, Run(tmp_path / "run")).result()
    assert kept_steps(tmp_path / "run") == [3]


def test_one_run_at_a_time_trains_in_a_folder(dataset: Dataset, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with files.only_one(run.folder), pytest.raises(RunError, match="another process"):
        train(dataset, ("rods",), short(), run)
    assert not (run.folder / "checkpoints").exists()
