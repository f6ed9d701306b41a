"""What came of a task, in values that can be sent to another process.

work + listener -> Outcome

It never hides a bug: only errors that are meant for people are caught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from seget.errors import InputError, RunError
from seget.listener import Listener

Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What a task gave, what is to be said of it, and why it failed.

    Attributes
    ----------
    result
        None if it failed.
    notes
        Sentences that no listener has heard yet.
    error
        None if it did not fail.
    """

    result: Result | None = None
    notes: tuple[str, ...] = ()
    error: Exception | None = None


class Attentive(Listener):
    """Keeps sentences, since it stays in a worker, and ends work that nobody waits for any more.

    Parameters
    ----------
    is_wanted
        Is asked after each slice, object or step.
    """

    def __init__(self, is_wanted: Callable[[], bool]) -> None:
        self.kept: list[str] = []
        self._is_wanted = is_wanted

    def note(self, text: str) -> None:
        """Keep a sentence."""
        self.kept.append(text)

    def progress(self, done: int, total: int) -> None:
        """Go on, or end the work."""
        if not self._is_wanted():
            raise RunError("stopped: whoever asked for it does not wait for it any more.")

    def step(self, share: float, loss: float) -> None:
        """Go on, or end the work."""
        self.progress(0, 0)


def attempt(work: Callable[[], Result], listener: Attentive | None = None) -> Outcome[Result]:
    """Do some work and return what came of it, with the sentences that `listener` kept."""
    try:
        result, error = work(), None
    except (InputError, RunError, OSError) as failure:
        result, error = None, failure
    return Outcome(result, tuple(listener.kept) if listener else (), error)
