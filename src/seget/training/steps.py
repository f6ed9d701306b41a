"""The optimiser steps of an epoch, and how long a step takes.

State + Samples -> steps made, mean loss; recipes -> seconds a step

It never validates, and writes nothing but checkpoints that are due. A comparison over equal time
turns its budget into steps by the seconds a step: these are measured for all networks in turn, so
that other work on the machine slows all of them alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from seget.dataset import Dataset
from seget.device import Device
from seget.listener import Listener
from seget.recipes import Recipe
from seget.samples import Samples
from seget.threads import made_ahead
from seget.training.checkpoints import Checkpoints
from seget.training.clock import Clock
from seget.training.interruption import in_one_piece
from seget.training.state import State
from seget.training.stepper import Stepper, stepper_for

# Each network takes six turns of four steps; its fastest turn counts, as the least disturbed one.
TURNS, TURN_STEPS = 6, 4


def take_epoch(
    state: State,
    samples: Samples,
    clock: Clock,
    listener: Listener,
    checkpoints: Checkpoints | None = None,
    stepper: Stepper | None = None,
) -> float:
    """Take an epoch's steps, or those that are left of it; return the mean loss of all of them.

    Raises
    ------
    Diverged
        The loss became infinite or not a number.
    RunError
        The memory does not hold one patch.
    """
    stepper = stepper or stepper_for(state, samples, listener.note)
    begun = state.step - state.losses.steps
    end = (begun // samples.steps_per_epoch + 1) * samples.steps_per_epoch
    ranks = state.gradients.ranks
    # Worker threads prepare the next batches during this step.
    ahead = made_ahead(stepper.prepare, range(state.step, end), state.device.idle_cores)
    for prepared in ahead:
        progress = clock.progress(state)
        if clock.budget_s is not None:
            progress = ranks.agreed(progress)
        _whole_step(state, samples, stepper, (prepared, progress), listener)
        if ranks.any(bool(ranks.signals)):
            raise KeyboardInterrupt
        if checkpoints is not None:
            checkpoints.save_if_due(state)
        if clock.budget_s is not None and ranks.agreed(clock.is_time_up(state)):
            break
    return state.losses.mean()


def _whole_step(
    state: State,
    samples: Samples,
    stepper: Stepper,
    what: tuple[Any, float],
    listener: Listener,
) -> None:
    """Take one step and add its loss; tell the user when batches have to be split from now on."""
    at_once = state.gradients.at_once
    with in_one_piece(state, listener):
        loss = stepper.take(*what)
        state.losses.add(state.step, loss)
    if state.gradients.at_once != at_once:
        listener.note(_in_parts(state, samples))
    listener.step(what[1], state.losses.last)


def _in_parts(state: State, samples: Samples) -> str:
    """Say that batches have to be split from now on."""
    return (
        f"{state.device.torch}: does not hold {samples.recipe.batch_size} patches of "
        f"{samples.patch_px} px at once; going on with parts of {state.gradients.at_once}, whose "
        "batch norm sees fewer patches: a smaller --set patch_px or batch_size fits as it is."
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
    listener = Listener()
    runners = []
    for recipe in short:
        state = State(recipe, len(structures), 0, device)
        samples = Samples(dataset, structures, recipe, 0)
        stepper = stepper_for(state, samples, listener.note)
        runners.append((state, samples, stepper, Clock(recipe, TURN_STEPS)))
    times: list[list[float]] = [[] for _ in runners]
    for _ in range(turns):
        for (state, samples, stepper, clock), taken in zip(runners, times, strict=True):
            start = perf_counter()
            take_epoch(state, samples, clock, listener, stepper=stepper)
            taken.append((perf_counter() - start) / TURN_STEPS)
            state.losses.begin()
    return [min(taken) for taken in times]
