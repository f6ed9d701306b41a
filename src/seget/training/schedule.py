"""The learning rate of each step, and when to reduce it or stop early.

step, progress, validation mIOUs -> learning rate, whether to stop

Plain arithmetic, no tensors. Decay and patience are those of Keras, which the paper used: the rate
is lr / (1 + decay * step), and patience acts at the patience-th epoch in a row without improvement
(torch's own schedulers act one epoch later).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from seget.recipes import Recipe

STOP_MIN_DELTA = 0.0
REDUCE_MIN_DELTA = 1e-4
REDUCE_FACTOR = 0.5


def learning_rate(recipe: Recipe, step: int, progress: float, reduction: float) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    recipe
        Its schedule, peak rate, decay and warm-up.
    step
        Optimiser steps made so far.
    progress
        Share of the run that is over, 0 to 1.
    reduction
        Factor of the reduce-on-plateau callback so far; 1 in the one-cycle schedule.
    """
    if recipe.schedule == "keras":
        return recipe.learning_rate / (1 + recipe.decay * step) * reduction
    if progress < recipe.warmup:
        return recipe.learning_rate * min(1.0, max(progress, 1e-3) / recipe.warmup)
    cosine = (min(progress, 1.0) - recipe.warmup) / (1 - recipe.warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * cosine))


@dataclass
class Patience:
    """Epochs in a row without improvement; a patience of None never acts."""

    patience: int | None
    min_delta: float
    best: float = -math.inf
    waited: int = 0

    def acts(self, miou: float) -> bool:
        """Record an epoch's mIOU; return True at the patience-th in a row without improvement.

        An epoch whose mIOU is nan (no structure to judge by) is neither better nor worse: it does
        not count.
        """
        if math.isnan(miou):
            return False
        if miou > self.best + self.min_delta:
            self.best = miou
            self.waited = 0
            return False
        self.waited += 1
        return self.patience is not None and self.waited >= self.patience


class Callbacks:
    """Early stopping and reduce-on-plateau, both watching the validation mIOU (3.2)."""

    def __init__(self, recipe: Recipe) -> None:
        self.stop = Patience(recipe.stop_patience, STOP_MIN_DELTA)
        self.reduce = Patience(recipe.reduce_patience, REDUCE_MIN_DELTA)
        self.reduction = 1.0

    def after_epoch(self, miou: float) -> bool:
        """Record an epoch's mIOU; return whether to stop."""
        if self.reduce.acts(miou):
            self.reduction *= REDUCE_FACTOR
            self.reduce.waited = 0
        return self.stop.acts(miou)

    def state(self) -> dict[str, float]:
        """Return all that `restore` needs."""
        return {
            "stop_best": self.stop.best,
            "stop_waited": self.stop.waited,
            "reduce_best": self.reduce.best,
            "reduce_waited": self.reduce.waited,
            "reduction": self.reduction,
        }

    def restore(self, state: dict[str, float]) -> None:
        """Restore what `state` returned."""
        self.stop.best, self.stop.waited = state["stop_best"], int(state["stop_waited"])
        self.reduce.best, self.reduce.waited = state["reduce_best"], int(state["reduce_waited"])
        self.reduction = state["reduction"]
