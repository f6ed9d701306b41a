"""Every error of a dataset names the file, what was found and the mend."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dataset_folder import Folder
from seget.dataset import hold_out, read_dataset
from seget.errors import InputError

IMAGE = 'image = "tomogram.mrc"\n'


def tomogram(*lines: str, masks: str = 'synapse = "synapse.mrc"', head: str = "") -> str:
    body = "\n".join(lines)
    return f"{head}\n[[tomogram]]\n{IMAGE}{body}\n[tomogram.masks]\n{masks}\n"


ERRORS = {
    "not TOML": ("[[tomogram]", "dataset.toml", "not valid TOML", "mend"),
    "missing image": (
        tomogram().replace("tomogram.mrc", "lost.mrc"),
        "lost.mrc",
        "no such file, named as image in dataset.toml",
        "correct the path",
    ),
    "missing mask": (
        tomogram(masks='golgi = "lost.mrc"'),
        "lost.mrc",
        "no such file, named as mask of golgi",
        "correct the path",
    ),
    "not an image": (tomogram().replace("tomogram.mrc", "notes.txt"), "notes.txt", "", ""),
    "mask of another shape": (
        tomogram(masks='synapse = "small.mrc"'),
        "small.mrc",
        "(20, 6, 5) (z, y, x), the tomogram",
        "save the mask on the tomogram's grid",
    ),
    "empty mask": (
        tomogram(masks='synapse = "empty.mrc"'),
        "empty.mrc",
        "the mask of synapse has no foreground in the annotated slices, which hold only 0",
        "leave this mask out",
    ),
    "empty in the annotated slices": (
        tomogram("slices = [1, 2, 3, 4, 5]", masks='synapse = "first-slice.mrc"'),
        "first-slice.mrc",
        "no foreground in the annotated slices",
        "correct value or slices",
    ),
    "label that is not there": (
        tomogram(masks='golgi = { file = "labels.mrc", value = 3 }'),
        "labels.mrc",
        "which hold only 0, 1, 2",
        "correct value",
    ),
    "labels without a value": (
        tomogram(masks='golgi = "labels.mrc"'),
        "labels.mrc",
        "the mask of golgi holds 0, 1, 2, wanted 0 and one other value",
        '{ file = "labels.mrc", value = 1 }',
    ),
    "two labels without a background": (
        tomogram(masks='golgi = "no-zero.mrc"'),
        "no-zero.mrc",
        "holds 1, 2, wanted 0 and one other",
        "name the value",
    ),
    "structure twice": (
        tomogram(masks='golgi = "synapse.mrc"\ngolgi = "labels.mrc"'),
        "dataset.toml",
        "line 7",
        "the same key or structure stands twice; keep one",
    ),
    "table twice": (
        tomogram() + '[tomogram.masks]\ngolgi = "labels.mrc"\n',
        "dataset.toml",
        "stands twice",
        "keep one",
    ),
    "bad name": (
        tomogram(masks='"../golgi" = "synapse.mrc"'),
        "dataset.toml",
        "'../golgi' cannot name a structure",
        "use letters, digits",
    ),
    "slice out of range": (
        tomogram("slices = [3, 20]"),
        "dataset.toml",
        "slices names 20, the tomogram has slices 0 to 19",
        "remove it",
    ),
    "negative slice": (tomogram("slices = [-1]"), "dataset.toml", "slices names -1", "remove it"),
    "slice repeated": (
        tomogram("slices = [3, 4, 3]"),
        "dataset.toml",
        "slices names 3 2 times",
        "keep one",
    ),
    "slices empty": (tomogram("slices = []"), "dataset.toml", "slices is empty", "remove the key"),
    "one slice for every-5th": (
        tomogram("slices = [3]", head='holdout = "every-5th"'),
        "dataset.toml",
        'holdout = "every-5th" with gap = 0 finds too few slices to split, 1 annotated',
        "nothing left for train; annotate more, lower gap, name the slices in holdout, or "
        'write holdout = "none"',
    ),
    "four slices for block": (
        tomogram("slices = [0, 1, 2, 3]", head='holdout = "block"'),
        "dataset.toml",
        "too few slices to split",
        "left for test; annotate more",
    ),
    "two slices for block": (
        tomogram("slices = [0, 1]", head='holdout = "block"'),
        "dataset.toml",
        "too few slices to split",
        "left for validation",
    ),
    "a gap as wide as a part": (
        tomogram(head='holdout = "block"\ngap = 3'),
        "dataset.toml",
        "gap = 3 finds too few slices to split",
        "lower gap",
    ),
    "gap without block": (
        tomogram(head='gap = 1\nholdout = "none"'),
        "dataset.toml",
        "gap = 1 has no meaning",
        'write holdout = "block"',
    ),
    "negative gap": (
        tomogram(head='holdout = "block"\ngap = -1'),
        "dataset.toml",
        "gap is -1, wanted greater than or equal to 0",
        "correct it",
    ),
    "unknown holdout": (
        tomogram(head='holdout = "every-4th"'),
        "dataset.toml",
        "holdout is 'every-4th', wanted 'every-5th', 'block' or 'none'",
        "correct it",
    ),
    "unknown holdout of a tomogram": (
        tomogram("holdout = 5"),
        "dataset.toml",
        "tomogram[0].holdout is 5, wanted 'every-5th'",
        "correct it",
    ),
    "unknown part": (
        tomogram("holdout = { val = [1] }"),
        "dataset.toml",
        "tomogram[0].holdout.val is unknown, known here are validation, test",
        "mend or remove it",
    ),
    "held out, not annotated": (
        tomogram("slices = [1, 2, 3]", "holdout = { test = [4] }"),
        "dataset.toml",
        "holdout names slice 4, which is not annotated",
        "add it to slices",
    ),
    "held out in two parts": (
        tomogram(head="holdout = { validation = [4, 5], test = [5] }"),
        "dataset.toml",
        "holdout names slice 5 more than once",
        "keep it in one part",
    ),
    "nothing held out": (
        tomogram(head="holdout = {}"),
        "dataset.toml",
        "holdout names no slice",
        'write holdout = "none"',
    ),
    "no tomogram": ('name = "ctl"', "dataset.toml", "tomogram is missing", "begin each tomogram"),
    "one pair of brackets": (
        tomogram().replace("[[tomogram]]", "[tomogram]"),
        "dataset.toml",
        "tomogram is missing, empty or of the wrong form",
        "begin each tomogram with [[tomogram]]",
    ),
    "no image": (
        tomogram().replace(IMAGE, ""),
        "dataset.toml",
        "tomogram[0].image is missing",
        "add it",
    ),
    "no masks": (
        f"[[tomogram]]\n{IMAGE}",
        "dataset.toml",
        "tomogram[0].masks is missing",
        "add [tomogram.masks]",
    ),
    "empty masks": (tomogram(masks=""), "dataset.toml", "masks is missing, empty", "add"),
    "unknown key": (
        tomogram("slcies = [1]"),
        "dataset.toml",
        "tomogram[0].slcies is unknown (did you mean slices?), known here are image, name, invert, "
        "slices, holdout, masks",
        "mend or remove it",
    ),
    "unknown key at the top": (
        tomogram(head='hold_out = "block"'),
        "dataset.toml",
        "hold_out is unknown (did you mean holdout?), known here are name, holdout, gap, tomogram",
        "mend or remove it",
    ),
    "unknown key of a mask": (
        tomogram(masks='golgi = { file = "labels.mrc", label = 2 }'),
        "dataset.toml",
        "golgi.label is unknown, known here are file, value, above, ignore, slices, flip, object",
        "mend or remove it",
    ),
    "no number": (
        tomogram('slices = ["1"]'),
        "dataset.toml",
        "tomogram[0].slices[0] is '1', wanted a valid integer",
        "correct it",
    ),
    "slices no list": (
        tomogram("slices = 3"),
        "dataset.toml",
        "tomogram[0].slices is 3, wanted a valid list",
        "correct it",
    ),
}


@pytest.mark.parametrize(("text", "file", "found", "mend"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_names_the_file_what_was_found_and_the_mend(
    folder: Folder, text: str, file: str, found: str, mend: str
) -> None:
    with pytest.raises(InputError) as caught:
        folder.read(text)
    said = str(caught.value)
    assert said.startswith(str(folder.path / file))
    assert found in said
    assert mend in said
    assert "\n" not in said
    assert re.search(r"[^.]\.$", said), "one sentence"


def test_a_tomogram_given_as_a_mask_is_refused(folder: Folder) -> None:
    grey = np.random.default_rng(0).normal(size=(5, 120, 120)).astype(np.float32)
    folder.save("tomogram.mrc", grey)
    folder.save("synapse.mrc", grey)
    with pytest.raises(InputError, match=r"synapse.mrc: slice 0 holds .* give the mask"):
        folder.synapse()


def test_a_dataset_that_is_not_there_or_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "lost.toml", tmp_path):
        with pytest.raises(InputError, match=r"cannot be read as a dataset .*; give the path"):
            read_dataset(path)


def test_a_dataset_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "dataset.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="save the dataset as UTF-8"):
        read_dataset(tmp_path / "dataset.toml")


def test_hold_out_refuses_a_name_it_does_not_know() -> None:
    with pytest.raises(InputError, match="'every-4th' is unknown; write every-5th"):
        hold_out(range(20), "every-4th")
