"""HDF5 as ilastik, EMAN2 and others write it: named axes, and sizes beside the image."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from seget import files
from seget.errors import InputError

RAMP = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


def tags(keys: str) -> str:
    return json.dumps({"axes": [{"key": key, "typeFlags": 2, "resolution": 0} for key in keys]})


def make(path: Path, data: Any, inner: str = "exported_data", **attributes: Any) -> Path:
    with h5py.File(path, "w") as h5:
        h5[inner] = data
        h5[inner].attrs.update(attributes)
    return path


@pytest.mark.parametrize("order", ["".join(order) for order in permutations("zyx")])
@pytest.mark.parametrize("others", ["", "c", "tc"])
def test_named_axes_are_brought_into_order(tmp_path: Path, order: str, others: str) -> None:
    stored = RAMP.transpose(["zyx".index(key) for key in order])
    for front in (False, True):
        keys = others + order if front else order + others
        shape = (1,) * len(others) + stored.shape if front else stored.shape + (1,) * len(others)
        path = make(tmp_path / "a.h5", stored.reshape(shape), axistags=tags(keys))
        found = files.read(path)
        np.testing.assert_array_equal(found.data, RAMP)
        np.testing.assert_array_equal(found.slice(1), RAMP[1])
        np.testing.assert_array_equal(found.data[1, 1:, 2], RAMP[1, 1:, 2])
        np.testing.assert_array_equal(found.data[0:1, :, 1:3], RAMP[0:1, :, 1:3])


def test_the_names_that_hdf5_itself_has_count_too(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", RAMP.transpose(2, 1, 0))
    with h5py.File(path, "r+") as h5:
        for axis, name in zip(h5["exported_data"].dims, "xyz", strict=True):
            axis.label = name
    np.testing.assert_array_equal(files.read(path).data, RAMP)


def test_an_image_of_y_and_x_is_one_slice(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", RAMP[0][..., None], axistags=tags("yxc"))
    np.testing.assert_array_equal(files.read(path).data, RAMP[:1])


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("tyx", "of axes t, y, x, 2 x 3 x 4"),
        ("cyx", "of axes c, y, x, 2 x 3 x 4"),
        ("zyc", "of axes z, y, c"),
        ("zyy", "of axes z, y, y"),
    ],
)
def test_other_axes_are_refused_by_their_names(tmp_path: Path, keys: str, words: str) -> None:
    path = make(tmp_path / "a.h5", RAMP, axistags=tags(keys))
    for name in (path, f"{path}:/exported_data"):
        with pytest.raises(InputError) as caught:
            files.read(name)
        assert words in str(caught.value)


def test_probabilities_of_two_classes_are_named(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", np.zeros((2, 3, 4, 2), np.float32), axistags=tags("zyxc"))
    with pytest.raises(InputError, match=r"/exported_data of axes z, y, x, c, .*one channel"):
        files.read(path)


@pytest.mark.parametrize("wrong", ["", "zyx", "{}", "[1]", '{"axes": [{}]}', tags("zy"), 7])
def test_tags_that_say_nothing_leave_z_y_x(tmp_path: Path, wrong: Any) -> None:
    path = make(tmp_path / "a.h5", RAMP, axistags=wrong)
    np.testing.assert_array_equal(files.read(path).data, RAMP)


def test_eman2_states_angstrom_beside_the_image(tmp_path: Path) -> None:
    path = make(tmp_path / "a.hdf", RAMP, "MDF/images/0/image")
    with h5py.File(path, "r+") as h5:
        sizes = {"EMAN.apix_x": 2.5, "EMAN.apix_y": 5.0, "EMAN.apix_z": 10.0}
        h5["MDF/images/0"].attrs.update(sizes)
    assert files.read(path).voxel_size_nm == pytest.approx((1.0, 0.5, 0.25))
    assert not any("unknown" in fault for fault in files.describe(path).faults)


def test_a_dataset_within_a_project_of_ilastik(tmp_path: Path) -> None:
    path = make(tmp_path / "cell.ilp", RAMP[..., None], "Input Data/local_data/1", axistags="")
    np.testing.assert_array_equal(files.read(f"{path}:/Input Data/local_data/1").data, RAMP)
    with pytest.raises(InputError, match=r"cell\.ilp is a project of ilastik"):
        files.find_tomograms(tmp_path)
