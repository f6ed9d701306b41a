"""The parts of the benchmark of CUDA that predict; each says its figures one by one.

folder of `write_dataset` -> figures
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from benchmarks.gpu_parts import DEPTH, EDGE, NAMES, TINY, Part, Say, device, model, wait
from torch import nn

from seget import files
from seget.networks.blocks import ConvBlock
from seget.prediction import Options, Scorer, open_reader, predict, score_slices
from seget.prediction.folding import folded
from seget.prediction.on_device import can_score_on_device, score_on_device
from seget.prediction.predict import scorer
from seget.slices import SliceReader
from seget.trained import Trained, general
from seget.volume import Volume

SLICES = 2 if TINY else 8  # of the 76 of a volume, which are extrapolated to
WHOLE_SLICES = 76


def tomogram(folder: Path, slices: int) -> Volume:
    """Return the first slices of the tomogram, memory-mapped."""
    volume = files.read(folder / "tomogram.mrc")
    return Volume(volume.data[: min(slices, DEPTH)], name="tomogram")


def where() -> str:
    """Return the device as options name it."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def time_ms(work: Callable[[], object], least_s: float = 0.6) -> float:
    """Return the milliseconds of a piece of work, the median of several."""
    for _ in range(3):
        work()
    taken = []
    begun = perf_counter()
    while len(taken) < 5 or perf_counter() - begun < (0.1 if TINY else least_s):
        wait()
        started = perf_counter()
        work()
        wait()
        taken.append(perf_counter() - started)
    return 1000 * float(np.median(taken))


def tried(say: Say, name: str, work: Callable[[], Callable[[], object]]) -> None:
    """Say how long something takes, or why it cannot be done."""
    try:
        say(name, time_ms(work()), "ms")
    except Exception as error:  # the others are still worth measuring
        say(f"{name}: {type(error).__name__}: {str(error)[:200]}", "-", "")


def one_slice(folder: Path, say: Say) -> None:
    """Score a slice: as `seget predict` does it, the network alone, and ways to make it shorter."""
    given = tomogram(folder, 4)
    for precision in ("auto", "tf32", "float32") if where() == "cuda" else ("auto",):
        trained = model()
        reader = open_reader(given, trained, Options(where()))
        scoring = scorer(trained, reader, Options(where(), precision=precision, engine="torch"))
        of_slice(say, f"slice, {precision}", reader, scoring)
    pixels = reader.read(0)
    wide = ((0, 0), (0, 16), (0, 16))
    tried(say, "slice: normalising on the host", lambda: partial(reader.read, 0))
    tried(say, "slice: padding on the host", lambda: partial(np.pad, pixels, wide, mode="edge"))
    if torch.cuda.is_available():
        say("memory of a slice", torch.cuda.max_memory_allocated() / 1e9, "GB")
    networks(say)


def of_slice(say: Say, name: str, reader: SliceReader, scoring: Scorer) -> None:
    """Time a slice without and with what comes before and after the engine."""
    pixels = reader.read(0)
    numbers = cycle(range(reader.shape[0]))

    def whole() -> object:
        z = next(numbers)
        return reader.restore(z, scoring.scores(reader.read(z)))

    inner = partial(scoring.scores, pixels)
    tried(say, f"{name}: normalised pixels in, scores out", lambda: inner)
    tried(say, f"{name}: grey bytes in, scores out, normalised by the host", lambda: whole)
    if can_score_on_device(reader, scoring):
        one = lambda: list(score_on_device(reader, scoring, [next(numbers)]))  # noqa: E731
        tried(say, f"{name}: grey bytes in, scores out", lambda: one)
    many = [next(numbers) for _ in range(4 if TINY else 40)]
    for _ in range(2):
        started = perf_counter()
        for _, scores in score_slices(reader, scoring, many):
            assert scores.shape[1:] == (EDGE, EDGE)
        taken = perf_counter() - started
    say(f"{name}: grey bytes in, scores out, one of many", 1000 * taken / len(many), "ms")


def networks(say: Say) -> None:
    """Time the network alone in several forms."""
    on = device()
    image = torch.randn(1, 1, EDGE, EDGE, device=on.torch)

    def plain() -> Callable[[], object]:
        network = model().network.to(on.torch, memory_format=torch.channels_last)

        def work() -> object:
            with torch.inference_mode(), on.autocast():
                return network(image)

        return work

    def shorter(*, bf16: bool, graph: bool, fused: bool = False) -> Callable[[], object]:
        network = folded(model().network).to(on.torch, memory_format=torch.channels_last)
        given = image.bfloat16() if bf16 else image
        if bf16:
            network = network.bfloat16()
        if fused:
            fuse_relu(network)

        def work() -> object:
            with torch.inference_mode():
                if bf16:
                    return network(given)
                with on.autocast():
                    return network(given)

        return recorded(work) if graph and torch.cuda.is_available() else work

    tried(say, "network alone, autocast", plain)
    tried(say, "network alone, autocast, recorded", lambda: recorded(plain()))
    tried(say, "network alone, batch norm folded", lambda: shorter(bf16=False, graph=False))
    tried(say, "network alone, folded, all bf16", lambda: shorter(bf16=True, graph=False))
    tried(say, "network alone, folded, all bf16, recorded", lambda: shorter(bf16=True, graph=True))
    fused = lambda: shorter(bf16=True, graph=True, fused=True)  # noqa: E731
    tried(say, "network alone, folded, all bf16, ReLU fused, recorded", fused)
    torch.backends.cudnn.benchmark = True
    tried(say, "the same, cuDNN tries its ways", fused)
    tried(say, "without ReLU fused, cuDNN tries its ways", lambda: shorter(bf16=True, graph=True))
    torch.backends.cudnn.benchmark = False


def recorded(work: Callable[[], object]) -> Callable[[], object]:
    """Return the work as a CUDA graph."""
    if not torch.cuda.is_available():
        return work
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=side):
        kept = work()

    def replay() -> object:
        graph.replay()
        return kept

    return replay


def fuse_relu(network: nn.Module) -> None:
    """Let cuDNN compute convolution, bias and ReLU in one kernel."""
    for module in network.modules():
        if isinstance(module, ConvBlock):
            module.forward = partial(_convolution_relu, module[0])


def _convolution_relu(layer: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    return torch.cudnn_convolution_relu(
        x, layer.weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups
    )


def volume(folder: Path, say: Say) -> None:
    """Predict a few slices from disk into memory, five structures jointly and one by one."""
    given = tomogram(folder, SLICES)
    options = Options(where())
    times = WHOLE_SLICES / SLICES
    joint = model(NAMES)
    predict(given, joint, options)
    started = perf_counter()
    predict(given, joint, options)
    seconds = perf_counter() - started
    say(f"five structures jointly, {SLICES} slices", seconds, "s")
    say(f"the same, {WHOLE_SLICES} slices, extrapolated", seconds * times, "s")
    singles = [model((name,)) for name in NAMES]
    started = perf_counter()
    for one in singles:
        predict(given, one, options)
    seconds = perf_counter() - started
    say(f"five models, {SLICES} slices", seconds, "s")
    say(f"the same, {WHOLE_SLICES} slices, extrapolated", seconds * times, "s")
    if torch.cuda.is_available():
        say("memory", torch.cuda.max_memory_allocated() / 1e9, "GB")


def agreement(folder: Path, say: Say) -> None:
    """Compare labels with the processor's, of the model that comes with seget."""
    whole = files.read(folder / "tomogram.mrc").data
    edge = 256 if TINY else 1024
    given = Volume(np.ascontiguousarray(whole[:1, :edge, :edge]), name="crop")
    say("processor", platform.processor() or platform.machine(), "")
    for name, trained in (("general", general()), ("random weights", model())):
        wanted = _scores(given, trained, Options("cpu", precision="float32", engine="torch"))
        for precision in ("float32", "tf32", "bf16") if where() == "cuda" else ("bf16",):
            got = _scores(given, trained, Options(where(), precision=precision, engine="torch"))
            same = float(((got >= 64) == (wanted >= 64)).mean())
            say(f"{name}, {precision}: same labels at 0.5", 100 * same, "%")
            off = int(np.abs(got.astype(int) - wanted).max())
            say(f"{name}, {precision}: largest change of a score", off, "of 127")
        say(f"{name}: foreground", 100 * float((wanted >= 64).mean()), "%")


def _scores(given: Volume, trained: Trained, options: Options) -> Any:
    maps = predict(given, trained, options)
    return np.stack([np.asarray(one.data) for one in maps.values()])


PARTS = {
    "slice": Part(one_slice, 45),
    "volume": Part(volume, 40),
    "agreement": Part(agreement, 40),
}
