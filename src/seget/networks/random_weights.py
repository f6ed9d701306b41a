"""Draws the initial weights of networks from a generator of their own.

torch.Generator -> a context in which every layer draws from it

It never touches torch's global generator, which all threads share: of networks that are built in
several threads at once, none would get the weights of its seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class DrawnFrom(TorchFunctionMode):
    """A context in which torch's functions that take a generator get this one, in this thread.

    torch's layers fill their weights as they are made, and take no generator. The numbers are those
    that the global generator would give at the same seed.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch; where it is told a generator, even None, it is told ours."""
        named = dict(kwargs or {})
        if "generator" in named:
            named["generator"] = self._generator
        return func(*args, **named)
