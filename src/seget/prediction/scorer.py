"""Scores a slice by an engine: whole, or in windows that fit into memory.

engine + normalised slice (c, y, x) -> scores (k, y, x), 0..127

It never opens a file. A window is read with the halo of the network's receptive field, so that its
scores equal those of the whole slice. All windows of a slice have one size, for which an engine
compiles the network once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from seget.device import ran_out_of_memory
from seget.errors import RunError
from seget.listener import Listener
from seget.networks import Architecture
from seget.patches import windows
from seget.prediction import plan
from seget.prediction.engine import Engine, Scores, TorchEngine
from seget.prediction.plan import Footprint

# The time of a run is estimated on a window of at most PROBE_PX, if the run is LONG times as large.
PROBE_PX, LONG = 512, 64

# Scores a window: arrays in and out, or tensors in and out.
Score = Callable[[Any], Any]


@dataclass(frozen=True)
class Effort:
    """How much memory and computation prediction may take.

    Attributes
    ----------
    window_px
        Edge of a window; None: whole slices if they fit into memory, else the largest windows.
    views
        Number of views of a window whose scores are averaged: 1, 4 (mirrored) or 8 (mirrored and
        transposed).
    memory_bytes
        Memory to use at most; None: half of what is free.
    """

    window_px: int | None = None
    views: int = 1
    memory_bytes: int | None = None


@dataclass
class Scorer:
    """An engine and the windows it is given.

    Attributes
    ----------
    engine
        Scores windows.
    footprint
        Halo and memory of a window.
    effort
        Windows, views and memory.
    channels
        Of the input: 1, or with neighbouring slices 2 * context + 1.
    listener
        Is told when windows are halved because memory ran out.
    adapted
        Whether the network has statistics of the tomogram that is scored (`adaptation`).
    """

    engine: Engine
    footprint: Footprint
    effort: Effort = field(default_factory=Effort)
    channels: int = 1
    listener: Listener = field(default_factory=Listener)
    adapted: bool = False

    @classmethod
    def of(cls, engine: Engine, architecture: Architecture, effort: Effort | None = None) -> Scorer:
        """Return a scorer; `engine` holds a network of this architecture."""
        footprint = Footprint.of(architecture, bf16=engine.device.bf16, graph=engine.graph)
        effort = effort or Effort()
        if effort.memory_bytes is None:
            free = engine.device.free_bytes()
            effort = replace(effort, memory_bytes=int(free * plan.SHARE_OF_FREE))
        return cls(engine, footprint, effort, architecture.inputs)

    def window_px(self, shape: tuple[int, int]) -> int | None:
        """Return the edge of the windows of slices `(y, x)`; None: they are scored whole.

        Raises
        ------
        RunError
            Not even the smallest window fits into memory.
        """
        if self.effort.window_px is not None:
            return self.effort.window_px
        if self.effort.memory_bytes is None:
            return None
        return plan.window_px(shape, self.footprint, self.effort.memory_bytes)

    def seconds(self, shape: tuple[int, int, int]) -> float | None:
        """Estimate the time for a volume `(z, y, x)`; None if it is too small to be worth it.

        One small window is timed and the time scaled by the number of pixels. It is scored once
        before, so that compiling is not timed.
        """
        depth, height, width = shape
        size = self.window_px((height, width))
        wanted_px = depth * plan.read_px((height, width), self.footprint, size)
        edges = [min(edge, PROBE_PX) for edge in (height, width)]
        probed_px = plan.read_px((edges[0], edges[1]), self.footprint, size)
        if wanted_px < LONG * edges[0] * edges[1]:
            return None
        probe = np.zeros((self.channels, *edges), np.float32)
        self.scores(probe)
        started = perf_counter()
        self.scores(probe)
        return (perf_counter() - started) * wanted_px / probed_px

    def scores(self, pixels: npt.NDArray[np.float32]) -> Scores:
        """Return scores `(k, y, x)` in 0..127 of a normalised slice `(c, y, x)`.

        If the GPU runs out of memory, windows are halved, for the following slices too.

        Raises
        ------
        RunError
            Memory does not suffice for the smallest window.
        """
        _, height, width = pixels.shape
        step = self.footprint.multiple
        # Networks pad to multiples themselves; done here, all windows have one size.
        padded = np.pad(pixels, ((0, 0), (0, -height % step), (0, -width % step)), mode="edge")
        score = partial(self.engine.scores, views=self.effort.views)
        made: Scores = self._fitting((height, width), padded, score, np.empty)
        return made[:, :height, :width]

    def scored(self, pixels: Tensor) -> Tensor:
        """Return the same, of a slice on the device of a `TorchEngine`; the scores stay there."""
        assert isinstance(self.engine, TorchEngine), "an engine that takes tensors"
        _, height, width = pixels.shape
        step = self.footprint.multiple
        edges = (0, -width % step, 0, -height % step)
        padded = functional.pad(pixels[None], edges, mode="replicate")[0]
        score = partial(self.engine.scored, views=self.effort.views)
        empty = partial(torch.empty, device=pixels.device)
        made: Tensor = self._fitting((height, width), padded, score, empty)
        return made[:, :height, :width]

    def _fitting(self, shape: tuple[int, int], padded: Any, score: Score, empty: Any) -> Any:
        """Return the scores of a padded slice, in windows that fit into memory."""
        while True:
            size = self.window_px(shape)
            try:
                return self._windows(padded, size, score, empty)
            except RuntimeError as error:
                if not ran_out_of_memory(error):
                    raise
            # Here the error is gone, and with its traceback the tensors of the failed pass.
            torch.cuda.empty_cache()
            self._halve(min(size or max(shape), max(shape)))

    def _halve(self, size: int) -> None:
        half = size // 2
        if half < plan.SMALLEST_WINDOW_PX:
            raise RunError(
                f"memory does not suffice for a window of {size} px; end what else runs on "
                "the device, or use --device cpu."
            )
        self.effort = replace(self.effort, window_px=half)
        self.listener.note(f"out of memory with windows of {size} px; going on with {half} px.")

    def _windows(self, pixels: Any, size: int | None, score: Score, empty: Any) -> Any:
        if size is None:
            return score(pixels)
        result: Any = None
        shape = pixels.shape[1], pixels.shape[2]
        for window in windows(shape, size, self.footprint.halo_px, self.footprint.multiple):
            part = score(pixels[(slice(None), *window.read)])
            if result is None:
                result = empty((len(part), *shape), dtype=part.dtype)
            result[(slice(None), *window.write)] = part[(slice(None), *window.keep)]
        assert result is not None, "a slice has at least one window"
        return result
