"""What is said before a training: how much is annotated, and what may be wrong with a mask."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dataset_folder import DRAWN, SHAPE, Folder
from seget import files
from seget.dataset import Dataset, annotated, annotation_notes
from seget.volume import Volume

TOML = """holdout = {holdout}
[[tomogram]]
image = "tomogram.mrc"
{slices}
[tomogram.masks]
golgi = {entry}
"""
SIZE_NM, PLACE_NM = (2.0, 1.0, 1.0), (0.0, 0.0, 0.0)


def dataset(
    folder: Folder, entry: str = '"golgi.mrc"', holdout: str = '"none"', slices: str = ""
) -> Dataset:
    return folder.read(TOML.format(entry=entry, holdout=holdout, slices=slices))


def notes(read: Dataset) -> list[str]:
    return list(annotation_notes(read, read.structures))


def on(*slices: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[list(slices)] = DRAWN[list(slices)]
    return mask


def test_the_row_of_a_structure(folder: Folder) -> None:
    folder.save("golgi.mrc", on(0, 1, 2, 3))
    (row,) = annotated(dataset(folder, slices="slices = [0, 1, 2, 3, 4]"), ("golgi", "er"))
    assert (row.structure, row.slices, row.shown) == ("golgi", 5, 4)
    assert row.share == DRAWN[:4].sum() / (5 * 35)


def test_many_empty_slices_are_said_unless_they_are_named(folder: Folder) -> None:
    shown = (1, 4, 7, 10, 13)
    folder.save("golgi.mrc", on(*shown))
    (note,) = notes(dataset(folder))
    assert "golgi is on 5 of 20 slices (1, 4, ..., 13), and the others count as background" in note
    (entry,) = re.findall(r"\{.*?\}", note)
    mended = dataset(folder, entry)
    assert not notes(mended)
    assert mended.tomograms[0].masks["golgi"].annotated == shown
    assert not notes(dataset(folder, slices=f"slices = {list(range(20))}"))
    folder.save("golgi.mrc", on(*range(10)))
    assert not notes(dataset(folder)), "half of them"


@pytest.mark.parametrize(
    ("size_nm", "origin_nm", "words"),
    [
        (SIZE_NM, PLACE_NM, None),
        ((2.0, 1.0, 1.01), PLACE_NM, None),  # 0.05 of a voxel over 5 of them
        ((2.0, 1.0, 2.0), PLACE_NM, r"voxels of mask and tomogram are 2, 1, 2 and 2, 1, 1 nm"),
        ((2.2, 1.0, 1.0), PLACE_NM, r"voxels of mask and tomogram are 2\.2, 1, 1"),
        ((0.1, 0.1, 0.1), (0.0, 0.0, 900.0), None),  # a mask that knows nothing
        (SIZE_NM, (0.0, 0.0, 0.9), None),
        (SIZE_NM, (0.0, -1.5, 0.0), r"mask and tomogram begin at 0, -1\.5, 0 and 0, 0, 0 nm"),
        (SIZE_NM, (5000.0, 0.0, 0.0), "mask and tomogram begin at 5000, 0, 0"),
    ],
)
def test_another_grid_is_said(
    folder: Folder,
    size_nm: tuple[float, float, float],
    origin_nm: tuple[float, float, float],
    words: str | None,
) -> None:
    files.write(
        folder.path / "golgi.mrc", Volume(DRAWN.astype(np.uint8), size_nm, origin_nm, "golgi")
    )
    found = notes(dataset(folder))
    assert len(found) == (words is not None)
    for note in found:
        assert re.search(words or "", note), note


@pytest.mark.parametrize(
    ("slices", "parts"),
    [((0, 16), ["validation"]), ((0, 13), ["test"]), ((0,), ["validation", "test"])],
)
def test_a_part_without_the_structure_is_said(
    folder: Folder, slices: tuple[int, ...], parts: list[str]
) -> None:
    folder.save("golgi.mrc", on(*slices))
    every = f"slices = {list(range(20))}"
    found = notes(dataset(folder, holdout='"block"', slices=every))
    assert [re.findall(r"on no (\w+) slice", note)[0] for note in found] == parts
    mend = f"{{ validation = [{slices[-1]}] }}" if slices[1:] else '"none"'
    assert not notes(dataset(folder, holdout=mend, slices=every)), "another holdout"


def test_the_tomogram_as_its_own_mask(folder: Folder) -> None:
    folder.save("tomogram.mrc", DRAWN.astype(np.uint8))
    (note,) = notes(dataset(folder, '"tomogram.mrc"'))
    assert "is given as image and as mask; give the tomogram as image" in note


def test_several_tomograms_are_named(folder: Folder, tmp_path: Path) -> None:
    folder.save("golgi.mrc", 1 - DRAWN.astype(np.uint8))
    text = TOML.format(entry='"golgi.mrc"', holdout='"none"', slices="")
    twice = folder.read(text + text.replace('holdout = "none"', ""))
    found = notes(twice)
    assert [note.partition(": ")[0] for note in found] == [t.name for t in twice.tomograms]
    assert annotated(twice, ("golgi",))[0].slices == 40


@pytest.mark.parametrize("named", [[1], [0, 4, 9], [0, 4, 9, 15, 19]])
def test_few_slices_are_all_learnt_from_and_it_is_said(folder: Folder, named: list[int]) -> None:
    text = f'[[tomogram]]\nimage = "tomogram.mrc"\nslices = {named}\n'
    read = folder.read(text + '[tomogram.masks]\nsynapse = "synapse.mrc"\n')
    said = [note for note in notes(read) if "too few to hold one out" in note]
    assert bool(said) == (len(named) < 5)
    assert (read.tomograms[0].split.train == tuple(named)) == (len(named) < 5)
