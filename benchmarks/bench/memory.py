"""The most memory that the command line takes for volumes of some length.

number of slices -> bytes of anonymous memory at the highest point, verb by verb

Anonymous memory (RssAnon) is what a process really takes: pages of a mapped file are the system's,
which drops them when it needs them. Linux alone tells it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
from benchmarks.bench.jobs import SLICE_PX, model

from seget import files
from seget.volume import Volume

SEGET = Path(sys.executable).with_name("seget")
EVERY_S = 0.01
DATASET = """
[[tomogram]]
image = "tomogram.mrc"
[tomogram.masks]
synapse = "mask.mrc"
"""


def peak_bytes(words: Sequence[str | Path]) -> tuple[int, float]:
    """Run a command; return the most anonymous memory it took, and its seconds."""
    started = perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _anonymous_bytes(process.pid))
        sleep(EVERY_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: ended with {process.returncode}")
    return peak, perf_counter() - started


def _anonymous_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it ended
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def verbs(depth: int, wanted: Sequence[str]) -> Iterator[tuple[str, int, float]]:
    """Run verbs on a tomogram of `depth` slices; yield each one's name, bytes and seconds."""
    with tempfile.TemporaryDirectory(prefix="seget-bench-") as name:
        folder = Path(name)
        _write(folder, depth)
        predicted = folder / "predicted"
        labels = predicted / "labels.mrc"
        commands = {
            "predict": ["predict", folder / "tomogram.mrc", folder / "model", "-o", predicted],
            "fuse": ["fuse", predicted, "-o", labels],
            "evaluate": ["evaluate", predicted, folder / "dataset.toml", "--slices", "all"],
        }
        for verb in wanted:
            yield (verb, *peak_bytes([SEGET, *commands[verb]]))


def _write(folder: Path, depth: int) -> None:
    """Write a tomogram slice by slice, a mask, and a model; none is ever whole in memory."""
    rng = np.random.default_rng(0)
    like = Volume(np.broadcast_to(np.uint8(0), (depth, SLICE_PX, SLICE_PX)))
    for name in ("tomogram", "mask"):
        path = folder / f"{name}.mrc"
        with files.create(path, like, np.dtype(np.uint8), key=name) as writer:
            for z in range(depth):
                grey = rng.integers(0, 256, (SLICE_PX, SLICE_PX), np.uint8)
                writer[z] = grey if name == "tomogram" else (grey > 250).astype(np.uint8)
        files.drop_journal(path)
    (folder / "dataset.toml").write_text(DATASET)
    model().save(folder / "model")
