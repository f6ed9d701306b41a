"""`seget measure` as a user types it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.volume import Volume

for module in ("cc3d", "edt", "skimage", "trimesh"):
    pytest.importorskip(module)

Seget = Callable[..., tuple[int, str, str]]


@pytest.fixture
def segmented(tmp_path: Path) -> Path:
    """A folder as seget segment leaves it: labels of two structures and their legend."""
    folder = tmp_path / "segmented"
    folder.mkdir()
    data = np.zeros((12, 30, 30), np.uint8)
    data[3:9, 4:12, 4:12], data[3:9, 16:24, 16:24] = 1, 2
    files.write(folder / "labels.mrc", Volume(data, (3.0, 2.0, 2.0)))
    legend = {"1": {"structure": "golgi"}, "2": {"structure": "granules", "colour": "#0000ff"}}
    files.write_json(folder / "labels.json", legend)
    return folder


def test_a_segmented_folder_is_measured(seget: Seget, segmented: Path, tmp_path: Path) -> None:
    code, printed, err = seget("measure", segmented, "-o", tmp_path / "out", "--json")
    assert code == 0, err
    said = json.loads(printed)
    assert said["structures"]["golgi"]["objects"] == 1
    assert said["structures"]["golgi"]["volume_nm3"] == 6 * 8 * 8 * 12
    code, printed, _ = seget("measure", segmented, "-o", tmp_path / "out")
    assert code == 0
    small = ("--smallest-nm3", "golgi=1e4", "--smallest-nm3", "0", "--json")
    code, printed_small, _ = seget("measure", segmented, "-o", tmp_path / "small", *small)
    said = json.loads(printed_small)["structures"]
    assert (code, said["golgi"]["objects"], said["granules"]["objects"]) == (0, 0, 1)
    assert "granules" in printed


def test_several_are_measured_by_several_processes(
    seget: Seget, segmented: Path, tmp_path: Path
) -> None:
    """Each into a folder of its name, as one process does it; a broken one stops no other."""
    many = tmp_path / "many"
    for name in ("a", "b", "c"):
        shutil.copytree(segmented, many / name)
    (many / "b" / "labels.mrc").write_bytes(b"no labels")
    code, _, err = seget("measure", many, "-o", tmp_path / "out", "--on", "processes:2")
    assert code == 1
    assert "2 of 3 label volumes are done; 1 failed" in err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "c"]
    code, printed, err = seget(
        "measure", many / "a", many / "c" / "labels.mrc", "-o", tmp_path / "here", "--json"
    )
    assert code == 0, err
    assert list(json.loads(printed)) == ["a", "c"]
    for name in ("a", "c"):
        for table in ("objects.csv", "distances.csv", "labels.measured.mrc"):
            one, other = (tmp_path / out / name / table for out in ("here", "out"))
            assert one.read_bytes() == other.read_bytes()


def test_two_of_one_name_are_one_sentence(seget: Seget, segmented: Path, tmp_path: Path) -> None:
    shutil.copytree(segmented, tmp_path / "other" / "segmented")
    both = (segmented, tmp_path / "other" / "segmented")
    code, _, err = seget("measure", *both, "-o", tmp_path / "out")
    assert (code, "is named segmented, too" in err) == (2, True), err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--structure", "golgi"], "wanted NAME=VALUE"),
        (["--voxel-size", "1,2"], "--voxel-size 1,2: wanted"),
        (["--smallest-nm3", "golgi=-1"], "--smallest-nm3 golgi=-1: wanted NM3 or NAME=NM3"),
        (["--smallest-nm3", "5nm"], "--smallest-nm3 5nm: wanted NM3 or NAME=NM3"),
        (["--smallest-nm3", "er=5"], "--smallest-nm3 er: is none of the structures"),
        (["--contact", "-1"], "--contact -1: wanted"),
        (["--spacing", "0"], "--spacing 0: wanted"),
        (["--on", "mars"], "--on mars: wanted here"),
        (["--meshes", "vtk"], "--meshes vtk: wanted stl, ply, obj or none"),
        (["--tomogram", "nowhere.mrc"], "nowhere.mrc: no such file"),
    ],
)
def test_a_wrong_option_is_a_sentence(seget: Seget, segmented: Path, options, said) -> None:
    code, _, err = seget("measure", segmented, "-o", segmented.with_name("out"), *options)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_what_is_no_labels_leaves_no_folder(seget: Seget, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (4, 40, 40)).astype(np.uint8)
    files.write(tmp_path / "grey.mrc", Volume(grey, (2.0, 2.0, 2.0)))
    code, _, err = seget("measure", tmp_path / "grey.mrc", "-o", tmp_path / "out")
    assert code == 2
    assert "nothing says what they are" in err
    assert not (tmp_path / "out").exists()
