"""Who is told what happens in something that takes long.

sentences, counts, steps, epochs -> whatever a subclass makes of them

It does nothing itself: the package is silent unless somebody listens.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


class Listener:
    """Is told what happens in a prediction, a training, a comparison, a simulation.

    Override what you want to hear; the rest does nothing. An exception that a method raises ends
    the work, as an error in it would.
    """

    def note(self, text: str) -> None:
        """Hear a sentence for people."""

    def progress(self, done: int, total: int) -> None:
        """Hear how much of the work is done: slices, cells of a comparison, or percent."""

    def step(self, share: float, loss: float) -> None:
        """Hear of an optimiser step: the share of the training that is over, 0 to 1; the loss."""

    def epoch(self, row: dict[str, float]) -> None:
        """Hear of a finished epoch: its line of log.csv, which is written by now."""

    def part(self, name: str) -> AbstractContextManager[Listener]:
        """Return a context with the listener of a part of the work, such as a comparison's cell.

        It is this listener again, unless a subclass tells parts from the whole.
        """
        return nullcontext(self)
