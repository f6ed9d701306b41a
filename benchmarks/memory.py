"""The memory that scoring takes, network by network: what `prediction.plan` rests on.

    python benchmarks/memory.py

Each figure is the peak of a process of its own over what it held before, per pixel of a window,
beside what the formula states. In kilobytes of resident memory, so it is true on Linux alone.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from itertools import product

import numpy as np
import torch

from seget.device import Device
from seget.networks import NETWORKS, Architecture
from seget.prediction import OpenVinoEngine, Scorer, TorchEngine

EDGE_PX = 1024
# Number of outputs, binning, bf16.
CASES = ((1, 1, True), (5, 1, True), (1, 2, True), (1, 1, False))
ENGINES = {engine.name: engine for engine in (TorchEngine, OpenVinoEngine)}


def measure(engine: str, name: str, outputs: int, binning: int, bf16: bool) -> str:
    """Score a window in this process; return a line of the table."""
    architecture = Architecture(name, outputs=outputs, binning=binning)
    device = Device(torch.device("cpu"), bf16)
    scorer = Scorer.of(ENGINES[engine](architecture.build(), device), architecture)
    scorer.scores(np.zeros((1, 64, 64), np.float32))  # a graph is traced, libraries are there
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scorer.scores(np.zeros((1, EDGE_PX, EDGE_PX), np.float32))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = (peak - before) * 1024 / EDGE_PX**2
    stated = scorer.footprint.bytes_per_px
    precision = "bf16" if bf16 else "float32"
    return (
        f"{engine:10}{name:14}{outputs:8}{binning:8}{precision:>10}{before / 1024:10.0f} MB"
        f"{taken:12.0f}{stated:10.0f}"
    )


def main() -> None:
    """Print the table, each line from a process of its own."""
    if len(sys.argv) > 1:
        engine, name, outputs, binning, bf16 = sys.argv[1:]
        print(measure(engine, name, int(outputs), int(binning), bf16 == "True"))
        return
    head = ("outputs", "binning", "precision", "program", "bytes/px", "stated")
    print(
        f"{'engine':10}{'network':14}{head[0]:>8}{head[1]:>8}{head[2]:>10}{head[3]:>13}{head[4]:>12}{head[5]:>10}"
    )
    for engine, name, case in product(ENGINES, NETWORKS, CASES):
        if ENGINES[engine].graph and not Architecture(name).is_graph:
            continue
        words = [sys.executable, __file__, engine, name, *map(str, case)]
        print(subprocess.run(words, capture_output=True, text=True, check=True).stdout, end="")


if __name__ == "__main__":
    main()
