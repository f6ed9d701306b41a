"""What lies in a folder, sorted: tomograms, their masks, and what is neither, whatever its name."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from proposals import BLOBS, BYTES, CLASSES, GREY, RODS, SIZE_NM, save, save_slices, written
from seget import files
from seget.dataset import propose, read_dataset
from seget.errors import InputError
from seget.volume import Volume


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "tomogram.mrc", GREY)
    return tmp_path


def test_labels_inside_an_ome_zarr_image(tmp_path: Path) -> None:
    image = Volume(GREY, SIZE_NM)
    files.write(tmp_path / "cell.zarr", image)
    labels = tmp_path / "cell.zarr" / "labels" / "drawn.zarr"
    legend = files.Legend({1: "golgi", 2: "rods"})
    with files.create(labels, image, np.uint8, legend=legend) as writer:
        for z in range(12):
            writer[z] = CLASSES[z]
    proposal = propose([tmp_path], tmp_path / "dataset.toml")
    found = written(proposal, tmp_path / "dataset.toml")
    assert list(found) == ["golgi", "rods"]
    np.testing.assert_array_equal(found["rods"], RODS)


def test_a_lab_s_mess(folder: Path) -> None:
    save(folder / "golgi.mrc", BYTES)
    save(folder / "masks" / "tomogram_rods.mrc", RODS.astype(np.uint8))
    save(
        folder / "tomogram.st",
        np.random.default_rng(1).normal(99, 9, (41, 64, 64)).astype(np.int16),
    )
    save(
        folder / "other.mrc",
        np.random.default_rng(2).normal(99, 9, (12, 50, 64)).astype(np.float32),
    )
    save(folder / "cropped_mask.mrc", BYTES[:, :50, :50])
    save(folder / "empty.mrc", 0 * BYTES)
    save(folder / "segmented" / "labels.mrc", CLASSES)
    legend = {"1": {"structure": "golgi", "threshold": 0.5, "colour": "#ff0000"}}
    (folder / "segmented" / "labels.json").write_text(json.dumps(legend))
    save_slices(folder / "png", "slice_", GREY, list(range(12)))
    run = folder / "runs" / "golgi"
    (run / "model").mkdir(parents=True)
    (run / "model" / "model.json").write_text("{}")
    Image.fromarray(GREY[0]).save(run / "curves.png")
    (folder / "broken.mrc").write_bytes(b"no MRC")
    for n in range(9):
        (folder / f"notes{n}.txt").write_text("x")
    (folder / "scan.nrrd").write_text("x")
    (folder / ".hidden").write_text("x")
    proposal = propose([folder], folder / "dataset.toml")
    found = written(proposal, folder / "dataset.toml")
    assert found.keys() == {"golgi", "rods"}
    np.testing.assert_array_equal(found["golgi"], BLOBS)
    np.testing.assert_array_equal(found["rods"], RODS)
    why = {str(path): words for path, words in proposal.left_out.items()}
    assert why.pop("segmented/labels.mrc") == "an output of seget"
    assert why.pop("runs/golgi") == "a run of seget train"
    assert "(12, 50, 50)" in why.pop("cropped_mask.mrc")
    assert "has no foreground" in why.pop("empty.mrc")
    assert why.pop("scan.nrrd") == "NRRD is not read; open it in Fiji and save it as TIFF"
    assert why.pop("broken.mrc").startswith("cannot be read")
    assert why.pop("tomogram.st") == "a tilt series by its name (.st)"
    for grey in ("other.mrc", "png"):
        assert why.pop(grey).startswith("grey values")
    assert why.keys() == {f"notes{n}.txt" for n in range(9)} | {"segmented/labels.json"}
    assert "# notes0.txt ... notes8.txt (9 files): no image" in proposal.text
    # The second time over nothing has changed: the file itself is not looked at.
    assert propose([folder], folder / "dataset.toml").text == proposal.text


def test_labels_with_a_legend_are_drawn_unless_seget_made_them(folder: Path) -> None:
    """What is no tomogram may be a mask: drawn labels have a legend of names, fused ones scores."""
    drawn, fused, begun = (folder / f"{name}.mrc" for name in ("drawn", "fused", "begun"))
    for path in (drawn, fused, begun):
        save(path, CLASSES)
    drawn.with_suffix(".json").write_text('{"1": {"structure": "golgi"}}')
    fused.with_suffix(".json").write_text('{"1": {"structure": "rods", "threshold": 0.5}}')
    (folder / ".begun.mrc.journal").write_text("key\n0 00000000\n")
    assert [files.made_by_seget(path) for path in (drawn, fused, begun)] == [
        "",
        "an output of seget",
        "an output of seget",
    ]
    assert files.why_no_tomogram(drawn) == "a volume of labels"
    proposal = propose([folder], folder / "dataset.toml")
    assert "golgi" in written(proposal, folder / "dataset.toml")
    assert {str(path) for path in proposal.left_out} >= {"fused.mrc", "begun.mrc"}
    assert "drawn.mrc" not in {str(path) for path in proposal.left_out}


@pytest.mark.parametrize(
    "name",
    [
        'a"b.mrc',
        "a\\tb.mrc",
        "new\nholdout = 1.mrc",
        "del\x7f.mrc",
        "# no comment.mrc",
        "]] = [x].mrc",
        "~root.mrc",
        "'''.mrc",
        '""".mrc',
        "гольджи 🧫.mrc",
        "\x1b[2J\u202e.mrc",
        "golgi=a.mrc",
        "%s {0}.mrc",
    ],
)
def test_odd_names_stay_within_their_quotes(tmp_path: Path, name: str) -> None:
    inner = tmp_path / name.removesuffix(".mrc")
    inner.mkdir(exist_ok=True)
    save(inner / "tomogram.mrc", GREY)
    save(inner / name, BYTES)
    (inner / name.replace(".mrc", ".log")).write_text("x")
    proposal = propose([inner], tmp_path / "dataset.toml")
    (mask,) = written(proposal, tmp_path / "dataset.toml").values()
    np.testing.assert_array_equal(mask, BLOBS)
    table = tomllib.loads(proposal.text)
    assert table.keys() == {"name", "holdout", "tomogram"}
    assert proposal.text.isprintable() or set(proposal.text) & set("\n")
    assert all(line.isprintable() for line in proposal.text.splitlines() if line[:1] == "#")


def test_a_name_that_is_no_utf_8_is_left_out(folder: Path) -> None:
    save(folder / "golgi.mrc", BYTES)
    raw = os.fsencode(folder) + b"/m\xff.mrc"
    try:
        os.link(folder / "golgi.mrc", raw)
    except OSError:
        pytest.skip("this file system knows no such name")
    proposal = propose([folder], folder / "dataset.toml")
    written(proposal, folder / "dataset.toml")
    (why,) = proposal.left_out.values()
    assert "no UTF-8" in why
    assert "m\\udcff.mrc: a name" in proposal.text


def test_a_mask_goes_to_the_tomogram_it_is_named_after_or_lies_beside(tmp_path: Path) -> None:
    for day in ("day1", "day2"):
        save(tmp_path / day / "rec.mrc", GREY)
        save(tmp_path / day / "golgi.mrc", BYTES)
    for n in (1, 2):
        save(tmp_path / f"TS_{n}.mrc", GREY)
        save(tmp_path / "masks" / f"TS_{n}_golgi.mrc", BYTES)
    proposal = propose([tmp_path], tmp_path / "dataset.toml")
    pairs = {one.file: [line.entry.file for line in one.lines] for one in proposal.tomograms}
    assert pairs == {
        "TS_1.mrc": ["masks/TS_1_golgi.mrc"],
        "TS_2.mrc": ["masks/TS_2_golgi.mrc"],
        "day1/rec.mrc": ["day1/golgi.mrc"],
        "day2/rec.mrc": ["day2/golgi.mrc"],
    }
    assert proposal.dataset.structures == ("golgi",)
    (tmp_path / "dataset.toml").write_text(proposal.text)
    names = [one.name for one in read_dataset(tmp_path / "dataset.toml").tomograms]
    assert names == [one.tomogram.name for one in proposal.tomograms]


def test_which_of_two_tomograms_is_never_guessed(folder: Path) -> None:
    other, mask = save(folder / "denoised.mrc", GREY), save(folder / "golgi.mrc", BYTES)
    with pytest.raises(
        InputError, match=r"golgi.mrc: fits .*denoised.mrc and .*tomogram.mrc alike"
    ):
        propose([folder], folder / "dataset.toml")
    with pytest.raises(InputError, match="alike; name one and its masks alone"):
        propose([folder / "tomogram.mrc", other, mask], folder / "dataset.toml")
    proposal = propose([mask, other], folder / "dataset.toml")
    assert proposal.tomograms[0].file == "denoised.mrc"


def test_what_is_named_by_itself_is_read_or_refused(folder: Path) -> None:
    tomogram = folder / "tomogram.mrc"
    few = save(folder / "few_levels.mrc", GREY // 64)
    golgi, small = save(folder / "golgi.mrc", BYTES), save(folder / "small.mrc", BYTES[:, 1:])
    # A tomogram of four grey values looks like labels: the first is taken for it.
    assert propose([few, golgi], folder / "d.toml").tomograms[0].file == "few_levels.mrc"
    for paths, words in (
        ([tomogram, golgi, small], r"small.mrc: has the shape \(12, 63, 64\)"),
        ([tomogram], "no mask that was drawn"),
        ([golgi], "no tomogram that it was drawn on"),
        ([folder / "absent"], "no such file"),
        ([tomogram, save(folder / "empty.mrc", 0 * BYTES)], "has no foreground"),
    ):
        with pytest.raises(InputError, match=words):
            propose(paths, folder / "d.toml")
