"""The engine for processors: the network as a graph that OpenVINO compiles.

normalised window (c, y, x) -> scores (k, y, x), 0..127

OpenVINO folds batch normalisation and fuses layers, and is about as fast as the processor's matrix
product. A compiled network is cached in the user's cache folder, so that a second start does not
trace and compile again. It never trains, and never runs on anything but a processor.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch
from torch import nn

from seget import files
from seget.device import Device
from seget.prediction.engine import VIEWS, Pixels, Scores
from seget.prediction.quantisation import quantised
from seget.trained.foreign import openvino, openvino_core
from seget.volume import FULL_SCORE

CACHE_BYTES = 10**9
WAIT_S = 120.0  # for another process that compiles the same network


class OpenVinoEngine:
    """A network compiled for windows of one size at a time.

    Parameters
    ----------
    network
        In evaluation mode; image `(1, c, h, w)` -> logits `(1, k, h, w)`.
    device
        A processor.
    key
        Hash of the weights, for the cache; empty: not cached.
    samples
        Normalised windows `(c, y, x)` of one size, on which int8 is calibrated.
    """

    name = "openvino"
    graph = True

    def __init__(
        self, network: nn.Module, device: Device, key: str = "", samples: Sequence[Pixels] = ()
    ) -> None:
        self.network = network.eval().to("cpu")
        self.device = device
        self._graph = _Graph(self.network, key, samples if device.int8 else ())
        self._compiled: dict[tuple[int, ...], Any] = {}

    def scores(self, pixels: Pixels, views: int = 1) -> Scores:
        """Return scores `(k, y, x)` of a normalised window `(c, y, x)`, averaged over views."""
        total: Any = 0.0
        for turned, mirrored in VIEWS[:views]:
            axes = tuple(axis + 1 for axis in mirrored)
            view = np.flip(pixels.transpose(0, 2, 1) if turned else pixels, axes)
            logits = self._of_size(view.shape)(np.ascontiguousarray(view)[None])[0][0]
            back = np.flip(_sigmoid(logits), axes)
            total = total + (back.transpose(0, 2, 1) if turned else back)
        score: Scores = np.rint(np.nan_to_num(total) * (FULL_SCORE / views)).astype(np.uint8)
        return score

    def _of_size(self, size: tuple[int, ...]) -> Any:
        """Return the compiled network for windows `(c, y, x)` of one size."""
        if size not in self._compiled:
            settings = {
                "INFERENCE_PRECISION_HINT": "bf16" if self.device.bf16 else "f32",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "PERFORMANCE_HINT": "LATENCY",
            }
            self._compiled[size] = self._graph.compiled(size, settings)
        return self._compiled[size]


class _Graph:
    """A network as an OpenVINO graph for any image size, and its place in the cache."""

    def __init__(self, network: nn.Module, key: str, samples: Sequence[Pixels]) -> None:
        self.network = network
        self.key = _graph_key(network, key) if key else ""
        self.samples = samples
        self.folder = _cache_folder() if self.key else None
        self._model: Any = None

    def compiled(self, size: tuple[int, ...], settings: dict[str, Any]) -> Any:
        """Return the network compiled for images `(c, y, x)` of one size.

        Many workers start at once with one cache: the first fills it, the others wait and read.
        """
        if self.folder is None:
            return self._compiled(size, settings, None)
        with files.in_turn(self.folder / f"{self.key[:32]}.lock", WAIT_S) as is_mine:
            return self._compiled(size, settings, self.folder if is_mine else None)

    def _compiled(
        self, size: tuple[int, ...], settings: dict[str, Any], folder: Path | None
    ) -> Any:
        if self._model is None:
            self._model = self._opened(size[0], folder)
            if self.samples:
                self._model = quantised(self._model, self.samples)
        fixed = self._model.clone()
        fixed.reshape([1, *size])
        if folder is not None:
            settings = settings | {"CACHE_DIR": str(folder)}
        return openvino_core().compile_model(fixed, "CPU", settings)

    def _opened(self, channels: int, folder: Path | None) -> Any:
        if folder is None:
            return self._traced(channels)
        path = folder / f"{self.key[:32]}.xml"
        if not path.is_file():
            _save(self._traced(channels), path)
            _prune(folder)
        return openvino_core().read_model(path)

    def _traced(self, channels: int) -> Any:
        library = openvino()
        with warnings.catch_warnings(), torch.no_grad():
            # Tracing warns of values that become constants; no network depends on them.
            warnings.simplefilter("ignore")
            example = torch.zeros(1, channels, 96, 64)
            shape = [1, channels, -1, -1]
            return library.convert_model(self.network, example_input=example, input=shape)


def _graph_key(network: nn.Module, weights: str) -> str:
    """Return a hash of all that a traced graph follows from; empty if its code cannot be read.

    That is the weights, the code and the plain settings (strides, binning) of the network's
    modules, torch and OpenVINO.
    """
    key = hashlib.sha256(weights.encode())
    key.update(repr(files.provenance.versions("torch", "openvino")).encode())
    kinds = {type(module) for module in network.modules()}
    for name, module in network.named_modules():
        plain = {k: v for k, v in vars(module).items() if isinstance(v, int | float | str | tuple)}
        key.update(f"{name} {plain}".encode())
    own = {kind.__module__ for kind in kinds if not kind.__module__.startswith("torch.")}
    try:
        for module in sorted(own):
            key.update(inspect.getsource(sys.modules[module]).encode())
    except (OSError, TypeError):  # made in a terminal, say
        return ""
    return key.hexdigest()


def _sigmoid(logits: Pixels) -> Pixels:
    with np.errstate(over="ignore"):  # exp of a large number is infinite, and its inverse 0
        probability: Pixels = np.float32(1) / (np.float32(1) + np.exp(-logits))
    return probability


def _cache_folder() -> Path | None:
    """Return the cache folder of compiled networks, created if missing; None if it cannot be."""
    folder = Path(platformdirs.user_cache_dir("seget", appauthor=False)) / "openvino"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # without a writable home it is compiled each time
        return None
    return folder


def _save(model: Any, graph: Path) -> None:
    """Write a graph and its weights; the graph last, since its presence means that both are."""
    library = openvino()
    with files.atomic_path(graph) as part:
        # The library derives the name of the .bin from that of the .xml: both are renamed after.
        beside = part.with_name(f"{part.name}.xml")
        library.save_model(model, beside, compress_to_fp16=False)
        beside.with_suffix(".bin").replace(graph.with_suffix(".bin"))
        beside.replace(part)


def _prune(folder: Path) -> None:
    """Remove the oldest files of the cache until at most `CACHE_BYTES` are left."""
    kept = 0
    dated = [(path.stat().st_mtime, path) for path in folder.iterdir() if path.is_file()]
    for _, path in sorted(dated, reverse=True):
        kept += path.stat().st_size
        if kept > CACHE_BYTES:
            path.unlink(missing_ok=True)
