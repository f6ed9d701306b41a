"""A copick project: its tomograms are found, and copick's own reader opens what is written.

copick wants zarr 2 and seget zarr 3, so its reader runs in a Python of its own, which
SEGET_COPICK names; `make test-copick` makes one.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.copick import read_project
from seget.errors import InputError
from seget.volume import Volume

Seget = Callable[..., tuple[int, str, str]]
SIZE_NM = (2.0, 2.0, 2.0)
COPICK = os.environ.get("SEGET_COPICK", "")
OBJECTS = [
    {"name": "golgi-stack", "is_particle": False, "label": 7, "color": [0, 255, 0, 255]},
    {"name": "granules", "is_particle": True, "label": 3, "color": [0, 0, 255, 255]},
]
READ = """
import json, sys, warnings
warnings.simplefilter("ignore")
import copick
run = copick.from_file(sys.argv[1]).get_run("TS_1")
(labels,) = run.get_segmentations(is_multilabel=True, user_id="seget")
(picks,) = run.get_picks("granules")
(tomogram,) = run.get_voxel_spacing(20.0).get_tomograms("wbp")
array = labels.numpy()
places, turns = picks.numpy()
print(json.dumps({
    "name": labels.name, "size": labels.voxel_size,
    "from_tool": [labels.from_tool, picks.from_tool],
    "shape": array.shape, "values": sorted(set(array.ravel().tolist())),
    "where": [(array == value).argmax().item() for value in (3, 7)],
    "places": places.tolist(), "turn": turns[0].tolist(), "grey": float(tomogram.numpy().sum()),
}))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one run with a tomogram, and beside it what segment and measure wrote."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data"
    config = {"config_type": "filesystem", "name": "p", "version": "0.5.0"}
    config |= {"pickable_objects": OBJECTS, "overlay_root": f"local://{root}"}
    config |= {"overlay_fs_args": {"auto_mkdir": True}}
    (tmp_path / "project.json").write_text(json.dumps(config))
    grey = np.random.default_rng(0).random((6, 40, 50)).astype(np.float32)
    path = root / "ExperimentRuns" / "TS_1" / "VoxelSpacing20.000" / "wbp.zarr"
    path.parent.mkdir(parents=True)
    with files.create(path, like=Volume(grey, SIZE_NM), dtype=np.float32, ome_zarr="0.4") as out:
        for z, plane in enumerate(grey):
            out[z] = plane
    labels = np.zeros(grey.shape, np.uint8)
    labels[1:4, 5:15, 8:20] = 1
    labels[2:4, 25:30, 30:40] = 2
    files.write(tmp_path / "out" / "labels.mrc", Volume(labels, SIZE_NM))
    names = {1: "golgi_stack", 2: "granules"}
    legend = {str(n): {"structure": name, "colour": "#ff0000"} for n, name in names.items()}
    files.write_json(tmp_path / "out" / "labels.json", legend)
    pick = {
        "pickable_object_name": "granules",
        "points": [
            {"location": {"x": 700.0, "y": 550.0, "z": 50.0}, "transformation_": np.eye(4).tolist()}
        ],
        "trust_orientation": False,
    }
    files.write_json(tmp_path / "measured" / "copick" / "seget_0_granules.json", pick)
    return tmp_path / "project.json"


def test_its_tomograms_are_listed_and_read(seget: Seget, project: Path) -> None:
    code, printed, err = seget("copick", "project.json")
    assert code == 0, err
    run, *_, path = printed.split()
    assert run == "TS_1"
    assert files.read(Path(path)).voxel_size_nm == pytest.approx(SIZE_NM)
    (row,) = json.loads(seget("copick", "project.json", "--json")[1])
    assert (row["voxel_size_nm"], row["kind"]) == (2.0, "wbp")


def test_results_become_segmentations_and_picks(seget: Seget, project: Path) -> None:
    command = ("copick", "project.json", "out", "measured", "--run", "TS_1")
    code, _, err = seget(*command)
    assert code == 0, err
    run = project.parent / "data" / "ExperimentRuns" / "TS_1"
    written = run / "Segmentations" / "20.000_seget_0_seget-multilabel.zarr"
    data = np.asarray(files.read(written).data[:])
    assert set(np.unique(data)) == {0, 3, 7}
    assert (data[2, 6, 9], data[2, 26, 31]) == (7, 3)
    assert (run / "Picks" / "seget_0_granules.json").is_file()
    code, _, err = seget(*command)
    assert (code, "--overwrite" in err) == (2, True)
    assert seget(*command, "--overwrite")[0] == 0


@pytest.mark.skipif(not COPICK, reason="SEGET_COPICK names no Python: `make test-copick` runs this")
def test_copick_reads_what_was_written(seget: Seget, project: Path) -> None:
    assert seget("copick", "project.json", "out", "measured", "--run", "TS_1")[0] == 0
    done = subprocess.run(
        [COPICK, "-c", READ, project], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["name"], found["size"], found["from_tool"]) == ("seget", 20.0, [True, True])
    assert (found["shape"], found["values"]) == ([6, 40, 50], [0, 3, 7])
    first = [np.ravel_multi_index(at, (6, 40, 50)) for at in ((2, 25, 30), (1, 5, 8))]
    assert found["where"] == first
    assert found["places"] == [[700.0, 550.0, 50.0]]
    assert found["turn"] == np.eye(4).tolist()
    grey = np.random.default_rng(0).random((6, 40, 50)).astype(np.float32)
    assert found["grey"] == pytest.approx(float(grey.sum()), rel=1e-5)


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        ({}, ["out"], "--run"),
        ({}, ["out", "--run", "TS1"], "did you mean TS_1"),
        ({}, ["data", "--run", "TS_1"], "holds neither"),
        ({}, ["out", "--run", "TS_1", "--user", "a_b"], "cannot name"),
        ({"overlay_root": "s3://bucket/x"}, [], "wanted a local folder"),
        ({"overlay_root": "elsewhere"}, [], "no tomogram lies below"),
        ({"pickable_objects": OBJECTS[1:]}, ["out", "--run", "TS_1"], '"name": "golgi-stack"'),
        ({"pickable_objects": 3}, [], "not the config.json"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    seget: Seget, project: Path, change: dict, arguments: list[str], words: str
) -> None:
    project.write_text(json.dumps(json.loads(project.read_text()) | change))
    code, _, err = seget("copick", "project.json", *arguments)
    assert (code, err.count("\n")) == (2, 1), err
    assert words in err
    assert not list(project.parent.glob("data/ExperimentRuns/TS_1/Segmentations/*"))


def test_flat_voxels_are_refused(seget: Seget, project: Path) -> None:
    labels = files.read(project.parent / "out" / "labels.mrc")
    files.write(project.parent / "out" / "labels.mrc", Volume(np.array(labels.data), (9.0, 2, 2)))
    code, _, err = seget("copick", "project.json", "out", "--run", "TS_1")
    assert (code, "one edge for all" in err) == (2, True)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 10**5, '{"pickable_objects": [{}]}'])
def test_a_text_that_is_no_project(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(InputError, match=r"not the config\.json"):
        read_project(tmp_path / "c.json")
