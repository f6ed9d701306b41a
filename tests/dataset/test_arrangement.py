"""Masks of some slices: a file or folder of as many slices as are named stands for these."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from dataset_folder import DRAWN, SHAPE, Folder
from seget.dataset import Mask
from seget.errors import InputError

NAMED = (1, 4, 7, 10, 13)
TOML = """holdout = "none"
[[tomogram]]
image = "tomogram.mrc"
{slices}
[tomogram.masks]
golgi = {entry}
"""


def read(folder: Folder, entry: str, slices: str = "") -> Mask:
    return folder.read(TOML.format(entry=entry, slices=slices)).tomograms[0].masks["golgi"]


def save(folder: Folder, names: list[str], slices: tuple[int, ...] = NAMED) -> None:
    (folder.path / "masks").mkdir(exist_ok=True)
    for name, z in zip(names, slices, strict=True):
        Image.fromarray(DRAWN[z].astype(np.uint8) * 255).save(folder.path / "masks" / name)


def assert_drawn(mask: Mask, slices: tuple[int, ...] = NAMED) -> None:
    for z in range(SHAPE[0]):
        wanted = DRAWN[z] if z in slices else np.zeros(SHAPE[1:], bool)
        np.testing.assert_array_equal(mask.slice(z), wanted)
        assert mask.labelled_px[z] == (35 if z in slices else 0)
    np.testing.assert_array_equal(mask.box(slices[0], np.s_[2:5, 1:4]), DRAWN[slices[0], 2:5, 1:4])


@pytest.mark.parametrize(
    "names",
    [
        [f"tomogram_z{z:03d}.png" for z in NAMED],
        [f"cell2_{z + 1}_mask.png" for z in NAMED],  # counted from 1
        [f"{k}.png" for k in range(5)],  # running
        [f"{k:02d}_of_5.png" for k in range(1, 6)],
        ["a.png", "b.png", "c.png", "d.png", "e.png"],
    ],
)
@pytest.mark.parametrize("of_mask", [True, False])
def test_a_folder_of_as_many_slices_as_are_named(
    folder: Folder, names: list[str], of_mask: bool
) -> None:
    save(folder, names)
    slices = f"slices = {list(NAMED)}"
    if of_mask:
        assert_drawn(read(folder, f'{{ file = "masks", {slices} }}'))
    else:
        assert_drawn(read(folder, '"masks"', slices))


def test_a_stack_stands_for_them_in_the_order_in_which_they_are_named(folder: Folder) -> None:
    order = (13, 1, 10)
    tifffile.imwrite(
        folder.path / "masks.tif", DRAWN[list(order)].astype(np.uint8), photometric="minisblack"
    )
    assert_drawn(read(folder, f'{{ file = "masks.tif", slices = {list(order)} }}'), order)


def test_numbers_in_names_go_before_the_order(folder: Folder) -> None:
    save(folder, [f"z{z}.png" for z in NAMED])
    assert_drawn(read(folder, '{ file = "masks", slices = [13, 1, 4, 10, 7] }'))


def test_rows_of_some_slices_are_turned_too(folder: Folder) -> None:
    tifffile.imwrite(
        folder.path / "masks.tif",
        DRAWN[list(NAMED), ::-1].astype(np.uint8),
        photometric="minisblack",
    )
    assert_drawn(read(folder, f'{{ file = "masks.tif", slices = {list(NAMED)}, flip = "y" }}'))


@pytest.mark.parametrize("first", [0, 1])
def test_slices_that_are_not_named_are_offered_from_the_names(folder: Folder, first: int) -> None:
    slices = (1, 4, 7, 10, 19)  # 19 is the last: 20 can only be counted from 1
    save(folder, [f"img_{z + first}.png" for z in slices], slices)
    with pytest.raises(
        InputError, match=r"this mask has 5 slices, the tomogram .* has 20"
    ) as caught:
        read(folder, '"masks"')
    (entry,) = re.findall(r"\{.*?\}", str(caught.value))
    assert_drawn(read(folder, entry), slices)


def test_slices_of_which_nothing_tells_are_to_be_named(folder: Folder, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "one.tif", DRAWN[8].astype(np.uint8), photometric="minisblack")
    with pytest.raises(InputError, match="this mask has 1 slice, the tomogram") as caught:
        read(folder, '"one.tif"')
    (entry,) = re.findall(r"\{.*?\}", str(caught.value))
    assert "slices = [...]" in entry
    assert_drawn(read(folder, entry.replace("...", "8")), (8,))


@pytest.mark.parametrize(
    ("slices", "words"),
    [
        ([1, 4, 7], "has 5 slices, .* and slices names 3 of them; name as many as the mask has"),
        ([1, 4, 8, 10, 13], "numbers in its names are 1, 4, 7, 10, 13, slices names 1, 4, 8, 10"),
    ],
)
def test_slices_that_do_not_fit_are_refused(folder: Folder, slices: list[int], words: str) -> None:
    save(folder, [f"z{z}.png" for z in NAMED])
    with pytest.raises(InputError, match=words):
        read(folder, '"masks"', f"slices = {slices}")
    assert_drawn(read(folder, f'{{ file = "masks", slices = {list(NAMED)} }}'))
