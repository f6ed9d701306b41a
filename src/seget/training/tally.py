"""The losses of an epoch, added up without making a GPU wait.

losses, not yet read back -> their sum, number and mean

It never takes a step.
"""

from __future__ import annotations

import math

from torch import Tensor

from seget.errors import RunError


class Diverged(RunError):
    """The loss became infinite or no number: a result of the recipe, not of the machine."""


class Tally:
    """Sum of the losses of an epoch, each read when the next is on its way.

    A GPU's loss is a promise: reading it waits until all that was asked for before it is done.
    Read at once, the GPU would have nothing to do until the next step is asked for.

    Parameters
    ----------
    learning_rate
        The recipe's, for the advice when the loss diverges.

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
        """Start an epoch, or take up one after some steps of it."""
        self.steps = steps
        self.last = total / steps if steps else math.nan
        self._total = total
        self._unread: tuple[int, Tensor] | None = None

    def add(self, step: int, loss: Tensor) -> None:
        """Take in the loss of a step; read the one before, and an epoch's first at once.

        Raises
        ------
        Diverged
            The one that was read is infinite or no number.
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
            The last of them is infinite or no number.
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
