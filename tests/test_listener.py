from __future__ import annotations

from seget.listener import Listener


class Counts(Listener):
    def __init__(self) -> None:
        self.heard: list[int] = []

    def progress(self, done: int, total: int) -> None:
        self.heard.append(done)


def test_what_nobody_overrides_does_nothing() -> None:
    listener = Listener()
    listener.note("a sentence")
    listener.progress(1, 2)
    listener.step(0.5, 1.0)
    listener.epoch({"epoch": 1.0})


def test_a_listener_hears_the_parts_unless_it_tells_them_apart() -> None:
    counts = Counts()
    with counts.part("imaging") as told:
        told.progress(3, 4)
    assert counts.heard == [3]
