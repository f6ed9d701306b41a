"""A batch that the memory does not hold is taken in parts, and a failed attempt leaves no trace.

There is no full GPU to be had in a test, so a hook says that the memory is full: after the forward
pass of more than so many patches, when batch norm has already seen them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from seget.dataset import Dataset, read_dataset
from seget.device import Device
from seget.errors import RunError
from seget.listener import Listener
from seget.losses import at_stride, regulariser, segmentation_loss
from seget.networks.blocks import Level
from seget.networks.seget import Center
from seget.samples import Batch, Samples
from seget.training import Run, kept_steps, train
from seget.training.clock import Clock
from seget.training.state import State
from seget.training.steps import take_epoch
from training_runs import in_each_forward, short

CPU = Device(torch.device("cpu"), bf16=False)
FULL = "CUDA out of memory"
RECIPE = short().override(["batch_size=5", "patch_px=64", "weight_cap=20", "center_dropout=0.3"])


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


@pytest.fixture
def batch(dataset: Dataset) -> Batch:
    return Samples(dataset, ("rods",), RECIPE, 0).batch(0)


def center_of(state: State) -> Center:
    return next(module for module in state.network.modules() if isinstance(module, Center))


@contextmanager
def memory_for(
    state: State,
    patches: int,
    error: type[Exception] = torch.cuda.OutOfMemoryError,
    words: str = FULL,
) -> Iterator[list[int]]:
    """Let the network run out of memory with more patches; yield the numbers that it was given."""
    asked: list[int] = []

    def full(_: nn.Module, given: tuple[torch.Tensor], __: object) -> None:
        asked.append(len(given[0]))
        if len(given[0]) > patches:
            raise error(words)

    handle = center_of(state).register_forward_hook(full)
    try:
        yield asked
    finally:
        handle.remove()


def size_of(level: Level) -> tuple[int, int]:
    height, width = level.logits.shape[-2:]
    return height, width


def new_state() -> State:
    return State(RECIPE, 1, 0, CPU)


def assert_same(one: State, other: State) -> None:
    ours, theirs = one.tensors(), other.tensors()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    assert one.step == other.step


@pytest.mark.parametrize(
    ("fits", "asked", "at_once"),
    [(5, [5], None), (4, [5, 3, 2], 3), (2, [5, 3, 2, 2, 1], 2), (1, [5, 3, 2, 1, 1, 1, 1, 1], 1)],
)
def test_the_parts_are_halved_until_they_fit(
    batch: Batch, fits: int, asked: list[int], at_once: int | None
) -> None:
    state = new_state()
    with memory_for(state, fits) as given:
        state.train_step(batch, 0.3)
        assert given == asked
        assert (state.gradients.at_once, state.step) == (at_once, 1)
        state.train_step(batch, 0.4)
        assert sum(given[len(asked) :]) == 5, "no further attempt fails"


@pytest.mark.parametrize(
    "words",
    [
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "GET was unable to find an engine to execute this computation",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    ],
)
def test_libraries_of_cuda_run_out_of_memory_in_their_own_words(batch: Batch, words: str) -> None:
    state = new_state()
    with memory_for(state, 3, RuntimeError, words):
        state.train_step(batch, 0.3)
    assert state.gradients.at_once == 3


def test_another_error_is_no_lack_of_memory(batch: Batch) -> None:
    state = new_state()
    with memory_for(state, 3, RuntimeError, "shapes differ"), pytest.raises(RuntimeError):
        state.train_step(batch, 0.3)


@pytest.mark.parametrize("fits", [1, 2, 3])
def test_a_failed_attempt_leaves_no_trace(batch: Batch, fits: int) -> None:
    """Neither in batch norm's statistics nor in gradients nor in the optimiser's moments."""
    tried, knew = new_state(), new_state()
    for state in (tried, knew):
        state.train_step(batch, 0.2)
    with memory_for(tried, fits):
        loss = tried.train_step(batch, 0.3)
    knew.gradients.at_once = fits
    assert torch.equal(knew.train_step(batch, 0.3), loss)
    assert_same(tried, knew)
    steps = [tensor for name, tensor in tried.tensors().items() if name.endswith(".step")]
    assert {int(step) for step in steps} == {2}


def test_parts_weigh_by_their_share_of_the_patches(batch: Batch) -> None:
    state, by_hand = new_state(), new_state()
    with memory_for(state, 3):
        state.network.train()
        loss = state.gradients.take(batch)
    network = by_hand.network.train()
    segmentation, taught = torch.zeros(()), torch.zeros(())
    for part, share in ((slice(0, 3), 0.6), (slice(3, 5), 0.4)):
        target, labelled = batch.target[part].float(), batch.labelled[part].float()
        *coarse, finest = network.levels(batch.image[part], batch.kept[part])
        own = segmentation_loss(finest.logits, target, labelled, 20.0)
        losses = [
            segmentation_loss(c.logits, *at_stride(target, labelled, c.stride_px, size_of(c)), 20.0)
            for c in coarse
        ]
        assert len(losses) == 3
        segmentation = segmentation + share * own
        taught = taught + share * (own + RECIPE.deep_supervision * sum(losses))
    gradients = torch.autograd.grad(taught, list(network.parameters()))
    wanted = (segmentation + RECIPE.weight_decay * regulariser(network)).detach()
    assert float(loss) == pytest.approx(float(wanted), rel=1e-5)
    for parameter, gradient in zip(state.network.parameters(), gradients, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("patches", [5, 2])
@pytest.mark.parametrize("optimiser", ["adam", "muon"])
def test_it_sees_the_gradient_of_equation_1(batch: Batch, optimiser: str, patches: int) -> None:
    """That of the L2 term too: once, also where the batch is taken in parts, and kernels alone."""
    recipe = RECIPE.override(["weight_decay=0.1", f"optimiser={optimiser}"])
    state, by_hand = State(recipe, 1, 0, CPU), State(recipe, 1, 0, CPU)
    state.gradients.at_once = by_hand.gradients.at_once = patches
    state.train_step(batch, 0.5)
    by_hand.network.train()
    by_hand.gradients.take(batch)
    (0.1 * regulariser(by_hand.network)).backward()
    for weight, plain in zip(state.network.parameters(), by_hand.network.parameters(), strict=True):
        kept = state.optimiser.state[weight]  # the first of either average, Adam's or Muon's
        seen = kept["exp_avg"] / (1 - 0.9) if "exp_avg" in kept else kept["momentum"] / (1 - 0.95)
        torch.testing.assert_close(seen, plain.grad, rtol=1e-4, atol=1e-6)


def test_not_one_patch_is_a_sentence_and_harms_nothing(batch: Batch) -> None:
    state, untouched = new_state(), new_state()
    with (
        memory_for(state, 0),
        pytest.raises(RunError, match=r"single patch of 64 px; .*patch_px=32"),
    ):
        state.train_step(batch, 0.3)
    assert_same(state, untouched)
    assert all(parameter.grad is None for parameter in state.network.parameters())


def test_a_person_hears_of_it_once(dataset: Dataset) -> None:
    class Ear(Listener):
        def note(self, text: str) -> None:
            notes.append(text)

    notes: list[str] = []
    state, samples = new_state(), Samples(dataset, ("rods",), RECIPE, 0)
    with memory_for(state, 2):
        take_epoch(state, samples, Clock(RECIPE, 3), Ear())
    assert state.step == 3
    (sentence,) = notes
    assert "does not hold 5 patches of 64 px at once; going on with parts of 2" in sentence


def test_a_run_without_memory_keeps_its_checkpoint(dataset: Dataset, tmp_path: Path) -> None:
    """The memory that another program takes away in the middle of a run."""
    seen = []

    def full(network: nn.Module) -> None:
        seen.append(network)
        if len(seen) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    run = Run(tmp_path / "run", checkpoint_minutes=0)
    with in_each_forward(full), pytest.raises(RunError, match="--resume"):
        train(dataset, ("rods",), RECIPE, run)
    assert kept_steps(run.folder) == [1, 2]


def test_what_coarse_levels_learn_is_not_in_the_loss(batch: Batch) -> None:
    """They change the gradients; the loss that is told is equation 1 with or without them."""
    states = [State(RECIPE.override([f"deep_supervision={w}"]), 1, 0, CPU) for w in (0, 0.3, 3)]
    losses = [float(state.gradients.take(batch)) for state in states]
    assert losses == [losses[0]] * 3
    none, some, much = (center_of(state).refine[0].weight.grad for state in states)
    assert none is not None
    assert some is not None
    assert much is not None
    torch.testing.assert_close(much - none, 10 * (some - none), rtol=1e-2, atol=1e-5)
    assert float((some - none).norm()) > 0.01 * float(none.norm())


@pytest.mark.parametrize("network", ["unet", "seget_printed"])
def test_a_network_without_coarse_levels_learns_from_its_own_logits(
    batch: Batch, network: str
) -> None:
    with_it, without = (
        State(RECIPE.override([f"network={network}", f"deep_supervision={w}"]), 1, 0, CPU)
        for w in (0.3, 0)
    )
    assert float(with_it.gradients.take(batch)) == float(without.gradients.take(batch))
    parameters = zip(with_it.network.parameters(), without.network.parameters(), strict=True)
    assert all(torch.equal(one.grad, other.grad) for one, other in parameters)
