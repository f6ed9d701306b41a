"""A model for other programs: the graph gives torch's scores, the package passes their test.

`make test-export` runs these where onnx, onnxruntime and bioimageio.core are installed.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from seget import files
from seget.calibration import Calibration
from seget.errors import RunError
from seget.networks import Architecture
from seget.prediction import Options, predict
from seget.recipes import modern
from seget.trained import Trained, general, load
from seget.volume import Volume

onnx = pytest.importorskip("onnx", reason="onnx is not installed: `make test-export` runs this")

Seget = Callable[..., tuple[int, str, str]]
SIZE_NM = (4.0, 2.0, 2.0)
PLAIN = Options(engine="torch", precision="float32", device="cpu")


def untrained(**settings: object) -> Trained:
    recipe = modern().override([f"{key}={value}" for key, value in settings.items()])
    structures = ("golgi", "2 rods")
    network = Architecture.of(recipe, len(structures)).build(seed=3).eval()
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        last = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)][-1]
        last.weight *= 10  # an untrained head answers nearly one value everywhere
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.3, 0.3)
    return Trained(
        network,
        structures,
        recipe,
        {"golgi": 0.4, "2 rods": 0.6},
        (2.0, 2.0),
        calibration={"golgi": Calibration(temperature=2.0, bias=-0.5)},
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "cell"
    untrained(binning=2, context=1).save(folder / "model")
    return folder


@pytest.fixture(scope="module")
def tomogram(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey noise with a slow ramp, three slices whose mean and contrast differ."""
    generator = np.random.default_rng(0)
    ramp = np.linspace(60, 180, 150)[None, :, None]
    data = ramp + generator.normal(0, 20, (5, 150, 170)) * np.arange(1, 6)[:, None, None]
    path = tmp_path_factory.mktemp("data") / "tomogram.mrc"
    files.write(path, Volume(np.clip(data, 1, 254).astype(np.uint8), SIZE_NM))
    return path


@pytest.fixture(scope="module")
def package(run: Path, tomogram: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from seget.export import About, write_package

    out = tmp_path_factory.mktemp("packages") / "cell.zip"
    about = About(authors=("A. Name",), cited=("Our tomograms, 10.5281/zenodo.1234",))
    return write_package(load(run), files.read(tomogram), out, about)


@pytest.mark.parametrize("network", ["seget", "seget_printed", "unet", "fcn8s", "deeplabv3plus"])
def test_a_graph_gives_the_scores_of_torch(network: str) -> None:
    from seget.export import onnx_bytes

    model = onnx.load_from_string(onnx_bytes(untrained(network=network, binning=1)))
    if network.startswith("seget"):  # the exporter folds none behind a transposed convolution
        assert not [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    edges = model.graph.input[0].type.tensor_type.shape.dim
    assert [edge.dim_param for edge in edges[2:]] == ["height", "width"]
    (entry,) = (prop for prop in model.metadata_props if prop.key == "seget")
    assert json.loads(entry.value)["structures"] == ["golgi", "2 rods"]


def test_the_graph_of_the_model_that_comes_with_seget_is_within_1e_5() -> None:
    from seget.export import onnx_bytes, onnx_file

    network = onnx_file.WithSigmoid(general().network).eval()
    assert onnx_file.difference(onnx_bytes(general()), network, 1) < 1e-5


def test_a_graph_that_differs_is_not_written(tmp_path: Path, monkeypatch) -> None:
    from seget.export import onnx_file, write_onnx

    other = untrained(binning=1)
    with torch.no_grad():
        for bias in (p for n, p in other.network.named_parameters() if n == "head.bias"):
            bias += 0.01
    wrong = onnx_file._traced(onnx_file.WithSigmoid(other.network).eval(), 1)
    monkeypatch.setattr(onnx_file, "_traced", lambda *_: wrong)
    with pytest.raises(RunError, match=r"differs from torch's scores by 0"):
        write_onnx(untrained(binning=1), tmp_path / "golgi.onnx")
    assert list(tmp_path.iterdir()) == []


def test_segnet_is_refused_in_one_sentence(seget: Seget, tmp_path: Path) -> None:
    untrained(network="segnet", binning=1).save(tmp_path / "run" / "model")
    code, _, err = seget("export", tmp_path / "run", "-o", tmp_path / "a.onnx")
    assert (code, err.count("\n"), "--set network=seget" in err) == (2, 1, True), err


def test_what_comes_back_gives_the_same_labels(run: Path, tomogram: Path, package: Path) -> None:
    from seget.export import write_onnx

    path, _ = write_onnx(load(run), package.with_name("cell.onnx"))
    volume = files.read(tomogram)
    wanted = predict(volume, load(run), PLAIN)
    for model in (package, path):
        back = load(model)
        assert (back.structures, back.pixel_nm) == (("golgi", "2 rods"), (2.0, 2.0))
        assert back.thresholds == {"golgi": 0.4, "2 rods": 0.6}
        found = predict(volume, back, PLAIN)
        for structure in back.structures:
            assert np.ptp(wanted[structure].data) > 10
            assert np.abs(found[structure].data.astype(int) - wanted[structure].data).max() <= 1


def test_windows_of_a_graph_give_the_whole_slice_s_scores(run: Path, package: Path) -> None:
    grey = np.random.default_rng(1).integers(1, 255, (3, 1300, 96)).astype(np.uint8)
    volume = Volume(grey, (2.0, 2.0, 2.0))
    whole = predict(volume, load(package), PLAIN)
    windows = predict(volume, load(package), replace(PLAIN, window_px=64))
    for structure, scores in whole.items():
        assert np.abs(scores.data.astype(int) - windows[structure].data).max() <= 1


def test_commands_write_and_read_them(
    seget: Seget, run: Path, tomogram: Path, tmp_path: Path
) -> None:
    code, _, err = seget("export", run, "-o", tmp_path / "cell.onnx")
    assert code == 0, err
    code, _, err = seget("segment", tomogram, tmp_path / "cell.onnx", "-o", tmp_path / "out")
    assert code == 0, err
    legend = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert [entry["structure"] for entry in legend.values()] == ["golgi", "2 rods"]
    out = tmp_path / "cell.zip"
    command = ["export", run, "--to", "bioimageio", "-o", out]
    code, _, err = seget(*command)
    assert (code, "--tomogram" in err) == (2, True)
    code, _, err = seget(*command, "--tomogram", tomogram, "--slice", 1)
    assert (code, "--author" in err) == (0, True)
    code, _, err = seget(*command, "--tomogram", tomogram)
    assert (code, "--overwrite" in err) == (2, True)
    code, _, err = seget("export", out, "-o", tmp_path / "again.onnx")
    assert (code, "already" in err) == (2, True)
    code, _, err = seget("train", "x.toml", "-o", tmp_path / "r", "--from", out)
    assert code == 2


def test_a_package_passes_the_test_of_bioimage_io(package: Path) -> None:
    pytest.importorskip("bioimageio.core", reason="not installed: `make test-export` runs this")
    script = "import sys; from bioimageio.core.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "test", str(package)],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout + done.stderr


def test_a_package_says_how_it_is_used(package: Path) -> None:
    with zipfile.ZipFile(package) as packed:
        text = packed.read("README.md").decode()
        cover = Image.open(io.BytesIO(packed.read("cover.png")))
        assert len(packed.read("cover.png")) < 500_000
    assert cover.width == 2 * cover.height
    for words in ("whole volume", "2 x 2 nm", "# Validation", "10.48550/arXiv", "zenodo.1234"):
        assert words in text
    assert re.search(r"overlap by 544 px", text)
