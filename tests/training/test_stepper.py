"""Steps on static memory, and recorded as a CUDA graph, are the steps taken one by one.

The processor runs all but the graph itself; where there is a CUDA device, that is tried too.
"""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from seget.dataset import Dataset, read_dataset
from seget.device import Device, choose_device
from seget.listener import Listener
from seget.recipes import Recipe
from seget.samples import Samples
from seget.training.clock import Clock
from seget.training.device_patches import DevicePatches
from seget.training.recording import Recording
from seget.training.state import State
from seget.training.stepper import (
    WARM_UP_STEPS,
    DeviceStepper,
    Feed,
    HostPatches,
    PlainStepper,
    Stepper,
    stepper_for,
)
from seget.training.steps import take_epoch
from training_runs import short

CPU = Device(torch.device("cpu"), bf16=False)
STEPS = WARM_UP_STEPS + 5
NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="wants a CUDA device")


class Losses(Listener):
    """Remembers the losses and what a person is told."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.notes: list[str] = []

    def step(self, progress: float, loss: float) -> None:
        self.seen.append(loss)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


def recipe(name: str = "modern") -> Recipe:
    """A learning rate so low that roundings stay small: usual ones double them every step."""
    length = [f"steps_per_epoch={STEPS}", "patch_px=64"] if name == "modern" else ["batch_size=2"]
    return short(name).override([*length, "learning_rate=1e-5"])


def run(
    dataset: Dataset, recipe: Recipe, device: Device, feed: type | None, *, record: bool = True
) -> tuple[State, Losses]:
    """Take an epoch's steps; return the state, and the loss after each of them."""
    samples = Samples(dataset, ("rods", "discs")[: 2 if recipe.name == "modern" else 1], recipe, 5)
    state = State(recipe, len(samples.structures), 5, device, recorded=feed is not None)
    heard = Losses()
    stepper: Stepper = PlainStepper(state, samples)
    if feed is not None:
        fed: Feed = HostPatches(samples) if feed is HostPatches else feed(samples, device)
        stepper = DeviceStepper(state, fed, heard.note, record=record)
    take_epoch(state, samples, Clock(recipe, samples.steps_per_epoch), heard, stepper=stepper)
    return state, heard


def assert_alike(one: tuple[State, Losses], other: tuple[State, Losses], tolerance: float) -> None:
    assert one[1].seen == pytest.approx(other[1].seen, rel=tolerance)
    assert one[0].losses.mean() == pytest.approx(other[0].losses.mean(), rel=tolerance)
    assert one[0].step == other[0].step
    ours, theirs = one[0].tensors(), other[0].tensors()
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        if not tensor.is_floating_point():
            assert torch.equal(tensor, theirs[name]), name
    rates = [state.numbers()["learning_rate"] for state, _ in (one, other)]
    assert rates[0] == rates[1]


@pytest.mark.parametrize("name", ["modern", "paper"])
@pytest.mark.parametrize("feed", [HostPatches, DevicePatches])
def test_steps_on_static_memory_are_the_plain_ones(dataset: Dataset, feed: type, name: str) -> None:
    """The paper's last batch is smaller than the others."""
    plain, static = run(dataset, recipe(name), CPU, None), run(dataset, recipe(name), CPU, feed)
    assert plain[0].step > WARM_UP_STEPS + 1
    assert_alike(plain, static, 1e-4)
    assert static[1].notes == []


def test_what_cannot_be_recorded_is_launched_and_said(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    recorded = run(dataset, recipe(), CPU, DevicePatches)
    monkeypatch.setattr(Recording, "record", refuse)
    launched = run(dataset, recipe(), CPU, DevicePatches)
    (note,) = launched[1].notes
    assert "not permitted when stream is capturing); going on" in note
    assert launched[1].seen == pytest.approx(recorded[1].seen, rel=1e-5)


def test_a_recording_is_made_anew_when_weights_move(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    record = Recording.record
    monkeypatch.setattr(Recording, "record", lambda *given: made.append(given) or record(*given))
    samples = Samples(dataset, ("rods",), recipe(), 0)
    state = State(recipe(), 1, 0, CPU, recorded=True)
    stepper = DeviceStepper(state, HostPatches(samples), pytest.fail)
    for times in (1, 1, 2):
        state.losses.begin()
        if times == 2:
            for weight in state.network.parameters():
                weight.data = weight.data.clone()
        take_epoch(state, samples, Clock(recipe(), STEPS), Listener(), stepper=stepper)
        assert len(made) == times


def test_a_batch_in_parts_is_never_recorded(dataset: Dataset) -> None:
    samples = Samples(dataset, ("rods",), recipe(), 0)
    state = State(recipe(), 1, 0, CPU, recorded=True)
    state.gradients.at_once = 1
    stepper = DeviceStepper(state, DevicePatches(samples, CPU), pytest.fail)
    take_epoch(state, samples, Clock(recipe(), STEPS), Listener(), stepper=stepper)
    assert not stepper._addresses


def test_what_a_training_held_is_let_go(dataset: Dataset) -> None:
    """Else the slices of the next one, in the same process, would find no room on the device."""
    samples = Samples(dataset, ("rods",), recipe(), 0)
    state = State(recipe(), 1, 0, CPU, recorded=True)
    feed = DevicePatches(samples, CPU)
    stepper = DeviceStepper(state, feed, pytest.fail)
    take_epoch(state, samples, Clock(recipe(), STEPS), Listener(), stepper=stepper)
    held = weakref.ref(feed)
    del feed, stepper, state
    gc.collect()
    assert held() is None


def test_a_processor_takes_plain_steps(dataset: Dataset) -> None:
    samples = Samples(dataset, ("rods",), recipe(), 0)
    stepper = stepper_for(State(recipe(), 1, 0, CPU), samples, pytest.fail)
    assert isinstance(stepper, PlainStepper)


@NO_CUDA
@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("feed", [HostPatches, DevicePatches])
@pytest.mark.parametrize("name", ["modern", "paper"])
def test_a_graph_replays_the_launched_steps(
    dataset: Dataset, name: str, feed: type, precision: str
) -> None:
    device = choose_device("cuda", precision)
    launched = run(dataset, recipe(name), device, feed, record=False)
    graph = run(dataset, recipe(name), device, feed)
    assert graph[1].notes == []
    assert_alike(graph, launched, 1e-3 if precision == "float32" else 2e-2)


class Operations(TorchDispatchMode):
    """Remembers the names of the operations that torch is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.names.add(str(operation).split(".")[1])
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("settings", [(), ("context=1", "weight_cap=20"), ("network=unet",)])
def test_a_recorded_step_asks_for_no_number_and_brings_none(
    dataset: Dataset, settings: tuple[str, ...]
) -> None:
    """Either would make the host wait, which a CUDA graph cannot record."""
    given = recipe().override(settings)
    samples = Samples(dataset, ("rods", "discs"), given, 0)
    state, feed = State(given, 2, 0, CPU, recorded=True), DevicePatches(samples, CPU)
    shapes = feed.shapes()
    into = {name: torch.zeros(shape, dtype=kind) for name, (shape, kind) in shapes.items()}
    prepared = feed.prepare(0, into)
    feed.take(prepared)
    state.begin_step(0.3)
    with Operations() as asked:
        state.gradients.whole(feed.batch(prepared.tensors))
        state._update_average()
    assert {"convolution_backward", "take", "sort"} <= asked.names
    waits = {"_local_scalar_dense", "lift_fresh", "nonzero", "masked_select", "scalar_tensor"}
    assert not asked.names & waits
