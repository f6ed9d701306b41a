"""HDF5 and NumPy files: which dataset, which size, and no open handle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from seget import files
from seget.errors import FormatError, InputError
from seget.volume import Volume

SIZE_NM = (2.0, 0.5, 0.25)
ORIGIN_NM = (-3.0, 0.0, 40.5)
RAMP = np.arange(24).reshape(2, 3, 4)
LIKE = Volume(RAMP.astype(np.uint8), SIZE_NM, ORIGIN_NM)


def make(path: Path, **datasets: Any) -> Path:
    with h5py.File(path, "w") as h5:
        for name, data in datasets.items():
            h5[name.replace("__", "/")] = data
    return path


def test_ours_say_their_place_to_us_and_to_others(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    files.write(f"{path}:/raw/image", LIKE)
    with h5py.File(path) as h5:
        dataset = h5["raw/image"]
        assert dataset.attrs["element_size_um"].tolist() == [0.002, 0.0005, 0.00025]
        assert dataset.chunks == (2, 3, 4)
    for name in ("a.h5", "a.h5:/raw/image", "a.h5:raw/image/", "a.h5:"):
        found = files.read(tmp_path / name)
        assert (found.voxel_size_nm, found.origin_nm) == (SIZE_NM, ORIGIN_NM)
    assert (files.read(path).name, files.read(f"{path}:/raw/image").name) == ("a", "a-raw-image")
    assert files.find_tomograms(tmp_path) == [path]
    assert files.find_tomograms(f"{path}:/raw/image") == [Path(f"{path}:/raw/image")]
    assert files.location(f"{path}:/raw/image") == path


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"element_size_um": [0.002, 0.001, 0.001]}, (2, 1, 1)),
        ({"resolution": [40, 4, 4]}, (40, 4, 4)),
        ({"resolution": 5}, (5, 5, 5)),
        ({"voxel_size_nm": [3, 2, 1], "resolution": [40, 4, 4]}, (3, 2, 1)),
        ({"resolution": "fine"}, None),
        ({"resolution": [4, 4]}, None),
        ({"resolution": [0, 4, 4]}, None),
        ({"element_size_um": [np.nan, 1, 1]}, None),
        ({}, None),
    ],
)
def test_attributes_of_others(tmp_path: Path, attributes: dict[str, Any], size: Any) -> None:
    path = make(tmp_path / "a.h5", data=RAMP)
    with h5py.File(path, "r+") as h5:
        h5["data"].attrs.update(attributes)
    assert files.read(path).voxel_size_nm == (pytest.approx(size) if size else None)


def test_which_dataset_is_meant(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", raw__a=RAMP, b=RAMP + 1, table=RAMP[0], text="a letter")
    np.testing.assert_array_equal(files.read(f"{path}:/b").data, RAMP + 1)
    with pytest.raises(InputError, match=r"three axes are /b, /raw/a, .* as in a\.h5:/b"):
        files.read(path)
    for inner, words in {
        "table": "no dataset of three axes",
        "raw": "no dataset of three axes",
        "c": "at /c is nothing, wanted a volume; there are /b, /raw/a",
    }.items():
        with pytest.raises(InputError, match=words):
            files.read(f"{path}:/{inner}")
    with pytest.raises(InputError, match="three axes are none"):
        files.read(make(tmp_path / "b.h5", table=RAMP[0]))
    with pytest.raises(InputError, match="no such file"):
        files.read(tmp_path / "c.h5:/a")


@pytest.mark.parametrize("shape", [(1, 2, 3, 4), (1, 1, 2, 3, 4), (2, 3, 4, 1), (1, 2, 3, 4, 1)])
def test_axes_of_extent_1_are_left_out(tmp_path: Path, shape: tuple[int, ...]) -> None:
    found = files.read(make(tmp_path / "a.h5", data=RAMP.reshape(shape).astype(">u2")))
    assert found.data.dtype == np.uint16
    np.testing.assert_array_equal(found.data, RAMP)
    with pytest.raises(InputError, match="three axes are none"):
        files.read(make(tmp_path / "b.h5", data=np.zeros((2, *shape))))


def test_a_mask_of_booleans(tmp_path: Path) -> None:
    found = files.read(make(tmp_path / "a.h5", data=RAMP > 3))
    np.testing.assert_array_equal(found.data, RAMP > 3)


def test_no_handle_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    files.write(path, LIKE)
    found = files.read(path)
    found.slice(0)
    with h5py.File(path, "r+") as h5:  # fails while someone reads
        h5["volume"][0] = 7
    assert (found.slice(0) == 7).all()


def test_other_datasets_are_not_lost(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", volume=RAMP, notes=RAMP[0])
    with pytest.raises(InputError, match="it holds /notes too, which would be lost"):
        files.write(path, LIKE)
    files.write(make(path, volume=RAMP + 1), LIKE)
    np.testing.assert_array_equal(files.read(path).data, RAMP)
    path.write_text("a letter")
    files.write(path, LIKE)
    np.testing.assert_array_equal(files.read(path).data, RAMP)


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    files.write(path, Volume(np.random.default_rng(0).normal(size=(20, 30, 40))))
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(FormatError, match=r"a\.h5: this HDF5 file is damaged or in use"):
        files.read(path)


@pytest.mark.parametrize(
    "stored", [RAMP.astype(">i2"), np.asfortranarray(RAMP), RAMP > 4, RAMP[0]], ids=str
)
def test_numpy_files_of_others(tmp_path: Path, stored: Any) -> None:
    np.save(tmp_path / "a.npy", stored)
    found = files.read(tmp_path / "a.npy")
    assert found.data.dtype.isnative
    np.testing.assert_array_equal(found.data, stored.reshape(-1, 3, 4))
    assert found.voxel_size_nm is None


def test_faulty_numpy_files(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for wrong in (np.zeros((2, 2, 2, 2)), np.zeros(3), np.zeros((2, 2, 2), complex)):
        np.save(path, wrong)
        with pytest.raises(InputError, match="wanted numbers with three axes"):
            files.read(path)
    np.save(path, np.array([[["a", {}]]], dtype=object), allow_pickle=True)
    with pytest.raises(FormatError, match="not a whole"):
        files.read(path)
    np.save(path, RAMP)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match="not a whole"):
        files.read(path)


def test_numpy_reads_ours(tmp_path: Path) -> None:
    files.write(tmp_path / "a.npy", LIKE)
    found = np.load(tmp_path / "a.npy")
    np.testing.assert_array_equal(found, RAMP)
    assert found.dtype == np.uint8
