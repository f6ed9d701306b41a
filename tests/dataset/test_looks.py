"""Masks as people have them: the sentence that refuses one names a key that reads all of it.

The key is taken from the sentence as it stands there.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from dataset_folder import Folder
from seget.dataset import Mask
from seget.dataset.looks import looks_like_a_tomogram
from seget.errors import InputError
from seget.volume import Volume

SHAPE = (8, 96, 96)
Z, Y, X = np.ogrid[:8, :96, :96]
BLOBS = np.broadcast_to((np.hypot(Y - 30, X - 30) < 12) | (np.hypot(Y - 66, X - 60) < 9), SHAPE)
RING = BLOBS & ~ndimage.binary_erosion(BLOBS, np.ones((1, 3, 3)))
NOISE = np.random.default_rng(0)
TOMOGRAM = NOISE.normal(120, 30, SHAPE).clip(0, 255).astype(np.uint8)
TOML = 'holdout = "none"\n[[tomogram]]\nimage = "tomogram.mrc"\n[tomogram.masks]\ngolgi = %s\n'


@pytest.fixture
def folder(tmp_path) -> Folder:
    folder = Folder(tmp_path)
    folder.save("tomogram.mrc", TOMOGRAM)
    return folder


def read(folder: Folder, entry: str) -> Mask:
    return folder.read(TOML % entry).tomograms[0].masks["golgi"]


def refused(folder: Folder, entry: str) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, entry)
    said = str(caught.value)
    assert re.search(r"[^.]\.$", said), "one sentence"
    return said


def offered(said: str) -> list[str]:
    """Return the masks that a sentence offers, as they are written in it."""
    found = re.findall(r"\{ file = .*? \}", said)
    assert found, said
    return found


def whole(mask: Mask) -> np.ndarray:
    return np.stack([mask.slice(z) for z in range(mask.volume.shape[0])])


def overlap(mask: Mask, wanted: np.ndarray) -> float:
    found = whole(mask)
    return float((found & wanted).sum() / (found | wanted).sum())


def smooth(mask: np.ndarray, px: float = 1.0) -> np.ndarray:
    return ndimage.gaussian_filter(mask.astype(np.float32), (0, px, px))


def zoomed(order: int) -> np.ndarray:
    half = BLOBS[:, ::2, ::2].astype(np.float32)
    return ndimage.zoom(half, (1, 2, 2), order=order, grid_mode=True, mode="nearest")


PROBABILITY = 1 / (1 + np.exp(6 - 12 * smooth(BLOBS) - NOISE.normal(0, 0.3, SHAPE)))
BLURRED = {
    "linear": zoomed(1),
    "splines": zoomed(3),
    "linear of 255": np.rint(zoomed(1) * 255).astype(np.uint8),
    "gauss of 255": np.rint(smooth(BLOBS) * 255).astype(np.uint8),
    "gauss of 65535": np.rint(smooth(BLOBS) * 65535).astype(np.uint16),
    "jpeg": np.clip(BLOBS * 255 + NOISE.integers(-6, 7, SHAPE), 0, 255).astype(np.uint8),
    "probability": PROBABILITY.astype(np.float32),
    "probability of 255": np.rint(PROBABILITY * 255).astype(np.uint8),
    "score map": np.rint(PROBABILITY * 127).astype(np.uint8),
    "signed bytes": (np.rint(smooth(BLOBS) * 255) - 128).astype(np.int8),
}


@pytest.mark.parametrize("kind", BLURRED)
def test_a_blurred_mask_is_to_be_cut_half_way(folder: Folder, kind: str) -> None:
    folder.save("golgi.npy", BLURRED[kind])
    (entry,) = offered(refused(folder, '"golgi.npy"'))
    assert " above = " in entry
    assert overlap(read(folder, entry), BLOBS) > 0.85, (
        "what one value alone would leave out is in it"
    )


@pytest.mark.parametrize("kind", ["linear", "gauss of 255", "jpeg"])
def test_one_value_of_a_blurred_mask_is_read_and_what_it_loses_is_said(
    folder: Folder, kind: str
) -> None:
    folder.save("golgi.npy", BLURRED[kind])
    top = 1 if kind == "linear" else 255
    mask = read(folder, f'{{ file = "golgi.npy", value = {top}, slices = [1, 2] }}')
    (note,) = mask.notes
    assert "leaves its rim to the background" in note
    (entry,) = offered(note)
    assert "slices = [1, 2]" in entry, "other keys are kept"
    assert sum(read(folder, entry).foreground_px) > 1.2 * sum(mask.foreground_px)


IDS = ndimage.label(BLOBS)[0].astype(np.uint64)
LABELS = {
    "instances": IDS,
    "ids beyond 2^24": IDS * 16777259,
    "ids beyond 2^53": IDS + IDS.astype(bool) * np.uint64(2**53),
    "two labels": np.where(RING, 1, np.where(BLOBS, 2, 0)).astype(np.uint8),
    "254 and 255": np.where(BLOBS, 254 + (X > 45), 0).astype(np.uint8),
    "grey labels": np.where(BLOBS, 85 + 85 * (X > 45), 0).astype(np.uint8),
    "small instances": np.where((Y % 8 < 2) & (X % 8 < 2), 1 + Y // 8 * 12 + X // 8, 0 * Z).astype(
        "u2"
    ),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_offered_all_one_or_several(folder: Folder, kind: str) -> None:
    labels = LABELS[kind]
    np.save(folder.path / "golgi.npy", labels)
    every, one, several = offered(refused(folder, '"golgi.npy"'))
    assert 'value = "any"' in every
    np.testing.assert_array_equal(whole(read(folder, every)), labels > 0)
    numbers = np.unique(labels[labels > 0])
    np.testing.assert_array_equal(whole(read(folder, one)), labels == numbers[0])
    np.testing.assert_array_equal(whole(read(folder, several)), np.isin(labels, numbers[:2]))


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64, np.int64])
def test_ids_that_float32_would_round_are_told_apart(folder: Folder, dtype: type) -> None:
    first = 2**24 if dtype is np.uint32 else 2**53
    ids = (np.arange(96)[None, :] % 3 + np.zeros((8, 96, 1), int)).astype(dtype)
    ids += ids.astype(bool) * dtype(first)
    np.save(folder.path / "golgi.npy", ids)
    for value in (first + 1, [first + 1], [first + 1, 7]):
        mask = read(folder, f'{{ file = "golgi.npy", value = {value} }}')
        np.testing.assert_array_equal(whole(mask), ids == first + 1)
    with pytest.raises(InputError, match="has no foreground"):
        read(folder, f'{{ file = "golgi.npy", value = {first} }}')


def test_255_beside_small_labels_may_be_what_was_not_looked_at(folder: Folder) -> None:
    labels = np.where(BLOBS, 1, np.where(X > 80, 255, 0)).astype(np.uint8)
    folder.save("golgi.npy", labels)
    entry = offered(refused(folder, '"golgi.npy"'))[-1]
    assert "ignore = 255" in entry
    mask = read(folder, entry)
    np.testing.assert_array_equal(whole(mask), BLOBS & (X <= 80))
    assert mask.labelled_px == (96 * 81,) * 8


def test_two_labels_without_a_background_are_not_offered_together(folder: Folder) -> None:
    folder.save("golgi.npy", np.where(BLOBS, 2, 1).astype(np.uint8))
    (entry,) = offered(refused(folder, '"golgi.npy"'))
    assert "value = 1" in entry


FRAMED = np.pad(TOMOGRAM[:, 12:-12, 12:-12], ((0, 0), (12, 12), (12, 12)))
GREY = {
    "bytes": TOMOGRAM,
    "frame": FRAMED,
    "float": TOMOGRAM.astype(np.float32) + NOISE.random(SHAPE, np.float32),
    "unit": NOISE.normal(0.5, 0.15, SHAPE).clip(0, 1).astype(np.float32),
    "dark body": np.where(BLOBS, TOMOGRAM // 2, TOMOGRAM).astype(np.uint8),
}


@pytest.mark.parametrize("kind", GREY)
def test_image_and_mask_exchanged(folder: Folder, kind: str) -> None:
    assert looks_like_a_tomogram(GREY[kind][0])
    folder.save("grey.npy", GREY[kind])
    folder.save("drawn.mrc", BLOBS.astype(np.uint8))
    exchanged = TOML.replace("tomogram.mrc", "drawn.mrc") % '"grey.npy"'
    with pytest.raises(
        InputError, match=r"grey\.npy: slice .* looks like a mask: exchange the two"
    ):
        folder.read(exchanged)
    put_right = TOML.replace("tomogram.mrc", "grey.npy") % '"drawn.mrc"'
    (mask,) = folder.read(put_right).tomograms[0].masks.values()
    assert not mask.notes
    with pytest.raises(InputError, match="as a tomogram does; it is the tomogram itself"):
        folder.read(TOML.replace("tomogram.mrc", "grey.npy") % '"grey.npy"')
    for key in ("value = 100", "above = 0.6", 'value = "any"'):
        try:
            read(folder, f'{{ file = "grey.npy", {key} }}')
        except InputError as error:
            assert "as a tomogram does" in str(error) or "no foreground" in str(error)
            continue
        (note,) = read(folder, f'{{ file = "grey.npy", {key} }}').notes
        assert "as a tomogram does; exchange image and mask" in note


@pytest.mark.parametrize("masks", [BLURRED, LABELS])
def test_no_mask_is_taken_for_a_tomogram(masks: dict[str, np.ndarray]) -> None:
    assert [kind for kind, mask in masks.items() if looks_like_a_tomogram(mask[0])] == []


# --- the complement, and rows that run the other way ---


@pytest.mark.parametrize("stored", [np.where(BLOBS, 0, 255), np.where(BLOBS, 0, 1)])
def test_a_mask_whose_0_is_the_structure_is_said(folder: Folder, stored: np.ndarray) -> None:
    folder.save("golgi.mrc", stored.astype(np.uint8))
    (note,) = read(folder, '"golgi.mrc"').notes
    assert "golgi is 9" in note and "0 may be the structure" in note
    (entry,) = offered(note)
    mask = read(folder, entry)
    np.testing.assert_array_equal(whole(mask), BLOBS)
    assert not mask.notes


def test_rows_that_run_the_other_way_are_turned(folder: Folder) -> None:
    tifffile.imwrite(folder.path / "golgi.tif", BLOBS[:, ::-1].astype(np.uint8))
    mask = read(folder, '{ file = "golgi.tif", flip = "y" }')
    np.testing.assert_array_equal(whole(mask), BLOBS)
    np.testing.assert_array_equal(mask.box(3, np.s_[20:50, 10:41]), BLOBS[3, 20:50, 10:41])
    with pytest.raises(InputError, match="flip is 'rows', wanted 'y'"):
        read(folder, '{ file = "golgi.tif", flip = "rows" }')


@pytest.mark.parametrize("value", ['"all"', "[]", "[1.5]", "true", "[true]", "1.5"])
def test_values_that_are_none(folder: Folder, value: str) -> None:
    folder.save("golgi.mrc", BLOBS.astype(np.uint8))
    with pytest.raises(
        InputError, match='wanted a whole number, several in brackets, or "any"; correct'
    ):
        read(folder, f'{{ file = "golgi.mrc", value = {value} }}')


def test_value_and_above_say_the_same_twice(folder: Folder) -> None:
    folder.save("golgi.mrc", BLOBS.astype(np.uint8))
    with pytest.raises(InputError, match=r"value = 1 and above = 0\.5 both say what is foreground"):
        read(folder, '{ file = "golgi.mrc", value = 1, above = 0.5 }')


def test_a_slice_of_very_many_numbers_is_not_counted_on(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (4, 130, 130)
    folder.save("tomogram.mrc", NOISE.integers(0, 255, shape, np.uint8))
    folder.save("golgi.npy", NOISE.normal(size=shape).astype(np.float32))
    asked: list[int] = []
    read_slice = Volume.slice
    monkeypatch.setattr(Volume, "slice", lambda self, z: asked.append(z) or read_slice(self, z))
    said = refused(folder, '"golgi.npy"')
    assert "as a tomogram does" in said
    assert set(asked) <= {0, 2}, "the first of the mask, the middle one of the tomogram"
