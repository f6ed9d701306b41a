"""Where the time of a slice and of a training step goes, by kind of operation.

    python -m benchmarks.breakdown

The slice is that of `make bench` through OpenVINO, the step its `step_seget`. Counting costs time
itself: shares are true, sums are a tenth too long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np
import torch
from benchmarks.bench.jobs import SLICE_PX, model, step_ours
from torch.utils._python_dispatch import TorchDispatchMode

from seget.device import choose_device
from seget.networks import Architecture
from seget.prediction import OpenVinoEngine

STEPS = 5


class Stopwatch(TorchDispatchMode):
    """Adds up the seconds of each operation of torch while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: Counter[str] = Counter()

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Time one operation."""
        started = perf_counter()
        result = operation(*args, **(kwargs or {}))
        self.seconds[str(operation).split(".")[1]] += perf_counter() - started
        return result


def of_slice() -> dict[str, float]:
    """Return milliseconds by kind of layer for one slice."""
    device = choose_device("cpu")
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if device.bf16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERF_COUNT": True,
    }
    graph = OpenVinoEngine(model().network, device)._graph
    request = graph.compiled((SLICE_PX, SLICE_PX), settings).create_infer_request()
    pixels = np.random.default_rng(0).standard_normal((1, 1, SLICE_PX, SLICE_PX), np.float32)
    for _ in range(3):
        request.infer({0: pixels})
    taken: Counter[str] = Counter()
    for layer in request.profiling_info:
        taken[layer.node_type] += layer.real_time.total_seconds() * 1000
    return dict(taken)


def of_step() -> dict[str, float]:
    """Return milliseconds by operation for one training step."""
    work = step_ours("seget")
    work()
    with Stopwatch() as watch:
        for _ in range(STEPS):
            work()
    return {name: 1000 * seconds / STEPS for name, seconds in watch.seconds.items()}


def show(title: str, taken_ms: Mapping[str, float], least_ms: float = 2) -> None:
    """Print kinds of operation, the longest first."""
    total = sum(taken_ms.values())
    print(f"\n{title}: {total:.0f} ms")
    for name, ms in sorted(taken_ms.items(), key=lambda item: -item[1]):
        if ms >= least_ms:
            print(f"  {name:32}{ms:8.1f} ms{ms / total:8.1%}")


def main() -> None:
    """Print both."""
    gflop = Architecture("seget").cost(SLICE_PX).gflop
    show(f"a slice of {SLICE_PX} x {SLICE_PX} px, {gflop:.0f} GFLOP", of_slice(), 1)
    show("a step of 4 patches of 256 px", of_step())


if __name__ == "__main__":
    main()
