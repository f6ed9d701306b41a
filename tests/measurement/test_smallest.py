"""Which objects are too small, and that it is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seget.errors import InputError
from seget.measurement import Options, measure_files
from seget.measurement.smallest import fewest_voxels, specks_nm3
from seget.volume import Volume

VOXEL = (2.0, 3.0, 4.0)
VOXEL_NM3 = 24


@pytest.fixture
def labels() -> Volume:
    """Cubes of 1, 2, 3 and 8 voxels along an edge, of two structures each."""
    data = np.zeros((12, 24, 60), np.uint8)
    for i, edge in enumerate((1, 2, 3, 8)):
        data[2 : 2 + edge, 2 : 2 + edge, 2 + 14 * i : 2 + 14 * i + edge] = 1
        data[2 : 2 + edge, 13 : 13 + edge, 2 + 14 * i : 2 + 14 * i + edge] = 2
    return Volume(data, VOXEL)


def _measured(labels: Volume, out: Path, instances: bool = False, **smallest: float):
    named = ("golgi=1", "er=2")
    options = Options(named, instances, smallest_nm3=smallest, meshes=None)
    return measure_files(labels, out, options)


def test_what_is_smaller_than_a_cube_of_three_voxels_is_left_out_and_said(
    labels: Volume, tmp_path: Path
) -> None:
    said = _measured(labels, tmp_path)
    golgi = said["structures"]["golgi"]
    assert golgi["objects"] == 2
    assert golgi["smallest_nm3"] == 27 * VOXEL_NM3
    assert golgi["left_out"] == {"objects": 2, "voxels": 9, "volume_nm3": 9 * VOXEL_NM3}
    assert (
        "golgi: 2 of 4 objects were left out, smaller than 648 nm3 (27 voxels), 1.6 % of the "
        "volume; --smallest-nm3 golgi=0 keeps them." in said["notes"]
    )
    page = (tmp_path / "report.html").read_text()
    assert "objects smaller than\n648 nm³" in page
    assert "<li>2 of 4 objects were left out" in page


def test_it_may_be_another_size_for_all_or_for_one(labels: Volume, tmp_path: Path) -> None:
    said = _measured(labels, tmp_path / "a", any=8 * VOXEL_NM3, er=28 * VOXEL_NM3)["structures"]
    assert (said["golgi"]["objects"], said["er"]["objects"]) == (3, 1)
    said = _measured(labels, tmp_path / "b", any=0)["structures"]
    assert said["golgi"]["left_out"] == {"objects": 0, "voxels": 0, "volume_nm3": 0}
    assert said["golgi"]["objects"] == 4
    (page,) = (tmp_path / "a").glob("*.html")
    assert "192 nm³ (golgi), 672 nm³ (er)" in page.read_text()


def test_numbered_objects_are_all_measured(labels: Volume, tmp_path: Path) -> None:
    labels = Volume((labels.data[:, :12] > 0) * np.uint8(5), VOXEL)
    labels.data[2, 2, 2] = 6
    options = Options(("golgi=any",), instances=True, meshes=None)
    assert measure_files(labels, tmp_path, options)["structures"]["golgi"]["objects"] == 2


def test_a_name_that_is_none_is_a_sentence(labels: Volume, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--smallest-nm3 glogi: is none .* golgi, er; name one"):
        _measured(labels, tmp_path, glogi=5)


def test_a_volume_of_whole_voxels_is_that_many() -> None:
    voxel = 4.51**3
    wanted = {str(n): n for n in range(200)}
    assert fewest_voxels({name: n * voxel for name, n in wanted.items()}, voxel) == wanted
    assert fewest_voxels({"a": 1.5 * voxel}, voxel) == {"a": 2}


def test_many_small_objects_that_hold_little_are_suggested_to_be_left_out(
    labels: Volume, tmp_path: Path
) -> None:
    assert specks_nm3([3.0, 5.0, 1000.0]) == pytest.approx(5.1)
    assert specks_nm3([5.0, 1000.0, 1000.0, 1000.0]) is None, "one of four is not many"
    assert specks_nm3([900.0, 1000.0]) is None
    assert specks_nm3([]) is None
    said = _measured(labels, tmp_path, any=0)
    assert (
        "er: 2 of 4 objects together hold 1.6 % of the volume; if they are specks, --smallest-nm3 "
        "er=200 leaves them out." in said["notes"]
    )
