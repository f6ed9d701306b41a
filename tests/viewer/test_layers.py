"""Files become layers at their place, layers files on the tomogram's grid; nothing is flipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from seget import files
from seget.errors import InputError
from seget.files import imod
from seget.viewer.layers import layers_of
from seget.viewer.plugin import get_reader, write_image, write_labels
from seget.volume import Volume

SHAPE = (4, 30, 20)
VOXEL_NM, ORIGIN_NM = (3.0, 2.0, 2.5), (10.0, -20.0, 30.0)


@pytest.fixture
def grey() -> Any:
    return np.random.default_rng(1).integers(0, 256, SHAPE).astype(np.uint8)


@pytest.fixture
def drawn() -> Any:
    labels = np.zeros(SHAPE, np.uint8)
    labels[1, 3:9, 2:15] = 1
    labels[2, 20:28, 5:9] = 2
    return labels


def _one(path: Path) -> tuple[Any, dict[str, Any], str]:
    (layer,) = layers_of(path)
    return layer


@pytest.mark.parametrize("suffix", [".mrc", ".zarr", ".h5"])
def test_a_tomogram_is_an_image_at_its_place(tmp_path: Path, grey: Any, suffix: str) -> None:
    path = tmp_path / f"cell{suffix}"
    files.write(path, Volume(grey, VOXEL_NM, ORIGIN_NM))
    data, keywords, kind = _one(path)
    assert kind == "image"
    assert keywords["scale"] == pytest.approx(VOXEL_NM)
    assert keywords["translate"] == pytest.approx(ORIGIN_NM)
    assert keywords["units"] == ("nm",) * 3
    assert not isinstance(data, np.ndarray) or isinstance(data, np.memmap), "read when it is shown"
    assert np.array_equal(np.asarray(data[2]), grey[2])


def test_without_a_voxel_size_units_are_pixels(tmp_path: Path, grey: Any) -> None:
    np.save(tmp_path / "cell.npy", grey)
    keywords = _one(tmp_path / "cell.npy")[1]
    assert keywords["units"] == ("pixel",) * 3
    assert keywords["scale"] == (1.0, 1.0, 1.0)


def test_labels_have_names_and_colours(tmp_path: Path, drawn: Any) -> None:
    files.write(tmp_path / "labels.mrc", Volume(drawn, VOXEL_NM, ORIGIN_NM))
    legend = {"1": {"structure": "golgi", "colour": "#00ff00"}, "2": {"structure": "er"}}
    files.write_json(tmp_path / "labels.json", legend)
    data, keywords, kind = _one(tmp_path / "labels.mrc")
    assert kind == "labels"
    assert np.allclose(keywords["colormap"][[0, 1, 9]], [[0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]])
    assert keywords["features"]["structure"] == ["", "golgi", "er"]
    assert np.array_equal(np.asarray(data[1]), drawn[1])


def test_imods_bytes_are_labels_from_zero(tmp_path: Path, drawn: Any) -> None:
    shifted = (drawn.astype(np.int16) - 128).astype(np.int8)
    files.write(tmp_path / "mask.mrc", Volume(shifted, VOXEL_NM))
    data, _, kind = _one(tmp_path / "mask.mrc")
    assert kind == "labels"
    assert np.array_equal(np.asarray(data[2]), drawn[2])


def test_a_score_map_glows(tmp_path: Path, grey: Any) -> None:
    files.write(tmp_path / "cell__golgi.mrc", Volume(grey // 2, VOXEL_NM))
    files.write_json(tmp_path / "cell__golgi.json", {"structure": "golgi", "scale": 127})
    _, keywords, kind = _one(tmp_path / "cell__golgi.mrc")
    assert (kind, keywords["contrast_limits"]) == ("image", (0, 127))
    assert keywords["colormap"][1] == [0, 1, 0, 1]


def test_a_model_is_labels_on_the_image_it_was_drawn_on(tmp_path: Path, drawn: Any) -> None:
    volume = Volume(drawn, VOXEL_NM, ORIGIN_NM)
    imod.write_labels(tmp_path / "cell.mod", volume, files.Legend({1: "golgi", 2: "er"}))
    data, keywords, kind = _one(tmp_path / "cell.mod")
    assert kind == "labels"
    assert keywords["translate"] == pytest.approx(ORIGIN_NM)
    assert keywords["features"]["structure"][1:] == ["golgi", "er"]
    for z in range(SHAPE[0]):
        assert np.array_equal(np.asarray(data[z]), drawn[z])


def test_a_dataset_is_its_tomograms_and_masks(small_dataset: Path) -> None:
    (_, image, _), (data, drawn, kind) = layers_of(small_dataset)
    assert kind == "labels"
    assert image["translate"] == drawn["translate"] == (10.0, -20.0, 30.0)
    discs = files.read(small_dataset.with_name("discs.mrc")).slice(5)
    assert np.array_equal(np.asarray(data[5]) == 1, discs > 0)


def test_labels_are_written_on_the_tomograms_grid(tmp_path: Path, grey: Any, drawn: Any) -> None:
    files.write(tmp_path / "cell.mrc", Volume(grey, VOXEL_NM, ORIGIN_NM))
    metadata = {
        "seget_path": str(tmp_path / "cell.mrc"),
        "seget_legend": {1: ("golgi", "#00ff00")},
    }
    out = str(tmp_path / "drawn.mrc")
    assert write_labels(out, drawn.astype(np.int64), {"metadata": metadata}) == [out]
    volume = files.read(out)
    assert volume.voxel_size_nm == pytest.approx(VOXEL_NM)
    assert volume.origin_nm == pytest.approx(ORIGIN_NM)
    assert np.array_equal(np.asarray(volume.data), drawn)
    legend = files.legend_of(out)
    assert legend is not None
    assert legend.names == {1: "golgi"}
    with mrcfile.open(out) as theirs:  # the same axes for another reader
        assert np.array_equal(theirs.data, drawn)
        assert theirs.voxel_size.x == pytest.approx(25)


def test_what_no_file_says_is_taken_from_the_layer(tmp_path: Path, grey: Any) -> None:
    meta = {"scale": (0.3, 0.2, 0.2), "translate": (1, 2, 3), "units": ("micrometer",) * 3}
    write_image(str(tmp_path / "cell.mrc"), grey.astype(np.float64), meta)
    volume = files.read(tmp_path / "cell.mrc")
    assert volume.voxel_size_nm == pytest.approx((300, 200, 200))
    assert volume.origin_nm == pytest.approx((1000, 2000, 3000))
    assert volume.data.dtype == np.float32


def test_labels_that_no_mrc_holds(tmp_path: Path, drawn: Any) -> None:
    with pytest.raises(InputError, match="number them anew"):
        write_labels(str(tmp_path / "drawn.mrc"), drawn.astype(np.int64) * 70_000, {})


def test_other_files_are_left_to_other_readers(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("x")
    assert get_reader(str(tmp_path / "notes")) is None
    assert get_reader(str(tmp_path / "notes" / "a.txt")) is None
