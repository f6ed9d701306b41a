"""What another structure's slices show, and pixels that nobody looked at, are no background."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataset_folder import DRAWN, SHAPE, Folder
from seget.dataset import Tomogram
from seget.errors import InputError

TWO = """holdout = {holdout}
[[tomogram]]
image = "tomogram.mrc"
[tomogram.masks]
golgi = {{ file = "synapse.mrc", slices = {golgi} }}
er = {{ file = "labels.mrc", value = 2, slices = {er} }}
"""


def two(folder: Folder, golgi: list[int], er: list[int], holdout: str = '"none"') -> Tomogram:
    return folder.read(TWO.format(golgi=golgi, er=er, holdout=holdout)).tomograms[0]


def test_the_slices_of_another_structure_are_no_background(folder: Folder) -> None:
    tomogram = two(folder, [17, 3], [5, 9])
    golgi = tomogram.masks["golgi"]
    assert golgi.annotated == golgi.split.train == (3, 17)
    assert tomogram.annotated == tomogram.split.train == (3, 5, 9, 17)
    for z in range(SHAPE[0]):
        labelled = golgi.labelled(z)
        if z in (3, 17):
            assert labelled is None
            np.testing.assert_array_equal(golgi.slice(z), DRAWN[z])
        else:
            assert labelled is not None and not labelled.any()
            assert not golgi.slice(z).any()
        assert golgi.labelled_px[z] == 35 * (z in (3, 17))
    assert golgi.labelled_box(5, np.s_[1:4, 2:9]).shape == (3, 3)


def test_the_tomogram_s_slices_are_the_default(folder: Folder) -> None:
    text = TWO.format(golgi=[3], er=[5], holdout='"none"').replace(", slices = [5]", "")
    text = text.replace("[tomogram.masks]", "slices = [1, 2]\n[tomogram.masks]")
    masks = folder.read(text).tomograms[0].masks
    assert masks["golgi"].annotated == (3,)
    assert masks["er"].annotated == (1, 2)


def test_a_model_has_slices_too_and_a_mask_has_its_own_errors(folder: Folder) -> None:
    with pytest.raises(InputError, match=r"mask of golgi: slices names 20, .* 0 to 19"):
        two(folder, [3, 20], [5])
    with pytest.raises(InputError, match=r"mask of er: slices is empty"):
        two(folder, [3], [])


@pytest.mark.parametrize("holdout", ["block", "every-5th"])
def test_each_structure_is_split_on_its_own_slices(folder: Folder, holdout: str) -> None:
    golgi, er = [0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11]
    tomogram = two(folder, golgi, er, f'"{holdout}"')
    for structure, slices in {"golgi": golgi, "er": er}.items():
        split = tomogram.masks[structure].split
        assert sorted(split.train + split.validation + split.test) == slices
        assert split.train and split.validation, "each is validated, where it is annotated"


def test_too_few_slices_of_a_structure_go_where_those_of_all_do(folder: Folder) -> None:
    tomogram = two(folder, [3, 17], list(range(20)), '"block"')
    split = tomogram.masks["golgi"].split
    assert (split.train, split.validation, split.test) == ((3,), (), (17,))
    with pytest.raises(InputError, match="too few slices to split, 4 annotated"):
        two(folder, [3, 17], [5, 9], '"block"')


def test_a_named_hold_out_is_that_of_each(folder: Folder) -> None:
    tomogram = two(folder, [3, 17], [3, 5, 9], "{ validation = [3], test = [9] }")
    assert tomogram.masks["golgi"].split.train == (17,)
    assert tomogram.masks["golgi"].split.test == ()
    assert tomogram.masks["er"].split.test == (9,)
    with pytest.raises(InputError, match="holdout names slice 4, which is not annotated"):
        two(folder, [3, 17], [5, 9], "{ validation = [4] }")


# --- pixels that were not looked at ---

IGNORED = """holdout = { validation = [4], test = [9] }
[[tomogram]]
image = "tomogram.mrc"
masks = { synapse = { file = "part.mrc", ignore = 255%s } }
"""


def part(stored: np.dtype | type = np.uint8, foreground: int = 1) -> np.ndarray:
    mask = np.where(DRAWN, foreground, 0)
    mask[:, 4:] = 255
    return mask.astype(stored)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_ignored_pixels_are_neither(folder: Folder, dtype: type) -> None:
    folder.save("part.mrc", part(dtype))
    mask = folder.read(IGNORED % "").tomograms[0].masks["synapse"]
    labelled = mask.labelled(6)
    assert labelled is not None
    assert labelled[:4].all() and not labelled[4:].any()
    np.testing.assert_array_equal(mask.slice(6)[:4], DRAWN[6, :4])
    assert not mask.slice(6)[4:].any()
    assert mask.labelled_px == (20,) * 20
    assert mask.foreground_px == tuple(DRAWN[:, :4].sum(axis=(1, 2)).tolist())


def test_ignored_pixels_of_imod_s_signed_bytes(folder: Folder) -> None:
    folder.save("part.mrc", (part().astype(int) - 128).astype(np.int8))
    mask = folder.read(IGNORED % "").tomograms[0].masks["synapse"]
    assert mask.labelled_px == (20,) * 20
    np.testing.assert_array_equal(mask.slice(6)[:4], DRAWN[6, :4])


def test_a_scribble_leaves_0_out(folder: Folder) -> None:
    scribble = np.zeros(SHAPE, np.uint8)
    scribble[:, 0], scribble[:, 6] = 1, 2  # the structure, and what it is not
    folder.save("part.mrc", scribble)
    text = (IGNORED % ", value = 1").replace("ignore = 255", "ignore = 0")
    mask = folder.read(text).tomograms[0].masks["synapse"]
    assert mask.foreground_px == (5,) * 20
    assert mask.labelled_px == (10,) * 20


# --- what a training is known by ---


def identity(folder: Folder, text: str, structures: tuple[str, ...], test: bool = False) -> str:
    return json.dumps(folder.read(text).identity(structures, test))


def test_slices_and_ignored_pixels_are_part_of_a_training(folder: Folder) -> None:
    holdout = "{ validation = [4], test = [9] }"
    slices = [[0, 3, 4, 9], [0, 4, 9], [0, 4, 9, 11]]
    first = [
        identity(folder, TWO.format(golgi=own, er=[0, 3, 4, 9], holdout=holdout), ("golgi",))
        for own in slices
    ]
    assert len(set(first)) == 3
    moved = identity(folder, TWO.format(golgi=slices[0], er=[4, 5, 9], holdout=holdout), ("golgi",))
    assert moved == first[0], "the slices of a structure that is not trained decide nothing"


def test_which_pixels_are_ignored_is_part_of_a_training_on_its_slices(folder: Folder) -> None:
    found = []
    for z in (None, 0, 4, 9):
        mask = part()
        if z is not None:
            mask[z, 4] = 0
        folder.save("part.mrc", mask)
        found.append(identity(folder, IGNORED % "", ("synapse",)))
    folder.save("part.mrc", np.where(part() == 255, 0, part()).astype(np.uint8))
    found.append(identity(folder, IGNORED % "", ("synapse",)))
    assert found[0] == found[3], "a test slice decides no training"
    assert len(set(found)) == 4


def test_a_tomogram_that_tests_keeps_the_others_out_of_the_score(folder: Folder) -> None:
    folder.save("other.mrc", np.zeros(SHAPE, np.uint8))
    parts = "holdout = { validation = [5], test = [] }\n"
    tests = f"holdout = {{ validation = [], test = {list(range(SHAPE[0]))} }}\n"
    masks = 'masks = { synapse = "synapse.mrc" }\n'
    first, second = (
        f'[[tomogram]]\nimage = "{name}.mrc"\n{part}{masks}'
        for name, part in (("tomogram", parts), ("other", tests))
    )
    taught, tested = folder.read(first + second).tomograms
    assert taught.slices("scored", ["synapse"]) == ()
    assert taught.slices("validation", ["synapse"]) == (5,)
    assert tested.slices("scored", ["synapse"]) == tuple(range(SHAPE[0]))
    # Alone, it is scored where it validates.
    assert folder.read(first).tomograms[0].slices("scored", ["synapse"]) == (5,)
