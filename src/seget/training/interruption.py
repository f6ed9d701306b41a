"""Ctrl-C and SIGTERM wait until what is half done is whole.

signal during a step -> (end of the step) -> the signal's own handler

It never decides what a signal means: whoever set its handler does. A second signal does not wait.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from seget.listener import Listener
from seget.training.state import State

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def in_one_piece(state: State, listener: Listener) -> Iterator[None]:
    """Change the state as a whole: signals wait, and a failure leaves `state.whole` False.

    An interruption in the middle of a step would leave weights that no undisturbed run ever has:
    moved statistics with old weights, or half of the weights moved. Such a state is never saved.
    """
    with _signals_wait(listener.note):
        state.whole = False
        yield
        state.whole = True


@contextmanager
def _signals_wait(note: Callable[[str], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python brings signals to the main thread alone
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
        if callable(handler):  # what the system does by itself (end, ignore) is left to it
            handlers[number] = handler
            signal.signal(number, wait)
    try:
        yield
    finally:
        for caught, handler in handlers.items():
            signal.signal(caught, handler)
    if waiting:
        handlers[waiting[0]](waiting[0], None)
