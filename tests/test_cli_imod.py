"""`seget convert` from IMOD models and to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imod_examples import BOX, ORIGIN_NM, SHAPE, SIZE_NM, box, square
from seget import files
from seget.files import imod
from seget.files.imod import ImodObject
from seget.volume import Volume

Seget = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tomogram(tmp_path: Path) -> Path:
    path = tmp_path / "tomogram.mrc"
    files.write(path, Volume(np.full(SHAPE, 7, np.uint8), SIZE_NM, ORIGIN_NM))
    return path


@pytest.fixture
def model(tomogram: Path) -> Path:
    path = tomogram.with_name("cell.mod")
    golgi = ImodObject(
        "Golgi", "#00ff00", contours=tuple(square(z, (4, 10), (6, 20)) for z in (2, 3))
    )
    er = ImodObject("ER", "#102030", contours=(square(0, (0, 2), (0, 2)),))
    imod.write(path, imod.model_on(files.read(tomogram), (er, golgi)))
    return path


def test_a_model_becomes_labels_with_their_legend(
    seget: Seget, model: Path, tomogram: Path
) -> None:
    out = model.with_name("masks.mrc")
    code, printed, said = seget("convert", model, out, "--like", tomogram)
    assert (code, printed) == (0, "")
    found = files.read(out)
    wanted = 2 * box()
    wanted[0, :2, :2] = 1
    np.testing.assert_array_equal(found.data, wanted)
    assert found.voxel_size_nm == pytest.approx(SIZE_NM)
    assert found.origin_nm == pytest.approx(ORIGIN_NM)
    assert json.loads(out.with_suffix(".json").read_text()) == {
        "1": {"structure": "ER", "colour": "#102030"},
        "2": {"structure": "Golgi", "colour": "#00ff00"},
    }
    assert str(out.with_suffix(".json")) in said
    out.unlink()
    assert "masks.json: it is there already" in seget("convert", model, out, "--like", tomogram)[2]
    assert not out.exists()


def test_one_object_becomes_a_mask(seget: Seget, model: Path, tomogram: Path) -> None:
    out = model.with_name("golgi.mrc")
    assert seget("convert", model, out, "--like", tomogram, "--object", "golgi")[0] == 0
    np.testing.assert_array_equal(files.read(out).data, box())
    assert not out.with_suffix(".json").exists()
    code, _, said = seget(
        "convert", model, model.with_name("a.mrc"), "--like", tomogram, "--object", "x"
    )
    assert code == 2
    assert "no object 'x', it has ER, Golgi" in said


def test_a_model_becomes_ome_zarr_with_names(seget: Seget, model: Path, tomogram: Path) -> None:
    out = model.with_name("masks.zarr")
    assert seget("convert", model, out, "--like", tomogram)[0] == 0
    legend = files.legend_of(out)
    assert legend is not None
    assert legend.names == {1: "ER", 2: "Golgi"}


def test_labels_become_a_model_and_return(seget: Seget, tomogram: Path) -> None:
    labels = tomogram.with_name("labels.mrc")
    data = box().astype(np.float32)
    data[0, 0, 0] = 3
    files.write(labels, files.read(tomogram).on_same_grid(data, "labels"))
    files.write_json(
        labels.with_suffix(".json"),
        {
            "1": {"structure": "golgi", "colour": "#0a0b0c"},
            "2": {"structure": "synapse"},
            "3": {"structure": "mitochondria"},
        },
    )
    out = labels.with_name("cell.mod")
    code, printed, said = seget("convert", labels, out)
    assert (code, printed) == (2, "")
    assert "float32 from 0 to 3, wanted whole labels" in said
    code, printed, said = seget("convert", labels, out, "--dtype", "uint8")
    assert (code, printed) == (0, "")
    assert f"{out}: 3 objects of 3 contours" in said
    found = imod.read(out).objects
    assert [(one.name, one.colour) for one in found] == [
        ("golgi", "#0a0b0c"),
        ("synapse", "#ffffff"),
        ("mitochondria", "#ff9000"),
    ]
    back = out.with_name("back.mrc")
    assert seget("convert", out, back, "--like", tomogram)[0] == 0
    np.testing.assert_array_equal(files.read(back).data, data)
    assert np.asarray(files.read(back).data)[BOX].all()


def test_a_mask_becomes_an_object_of_its_name(seget: Seget, tomogram: Path) -> None:
    files.write(tomogram.with_name("golgi.mrc"), Volume(255 * box().astype(np.uint8), SIZE_NM))
    out = tomogram.with_name("x.mod")
    assert seget("convert", tomogram.with_name("golgi.mrc"), out)[0] == 0
    assert [one.name for one in imod.read(out).objects] == ["golgi"]


def test_what_is_asked_for_in_vain(seget: Seget, model: Path, tomogram: Path) -> None:
    out = model.with_name("a.mrc")
    code, _, said = seget("convert", model, out)
    assert code == 2
    assert "name the tomogram whose grid the masks are to have: --like tomogram.mrc" in said
    for option in (("--like", tomogram), ("--object", "Golgi")):
        code, _, said = seget("convert", tomogram, out, *option)
        assert code == 2
        assert "this is no IMOD model" in said
    code, _, said = seget("convert", model, out, "--like", tomogram, "--rescale", "auto")
    assert code == 2
    assert "--rescale would change labels" in said
