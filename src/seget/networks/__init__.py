"""Networks: one file a paper's figure, and `Architecture`, which builds them by name.

name, inputs, outputs, binning -> network: image (b, inputs, h, w) -> logits (b, outputs, h, w)

It never trains and never loads weights. SegET is the one to use; the others are the baselines that
its paper compares with, each of about SegET's arithmetic.
"""

from __future__ import annotations

from seget.networks.architecture import NETWORKS, Architecture
from seget.networks.binned import Binned
from seget.networks.blocks import Network
from seget.networks.calibrated import Calibrated
from seget.networks.cost import Cost
from seget.networks.ensemble import Ensemble
from seget.networks.seget import SegET

__all__ = [
    "NETWORKS",
    "Architecture",
    "Binned",
    "Calibrated",
    "Cost",
    "Ensemble",
    "Network",
    "SegET",
]
