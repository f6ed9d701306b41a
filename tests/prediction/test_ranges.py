"""Slices that other workers scored are taken over: those that are whole, and of the same run."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seget import files
from seget.prediction import Options, Task, do, predict_files
from seget.prediction.parts import await_parts, part_path
from seget.prediction.ranges import predict_range
from seget.prediction.tasks import ranges
from seget.recipes import modern
from seget.results import map_path
from seget.trained import Trained
from seget.volume import Volume

DEPTH = 11


class Counting(nn.Module):
    """Answers with the image, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, image: Tensor) -> Tensor:
        self.calls += 1
        return torch.cat([image, -image], 1)


@pytest.fixture
def model() -> Trained:
    return Trained(Counting(), ("a", "b"), modern(), {"a": 0.5, "b": 0.5}, weights_sha256="w")


def calls(model: Trained) -> int:
    network = model.network
    assert isinstance(network, Counting)
    counted, network.calls = network.calls, 0
    return counted


@pytest.fixture
def tomogram(tmp_path: Path) -> Volume:
    grey = np.random.default_rng(0).integers(0, 255, (DEPTH, 20, 24), np.uint8)
    files.write(tmp_path / "cell.mrc", Volume(grey, (2.0, 2.0, 2.0)))
    return files.read(tmp_path / "cell.mrc")


@pytest.mark.parametrize("form", ["mrc", "zarr"])
def test_ranges_make_what_one_run_makes(
    model: Trained, tomogram: Volume, tmp_path: Path, form: str
) -> None:
    options, out = Options(format=form), tmp_path / "out"
    wanted = predict_files(tomogram, [model], tmp_path / "whole", options)
    calls(model)
    for slices in (range(7, DEPTH), range(4)):
        predict_range(tomogram, [model], out, slices, options)
        assert calls(model) == len(slices)
    got = predict_files(tomogram, [model], out, options)
    assert calls(model) == 3, "those that no range has"
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(files.read(one).data[:], files.read(other).data[:])
        if form == "mrc":
            assert one.read_bytes() == other.read_bytes()
    assert not list(out.glob(".*"))


def test_a_range_is_scored_once(model: Trained, tomogram: Volume, tmp_path: Path) -> None:
    predict_range(tomogram, [model], tmp_path, range(2, 6))
    predict_range(tomogram, [model], tmp_path, range(2, 6))
    assert calls(model) == 4
    predict_files(tomogram, [model], tmp_path)
    assert calls(model) == DEPTH - 4
    predict_range(tomogram, [model], tmp_path, range(2, 6))
    assert calls(model) == 0, "the maps are whole"


def test_parts_of_another_model_are_left_alone(
    model: Trained, tomogram: Volume, tmp_path: Path
) -> None:
    predict_range(tomogram, [replace(model, weights_sha256="v")], tmp_path, range(4))
    calls(model)
    predict_files(tomogram, [model], tmp_path)
    assert calls(model) == DEPTH


def test_a_slice_that_did_not_reach_the_disk_is_scored_again(
    model: Trained, tomogram: Volume, tmp_path: Path
) -> None:
    predict_range(tomogram, [model], tmp_path, range(4))
    calls(model)
    part = part_path(map_path(tmp_path, "cell", "b", ".mrc"), range(4))
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)
    predict_files(tomogram, [model], tmp_path)
    assert calls(model) == DEPTH - 3


def test_parts_that_a_file_server_shows_late_are_waited_for(
    model: Trained, tomogram: Volume, tmp_path: Path
) -> None:
    shown, hidden = tmp_path / "shown", tmp_path / "hidden"
    written = predict_range(tomogram, [model], shown, range(DEPTH))
    assert len(written) == 2
    shown.rename(hidden)
    show = threading.Timer(0.7, lambda: hidden.rename(shown))
    show.start()
    await_parts(written)
    show.join()
    assert all(path.exists() for path in written)
    calls(model)
    predict_files(tomogram, [model], shown)
    assert calls(model) == 0
    await_parts(written)  # at once: the maps are there


@pytest.mark.parametrize(("most", "lengths"), [(20, []), (11, []), (10, [5, 6]), (3, [2, 3, 3, 3])])
def test_a_long_tomogram_is_cut_into_ranges_of_one_length(
    tomogram: Volume, tmp_path: Path, most: int, lengths: list[int]
) -> None:
    assert tomogram.path is not None
    task = Task(tomogram.path, (), "cell", tmp_path, Options(), fuse=True)
    cut = [part.slices for part in ranges(task, most)]
    if not lengths:
        assert cut == [None]
    else:
        assert [len(part) for part in cut if part is not None] == lengths
        assert [z for part in cut if part is not None for z in part] == list(range(DEPTH))


def test_the_lock_of_a_lost_worker_is_waited_for(
    tomogram: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seget.networks import Architecture

    recipe = modern().override(["binning=1"])
    Trained(Architecture("seget").build(0), ("a",), recipe, {"a": 0.5}).save(tmp_path / "model")
    assert tomogram.path is not None
    out = tmp_path / "out"
    task = Task(tomogram.path, (tmp_path / "model",), "cell", out, Options(), fuse=False)
    lock = files.only_one(out)
    lock.__enter__()
    waited: list[float] = []

    def let_go(seconds: float) -> None:
        waited.append(seconds)
        lock.__exit__(None, None, None)

    monkeypatch.setattr("time.sleep", let_go)
    outcome = do(task)
    assert outcome.error is None
    assert len(waited) == 1
    assert [path.name for path in outcome.result or ()] == ["cell__a.mrc"]
