"""A dataset.toml proposed for what lies in a folder reads the very masks that were drawn."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from imod_examples import square
from proposals import (
    BLOBS,
    BYTES,
    CLASSES,
    GREY,
    HALF_SEEN,
    INSTANCES,
    RODS,
    SMOOTH,
    Y,
    save,
    save_slices,
    written,
)
from seget import files
from seget.dataset import propose, propose_named
from seget.dataset.proposal.pairing import structure_name
from seget.errors import InputError
from seget.files import imod
from seget.files.imod import ImodObject


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "tomogram.mrc", GREY)
    return tmp_path


KINDS = {
    "0 and 1": ("golgi.mrc", BYTES, {"golgi": BLOBS}, {}),
    "0 and 255": ("golgi_mask.mrc", BYTES * 255, {"golgi": BLOBS}, {}),
    "signed bytes of IMOD": ("golgi.mrc", (BYTES - 128).astype(np.int8), {"golgi": BLOBS}, {}),
    "objects": ("golgi.npy", INSTANCES, {"golgi": BLOBS}, {"value": "any"}),
    "many objects": (
        "labels.npy",
        np.where(BLOBS, Y // 4, 0).astype(np.uint16),
        {"labels": BLOBS},
        {"value": "any"},
    ),
    "labels": ("labels.mrc", CLASSES, {"labels-1": BLOBS, "labels-2": RODS}, {"value": 1}),
    "no 0": ("golgi.mrc", np.where(BLOBS, 1, 2).astype(np.uint8), {"golgi": BLOBS}, {"value": 1}),
    "partly not looked at": (
        "golgi.mrc",
        HALF_SEEN,
        {"golgi": BLOBS & (HALF_SEEN == 1)},
        {"ignore": 255},
    ),
    "blurred": ("golgi.mrc", SMOOTH, {"golgi": SMOOTH > 0.5}, {"above": 0.5}),
    "after the tomogram": ("tomogram_golgi-labels.tif", BYTES, {"golgi": BLOBS}, {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_mask_is_read_as_it_was_drawn(folder: Path, kind: str) -> None:
    name, data, wanted, keys = KINDS[kind]
    save(folder / name, data)
    proposal = propose([folder], folder / "dataset.toml")
    found = written(proposal, folder / "dataset.toml")
    assert found.keys() == wanted.keys()
    for structure, mask in wanted.items():
        np.testing.assert_array_equal(found[structure], mask)
    first = proposal.tomograms[0].lines[0].entry.model_dump(exclude_none=True)
    assert first == {"file": name} | keys
    assert proposal.notes == ()
    assert proposal.left_out == {}


def test_empty_slices_are_taken_as_not_looked_at(folder: Path) -> None:
    drawn = BYTES.copy()
    drawn[[0, 2, 3, 4, 6, 7, 9, 10]] = 0
    save(folder / "golgi.mrc", drawn)
    proposal = propose([folder], folder / "dataset.toml")
    (line,) = proposal.tomograms[0].lines
    assert line.entry.slices == [1, 5, 8, 11]
    np.testing.assert_array_equal(written(proposal, folder / "dataset.toml")["golgi"], drawn == 1)
    assert "on 4 of 12 slices (1, 5, 8, 11)" in proposal.text


def test_a_folder_of_some_slices_is_on_those_that_its_files_number(folder: Path) -> None:
    save_slices(folder / "drawn", "golgi_", BYTES, [2, 5, 9])
    proposal = propose([folder], folder / "dataset.toml")
    found = written(proposal, folder / "dataset.toml")["golgi"]
    assert [z for z in range(12) if found[z].any()] == [2, 5, 9]
    np.testing.assert_array_equal(found[5], BLOBS[5])


def test_objects_of_a_model_and_labels_that_are_named(folder: Path) -> None:
    golgi = tuple(square(z, (4, 10), (6, 20)) for z in range(12))
    objects = (
        ImodObject("ER (rough)", contours=(square(2, (0, 6), (0, 8)),)),
        ImodObject("golgi", contours=golgi),
        ImodObject("nothing yet"),
    )
    imod.write(folder / "cell.mod", imod.model_on(files.read(folder / "tomogram.mrc"), objects))
    save(folder / "labels.mrc", CLASSES)
    names = {"1": {"structure": "Golgi", "colour": "#ff0000"}, "2": {"structure": "microtubules"}}
    (folder / "labels.json").write_text(json.dumps(names))
    proposal = propose([folder], folder / "dataset.toml")
    found = written(proposal, folder / "dataset.toml")
    # Two of one name, but for the capital letter: both are kept.
    assert list(found) == ["ER_rough", "golgi", "Golgi-2", "microtubules"]
    assert [z for z in range(12) if found["ER_rough"][z].any()] == [2]
    assert found["golgi"].sum() == 12 * 6 * 14
    np.testing.assert_array_equal(found["Golgi-2"], BLOBS)
    entries = {line.structure: line.entry for line in proposal.tomograms[0].lines}
    assert entries["ER_rough"].object == "ER (rough)"
    assert entries["golgi"].object is None


@pytest.mark.parametrize("name", ["", "label 1", "Object 3", "obj1"])
def test_an_object_without_a_name_is_called_after_its_file(folder: Path, name: str) -> None:
    contours = tuple(square(z, (4, 10), (6, 20)) for z in range(12))
    on = files.read(folder / "tomogram.mrc")
    for file in ("golgi.mod", "tomogram_er.mod"):
        imod.write(folder / file, imod.model_on(on, (ImodObject(name, contours=contours),)))
    proposal = propose([folder], folder / "dataset.toml")
    assert list(written(proposal, folder / "dataset.toml")) == ["golgi", "er"]
    # Of two objects each keeps what tells it from the other.
    two = (ImodObject(name, contours=contours), ImodObject("label 2", contours=contours))
    imod.write(folder / "golgi.mod", imod.model_on(on, two))
    proposal = propose([folder], folder / "dataset.toml")
    assert "label_2" in written(proposal, folder / "dataset.toml")


def test_names_in_a_model_stay_within_their_line(folder: Path) -> None:
    contours = tuple(square(z, (4, 10), (6, 20)) for z in range(12))
    one = ImodObject("golgi\x1b[2J\nvalue = 1", contours=contours)
    imod.write(folder / "cell.mod", imod.model_on(files.read(folder / "tomogram.mrc"), (one,)))
    proposal = propose([folder], folder / "dataset.toml")
    assert written(proposal, folder / "dataset.toml").keys() == {"golgi_2J_value_1"}
    assert all(line.isprintable() for line in proposal.text.splitlines())


def test_named_masks_are_those_structures(folder: Path) -> None:
    tomogram, labels = folder / "tomogram.mrc", save(folder / "labels.mrc", CLASSES)
    objects = save(folder / "x.npy", INSTANCES)
    one = ImodObject("object", contours=tuple(square(z, (4, 10), (6, 20)) for z in range(12)))
    imod.write(folder / "cell.mod", imod.model_on(files.read(tomogram), (one,)))
    toml = folder / "runs" / "dataset.toml"
    toml.parent.mkdir()
    masks = [("er", folder / "cell.mod"), ("golgi", objects), (None, labels)]
    found = written(propose_named(tomogram, masks, toml), toml)
    assert list(found) == ["er", "golgi", "labels-1", "labels-2"]
    np.testing.assert_array_equal(found["golgi"], BLOBS)
    with pytest.raises(InputError, match="holds the labels 1, 2, wanted one that is golgi"):
        propose_named(tomogram, [("golgi", labels)], toml)
    with pytest.raises(InputError, match="golgi is named twice"):
        propose_named(tomogram, [("golgi", objects)] * 2, toml)
    with pytest.raises(InputError, match="as a tomogram does"):
        propose_named(tomogram, [("golgi", tomogram)], toml)
    (folder / "labels.json").write_text(json.dumps({"2": {"structure": "golgi"}}))
    found = written(propose_named(tomogram, [("golgi", labels)], toml), toml)
    np.testing.assert_array_equal(found["golgi"], RODS)


@pytest.mark.parametrize(
    ("drawn", "holdout", "said"),
    [
        ({"golgi": range(12)}, "block", "65 % of the annotated slices train"),
        ({"golgi": [1, 4, 8]}, "none", "Fewer than 5 annotated slices: all train"),
        ({"golgi": range(12), "er": [1, 4, 8]}, None, "of er, with fewer than 5, all train"),
        (
            {"golgi": range(12), "er": range(8)},
            {"validation": [5], "test": [6, 7]},
            r"do not show every structure: of those that do \(0-7\)",
        ),
        ({"golgi": range(8), "er": range(4, 12)}, "block", "No 5 slices show all structures"),
    ],
)
def test_what_is_held_out_and_why(folder: Path, drawn: dict, holdout: object, said: str) -> None:
    for structure, slices in drawn.items():
        data = np.zeros_like(BYTES)
        data[list(slices)] = BYTES[list(slices)]
        save(folder / f"{structure}.mrc", data)
    proposal = propose([folder], folder / "dataset.toml")
    written(proposal, folder / "dataset.toml")
    table = tomllib.loads(proposal.text)
    assert table.get("holdout", table["tomogram"][0].get("holdout")) == holdout
    assert re.search(said, proposal.text.replace("\n#  ", ""))
    notes = re.findall(r"^# To check: ", proposal.text, re.MULTILINE)
    assert len(notes) == len(proposal.notes)
    if holdout not in ("none", None) and "No 5" not in said:
        assert not notes


@pytest.mark.parametrize(
    ("mask", "image", "name", "says"),
    [
        ("TS_01_Golgi-mask.mrc", "TS_01.mrc", "Golgi", True),
        ("golgi.mrc", "golgi.mrc", "golgi", False),
        ("a/golgi/TS_01.mrc", "a/TS_01.mrc", "golgi", True),
        ("labels.mrc", "TS_01.mrc", "labels", False),
        ("TS_01_mask.mrc", "TS_01.mrc", "mask", False),
        ("Zellkörper ß.mrc", "TS.mrc", "Zellkorper", True),
        ("細胞.mrc", "TS.mrc", "structure", False),
        (f"{'x' * 200}.mrc", "TS.mrc", "x" * 60, True),
    ],
)
def test_a_structure_is_named_after_its_mask(mask: str, image: str, name: str, says: bool) -> None:
    assert structure_name(Path(mask), Path(image)) == (name, says)
