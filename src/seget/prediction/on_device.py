"""Slices from stored grey values to scores on a CUDA device; the host only reads and writes.

SliceReader + Scorer + slice numbers -> (z, scores (k, y, x)), in order

It gives the scores of `reader.read`, `scorer.scores` and `reader.restore`, to rounding. It never
waits for the device before the next slice is queued there. Not for slices that are resampled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seget.normalisation import CLIP
from seget.prediction.engine import Scores, TorchEngine
from seget.prediction.scorer import Scorer
from seget.slices import SliceReader
from seget.threads import ahead

# Types that are copied to the device as they are; others become float32 on the host.
STORED = (np.uint8, np.int8, np.int16, np.float32)


@dataclass(frozen=True)
class _Read:
    """Slice `z` in host memory: grey values `(c, y, x)`, True where padding is, in it and in z."""

    z: int
    grey: Tensor
    padding: Tensor | None
    own_padding: Tensor | None


@dataclass(frozen=True)
class _Queued:
    """Scores of slice `z` in host memory, there as soon as the event has come."""

    z: int
    scores: Tensor
    event: torch.cuda.Event | None


def can_score_on_device(reader: SliceReader, scorer: Scorer) -> bool:
    """Whether `score_on_device` is for such slices and such an engine."""
    is_cuda = isinstance(scorer.engine, TorchEngine) and scorer.engine.device.torch.type == "cuda"
    return is_cuda and reader.resampling is None


def score_on_device(
    reader: SliceReader, scorer: Scorer, slices: Sequence[int]
) -> Iterator[tuple[int, Scores]]:
    """Yield (z, scores `(k, y, x)`) for the slices asked for.

    Three threads work ahead: one reads, one queues work on the device, one waits for its end.
    """
    read = (_read(reader, z, scorer.engine.device.torch) for z in slices)
    queued = (_queue(one, reader, scorer) for one in ahead(read))
    return ahead(_wait(one) for one in ahead(queued))


def _read(reader: SliceReader, z: int, on: torch.device) -> _Read:
    """Return a slice in host memory from which it is copied without waiting."""
    grey = reader.grey(z)
    kind = next((k for k in STORED if grey.planes[0].dtype == k), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        planes = _pinned([np.asarray(plane) for plane in grey.planes], kind, on)
    own = grey.padding[len(reader.steps)]
    padding = None
    if any(part is not None for part in grey.padding):
        shape = grey.planes[0].shape
        parts = [np.zeros(shape, np.bool_) if p is None else p for p in grey.padding]
        padding = _pinned(parts, np.bool_, on)
    return _Read(z, planes, padding, None if own is None else _pinned([own], np.bool_, on))


def _pinned(planes: Sequence[npt.NDArray[Any]], kind: Any, on: torch.device) -> Tensor:
    """Return planes one after another, `(n, y, x)` of a type, in pinned memory for CUDA."""
    like = torch.from_numpy(np.empty(0, kind)).dtype
    shape = len(planes), *planes[0].shape
    held = torch.empty(shape, dtype=like, pin_memory=on.type == "cuda")
    for place, plane in zip(held.numpy(), planes, strict=True):
        np.copyto(place, plane, casting="unsafe")
    return held


def _queue(read: _Read, reader: SliceReader, scorer: Scorer) -> _Queued:
    """Queue all work on a slice."""
    on = scorer.engine.device.torch
    with torch.inference_mode():
        image = _normalised(read, reader, on)
        scores = scorer.scored(image)
        if read.own_padding is not None:
            scores = scores.masked_fill(read.own_padding.to(on, non_blocking=True), 0)
        if on.type != "cuda":
            return _Queued(read.z, scores, None)
        back = torch.empty(scores.shape, dtype=scores.dtype, pin_memory=True)
        back.copy_(scores, non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        return _Queued(read.z, back, event)


def _normalised(read: _Read, reader: SliceReader, on: torch.device) -> Tensor:
    """Return `(c, y, x)` as `SliceReader.read` does: see `Normalisation.__call__`."""
    grey = read.grey.to(on, non_blocking=True)
    values = grey.float()
    values = (values - reader.normalisation.mean) / (reader.normalisation.deviation or 1.0)
    values = values.clamp_(-CLIP, CLIP)
    if grey.is_floating_point():
        values = values.masked_fill(~grey.isfinite(), 0)
    if read.padding is not None:
        values = values.masked_fill(read.padding.to(on, non_blocking=True), 0)
    return -values if reader.invert else values


def _wait(queued: _Queued) -> tuple[int, Scores]:
    if queued.event is not None:
        queued.event.synchronize()
    return queued.z, queued.scores.numpy()
