"""How much of a training run is over, by steps or by time.

steps made, seconds elapsed -> progress (0 to 1), whether the time is up, whether the run is over

It never looks at a score: early stopping is in `schedule`.
"""

from __future__ import annotations

from seget.recipes import Recipe
from seget.training.interpolation import SHARES
from seget.training.state import State


class Clock:
    """How much of a run is over, by steps or by time."""

    def __init__(
        self,
        recipe: Recipe,
        steps_per_epoch: int,
        max_minutes: float | None = None,
        stop_after_epochs: int | None = None,
    ) -> None:
        self.stop_after_epochs = stop_after_epochs
        self.steps = recipe.epochs * steps_per_epoch
        self.budget_s = max_minutes * 60 if max_minutes else None
        # At the end: one of the last weights, and those of `interpolation`.
        self.validations = 1 + (len(SHARES) if recipe.weight_interpolation else 0)
        # One-cycle runs stretch to the time given; the paper's end with their epochs all the same.
        self.by_time_alone = self.budget_s is not None and recipe.schedule == "one_cycle"

    def _reserve_s(self, state: State) -> float:
        """Return the time that the last validations will take, as far as is known."""
        return self.validations * state.rows[-1]["validation_s"] if state.rows else 0.0

    def progress(self, state: State) -> float:
        """Return the share of the run that is over, 0 to 1."""
        by_steps = state.step / self.steps
        if self.budget_s is None:
            return by_steps
        by_time = min(1.0, state.elapsed_s / max(1.0, self.budget_s - self._reserve_s(state)))
        return by_time if self.by_time_alone else max(by_time, by_steps)

    def is_time_up(self, state: State) -> bool:
        """Whether only the time for the last validations is left."""
        return self.budget_s is not None and state.elapsed_s >= self.budget_s - self._reserve_s(
            state
        )

    def is_over(self, state: State) -> bool:
        """Whether the run ends after this epoch."""
        if self.stop_after_epochs is not None and len(state.rows) >= self.stop_after_epochs:
            return True
        by_steps = not self.by_time_alone and state.step >= self.steps
        return by_steps or self.is_time_up(state)
