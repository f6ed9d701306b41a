"""Optimiser steps one after another, and how long they take.

State + Samples -> steps made, mean loss; recipes -> seconds a step

It never validates and never writes. The pace is what makes a fight over equal time fair on a
machine that does other work beside: the networks are measured in turn, in one run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from seget.dataset import Dataset
from seget.errors import RunError
from seget.prediction import Device
from seget.recipes import Recipe
from seget.samples import Samples
from seget.training.clock import Clock
from seget.training.listener import Listener
from seget.training.state import State

# Of so many turns of so many steps the quickest is the pace: it was disturbed the least.
TURNS, TURN_STEPS = 6, 4


def take_epoch(state: State, samples: Samples, clock: Clock, listener: Listener) -> float:
    """Take an epoch's steps; return the mean loss.

    Raises
    ------
    RunError
        The loss became infinite or no number.
    """
    losses = []
    end = (state.step // samples.steps_per_epoch + 1) * samples.steps_per_epoch
    # The next batch is cut while this one is learnt from.
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(samples.batch, state.step)
        while state.step < end:
            batch = coming.result()
            coming = ahead.submit(samples.batch, state.step + 1)
            progress = clock.progress(state)
            loss = float(state.train_step(batch, progress))
            if not math.isfinite(loss):
                raise RunError(
                    f"the loss became {loss} at step {state.step}; the best model so far is kept: "
                    f"try --set learning_rate={state.recipe.learning_rate / 3:.1g}."
                )
            losses.append(loss)
            listener.step(progress, loss)
            if clock.is_time_up(state):
                break
    return sum(losses) / len(losses)


def measure_pace(
    dataset: Dataset, structures: tuple[str, ...], recipes: Sequence[Recipe], device: Device
) -> list[float]:
    """Return the seconds of a training step with each recipe, measured in turn in one run.

    Cutting and augmenting the patches is part of it, validation is not.
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
    for _ in range(TURNS):
        for (state, samples, clock), taken in zip(runners, times, strict=True):
            start = perf_counter()
            take_epoch(state, samples, clock, Listener())
            taken.append((perf_counter() - start) / TURN_STEPS)
    return [min(taken) for taken in times]
