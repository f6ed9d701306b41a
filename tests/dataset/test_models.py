"""Masks that are objects of an IMOD model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imod_examples import ORIGIN_NM, SHAPE, SIZE_NM, box, square
from seget import files
from seget.dataset import read_dataset
from seget.errors import InputError
from seget.files import imod
from seget.files.imod import ImodObject
from seget.volume import Volume

TOML = """\
[[tomogram]]
image = "tomogram.mrc"
holdout = "none"
[tomogram.masks]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "tomogram.mrc"
    files.write(path, Volume(np.full(SHAPE, 7, np.uint8), SIZE_NM, ORIGIN_NM))
    golgi = tuple(square(z, (4, 10), (6, 20)) for z in (2, 3))
    objects = (
        ImodObject("ER (rough)", contours=(square(2, (0, 6), (0, 8)),)),
        ImodObject("Golgi", contours=golgi),
    )
    model = imod.model_on(files.read(path), objects)
    imod.write(tmp_path / "cell.mod", model)
    return tmp_path


def test_an_object_named_like_the_structure_or_by_its_name(folder: Path) -> None:
    (folder / "dataset.toml").write_text(
        TOML + 'golgi = "cell.mod"\ner = { file = "cell.mod", object = "ER (rough)" }\n'
    )
    masks = read_dataset(folder / "dataset.toml").tomograms[0].masks
    assert masks["golgi"].foreground_px == (0, 0, 84, 84, 0, 0)
    # The two overlap, and each is whole.
    assert masks["er"].foreground_px == (0, 0, 48, 0, 0, 0)
    np.testing.assert_array_equal(masks["golgi"].slice(2), box()[2] == 1)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ('er = "cell.mod"', r"no object 'er', it has ER \(rough\), Golgi; name one"),
        (
            'golgi = { file = "cell.mod", value = 2 }',
            "mask of golgi: value = 2 means nothing in cell.mod, wanted object or neither",
        ),
        (
            'golgi = { file = "tomogram.mrc", object = "Golgi" }',
            "object = 'Golgi' means nothing in tomogram.mrc, wanted value or neither",
        ),
        ('golgi = "lost.mod"', "lost.mod: there is no such file"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, mask: str, words: str) -> None:
    (folder / "dataset.toml").write_text(TOML + mask + "\n")
    with pytest.raises(InputError, match=words):
        read_dataset(folder / "dataset.toml")
