"""Finds a model of another program at a path, and makes a Trained of it.

path -> Foreign: what prediction does with a Trained, it does with this

It never trains one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from seget import files
from seget.errors import InputError
from seget.networks import Architecture
from seget.recipes import modern
from seget.trained.card import read_bytes
from seget.trained.foreign.card import GraphCard
from seget.trained.foreign.graph import Graph, GraphArchitecture
from seget.trained.foreign.package import NO_NAME, is_package, read_package
from seget.trained.model import Trained
from seget.trained.weights import MOST_WEIGHTS_BYTES

SUFFIX = ".onnx"


@dataclass(frozen=True)
class Foreign(Trained):
    """A graph of another program, with what prediction needs to know of it."""

    graph: GraphArchitecture = field(default_factory=lambda: GraphArchitecture("onnx"))

    @property
    def architecture(self) -> Architecture:
        """What prediction needs to know: channels, halo, memory."""
        return self.graph


def is_foreign(path: Path) -> bool:
    """Whether a path is an ONNX file or a package of bioimage.io."""
    return (path.suffix.lower() == SUFFIX and path.is_file()) or is_package(path)


def load_foreign(path: Path) -> Foreign:
    """Read an ONNX file or a package of bioimage.io.

    An ONNX file without a `.json` of `seget export` beside it has outputs named after the file, is
    used at the tomogram's own pixel size, and its scores count as foreground from 0.5.

    Raises
    ------
    InputError
        It is none, or wants what cannot be done here.
    """
    if is_package(path):
        found = read_package(path)
        network = Graph(found.onnx, path, found.done, found.least_px, found.step_px)
        return _foreign(network, found.card, found.onnx, path)
    content = read_bytes(path, MOST_WEIGHTS_BYTES, "copy it again")
    network = Graph(content, path)
    return _foreign(network, _card_of(path, network), content, path)


def _foreign(network: Graph, card: GraphCard, content: bytes, path: Path) -> Foreign:
    outputs = network.channels()
    wanted = 2 * card.context + 1
    if outputs != len(card.structures) or network.inputs != wanted:
        raise InputError(
            f"{path}: the graph has {network.inputs} channels in and {outputs} out, its "
            f"description {wanted} and {len(card.structures)}; they are of two models: export it "
            "again."
        )
    return Foreign(
        network=network.eval(),
        structures=tuple(card.structures),
        recipe=modern().override(["binning=1", f"context={card.context}"]),
        thresholds=card.thresholds,
        pixel_nm=card.pixel_nm,
        slice_nm=card.slice_nm,
        weights_sha256=hashlib.sha256(content).hexdigest(),
        graph=GraphArchitecture(
            "onnx",
            network.inputs,
            outputs,
            halo=card.halo_px,
            step_px=card.multiple,
            feature_bytes=network.feature_bytes(),
        ),
    )


def _card_of(path: Path, network: Graph) -> GraphCard:
    """Return the card beside an ONNX file, else one by its name."""
    said = files.read_json(path.with_suffix(".json"))
    if isinstance(said, dict) and "structures" in said:
        try:
            return GraphCard.model_validate(said)
        except ValidationError as error:
            raise InputError(
                f"{path.with_suffix('.json')}: {error.errors()[0]['msg']}; wanted what `seget "
                "export` writes beside an ONNX file."
            ) from None
    stem = NO_NAME.sub("-", path.stem).strip("-. _") or "structure"
    count = network.channels()
    names = [stem] if count == 1 else [f"{stem} {number}" for number in range(1, count + 1)]
    return GraphCard(structures=names, context=(network.inputs - 1) // 2, multiple=16)
