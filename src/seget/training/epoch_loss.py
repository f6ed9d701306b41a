"""The mean loss of an epoch, kept without making a GPU wait.

losses of single steps, still on the device -> their sum, number and mean

It never takes a step.
"""

from __future__ import annotations

import math

from torch import Tensor

from seget.errors import RunError


class Diverged(RunError):
    """The loss became infinite or NaN, as a result of the recipe and not of the machine."""


class EpochLoss:
    """Sum of the losses of an epoch, each read one step late.

    A GPU works through a queue: reading a loss waits until the queue is empty, and then the GPU is
    idle until the next step is queued. So a loss is read only after the next step was queued.

    Parameters
    ----------
    learning_rate
        The recipe's, for the advice in the error when the loss diverges.

    Attributes
    ----------
    steps
        Number of losses since the epoch began.
    last
        The newest loss that was read.
    """

    def __init__(self, learning_rate: float) -> None:
        self._learning_rate = learning_rate
        self.begin()

    def begin(self, total: float = 0.0, steps: int = 0) -> None:
        """Start an epoch, or resume one of which `steps` losses with the sum `total` are known."""
        self.steps = steps
        self.last = total / steps if steps else math.nan
        self._total = total
        self._unread: tuple[int, Tensor] | None = None

    def add(self, step: int, loss: Tensor) -> None:
        """Add the loss of a step; read the one before it.

        The first of an epoch is read at once: `last`, which a progress bar shows, needs a value.

        Raises
        ------
        Diverged
            The loss that was read is infinite or not a number.
        """
        self.total()
        self._unread = step, loss
        self.steps += 1
        if self.steps == 1:
            self.total()

    def total(self) -> float:
        """Return the sum of all losses.

        Raises
        ------
        Diverged
            The last of them is infinite or not a number.
        """
        if self._unread is not None:
            step, loss = self._unread
            self.last = float(loss)
            if not math.isfinite(self.last):
                raise Diverged(
                    f"the loss became {self.last} at step {step}; the best model so far is kept: "
                    f"try --set learning_rate={self._learning_rate / 3:.1g}."
                )
            self._total += self.last
            self._unread = None
        return self._total

    def mean(self) -> float:
        """Return the mean loss of the epoch's steps; raises as `total` does."""
        return self.total() / self.steps
