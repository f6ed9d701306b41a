"""Several processes of `seget train`: this one starts them, or is one of them.

--devices -> processes, exit code

It never trains.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

from seget.errors import InputError


def start_together(devices: int, device: str, masks: list[str] | None) -> None:
    """Start the processes that train together, if they are several and this is none of them.

    It waits for them and leaves with their exit code. A process that trains keeps what it frees.

    Raises
    ------
    InputError
        Masks are given, or there are fewer GPUs.
    """
    from seget.machine import keep_freed_memory
    from seget.training.ranks import are_several

    if masks and (devices > 1 or are_several()):
        raise InputError(
            "--mask: one process writes the dataset.toml that it stands for; write it by seget "
            "init, and train on that with --devices."
        )
    if devices == 1 or are_several():
        keep_freed_memory()
        return
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
    """Say nothing on standard error, as another process does; errors of this one come through."""
    if not wanted:
        yield
        return
    try:
        with open(os.devnull, "w") as nothing, redirect_stderr(nothing):
            yield
    except InputError:  # all processes find the same input wrong
        raise SystemExit(2) from None
