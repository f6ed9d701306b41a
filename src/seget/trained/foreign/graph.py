"""A graph of another program, as a network: OpenVINO runs it.

bytes of ONNX -> module: image (b, c, h, w) -> logits (b, k, h, w)

It never trains: a graph has no weights that torch could change.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from seget.errors import InputError
from seget.networks import Architecture
from seget.trained.foreign.processing import Processing

# Scores of exactly 0 and 1 have no logit; these are beyond what a score map of 0..127 tells apart.
LEAST_SCORE = 1e-5
# Ends of a graph whose results lie in 0 to 1.
TO_SCORES = frozenset({"Sigmoid", "SoftMax", "Softmax", "HardSigmoid", "HSigmoid"})
# Copies of the largest feature map that are in memory at once.
COPIES = 3
PROBE_PX = 256


def openvino() -> Any:
    """Import OpenVINO without its telemetry, which reports its use or asks whether it may."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return import_module("openvino")


@cache
def openvino_core() -> Any:
    """Return the one OpenVINO core of this process; it is never destroyed.

    A core installs an alternative signal stack in the thread that creates it, and restores the
    former one when it is destroyed. If two are destroyed in the order of their creation, the second
    restores the freed stack of the first, and Ctrl-C ends in a segmentation fault.
    """
    return openvino().Core()


@dataclass(frozen=True)
class GraphArchitecture(Architecture):
    """What prediction needs to know of a graph that no recipe describes.

    Attributes
    ----------
    halo, step_px
        As `halo_px` and `multiple` of `Architecture`.
    feature_bytes
        Memory of its feature maps for a pixel of the image.
    """

    halo: int = 0
    step_px: int = 1
    feature_bytes: float = 0.0

    def __post_init__(self) -> None:
        """Leave the name as it is: it is none of `NETWORKS`."""

    def build(self, seed: int | None = None) -> nn.Module:
        """Refuse: nothing but the graph itself has its operations."""
        raise InputError(f"{self.name}: a model of another program cannot be trained here.")

    def describes(self, network: nn.Module) -> bool:
        """Whether a network is a graph."""
        return isinstance(network, Graph)

    @property
    def title(self) -> str:
        """Its name for people."""
        return "a model of another program"

    @property
    def halo_px(self) -> int:
        """Margin in px with which a tile is read to get the logits of the whole slice."""
        return self.halo

    @property
    def numbers_per_px(self) -> float:
        """No limit: OpenVINO computes, not torch."""
        return 0.0

    @property
    def multiple(self) -> int:
        """Tiles start at multiples of this, in px."""
        return self.step_px

    @property
    def is_graph(self) -> bool:
        """No: it is one already, and it is run as it is."""
        return False

    def bytes_per_px(self, *, bf16: bool, graph: bool = False) -> float:
        """Return an estimate of the memory per pixel of a tile while it is scored, in float32."""
        return self.feature_bytes + 56 + 24 * self.inputs + 12 * self.outputs


class Graph(nn.Module):
    """A graph for images of any size.

    Parameters
    ----------
    content
        Of an ONNX file.
    where
        Its path, for sentences.
    done
        What is done to each image, and to what the graph gives.
    least_px, step_px
        Edges of its images are `least_px` plus a multiple of `step_px`; others are extended.

    Raises
    ------
    InputError
        It is no ONNX, or has not one input and outputs of images with free height and width.
    """

    def __init__(
        self,
        content: bytes,
        where: object,
        done: Processing | None = None,
        least_px: int = 1,
        step_px: int = 1,
    ) -> None:
        super().__init__()
        self.where = where
        self.done = done or Processing()
        self.least_px, self.step_px = least_px, step_px
        self._model = _read(content, where)
        self.inputs = _channels(self._model, where)
        self.gives_scores = not self.done.sigmoid and all(
            _ends_in_scores(output) for output in self._model.outputs
        )
        self._compiled: dict[tuple[int, ...], Any] = {}

    def forward(self, image: Tensor) -> Tensor:
        """Return logits `(b, k, h, w)` of a normalised image `(b, c, h, w)`."""
        height, width = image.shape[-2:]
        down, right = (self._missing(edge) for edge in (height, width))
        padded = functional.pad(image.detach().float().cpu(), (0, right, 0, down), mode="replicate")
        found = np.stack([self._of_one(one) for one in padded.numpy()])[..., :height, :width]
        if self.gives_scores:
            found = np.clip(found, LEAST_SCORE, 1 - LEAST_SCORE)
            found = np.log(found / (1 - found))
        return torch.from_numpy(np.ascontiguousarray(found, np.float32)).to(image.device)

    def _missing(self, edge: int) -> int:
        return max(0, self.least_px - edge) or (self.least_px - edge) % self.step_px

    def _of_one(self, image: Any) -> Any:
        """Return what the graph gives for one image `(c, h, w)`: its outputs' channels in a row."""
        batch = self.done(image)[None]
        found = self._for_size(batch.shape)(batch)
        return np.concatenate([found[number][0] for number in range(len(found))])

    def _for_size(self, shape: tuple[int, ...]) -> Any:
        if shape not in self._compiled:
            fixed = self._model.clone()
            try:
                fixed.reshape(list(shape))
                settings = {
                    "INFERENCE_PRECISION_HINT": "f32",
                    "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                    "PERFORMANCE_HINT": "LATENCY",
                }
                self._compiled[shape] = openvino_core().compile_model(fixed, "CPU", settings)
            except RuntimeError as error:
                raise InputError(
                    f"{self.where}: it takes no image of {shape[2]} x {shape[3]} px "
                    f"({str(error).strip().splitlines()[-1][:200]}); wanted a model with free "
                    "height and width."
                ) from None
        return self._compiled[shape]

    def channels(self) -> int:
        """Return how many scores a pixel gets, over all outputs."""
        return sum(int(output.shape[1]) for output in self._probe().outputs)

    def feature_bytes(self) -> float:
        """Estimate the memory of its feature maps for a pixel of the image."""
        maps = [
            math.prod(output.shape)
            for node in self._probe().get_ordered_ops()
            if node.get_type_name() not in ("Constant", "Parameter", "Convert")
            for output in node.outputs()
            if output.partial_shape.is_static and len(output.shape) == 4
        ]
        return COPIES * 4 * max(maps, default=0) / self._probe_px() ** 2

    def _probe_px(self) -> int:
        """Return the edge of an image of a usual size that the graph takes."""
        return PROBE_PX + self._missing(PROBE_PX)

    def _probe(self) -> Any:
        """Return the graph for one image of a usual size, all of whose shapes are known."""
        edge = self._probe_px()
        fixed = self._model.clone()
        try:
            fixed.reshape([1, self.inputs, edge, edge])
            for output in fixed.outputs:
                if len(output.shape) != 4 or list(output.shape[2:]) != [edge, edge]:
                    raise InputError(
                        f"{self.where}: of an image of {edge} x {edge} px it gives "
                        f"{' x '.join(map(str, output.shape))}, wanted scores of the image's size."
                    )
        except RuntimeError:
            raise InputError(
                f"{self.where}: it takes no image of {edge} x {edge} px, wanted a model with free "
                "height and width, whose outputs have the size of the image; export it so."
            ) from None
        return fixed


def _read(content: bytes, where: object) -> Any:
    try:
        core = openvino_core()
    except ImportError:
        raise InputError(
            f"{where}: models of other programs are run by openvino, which is not installed; pip "
            "install openvino."
        ) from None
    try:
        return core.read_model(content)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1][:200]
        raise InputError(
            f"{where}: OpenVINO cannot read it as ONNX ({reason}); wanted an .onnx file with its "
            "weights inside."
        ) from None


def _channels(model: Any, where: object) -> int:
    """Return the channels of the one input; refuse what is no 2-D image."""
    inputs = [source.partial_shape for source in model.inputs]
    if len(inputs) != 1 or len(inputs[0]) != 4 or inputs[0][1].is_dynamic:
        shapes = "; ".join(map(str, inputs))
        raise InputError(
            f"{where}: its inputs are {shapes or 'none'}, wanted one image (batch, channel, y, x) "
            "with a known number of channels."
        )
    channels = int(inputs[0][1].get_length())
    if channels % 2 == 0:
        raise InputError(
            f"{where}: it takes images of {channels} channels, wanted one, or a slice between as "
            "many before it as after it."
        )
    return channels


def _ends_in_scores(output: Any) -> bool:
    """Whether the operation before a result of the graph gives numbers of 0 to 1."""
    node = output.get_node()
    for _ in range(8):  # what may stand between: a cut, a change of type or of layout
        source = node.input_value(0).get_node()
        if source.get_type_name() in TO_SCORES:
            return True
        if source.get_type_name() not in ("Convert", "StridedSlice", "Slice", "Transpose"):
            return False
        node = source
    return False
