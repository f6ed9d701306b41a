"""The folder of a measurement: tables, numbered labels, summary; and what is not overwritten."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from bodies import COARSE, tube_voxels
from seget import files
from seget.errors import InputError
from seget.measurement import MEASURED_LABELS, SUMMARY, Options, measure_files
from seget.volume import Volume

ISSUE_COLUMNS = (
    "id,structure,voxels,volume_nm3,surface_nm2,equivalent_diameter_nm,sphericity,length_nm,"
    "centroid_z_nm,centroid_y_nm,centroid_x_nm,touches_border,thin"
)


@pytest.fixture(scope="module")
def labels() -> Volume:
    """A ball, a tube and a cut ball, far from the origin."""
    data = np.zeros((30, 60, 130), np.uint8)
    z, y, x = np.ogrid[:30, :60, :130]
    data[(z - 14) ** 2 + (y - 40) ** 2 + (x - 70) ** 2 < 12**2] = 1
    data[(z + 2) ** 2 + (y - 40) ** 2 + (x - 30) ** 2 < 12**2] = 1
    data[tuple(tube_voxels(np.array([[60, 60, x] for x in range(40, 500)]), 12.5, COARSE).T)] = 2
    return Volume(data, COARSE, (100.0, -200.0, 300.0), "cell")


@pytest.fixture(scope="module")
def out(labels: Volume, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    options = Options(structures=("granules=1", "microtubules=2"))
    assert measure_files(labels, folder, options)["structures"]["granules"]["objects"] == 2
    return folder


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_objects_csv_begins_with_the_columns_that_scripts_rely_on(out: Path) -> None:
    text = (out / "objects.csv").read_text()
    assert text.startswith(ISSUE_COLUMNS + ",")
    cut, ball, tube = _rows(out / "objects.csv")
    assert [row["structure"] for row in (cut, ball, tube)] == ["granules"] * 2 + ["microtubules"]
    assert cut["touches_border"] == "true"
    assert (cut["sphericity"], cut["length_nm"]) == ("", "")
    assert ball["touches_border"] == "false"
    np.testing.assert_allclose(
        [float(ball[f"centroid_{axis}_nm"]) for axis in "zyx"],
        [100 + 14 * 4.5, -200 + 40 * 4.5, 300 + 70 * 4.5],
    )
    assert float(tube["length_nm"]) == pytest.approx(459, rel=0.02)


def test_distances_csv_has_the_nearest_of_each_structure_for_each_object(out: Path) -> None:
    text = (out / "distances.csv").read_text()
    assert text.startswith("structure_a,id_a,structure_b,id_b,distance_nm,")
    pairs = {(row["id_a"], row["structure_b"]): row for row in _rows(out / "distances.csv")}
    assert pairs.keys() == {
        ("1", "granules"), ("1", "microtubules"), ("2", "granules"), ("2", "microtubules"),
        ("3", "granules"),
    }  # fmt: skip
    assert pairs["2", "granules"]["id_b"] == "1"
    assert pairs["3", "granules"]["id_b"] == "2"


def test_the_numbered_labels_are_read_by_another_program(out: Path, labels: Volume) -> None:
    with mrcfile.open(out / MEASURED_LABELS) as file:
        ids = np.asarray(file.data)
        np.testing.assert_allclose(file.voxel_size.x, 45)
    assert np.unique(ids).tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(ids > 0, labels.data > 0)
    row = _rows(out / "objects.csv")[2]
    assert int(row["voxels"]) == np.count_nonzero(ids == 3)
    assert files.read(out / MEASURED_LABELS).origin_nm == pytest.approx(labels.origin_nm)


def test_centre_lines_csv_has_points_and_directions(out: Path) -> None:
    rows = _rows(out / "centre_lines.csv")
    assert {row["id"] for row in rows} == {"3"}
    points = np.array([[float(row[f"{axis}_nm"]) for axis in "zyx"] for row in rows])
    assert np.abs(points[:, :2] - [100 + 60, -200 + 60]).max() < 1
    assert np.ptp(points[:, 2]) == pytest.approx(459, rel=0.02)
    assert float(rows[-1]["along_nm"]) == pytest.approx(459, rel=0.02)


def test_the_summary_has_units_in_its_names_and_says_what_was_measured(out: Path) -> None:
    said = json.loads((out / SUMMARY).read_text())
    granules = said["structures"]["granules"]
    assert granules["touching_border"] == 1
    assert granules["nearest"]["microtubules"]["smallest_distance_nm"] > 0
    assert said["voxel_size_nm"] == [4.5, 4.5, 4.5]
    assert said["made_by"]["command"] == "measure"
    assert said["structures"]["microtubules"]["width"]["mean_nm"] == pytest.approx(25, abs=1)


def test_nothing_is_measured_twice_and_nothing_overwritten(labels: Volume, tmp_path) -> None:
    small = Volume(labels.data[:, 25:55, 50:90], COARSE)
    measure_files(small, tmp_path)
    before = (tmp_path / SUMMARY).stat().st_mtime_ns
    measure_files(small, tmp_path)
    assert (tmp_path / SUMMARY).stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r"other labels or options.*--overwrite"):
        measure_files(small, tmp_path, Options(smallest_nm3={"any": 500}))
    measure_files(small, tmp_path, Options(smallest_nm3={"any": 500}), overwrite=True)
    assert (tmp_path / SUMMARY).stat().st_mtime_ns > before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
