"""A listener that keeps what it hears."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from seget.listener import Listener


class Heard(Listener):
    """Keeps sentences, counts, and the parts that were begun."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.counts: list[tuple[int, int]] = []
        self.parts: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, done: int, total: int) -> None:
        self.counts.append((done, total))

    @contextmanager
    def part(self, name: str) -> Iterator[Listener]:
        self.parts.append(name)
        yield self
