"""Which numbers are what, and what is refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.errors import InputError
from seget.measurement import Options, find_structures, measure_files, measured
from seget.results import Sidecar, write_sidecar
from seget.volume import Volume

VOXEL = (4.0, 3.0, 2.0)
ALL = Options(smallest_nm3={"any": 0.0})


def _labels(*values: int, dtype=np.uint8) -> Volume:
    data = np.zeros((4, 5, 6), dtype)
    for i, value in enumerate(values):
        data.ravel()[2 * i] = value
    return Volume(data, VOXEL)


@pytest.fixture
def written(tmp_path: Path) -> Volume:
    path = tmp_path / "labels.mrc"
    files.write(path, _labels(1, 2))
    files.write_json(
        path.with_suffix(".json"),
        {
            "1": {"structure": "golgi", "colour": "#123456"},
            "2": {"structure": "er"},
            "3": {"structure": "synapse", "colour": "#ffffff"},
        },
    )
    return files.read(path)


def test_the_legend_names_them_also_those_that_are_nowhere(written: Volume) -> None:
    found = find_structures(written)
    assert dict(found.values) == {1: "golgi", 2: "er", 3: "synapse"}
    assert found.colours["golgi"] == "#123456"
    assert found.names == ["golgi", "er", "synapse"]


def test_the_command_names_them_instead(written: Volume) -> None:
    found = find_structures(written, ("cell=1", "cell=2"))
    assert dict(found.values) == {1: "cell", 2: "cell"}
    assert find_structures(written, ("all=any",)).names == ["all"]


def test_without_names_they_are_the_files_or_numbered() -> None:
    assert find_structures(_labels(255)).names == ["volume"]
    assert find_structures(_labels(2, 7)).names == ["label-2", "label-7"]
    assert find_structures(_labels()).names == []


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.float32])
def test_codes_are_those_of_the_numbers_whatever_their_type(dtype) -> None:
    volume = _labels(7, 3, 7, dtype=dtype)
    found = find_structures(volume, ("a=3", "b=7"))
    codes = found.codes(volume.data)
    assert codes.ravel()[:6].tolist() == [2, 0, 1, 0, 2, 0]
    assert codes.dtype == np.uint32


@pytest.mark.parametrize("text", ["golgi", "golgi=", "=3", "golgi=0", "golgi=2.5", "golgi=x"])
def test_a_structure_that_is_not_name_and_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"wanted NAME=VALUE"):
        find_structures(_labels(1), (text,))


def test_scores_are_refused(tmp_path: Path) -> None:
    fractions = Volume(np.full((2, 3, 4), 0.5, np.float32), VOXEL)
    with pytest.raises(InputError, match=r"numbers with fractions.*seget fuse"):
        find_structures(fractions)
    grey = Volume(np.arange(60, dtype=np.uint8).reshape(3, 4, 5), VOXEL)
    with pytest.raises(InputError, match=r"59 different numbers.*--instances"):
        find_structures(grey)
    path = tmp_path / "cell__golgi.mrc"
    files.write(path, _labels(127))
    write_sidecar(path, Sidecar(structure="golgi"))
    with pytest.raises(InputError, match=r"score map.*seget fuse"):
        find_structures(files.read(path))


@pytest.mark.parametrize("size", [None, (0.1, 0.1, 0.1)])
def test_without_a_voxel_size_nothing_is_measured(size, tmp_path: Path) -> None:
    volume = Volume(_labels(1).data, size)
    with (
        pytest.raises(InputError, match=r"how large a voxel is.*--voxel-size"),
        measured(volume, Options(), tmp_path),
    ):
        pass
    with measured(
        volume, Options(voxel_size_nm=(1, 2, 3), smallest_nm3={"any": 0}), tmp_path
    ) as found:
        assert found.objects[0].volume_nm3 == 6


def test_one_slice_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"1 x 5 x 6 voxels.*at least two"),
        measured(Volume(_labels(1).data[:1], VOXEL), Options(), tmp_path),
    ):
        pass


def test_what_limits_the_numbers_is_said(tmp_path: Path, written: Volume) -> None:
    notes = measure_files(written, tmp_path / "out", ALL)["notes"]
    assert "synapse: no voxel is labelled 3." in notes
    assert any(note.startswith("golgi: 1 of 1 objects are thinner than 4") for note in notes)
    assert any("touch the border" in note for note in notes)
    empty = measure_files(_labels(), tmp_path / "empty")
    assert empty["notes"][0] == "volume: no voxel is labelled."


def test_a_missing_library_is_a_sentence(tmp_path: Path, monkeypatch) -> None:
    from seget.measurement import extra

    monkeypatch.setitem(extra.MODULES, "no_such_module", "no-such-library")
    with (
        pytest.raises(InputError, match=r"seget measure needs .* pip install no-such-library\."),
        measured(_labels(1), Options(), tmp_path),
    ):
        pass
