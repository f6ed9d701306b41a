"""A trained model as an ONNX graph, checked against torch.

Trained -> `.onnx`: image (b, c, h, w) normalised -> scores (b, k, h, w) in 0 to 1; `.json` beside

Height and width are free, batch normalisation is folded into the convolutions, the sigmoid is in
the graph. It never writes a graph whose scores differ from torch's.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seget import files
from seget.errors import InputError, RunError
from seget.normalisation import NAME as NORMALISATION
from seget.trained import Trained
from seget.trained.foreign import GraphCard, openvino_core

OPSET = 17  # read by all programs that we know of since 2022
INPUT, OUTPUT = "image", "scores"
# Height and width of the images on which the graph is compared with torch: none is a multiple of
# anything that a network strides by.
ODD_SIZES = ((33, 47), (64, 129), (101, 17))
# Largest difference of a score: a hundredth of a step of a score map. Ours differ by 1e-6; rounding
# of float32 alone takes a network with steep outputs beyond 1e-5.
TOLERANCE = 1e-4


class WithSigmoid(nn.Module):
    """A network with its sigmoid."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Return scores `(b, k, h, w)` of a normalised image `(b, c, h, w)`."""
        return torch.sigmoid(self.network(image))


def write_onnx(trained: Trained, out: Path, overwrite: bool = False) -> list[Path]:
    """Write `out` and the `.json` beside it that says how it is used; return both.

    Raises
    ------
    InputError
        One of them exists, `onnx` is not installed, or the network is no graph (SegNet).
    RunError
        The graph's scores are not torch's.
    """
    beside = out.with_suffix(".json")
    refuse_existing(out, overwrite)
    refuse_existing(beside, overwrite)
    content = onnx_bytes(trained)
    with files.atomic_path(out) as part:
        part.write_bytes(content)
    files.write_json(beside, card(trained).model_dump(mode="json"))
    return [out, beside]


def onnx_bytes(trained: Trained) -> bytes:
    """Return the model as ONNX; its metadata hold what `card` says, under the key "seget".

    Raises
    ------
    InputError
        `onnx` is not installed, or the network has operations that ONNX has not (SegNet).
    RunError
        The graph's scores are not torch's.
    """
    onnx = _onnx()
    if not trained.architecture.is_graph:
        raise InputError(
            f"{trained.architecture.title} remembers where each maximum was, which no exporter "
            "writes down for images of every size; train with --set network=seget."
        )
    network = WithSigmoid(trained.scoring_network).eval()
    model = onnx.load_from_string(_traced(network, trained.architecture.inputs))
    entry = model.metadata_props.add()
    entry.key, entry.value = "seget", json.dumps(card(trained).model_dump(mode="json"))
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    differs = difference(content, network, trained.architecture.inputs)
    if not differs <= TOLERANCE:
        raise RunError(
            f"the ONNX graph differs from torch's scores by {differs:.2g}, wanted at most "
            f"{TOLERANCE:g}; nothing is written: report this with what `seget info --environment` "
            "says."
        )
    return content


def card(trained: Trained) -> GraphCard:
    """Return how the graph of a model is used: structures, thresholds, pixel size, slices."""
    architecture = trained.architecture
    return GraphCard(
        structures=list(trained.structures),
        thresholds=trained.thresholds,
        pixel_nm=trained.pixel_nm,
        slice_nm=trained.slice_nm,
        context=trained.recipe.context,
        normalisation=NORMALISATION,
        halo_px=architecture.halo_px,
        multiple=architecture.multiple,
        weights_sha256=trained.weights_sha256,
    )


def refuse_existing(out: Path, overwrite: bool) -> None:
    """Raise InputError if a file is there that is not to be replaced."""
    if out.exists() and not overwrite:
        raise InputError(f"{out}: the file is there already; give --overwrite or another -o.")


def _onnx() -> Any:
    try:
        return import_module("onnx")
    except ImportError:
        raise InputError(
            "to write ONNX the package onnx is needed, which is not installed; pip install onnx."
        ) from None


def _traced(network: nn.Module, channels: int) -> bytes:
    """Return the graph by torch's TorchScript exporter: the newer one names shapes badly."""
    free = {0: "batch", 2: "height", 3: "width"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        path = Path(folder) / "graph.onnx"
        # Tracing warns of values that become constants, and that this exporter is the older one.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, channels, 96, 64),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: free, OUTPUT: free},
        )
        return path.read_bytes()


def difference(content: bytes, network: nn.Module, channels: int) -> float:
    """Return by how much the scores of a graph and of a network differ on images of odd sizes."""
    core = openvino_core()
    compiled = core.compile_model(
        core.read_model(content), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    generator = np.random.default_rng(0)
    largest = 0.0
    for size in ODD_SIZES:
        image = generator.standard_normal((1, channels, *size), np.float32)
        with torch.no_grad():
            wanted = network(torch.from_numpy(image)).numpy()
        largest = max(largest, float(np.abs(compiled(image)[0] - wanted).max()))
    return largest
