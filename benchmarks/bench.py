"""How fast the network runs as we run it, against the same network as torch runs it untold.

SegET + one slice of 512 x 512 -> a table, and build/bench.json

Medians of five on this machine's CPU. "plain" is the eager forward pass in float32; "ours" once the
forward pass in channels_last and bf16, once a slice's whole way: normalise, network, scores. A step
of the paper's recipe, 12 patches of 512 x 512, has no plain side: it says how long an epoch takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from seget.networks import SegET
from seget.prediction import Options, choose_device, predict
from seget.recipes import paper
from seget.samples import Batch
from seget.trained import Trained
from seget.training.state import State
from seget.volume import Volume

RESULT = Path(__file__).parents[1] / "build" / "bench.json"
SIZE_PX = 512
REPEATS = 5
COLUMNS = ("ours", "plain", "ratio")


def seconds(work: Callable[[], object]) -> float:
    """Return the median time of `work` in seconds, after one run that is not counted."""
    work()
    times = []
    for _ in range(REPEATS):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return median(times)


def forward(network: nn.Module, image: Tensor, *, bf16: bool) -> Tensor:
    """Return the logits of `image` `(1, 1, h, w)`."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits: Tensor = network(image)
    return logits


def paper_step() -> float:
    """Return the seconds of a training step as the paper has it."""
    recipe = paper("microtubules")
    state = State(recipe, 1, 0, choose_device("cpu"))
    shape = (recipe.batch_size, 1, recipe.patch_px, recipe.patch_px)
    target = torch.rand(shape) < 0.01
    batch = Batch(torch.randn(shape), target, torch.ones_like(target))
    return seconds(lambda: state.train_step(batch, 0.0))


def measure() -> dict[str, dict[str, float | str]]:
    """Time what is ours against what is plain: name -> ours, plain, ratio, unit."""
    torch.manual_seed(0)
    network = SegET(outputs=1).eval()
    fast = deepcopy(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained = Trained(deepcopy(network), ("synapse",), paper("synapse"), {"synapse": 0.5})
    image = torch.randn(1, 1, SIZE_PX, SIZE_PX)
    grey = np.random.default_rng(0).integers(0, 256, (1, SIZE_PX, SIZE_PX), np.uint8)

    plain = seconds(lambda: forward(network, image, bf16=False))
    ours = {
        "forward": seconds(lambda: forward(fast, image, bf16=True)),
        "prediction": seconds(lambda: predict(Volume(grey), trained, Options(device="cpu"))),
    }
    rows: dict[str, dict[str, float | str]] = {
        name: {"ours": time, "plain": plain, "ratio": plain / time, "unit": "s"}
        for name, time in ours.items()
    }
    return rows | {"paper_step": {"ours": paper_step(), "unit": "s"}}


if __name__ == "__main__":
    rows = measure()
    print(f"{SIZE_PX} x {SIZE_PX}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'':12}{'ours':>8}{'plain':>8}{'ratio':>8}")
    for name, row in rows.items():
        numbers = (f"{row[key]:8.3f}" if key in row else " " * 8 for key in COLUMNS)
        print(f"{name:12}{''.join(numbers)}  {row['unit']}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=2) + "\n")
