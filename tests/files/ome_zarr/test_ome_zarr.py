"""OME-Zarr: pyramids, labels, both versions, and what other programs need."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from seget import files
from seget.errors import FormatError, InputError
from seget.files.ome_zarr.metadata import levels
from seget.volume import Volume

SIZE_NM = (2.0, 0.5, 0.25)
ORIGIN_NM = (-3.0, 0.0, 40.5)
RAMP = np.arange(24).reshape(2, 3, 4)
CUBE = np.random.default_rng(5).integers(0, 255, (33, 70, 64), np.uint8)
LEGEND = files.Legend({1: "golgi", 2: "synapse"}, {1: "#ff0080", 2: "#00ff00"})
each_version = pytest.mark.parametrize("version", ["0.4", "0.5"])


def write(path: Path, volume: Volume, **options: Any) -> Any:
    with files.create(path, volume, volume.data.dtype, **options) as writer:
        for z in range(volume.shape[0]):
            writer[z] = volume.slice(z)
    return zarr.open_group(path, mode="r")


def models(version: str) -> Any:
    pytest.importorskip("ome_zarr_models")
    return importlib.import_module(f"ome_zarr_models.v{version.replace('.', '')}")


def multiscale(image: Any) -> Any:
    said = image.attributes
    return (said.ome if hasattr(said, "ome") else said).multiscales[0]


@each_version
def test_an_image_is_valid_and_its_levels_lie_where_they_should(
    tmp_path: Path, version: str
) -> None:
    volume = Volume(CUBE, (2.0, 2.0, 2.0), ORIGIN_NM)
    group = write(tmp_path / "a.zarr", volume, ome_zarr=version)
    image = multiscale(models(version).Image.from_zarr(group))
    assert [axis.unit for axis in image.axes] == ["nanometer"] * 3
    found = [
        [tuple(step.scale if step.type == "scale" else step.translation) for step in steps]
        for steps in (dataset.coordinateTransformations for dataset in image.datasets)
    ]
    assert found[0] == [(2.0, 2.0, 2.0), ORIGIN_NM]
    assert found[2] == [(8.0, 8.0, 8.0), (0.0, 3.0, 43.5)]  # 1.5 voxels further in
    assert [group[str(n)].shape for n in range(3)] == [(33, 70, 64), (16, 35, 32), (8, 17, 16)]
    boxes = CUBE[:32].reshape(16, 2, 35, 2, 32, 2).mean(axis=(1, 3, 5))
    np.testing.assert_array_equal(group["1"], np.rint(boxes))
    np.testing.assert_array_equal(files.read(tmp_path / "a.zarr").data, CUBE)
    assert group.metadata.zarr_format == (2 if version == "0.4" else 3)


@each_version
def test_labels_within_an_image(tmp_path: Path, version: str) -> None:
    path = tmp_path / "a.zarr"
    write(path, Volume(CUBE, (2.0, 2.0, 2.0)), ome_zarr=version)
    labels = Volume(CUBE % 3, (2.0, 2.0, 2.0))
    for name in ("cells", "more"):
        group = write(path / "labels" / name, labels, legend=LEGEND)
        models(version).ImageLabel.from_zarr(group)
        np.testing.assert_array_equal(group["1"], (CUBE % 3)[:32:2, ::2, ::2])
        assert files.read(path / "labels" / name).voxel_size_nm == (2.0, 2.0, 2.0)
        assert files.legend_of(path / "labels" / name) == LEGEND
    around = models(version).Labels.from_zarr(zarr.open_group(path / "labels", mode="r"))
    assert dict(around.attributes.ome if version == "0.5" else around.attributes)["labels"] == [
        "cells",
        "more",
    ]
    said = group.attrs.asdict()
    told = said.get("ome", said)["image-label"]
    assert told["source"] == {"image": "../../"}
    assert told["colors"][0] == {"label-value": 1, "rgba": [255, 0, 128, 255]}
    assert told["properties"][1] == {"label-value": 2, "name": "synapse"}
    with pytest.raises(InputError, match="it holds labels, which would be lost"):
        files.write(path, labels)
    with pytest.raises(FormatError, match=r"labels: .*, cells, more inside it may be; name one"):
        files.read(path / "labels")


@each_version
def test_labels_of_their_own(tmp_path: Path, version: str) -> None:
    for legend in (
        LEGEND,
        files.Legend(),
        files.Legend({3: "golgi"}),
        files.Legend({}, {1: "#0000ff"}),
    ):
        group = write(tmp_path / "l.zarr", Volume(CUBE % 3), legend=legend, ome_zarr=version)
        models(version).ImageLabel.from_zarr(group)
        assert files.legend_of(tmp_path / "l.zarr") is not None
    assert files.legend_of(tmp_path) is None


def test_what_cannot_be_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    labels = Volume(RAMP.astype(np.uint8))
    wrong: list[tuple[str, Volume, dict[str, Any], str]] = [
        ("a.zarr/labels/x", labels, {"legend": LEGEND, "ome_zarr": "0.4"}, "is OME-Zarr 0.5"),
        ("a.zarr/labels/x", labels, {}, "image volume is to be written into the labels"),
        ("b.zarr/labels/x", labels, {"legend": LEGEND}, "which is no OME-Zarr image"),
        ("c.zarr", Volume(RAMP / 2), {"legend": LEGEND}, "labels of type float64"),
        ("c.zarr", labels, {"ome_zarr": "0.6"}, "OME-Zarr 0.6 is not written, only 0.4 and 0.5"),
    ]
    files.write(path, labels)
    for name, volume, options, words in wrong:
        with pytest.raises(InputError, match=words):
            write(tmp_path / name, volume, **options)
    assert [entry.name for entry in tmp_path.rglob("*.zarr")] == ["a.zarr"]
    assert not (path / "labels").exists()


def test_a_legend_beside_labels(tmp_path: Path) -> None:
    entry = {"structure": "golgi", "colour": "#ff0080", "threshold": 0.5}
    (tmp_path / "labels.json").write_text(json.dumps({"1": entry, "7": {"structure": "cell"}}))
    wanted = files.Legend({1: "golgi", 7: "cell"}, {1: "#ff0080"})
    assert files.legend_of(tmp_path / "labels.mrc") == wanted
    for other in ('{"structure": "golgi"}', "[1]", "{", '{"1": 2}'):
        (tmp_path / "labels.json").write_text(other)
        assert files.legend_of(tmp_path / "labels.mrc") is None
    assert files.legend_of(tmp_path / "other.mrc") is None


def test_pyramids_stop_where_there_is_nothing_to_see_and_keep_thick_sections() -> None:
    assert [level.shape for level in levels((2, 3, 4), None)] == [(2, 3, 4)]
    assert [level.factor for level in levels((100, 100, 100), None)][-1] == (4, 4, 4)
    assert [level.factor for level in levels((100, 900, 900), (40.0, 4.0, 4.0))][-1] == (1, 4, 4)
    assert [level.shape for level in levels((4, 900, 9), (1.0, 1.0, 1.0))][-1] == (4, 225, 9)


@given(
    shape=st.tuples(*[st.integers(1, 40)] * 3),
    dtype=st.sampled_from(["int8", "uint16", "float16", "float32"]),
)
def test_a_mean_is_within_its_box(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int, int], dtype: str
) -> None:
    data = np.random.default_rng(0).normal(0, 50, shape).clip(-100, 100)
    path = tmp_path_factory.getbasetemp() / "mean.zarr"
    group = write(
        path, Volume(np.abs(data).astype(dtype) if dtype == "uint16" else data.astype(dtype))
    )
    coarse, fine = group[str(len(levels(shape, None)) - 1)], group["0"]
    assert fine[:].min() <= coarse[:].min() <= coarse[:].max() <= fine[:].max()
    assert coarse.dtype == dtype


def test_without_a_voxel_size_there_is_no_unit_and_no_origin(tmp_path: Path) -> None:
    group = write(tmp_path / "a.zarr", Volume(CUBE, None, ORIGIN_NM))
    image = multiscale(models("0.5").Image.from_zarr(group))
    assert image.axes[0].unit is None
    assert files.read(tmp_path / "a.zarr").origin_nm is None


def test_chunks_are_packed_into_shards(tmp_path: Path) -> None:
    large = Volume(np.zeros((9, 600, 2000), np.uint8))
    new, old = write(tmp_path / "a.zarr", large), write(tmp_path / "b.zarr", large, ome_zarr="0.4")
    assert new["0"].chunks == old["0"].chunks == (8, 256, 256)
    assert (new["0"].shards, old["0"].shards) == ((8, 768, 1024), None)
    assert new["0"].metadata.dimension_names == ("z", "y", "x")
    assert not list((tmp_path / "a.zarr").rglob("c"))  # nothing but zeros takes no space


@each_version
def test_a_coarse_level_of_several_shards_is_whole(tmp_path: Path, version: str) -> None:
    data = np.random.default_rng(3).integers(1, 200, (11, 300, 2100), np.uint8)
    group = write(tmp_path / "a.zarr", Volume(data), ome_zarr=version)
    np.testing.assert_array_equal(group["0"][:], data)
    if version == "0.5":
        assert group["1"].shards == (8, 150, 1024)  # of (11, 150, 1050): 2 x 1 x 2 shards
    means = data.reshape(11, 150, 2, 1050, 2).mean(axis=(2, 4))
    np.testing.assert_array_equal(group["1"][:], np.rint(means))


def test_damaged_groups(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    files.write(path, Volume(CUBE))
    whole = (path / "zarr.json").read_bytes()
    for damaged in (
        whole[:-20],
        b"",
        whole.replace(b'"0"', b'"9"'),
        whole.replace(b"scale", b"sc"),
    ):
        (path / "zarr.json").write_bytes(damaged)
        with pytest.raises(FormatError, match=r"a\.zarr: this is not an OME-Zarr image"):
            files.read(path)
    (path / "zarr.json").write_bytes(whole)
    chunk = next(file for file in (path / "0").rglob("*") if file.name == "0" and file.is_file())
    chunk.write_bytes(chunk.read_bytes()[: -len(chunk.read_bytes()) // 2])
    with pytest.raises(FormatError, match=r"a\.zarr: a chunk of voxels is damaged"):
        np.asarray(files.read(path).data)
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(FormatError, match=r"empty\.zarr"):
        files.read(tmp_path / "empty.zarr")


def test_napari_s_reader_sees_the_same(tmp_path: Path) -> None:
    reader = pytest.importorskip("napari_ome_zarr")
    files.write(tmp_path / "a.zarr", Volume(CUBE, SIZE_NM))
    layers = reader.napari_get_reader(str(tmp_path / "a.zarr"))(str(tmp_path / "a.zarr"))
    np.testing.assert_array_equal(np.asarray(layers[0][0][0]), CUBE)


@pytest.mark.parametrize(
    ("unit", "nm"), [("angstrom", 0.1), ("nanometer", 1.0), ("micrometer", 1e3), ("parsec", None)]
)
def test_units(tmp_path: Path, unit: str, nm: float | None) -> None:
    write(tmp_path / "a.zarr", Volume(RAMP.astype(np.uint8), SIZE_NM, ORIGIN_NM))
    group = zarr.open_group(tmp_path / "a.zarr", mode="r+")
    said: Any = group.attrs["ome"]
    for axis in said["multiscales"][0]["axes"]:
        axis["unit"] = unit
    group.attrs["ome"] = said
    found = files.read(tmp_path / "a.zarr")
    assert found.voxel_size_nm == (pytest.approx(np.multiply(SIZE_NM, nm)) if nm else None)
    assert found.origin_nm == (pytest.approx(np.multiply(ORIGIN_NM, nm)) if nm else None)


def test_ome_zarr_0_4_with_time_and_channel(tmp_path: Path) -> None:
    path = tmp_path / "old.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    array = group.create_array("full", shape=(1, 1, 2, 3, 4), dtype=">u2")
    array[:] = RAMP[None, None]
    group.create_array("half", shape=(1, 1, 1, 2, 2), dtype=">u2")
    space = [{"name": name, "type": "space", "unit": "angstrom"} for name in "zyx"]
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}, *space]
    steps = [
        {"type": "scale", "scale": [1, 1, 20, 10, 5]},
        {"type": "translation", "translation": [0, 0, 1, 2, 3]},
    ]
    image = {
        "version": "0.4",
        "axes": axes,
        "datasets": [
            {"path": "full", "coordinateTransformations": steps},
            {"path": "half", "coordinateTransformations": steps},
        ],
        "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 2, 2, 2]}],
    }
    group.attrs["multiscales"] = [image]
    volume = files.read(path)
    assert volume.slice(1).dtype == np.uint16
    np.testing.assert_array_equal(volume.data, RAMP)
    assert volume.voxel_size_nm == (4.0, 2.0, 1.0)
    assert volume.origin_nm == pytest.approx((0.2, 0.4, 0.6))
    group.attrs["multiscales"] = [image | {"axes": [*axes[:2], *space[::-1]]}]
    with pytest.raises(InputError, match=r"axes t, c, x, y, z .*, wanted z, y, x"):
        files.read(path)
    group.attrs["multiscales"] = []
    with pytest.raises(InputError, match=r"not an OME-Zarr image of version 0\.4 or 0\.5"):
        files.read(path)


def test_big_endian_zarr_is_read_in_native_order(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", shape=(2, 3, 4), dtype=">u2")[:] = RAMP
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    group.attrs["multiscales"] = [{"axes": axes, "datasets": [{"path": "0"}]}]
    volume = files.read(tmp_path / "a.zarr")
    assert volume.data.dtype.isnative
    np.testing.assert_array_equal(volume.data, RAMP)
    assert (volume.voxel_size_nm, volume.origin_nm) == (None, None)
