"""Ctrl-C and SIGTERM are held back until the step in progress is complete.

signal during a step -> (end of the step) -> the handler that was set before

It never decides what a signal does: the handler that was set before does. A second signal is not
held back.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from seget.listener import Listener
from seget.training.ranks import Ranks
from seget.training.state import State

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def in_one_piece(state: State, listener: Listener) -> Iterator[None]:
    """Hold signals back while the state changes; if the change fails, leave `state.whole` False.

    An interruption in the middle of a step would leave weights that no undisturbed run ever has:
    new batch norm statistics with old weights, or half of the weights updated. Such a state is
    never saved.
    """
    with _signals_wait(listener.note):
        state.whole = False
        yield
        state.whole = True


@contextmanager
def stopping_together(ranks: Ranks) -> Iterator[None]:
    """Remember signals in `ranks.signals`, where several train together; a second one is not held.

    Asked after each step whether a signal came to any of them, all stop after the same one, and the
    first can save it. A process that trains alone stops by itself.
    """
    if ranks.size == 1 or threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}

    def remember(number: int, frame: FrameType | None) -> None:
        ranks.signals.append(number)
        handler = before[number]
        if len(ranks.signals) > 1 and callable(handler):
            handler(number, frame)

    for number in SIGNALS:
        signal.signal(number, remember)
    try:
        yield
    finally:
        for asked, handler in before.items():
            signal.signal(asked, handler)


@contextmanager
def _signals_wait(note: Callable[[str], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python handles signals in the main thread only
        return
    handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
    waiting: list[int] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append(number)
        if len(waiting) > 1:
            handlers[number](number, frame)
        else:
            note("Stopping as soon as this step is whole; a second time stops at once.")

    for number in SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler):  # else the system's own action, to end or to ignore: left as it is
            handlers[number] = handler
            signal.signal(number, wait)
    try:
        yield
    finally:
        for caught, handler in handlers.items():
            signal.signal(caught, handler)
    if waiting:
        handlers[waiting[0]](waiting[0], None)
