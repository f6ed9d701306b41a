"""What no dataset has: nesting or names without end, gigabytes of text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataset_folder import Folder
from hostile import DEEP
from seget.dataset import read_dataset
from seget.errors import InputError

IMAGE = 'image = "tomogram.mrc"'
MASK = 'masks = { synapse = "synapse.mrc" }'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * DEEP, "its values nest too deep, wanted lists and tables"),
        ("[a" + ".a" * DEEP + "]", "line 1 has more than 500 dots, which would nest keys"),
        ("\n[tomogram.masks" + " . a" * DEEP, "line 2 has more than 500 dots"),
        ("gap = " + "9" * 5000, "is not valid TOML, Exceeds the limit"),
        (f"holdout = {'[' * 90}{']' * 90}", r"holdout is \[\[\[.*\.\.\..*, wanted"),
        (f"[[tomogram]]\n{IMAGE}\n{MASK}\n{'a' * 10**6} = 1", r"the key tomogram\[0\]\.a{80} is"),
    ],
)
def test_what_nests_or_goes_on_without_end(folder: Folder, text: str, words: str) -> None:
    with pytest.raises(InputError, match=rf"dataset\.toml: {words}") as error:
        folder.read(text)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("name", ["a" * 300 + ".mrc", "a\\u0000.mrc", "tomogram.mrc/a.mrc"])
def test_names_that_no_file_can_have(folder: Folder, name: str) -> None:
    with pytest.raises(InputError, match=r"no such file, named as image in dataset\.toml"):
        folder.read(f'[[tomogram]]\nimage = "{name}"\n{MASK}')
    name = name.replace(".mrc", ".mod")
    with pytest.raises(InputError, match=r"there is no such file; check the name"):
        folder.read(f'[[tomogram]]\nimage = "tomogram.mrc"\nmasks = {{ a = "{name}" }}')


def test_a_tomogram_in_place_of_a_dataset(tmp_path: Path) -> None:
    path = tmp_path / "tomogram.mrc"
    path.touch()
    os.truncate(path, 2 * 10**12)  # a file of holes, which takes no space
    with pytest.raises(InputError, match=r"has 2000000\.0 MB, wanted a text of at most 17; give"):
        read_dataset(path)
