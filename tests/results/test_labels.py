from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.errors import InputError
from seget.results import fuse_files, read_labels
from seget.volume import Volume


def test_fuse_takes_thresholds_from_the_maps_or_the_caller(
    ramp: Volume, write_map: Callable[..., Path], tmp_path: Path
) -> None:
    write_map()
    fuse_files(tmp_path, tmp_path / "a.mrc")
    fuse_files(tmp_path, tmp_path / "b.mrc", {"echo": 0.75})
    for name, cut in (("a", 0.25), ("b", 0.75)):
        labels = np.asarray(files.read(tmp_path / f"{name}.mrc").data)
        np.testing.assert_array_equal(labels, ramp.data > cut * 127)
    fuse_files(tmp_path, tmp_path / "a.mrc")
    with pytest.raises(InputError, match=r"a\.mrc: exists .* --overwrite"):
        fuse_files(tmp_path, tmp_path / "a.mrc", {"echo": 0.5})
    with pytest.raises(InputError, match="there are score maps of echo"):
        fuse_files(tmp_path, tmp_path / "c.mrc", {"golgi": 0.5})


def test_maps_of_another_shape_are_refused(
    ramp: Volume, write_map: Callable[..., Path], tmp_path: Path
) -> None:
    write_map()
    other = write_map("other")
    files.write(other, Volume(np.zeros((3, 40, 51), np.uint8), ramp.voxel_size_nm))
    with pytest.raises(InputError, match=r"ramp__other\.mrc: has shape \(3, 40, 51\)"):
        fuse_files(tmp_path, tmp_path / "labels.mrc")


def test_labels_in_zarr_are_labels(write_map: Callable[..., Path], tmp_path: Path) -> None:
    write_map()
    path = fuse_files(tmp_path, tmp_path / "labels.zarr")
    legend = files.legend_of(path)
    assert legend is not None
    assert dict(legend.names) == {1: "echo"}
    assert legend.colours[1].startswith("#")


def test_labels_are_read_with_their_values(write_map: Callable[..., Path], tmp_path: Path) -> None:
    assert read_labels(tmp_path) == (None, {})
    for structure in ("zebra", "ant"):
        write_map(structure)
    fuse_files(tmp_path, tmp_path / "labels.mrc")
    labels, values = read_labels(tmp_path)
    assert labels is not None
    assert labels.shape == (3, 40, 50)
    legend = json.loads((tmp_path / "labels.json").read_text())
    assert values == {entry["structure"]: int(value) for value, entry in legend.items()}
