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


class _Sentences(Listener):
    """Keeps sentences, since a listener cannot be sent to another process."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def note(self, text: str) -> None:
        self.kept.append(text)


def attempt(
    work: Callable[[Listener], Result], listener: Listener | None = None
) -> Outcome[Result]:
    """Do some work and return what came of it; without a listener its sentences are kept."""
    heard = _Sentences()
    try:
        result = work(listener or heard)
    except (InputError, RunError, OSError) as error:
        return Outcome(None, tuple(heard.kept), error)
    return Outcome(result, tuple(heard.kept))
