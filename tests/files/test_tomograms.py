"""What is taken for a tomogram in a folder, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mrc_bytes import IMOD, write_mrc
from seget import files
from seget.errors import InputError
from seget.volume import Volume

SHAPE = (6, 24, 20)
GREY = np.random.default_rng(0).integers(1, 255, SHAPE).astype(np.uint8)
MASK = np.zeros(SHAPE, np.uint8)
MASK[1:4, 4:14, 5:15] = 1


def save(path: Path, data: Any = GREY, **fields: Any) -> Path:
    z, y, x = SHAPE
    usual = {"size": (x, y, z), "m": (x, y, z), "cell": (20.0 * x, 20.0 * y, 20.0 * z), "ispg": 1}
    usual |= {"mode": 0, "stamp": IMOD, "flags": 4, "nversion": 20140}
    path.parent.mkdir(exist_ok=True)
    return write_mrc(path, np.asarray(data, np.uint8), **(usual | fields))


def left_out(folder: Path) -> dict[str, str]:
    return {p.name: why for p, why in files.no_tomograms(files.find_volumes(folder)).items()}


STACK_OF_IMAGES = {
    "TS_1.st": {},
    "TS_1.ali": {},
    "particles.mrcs": {},
    "TS_1_ali.mrc": {},
    "TS_1_preali_bin4.mrc": {},
    "TS_1_ALI.mrc": {},
    "tilts.mrc": {"ispg": 0, "m": (20, 24, 1)},
    "volumes.mrc": {"m": (20, 24, 1)},
    "serialem.mrc": {"ispg": 0, "exttyp": b"SERI", "extended": bytes(64)},
}


@pytest.mark.parametrize("name", STACK_OF_IMAGES)
def test_stacks_of_images_are_left_out_of_folders(tmp_path: Path, name: str) -> None:
    stack = save(tmp_path / name, **STACK_OF_IMAGES[name])
    cell = save(tmp_path / "cell.mrc")
    assert list(left_out(tmp_path)) == [name]
    assert files.find_tomograms(tmp_path) == [cell]
    # Named, it is taken: with a warning.
    assert files.find_tomograms(stack) == [stack]
    (said,) = files.doubts(stack)
    assert said.startswith(f"{stack}: this is a")
    assert not files.doubts(cell)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("TS_1.rec", {"ispg": 0}),
        ("TS_1_rec.mrc", {"ispg": 0, "m": (20, 24, 1)}),
        ("TS_1.mrc", {"ispg": 0, "nlabl": 1, "label": b"TILT: Tomographic reconstruction"}),
        ("best.mrc", {}),
        ("calibration.mrc", {}),  # an end that is no word of its own
    ],
)
def test_reconstructions_stay_whatever_their_space_group(
    tmp_path: Path, name: str, fields: dict[str, Any]
) -> None:
    path = save(tmp_path / name, **fields)
    save(tmp_path / "other.mrc")
    assert path in files.find_tomograms(tmp_path)
    assert not files.doubts(path)


def test_space_group_0_decides_only_among_files_that_say_otherwise(tmp_path: Path) -> None:
    """Of IMOD and others it stands in tomograms, too."""
    names = ["a.mrc", "b.mrc"]
    for name in names:
        save(tmp_path / name, ispg=0)
    assert [path.name for path in files.find_tomograms(tmp_path)] == names
    (said,) = files.doubts(tmp_path / "a.mrc")
    assert "space group 0" in said
    (tmp_path / "b.mrc.mdoc").write_text("[ZValue = 0]")
    assert list(left_out(tmp_path)) == ["b.mrc"]
    save(tmp_path / "c.mrc")
    assert list(left_out(tmp_path)) == ["b.mrc", "a.mrc"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (MASK, "a mask of 0 and 1"),
        (MASK * 255, "a mask of 0 and 255"),
        (MASK + MASK[:, ::-1] * 2, "a volume of 4 labels"),
        (np.float32(MASK), "a mask of 0 and 1"),
        (np.random.default_rng(0).random(SHAPE) < 0.5, "a mask of 0 and 1"),
        (GREY, ""),
        (GREY // 32, ""),  # few grey values, as of 4 bits, and no labels
        (np.zeros(SHAPE, np.uint8), ""),  # empty: prediction says so
    ],
)
@pytest.mark.parametrize("suffix", [".mrc", ".tif", ".zarr", ".npy"])
def test_masks_and_labels_are_no_tomograms(
    tmp_path: Path, suffix: str, data: Any, words: str
) -> None:
    kind = data.astype(np.uint8) if data.dtype == bool else data
    files.write(tmp_path / f"x{suffix}", Volume(kind, (1.0, 1.0, 1.0)))
    save(tmp_path / "cell.mrc")
    assert files.why_no_tomogram(tmp_path / f"x{suffix}") == words
    assert left_out(tmp_path) == ({f"x{suffix}": words} if words else {})


def test_what_other_programs_name_as_score_maps_is_left_out(tmp_path: Path) -> None:
    save(tmp_path / "cell.mrc")
    save(tmp_path / "cell__Golgi.mrc")
    save(tmp_path / "a__b.mrc")  # nobody's: there is no a
    assert left_out(tmp_path) == {"cell__Golgi.mrc": "a score map of cell, by its name"}


def test_an_untrimmed_volume_is_left_out_beside_the_trimmed_one(tmp_path: Path) -> None:
    for full, trimmed in (("TS_full.rec", "TS.rec"), ("TS_full_rec.mrc", "TS_rec.mrc")):
        folder = tmp_path / trimmed
        save(folder / full)
        assert [path.name for path in files.find_tomograms(folder)] == [full]
        save(folder / trimmed)
        assert [path.name for path in files.find_tomograms(folder)] == [trimmed]


def test_a_folder_of_nothing_but_others_says_what_they_are(tmp_path: Path) -> None:
    save(tmp_path / "TS_1.st")
    save(tmp_path / "mask.mrc", MASK)
    with pytest.raises(InputError) as caught:
        files.find_tomograms(tmp_path)
    said = str(caught.value)
    assert "mask.mrc is a mask of 0 and 1; TS_1.st is a tilt series by its name" in said
    assert "name the file itself" in said
    assert files.find_tomograms(tmp_path / "mask.mrc") == [tmp_path / "mask.mrc"]
    assert len(files.find_volumes(tmp_path)) == 2


def slices(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for number, name in enumerate(names):
        Image.fromarray(GREY[number % len(GREY)]).save(folder / name)
    return folder


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["i_1.png", "i_2.png", "i_1_mask.png", "i_2_mask.png"], "i_#.png (2), i_#_mask.png (2)"),
        (["A_1.png", "A_2.png", "B_1.png", "B_2.png"], "A_#.png (2), B_#.png (2)"),
        (["c1_1.png", "c1_2.png", "c2_1.png", "c2_2.png"], "c1_#.png (2), c2_#.png (2)"),
        (["z1_x0.png", "z1_x1.png", "z2_x0.png", "z2_x1.png", "z3_x0.png", "z3_x1.png"], "x0"),
        (["s_1.png", "s_2.png", "preview.png"], "preview.png (1), s_#.png (2)"),
        (["s_1.png", "s_2.tif"], "s_1.png (1), s_2.tif (1)"),
        (["s_1.png", "s_2.png", "s_02.png"], "2 slices of s_#.png have the number 2"),
    ],
)
def test_slices_of_several_series_are_refused(tmp_path: Path, names: list[str], words: str) -> None:
    folder = slices(tmp_path / "run", *names)
    with pytest.raises(InputError) as caught:
        files.read(folder)
    assert words in str(caught.value)
    assert "move" in str(caught.value)


def test_moving_the_other_series_away_is_the_mend(tmp_path: Path) -> None:
    folder = slices(tmp_path / "run", "i_1.png", "i_2.png", "i_1_mask.png", "i_2_mask.png")
    (tmp_path / "masks").mkdir()
    for name in ("i_1_mask.png", "i_2_mask.png"):
        (folder / name).rename(tmp_path / "masks" / name)
    assert files.read(folder).shape == files.read(tmp_path / "masks").shape == (2, *SHAPE[1:])


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["s_1.png", "s_2.png", "s_4.png", "s_7.png"], "numbered 1 to 7 3 are missing (3, 5, 6)"),
        (["s_08.png", "s_09.png", "s_11.png"], "numbered 8 to 11 1 is missing (10)"),
        (["s_1.png", "s_2.png", "s_3.png"], ""),
        (["s_0.png", "s_5.png", "s_10.png"], ""),  # every fifth was kept
        (["t2024_1.png", "t2024_2.png"], ""),
        (["s1_120034.png", "s2_120119.png", "s3_120200.png"], ""),  # with the time of each
        (["IMG_1.PNG", "img_2.png"], ""),
        (["only.png"], ""),
    ],
)
def test_missing_numbers_are_a_fault(tmp_path: Path, names: list[str], missing: str) -> None:
    folder = slices(tmp_path / "run", *names)
    said = [fault for fault in files.describe(folder).faults if "missing" in fault]
    assert bool(said) == bool(missing)
    if missing:
        assert missing in said[0]
        assert any(missing in sentence for sentence in files.doubts(folder))


def test_a_folder_of_folders_names_those_that_hold_tomograms(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        save(tmp_path / f"TS_{number}" / f"TS_{number}.rec", ispg=0)
    (tmp_path / "notes").mkdir()
    with pytest.raises(InputError, match=r"3 of its folders do; .*TS_1 \S*TS_2 \.\.\.") as caught:
        files.find_tomograms(tmp_path)
    named = str(caught.value).split(", as ")[1].split()[0]
    assert files.find_tomograms(named) == [tmp_path / "TS_1" / "TS_1.rec"]


@pytest.mark.parametrize("suffix", [".tif", ".mrc"])
def test_an_mdoc_beside_a_file_says_a_series_of_images(tmp_path: Path, suffix: str) -> None:
    files.write(tmp_path / f"TS_1{suffix}", Volume(GREY, (1.0, 1.0, 1.0)))
    (tmp_path / f"TS_1{suffix}.mdoc").write_text("[ZValue = 0]")
    save(tmp_path / "TS_1_rec.mrc")
    assert list(left_out(tmp_path)) == [f"TS_1{suffix}"]


def test_a_run_is_no_tomogram(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text("{}")
    Image.fromarray(GREY[0]).save(tmp_path / "curves.png")
    with pytest.raises(InputError, match="a model and no tomogram"):
        files.find_volumes(tmp_path)


def test_a_pattern_in_quotes(tmp_path: Path) -> None:
    save(tmp_path / "a.mrc")
    with pytest.raises(InputError, match="leave out the quotes"):
        files.find_tomograms(tmp_path / "*.mrc")


def test_rows_from_above_are_a_doubt(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mrc", stamp=0, exttyp=b"FEI1", extended=bytes(768))
    (said,) = files.doubts(path)
    assert "its first row is the upper one" in said
