"""The commands that make their own tomogram, on the smallest and coarsest phantom there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.cli.demo import go_the_whole_way
from seget.dataset import read_dataset
from seget.phantom import STRUCTURES, Settings

Seget = Callable[..., tuple[int, str, str]]
COARSE = Settings(shape=(10, 104, 104), voxel_nm=20.0)
OPTIONS = ("--size", "10,104,104", "--voxel-nm", "20")


def test_a_phantom_is_a_dataset(seget: Seget, tmp_path: Path) -> None:
    code, _, err = seget("phantom", tmp_path / "p", *OPTIONS, "--seed", "3", "--dose", "50000")
    assert code == 0, err
    dataset = read_dataset(tmp_path / "p" / "dataset.toml")
    assert set(dataset.structures) == set(STRUCTURES)
    (tomogram,) = dataset.tomograms
    assert tomogram.image.shape == (10, 104, 104)
    assert tomogram.image.voxel_size_nm == pytest.approx((20, 20, 20))
    assert tomogram.image.data.dtype == np.uint8
    for part in (tomogram.split.train, tomogram.split.validation, tomogram.split.test):
        for mask in tomogram.masks.values():
            assert any(mask.foreground_px[z] for z in part)
    scene = json.loads((tmp_path / "p" / "scene.json").read_text())
    assert scene["settings"]["seed"] == 3
    assert scene["things"]


def test_more_masks_on_request(seget: Seget, tmp_path: Path) -> None:
    code, _, err = seget("phantom", tmp_path / "p", *OPTIONS, "--structures", "vesicles,membranes")
    assert code == 0, err
    assert set(read_dataset(tmp_path / "p" / "dataset.toml").structures) == {
        "vesicles", "membranes"
    }  # fmt: skip
    code, _, err = seget("phantom", tmp_path / "p", *OPTIONS)
    assert code == 2
    assert "--overwrite" in err


def test_a_randomised_phantom_is_a_dataset(seget: Seget, tmp_path: Path) -> None:
    command = ("phantom", tmp_path / "p", "--preset", "randomised", "--size", "8,64,64")
    code, _, err = seget(*command, "--seed", "5", "--structures", "all")
    assert code == 0, err
    settings = json.loads((tmp_path / "p" / "scene.json").read_text())["settings"]
    assert settings["seed"] == 5
    assert settings["picture"]["section_nm"] > 0  # block faces: no tilt series
    tomogram = files.read(tmp_path / "p" / "tomogram.mrc")
    assert tomogram.shape == (8, 64, 64)
    assert tomogram.voxel_size_nm[0] == pytest.approx(settings["picture"]["section_nm"], rel=1e-3)
    assert tomogram.voxel_size_nm[1] == pytest.approx(settings["voxel_nm"], rel=1e-3)
    code, _, err = seget(*command, "--seed", "5", "--structures", "all")
    assert code == 0
    assert "there already" in err


def test_a_phantom_is_kept_or_refused_but_not_overwritten(seget: Seget, tmp_path: Path) -> None:
    command = ("phantom", tmp_path / "p", *OPTIONS)
    assert seget(*command)[0] == 0
    first = np.asarray(files.read(tmp_path / "p" / "tomogram.mrc").data).copy()
    code, _, err = seget(*command)
    assert code == 0
    assert "there already" in err
    code, _, err = seget(*command, "--seed", "1")
    assert code == 2
    assert "--overwrite" in err
    assert seget(*command, "--seed", "1", "--overwrite")[0] == 0
    assert not np.array_equal(first, files.read(tmp_path / "p" / "tomogram.mrc").data)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--preset", "huge"), "small, paper, real, real-serial, real-face or randomised"),
        (("--size", "1,2"), "three numbers"),
        (("--size", "2,2,2"), "at least 8 slices"),
        (("--tilt", "60,-60,2"), "first < last"),
        (("--dose", "0"), "positive"),
        (("--structures", "nerves"), "there are synapse"),
    ],
)
def test_wrong_phantoms_are_one_sentence(
    seget: Seget, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    code, _, err = seget("phantom", tmp_path / "p", *options)
    assert code == 2
    assert words in err
    assert not (tmp_path / "p").exists()


def test_the_demo_goes_the_whole_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seget.configuration.NETWORK_PATCH_PX", 32)
    go_the_whole_way(tmp_path, COARSE, 6, overwrite=False)
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1] == f"Report: {tmp_path / 'report.html'}"
    page = (tmp_path / "report.html").read_text()
    assert all(structure in page for structure in STRUCTURES)
    assert page.count("data:image/png") >= 3  # curves, two slices; and what is wrong
    go_the_whole_way(tmp_path, COARSE, 6, overwrite=False)
