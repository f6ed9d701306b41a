"""Who is told what happens in a training run.

steps, epochs, sentences -> whatever a subclass makes of them

It does nothing itself, so training stays silent unless somebody listens.
"""

from __future__ import annotations

from seget.training.run_folder import Row


class Listener:
    """Is told what happens in a run; does nothing unless a subclass does."""

    def step(self, progress: float, loss: float) -> None:
        """Hear of an optimiser step: share of the run that is over, loss."""

    def epoch(self, row: Row) -> None:
        """Hear of a finished epoch: its line of log.csv, which is written by now."""

    def note(self, text: str) -> None:
        """Hear a sentence for people."""
