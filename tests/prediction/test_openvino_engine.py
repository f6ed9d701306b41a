"""Two engines, one result; and a cache that makes the second start quick."""

from __future__ import annotations

import importlib
import linecache
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seget.device import Device, choose_device
from seget.errors import InputError
from seget.networks import NETWORKS, Architecture
from seget.prediction import OpenVinoEngine, Options, TorchEngine, choose_engine, predict
from seget.recipes import modern
from seget.trained import Trained
from seget.volume import Volume

CPU = torch.device("cpu")
FLOAT32 = Device(CPU, bf16=False)


def opinionated(name: str, binning: int = 1, outputs: int = 2) -> torch.nn.Module:
    """Return a network whose logits spread as a trained one's do, and not all alike."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = Architecture(name, outputs=outputs, binning=binning).build()
        image = torch.randn(2, 1, 64, 96)
        network.train()
        with torch.no_grad():
            for _ in range(3):  # running statistics of batch norm: as folding needs them
                network(image)
            network.eval()
            spread = network(image).std()
        heads = [
            m for m in network.modules() if isinstance(m, torch.nn.Conv2d) and m.bias is not None
        ]
        with torch.no_grad():
            for head in heads:
                head.weight *= 3 / spread
                head.bias.zero_()
    return network.eval()


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1, height, width), dtype=np.float32)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("name", "binning"),
    [("seget", 2), *((n, 1) for n in NETWORKS if Architecture(n).is_graph)],
)
def test_openvino_scores_as_torch_does(name: str, binning: int) -> None:
    network = opinionated(name, binning)
    pixels = image(64, 128)
    wanted = TorchEngine(network, FLOAT32).scores(pixels, 1)
    got = OpenVinoEngine(network, FLOAT32).scores(pixels, 1)
    assert wanted.std() > 20, "a network without opinion would prove nothing"
    assert np.abs(got.astype(int) - wanted.astype(int)).max() <= 1
    assert np.mean((got >= 64) == (wanted >= 64)) >= 0.999


def test_bf16_of_either_engine_is_near_float32() -> None:
    network = opinionated("seget")
    pixels = image(128, 128)
    exact = TorchEngine(network, FLOAT32).scores(pixels, 1).astype(int)
    off = [
        np.abs(engine(network, Device(CPU, bf16=True)).scores(pixels, 1) - exact).mean() / 127
        for engine in (TorchEngine, OpenVinoEngine)
    ]
    # Of noise through an untrained network; of a trained one see the next test.
    assert 0 < max(off) < 0.02
    assert off[1] < 1.5 * off[0]


def test_views_are_turned_back_alike() -> None:
    network = opinionated("unet")
    pixels = image(32, 48)
    for views in (4, 8):
        wanted = TorchEngine(network, FLOAT32).scores(pixels, views).astype(int)
        got = OpenVinoEngine(network, FLOAT32).scores(pixels, views).astype(int)
        assert np.abs(got - wanted).max() <= 1


def test_a_compiled_network_is_kept_under_its_weights(cache: Path) -> None:
    network = opinionated("seget")
    pixels = image(32, 32)
    first = OpenVinoEngine(network, FLOAT32, "a" * 64).scores(pixels)
    kept = sorted(path.suffix for path in cache.rglob("*.xml"))
    assert kept == [".xml"]
    other = opinionated("seget")
    with torch.no_grad():
        other.head.bias.fill_(3.0)  # under the same key what is kept is taken, nothing is traced
    np.testing.assert_array_equal(OpenVinoEngine(other, FLOAT32, "a" * 64).scores(pixels), first)
    assert not list(cache.rglob("*.part*"))
    assert (OpenVinoEngine(other, FLOAT32, "b" * 64).scores(pixels) != first).any()


def test_a_compiled_network_is_not_taken_for_one_that_computes_otherwise(cache: Path) -> None:
    pixels = image(32, 32)
    binned, sharp = opinionated("seget", binning=2), opinionated("seget", binning=4)
    sharp.load_state_dict(binned.state_dict())
    scores = [OpenVinoEngine(n, FLOAT32, "a" * 64).scores(pixels) for n in (binned, sharp)]
    assert (scores[0] != scores[1]).any()
    assert len(list(cache.rglob("*.xml"))) == 2


def test_a_compiled_network_is_traced_anew_once_its_code_changes(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code = (
        "from torch import nn\n"
        "class Doubled(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return FACTOR * x\n"
    )
    scores = []
    for factor in ("2.0", "-2.0"):
        (tmp_path / "doubling.py").write_text(code.replace("FACTOR", factor))
        linecache.clearcache()
        sys.modules.pop("doubling", None)
        importlib.invalidate_caches()
        module = importlib.import_module("doubling")
        scores.append(OpenVinoEngine(module.Doubled(), FLOAT32, "a" * 64).scores(image(8, 8)))
    assert (scores[0] != scores[1]).any()


def test_openvino_is_refused_for_a_network_that_is_no_graph() -> None:
    recipe = modern().override(["network=segnet", "binning=1"])
    trained = Trained(Architecture("segnet").build(0), ("a",), recipe, {})
    with pytest.raises(InputError, match="SegNet has operations that OpenVINO does not know"):
        choose_engine(trained, FLOAT32, "openvino")
    assert choose_engine(trained, FLOAT32).name == "torch"  # the mend: leave out --engine


def test_auto_takes_what_is_quickest(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = Trained(opinionated("seget"), ("a", "b"), modern().override(["binning=1"]), {})
    assert choose_engine(trained, FLOAT32).name == "openvino"
    assert choose_engine(trained, FLOAT32, "torch").name == "torch"
    foreign = replace(trained, network=torch.nn.Conv2d(1, 2, 1))
    assert choose_engine(foreign, FLOAT32).name == "torch"
    with pytest.raises(InputError, match="give --device cpu"):
        choose_engine(trained, Device(torch.device("meta"), bf16=False), "openvino")
    with pytest.raises(InputError, match="--engine fast"):
        Options(engine="fast")
    with pytest.raises(InputError, match="--precision int3"):
        choose_device("cpu", "int3")
    with pytest.raises(InputError, match="OpenVINO alone computes in it"):
        choose_engine(trained, choose_device("cpu", "int8"), "torch")
    assert not choose_device("cpu", "float32").bf16
    assert choose_device("cpu", "bf16").bf16


def test_the_same_labels_from_either_engine_by_windows_or_whole() -> None:
    trained = Trained(opinionated("seget"), ("a", "b"), modern().override(["binning=1"]), {})
    volume = Volume(image(70, 90))
    maps = [
        predict(volume, trained, Options(engine=engine, precision="float32", window_px=window))
        for engine in ("torch", "openvino")
        for window in (None, 32)
    ]
    for other in maps[1:]:
        for structure in ("a", "b"):
            one, two = maps[0][structure].data.astype(int), other[structure].data.astype(int)
            assert np.abs(one - two).max() <= 1


def test_nothing_is_reported_to_anybody() -> None:
    OpenVinoEngine(opinionated("unet"), FLOAT32).scores(image(32, 32))
    assert sys.modules["openvino_telemetry"] is None


def test_ctrl_c_is_heard_after_engines_came_and_went() -> None:
    code = """
import signal
import torch
from seget.networks import Architecture
from seget.prediction import OpenVinoEngine
from seget.device import Device
cpu, unet = Device(torch.device("cpu"), False), Architecture("unet")
engines = [OpenVinoEngine(unet.build(), cpu) for _ in range(2)]
for engine in engines:
    engine.scores(torch.zeros(1, 16, 16).numpy())
del engine
while engines:
    del engines[0]  # in the order in which they came
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("heard")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "heard\n"


def test_processes_that_start_together_share_one_cache(cache: Path) -> None:
    code = """
import sys, time
import numpy as np
import torch
from seget.device import Device
from seget.networks import Architecture
from seget.prediction import OpenVinoEngine
network = Architecture("unet").build(0).eval()
print("ready", flush=True)
sys.stdin.readline()
engine = OpenVinoEngine(network, Device(torch.device("cpu"), bf16=False), "a" * 64)
print(engine.scores(np.ones((1, 32, 32), np.float32)).sum())
"""
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True)
        for _ in range(2)
    ]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate()[0] for one in running]
    assert [one.returncode for one in running] == [0, 0]
    assert len(set(said)) == 1
    assert len(list(cache.rglob("*.xml"))) == 1
