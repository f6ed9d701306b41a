"""Several processes of `seget train`: this one starts them, or is one of them.

--devices -> processes, exit code

It never trains.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import NoReturn

from seget.errors import InputError


def start_together(devices: int, device: str) -> NoReturn:
    """Start the processes that train together, wait for them, and leave with their exit code."""
    import torch

    from seget.cli.progress import say
    from seget.training.launch import launch

    on_cuda = device in ("auto", "cuda") and torch.cuda.is_available()
    if on_cuda and devices > torch.cuda.device_count():
        raise InputError(
            f"--devices {devices}: CUDA has {torch.cuda.device_count()} here; give as many, or "
            "--device cpu."
        )
    code, sentence = launch(sys.argv[1:], devices)
    if sentence:
        say(f"seget: {sentence}")
    raise SystemExit(code)


@contextmanager
def silent(wanted: bool) -> Iterator[None]:
    """Say nothing on standard error: another process does. An error comes through."""
    if not wanted:
        yield
        return
    with open(os.devnull, "w") as nothing, redirect_stderr(nothing):
        yield
