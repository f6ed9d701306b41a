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

# Few windows are enough: each has 10^5 pixels.
WINDOWS = 8
WINDOW_PX = 512


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
