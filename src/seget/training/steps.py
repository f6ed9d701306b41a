"""The optimiser steps of an epoch, and how long a step takes.

State + Samples -> steps made, mean loss; recipes -> seconds a step

It never validates, and writes nothing but checkpoints that are due. A comparison over equal time
turns its budget into steps by the seconds a step: these are measured for all networks in turn, so
that other work on the machine slows all of them alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from seget.dataset import Dataset
from seget.device import Device
from seget.listener import Listener
from seget.recipes import Recipe
from seget.samples import Batch, Samples
from seget.threads import made_ahead
from seget.training.checkpoints import Checkpoints
from seget.training.clock import Clock
from seget.training.interruption import in_one_piece
from seget.training.state import State

# Each network takes six turns of four steps; its fastest turn counts, as the least disturbed one.
TURNS, TURN_STEPS = 6, 4


def take_epoch(
    state: State,
    samples: Samples,
    clock: Clock,
    listener: Listener,
    checkpoints: Checkpoints | None = None,
) -> float:
    """Take an epoch's steps, or those that are left of it; return the mean loss of all of them.

    Raises
    ------
    Diverged
        The loss became infinite or not a number.
    RunError
        The memory does not hold one patch.
    """
    begun = state.step - state.losses.steps
    end = (begun // samples.steps_per_epoch + 1) * samples.steps_per_epoch
    # Worker threads prepare the next batches during this step.
    for batch in made_ahead(samples.batch, range(state.step, end), state.device.idle_cores):
        progress = clock.progress(state)
        _whole_step(state, batch, progress, listener)
        listener.step(progress, state.losses.last)
        if checkpoints is not None:
            checkpoints.save_if_due(state)
        if clock.is_time_up(state):
            break
    return state.losses.mean()


def _whole_step(state: State, batch: Batch, progress: float, listener: Listener) -> None:
    """Take one step and add its loss; tell the user when batches have to be split from now on."""
    at_once = state.gradients.at_once
    with in_one_piece(state, listener):
        loss = state.train_step(batch, progress)
        state.losses.add(state.step, loss)
    if state.gradients.at_once != at_once:
        listener.note(
            f"{state.device.torch}: does not hold {len(batch.image)} patches of "
            f"{batch.image.shape[-1]} px at once; going on with parts of "
            f"{state.gradients.at_once}, whose batch norm sees fewer patches: a smaller "
            "--set patch_px or batch_size fits as it is."
        )


def measure_pace(
    dataset: Dataset,
    structures: tuple[str, ...],
    recipes: Sequence[Recipe],
    device: Device,
    turns: int = TURNS,
) -> list[float]:
    """Return the seconds of a training step with each recipe, measured in turn in one run.

    Cutting and augmenting the patches is part of it, validation is not. With fewer `turns` it is
    sooner there and less certain.
    """
    short = [r.model_copy(update={"steps_per_epoch": TURN_STEPS}) for r in recipes]
    runners = [
        (
            State(r, len(structures), 0, device),
            Samples(dataset, structures, r, 0),
            Clock(r, TURN_STEPS),
        )
        for r in short
    ]
    times: list[list[float]] = [[] for _ in runners]
    for _ in range(turns):
        for (state, samples, clock), taken in zip(runners, times, strict=True):
            start = perf_counter()
            take_epoch(state, samples, clock, Listener())
            taken.append((perf_counter() - start) / TURN_STEPS)
            state.losses.begin()
    return [min(taken) for taken in times]
