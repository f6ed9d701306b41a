"""Quantises a graph: convolutions compute in int8, by NNCF.

OpenVINO graph + windows to calibrate on -> quantised OpenVINO graph

It never trains: the ranges of the activations are calibrated on windows of the tomogram that is to
be predicted, and weights are scaled to 8 bits for each channel.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from seget.errors import InputError
from seget.prediction.engine import Pixels
from seget.slices import SliceReader

# Few windows are enough: each has 10^5 pixels.
WINDOWS = 8
WINDOW_PX = 512
PLACES = ((0.5, 0.5), (0.25, 0.25), (0.75, 0.75), (0.25, 0.75), (0.75, 0.25))


def sample_windows(reader: SliceReader) -> list[Pixels]:
    """Return normalised windows `(c, y, x)`, of one size, from all depths and regions of a volume.

    Windows that are all padding are left out, unless all are.
    """
    depth, height, width = reader.shape
    edges = min(height, WINDOW_PX), min(width, WINDOW_PX)
    windows = []
    for number in range(WINDOWS):
        z = round((depth - 1) * (number + 0.5) / WINDOWS)
        y, x = (
            round((extent - edge) * share)
            for extent, edge, share in zip(
                (height, width), edges, PLACES[number % len(PLACES)], strict=True
            )
        )
        windows.append(reader.read(z, (slice(y, y + edges[0]), slice(x, x + edges[1]))))
    return [window for window in windows if window.any()] or windows[:1]


def require_nncf() -> None:
    """Check that NNCF is installed.

    Raises
    ------
    InputError
        NNCF is not installed.
    """
    try:
        import_module("nncf")
    except ImportError:
        raise InputError(
            "--precision int8 needs NNCF: pip install nncf, or leave it out."
        ) from None


def quantised(graph: Any, samples: Sequence[Pixels]) -> Any:
    """Return a copy of `graph`, image `(1, c, h, w)` -> logits, with convolutions in 8 bits."""
    nncf = import_module("nncf")
    nncf.set_log_level(logging.ERROR)
    dataset = nncf.Dataset([window[None] for window in samples])
    with contextlib.redirect_stdout(io.StringIO()):  # NNCF prints progress bars
        return nncf.quantize(
            graph.clone(),
            dataset,
            subset_size=len(samples),
            # MIXED: asymmetric ranges of activations, which have both signs before a ReLU.
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice.CPU,
        )
