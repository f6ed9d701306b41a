"""Models of other programs: known answers, and a sentence for what cannot be used.

`make test-export` runs these where onnx is installed.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from seget.errors import InputError
from seget.prediction import Options, predict
from seget.trained import find_models, load
from seget.trained.foreign.processing import processing
from seget.volume import Volume

onnx = pytest.importorskip("onnx", reason="onnx is not installed: `make test-export` runs this")
helper = onnx.helper

GREY = np.random.default_rng(0).normal(100, 20, (2, 40, 56)).astype(np.float32)
VOLUME = Volume(GREY, (2.0, 2.0, 2.0))
NORMAL = (GREY - GREY.mean()) / GREY.std()
OPTIONS = Options(engine="openvino", precision="float32", device="cpu")


def graph(end: str | None = "Sigmoid", outputs: int = 1, size: Any = ("h", "w"), **inputs: Any):
    """An ONNX file of 1x1 convolutions: output n is (n + 1) times the image, and its end."""
    channels = inputs.get("channels", 1)
    shape = [1, channels, *size] if inputs.get("axes", 4) == 4 else [1, channels, 8, *size]
    nodes, values = [], []
    for n in range(outputs):
        weight = np.zeros((1, channels, *[1] * (len(shape) - 2)), np.float32)
        weight[:, channels // 2] = n + 1
        values.append(onnx.numpy_helper.from_array(weight, f"w{n}"))
        last = f"out{n}" if end is None else f"mid{n}"
        nodes.append(helper.make_node("Conv", ["image", f"w{n}"], [last]))
        if end is not None:
            nodes.append(helper.make_node(end, [last], [f"out{n}"]))
    kind = onnx.TensorProto.FLOAT
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("image", kind, shape)],
        [
            helper.make_tensor_value_info(f"out{n}", kind, [1, 1, *shape[2:]])
            for n in range(outputs)
        ],
        values,
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opset, ir_version=8).SerializeToString()


def wanted(factor: float = 1.0, image: Any = NORMAL) -> Any:
    return np.rint(127 / (1 + np.exp(-factor * image)))


def test_the_scores_of_a_graph_are_what_it_computes(tmp_path: Path) -> None:
    for end in ("Sigmoid", None):  # scores, or logits
        path = tmp_path / f"my golgi {end}.onnx"
        path.write_bytes(graph(end))
        assert find_models(path) == [path]
        ((name, scores),) = predict(VOLUME, load(path), OPTIONS).items()
        assert name == path.stem
        assert np.abs(scores.data - wanted()).max() <= 1


def test_each_output_is_a_structure(tmp_path: Path) -> None:
    (tmp_path / "cell.onnx").write_bytes(graph(outputs=2))
    found = predict(VOLUME, load(tmp_path / "cell.onnx"), OPTIONS)
    assert list(found) == ["cell 1", "cell 2"]
    assert np.abs(found["cell 2"].data - wanted(2)).max() <= 1
    card = {"structures": ["golgi", "er"], "thresholds": {"er": 0.7}, "pixel_nm": [2, 2]}
    (tmp_path / "cell.json").write_text(json.dumps(card))
    model = load(tmp_path / "cell.onnx")
    assert (model.structures, model.thresholds) == (("golgi", "er"), {"er": 0.7})


def test_a_stated_size_is_no_limit_where_the_operations_have_none(tmp_path: Path) -> None:
    (tmp_path / "cell.onnx").write_bytes(graph(size=(64, 64)))
    (scores,) = predict(VOLUME, load(tmp_path / "cell.onnx"), OPTIONS).values()
    assert np.abs(scores.data - wanted()).max() <= 1


def test_neighbouring_slices_are_channels(tmp_path: Path) -> None:
    (tmp_path / "cell.onnx").write_bytes(graph(channels=3))
    (scores,) = predict(VOLUME, load(tmp_path / "cell.onnx"), OPTIONS).values()
    assert np.abs(scores.data - wanted()).max() <= 1


def of_one_size() -> bytes:
    """An ONNX file that adds a picture of 64 x 64 px to its image, and so takes no other."""
    shape, kind = [1, 1, 64, 64], onnx.TensorProto.FLOAT
    picture = onnx.numpy_helper.from_array(np.ones(shape, np.float32), "p")
    made = helper.make_graph(
        [helper.make_node("Add", ["image", "p"], ["out"])],
        "g",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("out", kind, shape)],
        [picture],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opset, ir_version=8).SerializeToString()


UNUSABLE = {
    "no ONNX": (b"a letter to a friend", "cannot read it as ONNX"),
    "two channels": (graph(channels=2), "takes images of 2 channels"),
    "fixed size": (of_one_size(), "free height and width"),
    "three axes": (graph(axes=5), "wanted one image"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_graph_that_cannot_be_used_is_one_sentence(tmp_path: Path, kind: str) -> None:
    content, words = UNUSABLE[kind]
    path = tmp_path / "cell.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        predict(VOLUME, load(path), OPTIONS)
    assert str(path) in str(error.value)


def described(**changes: Any) -> dict[str, Any]:
    space = [
        {"type": "space", "id": axis, "size": {"min": 32, "step": 32}, "unit": "micrometer"}
        | {"scale": 0.002}
        for axis in ("y", "x")
    ]
    out = [{"type": "space", "id": a, "size": {"tensor_id": "i", "axis_id": a}} for a in ("y", "x")]
    first = [{"type": "batch"}, {"type": "channel", "channel_names": ["grey"]}]
    second = [{"type": "batch"}, {"type": "channel", "channel_names": ["vesicle pool/1"]}]
    return {
        "type": "model",
        "format_version": "0.5.3",
        "inputs": [{"id": "i", "axes": first + space, "preprocessing": []}],
        "outputs": [{"id": "o", "axes": second + out, "postprocessing": []}],
        "weights": {"onnx": {"source": "weights.onnx"}},
    } | changes


def packed(path: Path, said: Any, content: bytes | None = None) -> Path:
    text = said if isinstance(said, str) else yaml.safe_dump(said)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rdf.yaml", text)
        archive.writestr("weights.onnx", graph() if content is None else content)
    return path


def test_a_package_of_others_is_used_as_it_describes(tmp_path: Path) -> None:
    model = load(packed(tmp_path / "a.zip", described()))
    assert (model.structures, model.pixel_nm) == (("vesicle pool-1",), (2.0, 2.0))
    # 40 x 56 px are extended to 64 x 64, as it wants, and cut again.
    (scores,) = predict(VOLUME, model, OPTIONS).values()
    assert np.abs(scores.data - wanted()).max() <= 1


def test_what_it_wants_done_is_done(tmp_path: Path) -> None:
    said = described()
    axes = ["channel", "y", "x"]
    said["inputs"][0]["preprocessing"] = [
        {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
        {"id": "scale_range", "kwargs": {"axes": axes, "max_percentile": 98.0}},
        {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}},
        {"id": "scale_linear", "kwargs": {"gain": 2.0, "offset": -1.0}},
    ]
    said["outputs"][0]["postprocessing"] = [{"id": "sigmoid"}]
    model = load(packed(tmp_path / "a.zip", said, graph(None)))
    # Measured on raw grey values, since their scaling is undone; slices are extended by their edge.
    for z, scores in enumerate(next(iter(predict(VOLUME, model, OPTIONS).values())).data):
        grey = np.pad(GREY[z], ((0, 24), (0, 8)), mode="edge")
        low, high = np.percentile(grey, [0, 98])
        image = 2 * np.clip((GREY[z] - low) / (high - low), 0, 1) - 1
        assert np.abs(scores - wanted(1, image)).max() <= 1


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([{"id": "scale_linear", "kwargs": {"gain": 0.01}}], [], "scale_linear"),
        ([{"id": "fixed_zero_mean_unit_variance", "kwargs": {"mean": 1}}], [], "fixed_zero"),
        ([{"id": "custom"}], [], "custom"),
        ([], [{"id": "cellpose_flow_dynamics"}], "cellpose"),
    ],
)
def test_what_cannot_be_done_is_refused(before: Any, after: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        processing(before, after, "a.zip")


BAD = {
    "old": (described(format_version="0.4.9"), "update-format"),
    "dataset": (described(type="dataset"), "no model of format 0.5"),
    "no onnx": (described(weights={"torchscript": {}}), "onnx is missing"),
    "address": (described(weights={"onnx": {"source": "https://a.b/c.onnx"}}), "outside"),
    "outside": (described(weights={"onnx": {"source": "../../c.onnx"}}), "outside"),
    "lost": (described(weights={"onnx": {"source": "lost.onnx"}}), "cannot be read"),
    "empty": (described(inputs=[]), "cannot|can be used"),
    "a list": ([1, 2], "no model of format 0.5"),
    "no YAML": ("a: [", "no YAML"),
    "deep": ("[" * 10**5, "no YAML"),
    "own words": (described(config={"seget": {"structures": ["../x"]}}), "no file name"),
    "other model": (described(config={"seget": {"structures": ["a", "b"]}}), "two models"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_package_that_cannot_be_used_is_one_sentence(tmp_path: Path, kind: str) -> None:
    said, words = BAD[kind]
    path = packed(tmp_path / "a.zip", said)
    with pytest.raises(InputError, match=words) as error:
        load(path)
    assert len(str(error.value)) < 600


def test_a_damaged_zip_is_no_model(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", described())
    path.write_bytes(path.read_bytes()[:-40])
    assert find_models(path) == []
    path = packed(tmp_path / "b.zip", described())
    broken = bytearray(path.read_bytes())
    start = broken.index(b"weights.onnx")
    broken[start + 20 : start + 60] = b"\0" * 40
    path.write_bytes(broken)
    with pytest.raises(InputError, match=r"b\.zip"):
        load(path)
