"""Masks: whatever numbers the file keeps, the same drawing comes out."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from dataset_folder import DRAWN, LABELS, ONE_MASK, SHAPE, Folder
from seget.errors import InputError
from seget.volume import Volume


@pytest.mark.parametrize("drawn", [DRAWN, ~DRAWN], ids=["rare", "common"])
@pytest.mark.parametrize(
    ("background", "foreground", "dtype"),
    [
        (0, 1, np.uint8),
        (0, 255, np.uint8),
        (0, 7, np.uint8),
        (0, 1, np.int8),
        (0, -1, np.int8),  # 255 in a file that says its bytes are signed
        (-128, -127, np.int8),  # 0 and 1 as IMOD saves signed bytes
        (-128, 127, np.int8),  # 0 and 255, the same
        (0, 1, np.int16),
        (0, -1, np.int16),
        (0, 65535, np.uint16),
        (0, 1, np.float32),
        (0, 1.5, np.float32),
    ],
)
def test_every_encoding_is_the_same_mask(
    folder: Folder, drawn: np.ndarray, background: float, foreground: float, dtype: type
) -> None:
    folder.save("synapse.mrc", np.where(drawn, foreground, background).astype(dtype))
    mask = folder.synapse()
    for z in range(SHAPE[0]):
        assert mask.slice(z).dtype == np.bool_
        np.testing.assert_array_equal(mask.slice(z), drawn[z])
    assert mask.foreground_px == tuple(drawn.sum(axis=(1, 2)).tolist())
    assert mask.labelled_px == (35,) * 20


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        (LABELS.astype(np.uint8), 2),
        (LABELS.astype(np.uint16), 2),
        ((LABELS - 128).astype(np.int8), 2),
        (np.where(LABELS == 2, 0, -128).astype(np.int8), 128),  # 128 - 128 is no background
        ((LABELS * 100).astype(np.uint8).view(np.int8), 200),
        ((LABELS * 100).astype(np.uint8).view(np.int8), -56),
        ((LABELS * 30_000).astype(np.uint16), 60_000),
        (LABELS.astype(np.float32), 2),
    ],
)
def test_every_encoding_of_a_label_is_the_same_mask(
    folder: Folder, stored: np.ndarray, value: int
) -> None:
    folder.save("labels.mrc", stored)
    text = f'masks = {{ golgi = {{ file = "labels.mrc", value = {value} }} }}'
    tomogram = folder.read(f'[[tomogram]]\nimage = "tomogram.mrc"\n{text}').tomograms[0]
    for z in range(SHAPE[0]):
        np.testing.assert_array_equal(tomogram.masks["golgi"].slice(z), LABELS[z] == 2)


def test_a_mask_may_be_a_zarr_or_a_stack_of_tiff(folder: Folder) -> None:
    drawn = (DRAWN * 255).astype(np.uint8)
    folder.save("golgi.zarr", drawn)
    tifffile.imwrite(folder.path / "synapse.tif", drawn, photometric="minisblack")
    masks = 'masks = { golgi = "golgi.zarr", synapse = "synapse.tif" }\n'
    (tomogram,) = folder.read(f'[[tomogram]]\nimage = "tomogram.mrc"\n{masks}').tomograms
    for mask in tomogram.masks.values():
        np.testing.assert_array_equal(mask.slice(4), DRAWN[4])
        assert mask.foreground_px == tuple(DRAWN.sum(axis=(1, 2)).tolist())


def test_a_slice_drawn_all_over_is_foreground(folder: Folder) -> None:
    for number, dtype in [(1, np.uint8), (255, np.uint8), (-127, np.int8)]:
        folder.save("synapse.mrc", np.full(SHAPE, number, dtype))
        assert folder.synapse().foreground_px == (35,) * 20


def test_what_lies_in_slices_that_are_not_annotated_is_ignored(folder: Folder) -> None:
    stray = DRAWN.astype(np.uint8)
    stray[0, 0, 0] = 9
    folder.save("synapse.mrc", stray)
    text = f'holdout = "none"\n[[tomogram]]\nslices = [1, 2, 3]\n{ONE_MASK}'
    assert folder.read(text).tomograms[0].masks["synapse"].selection.values == (1,)


def test_bytes_are_counted_in_slices_of_odd_and_even_size(folder: Folder) -> None:
    for width in (4, 5):
        noise = np.random.default_rng(width).integers(0, 256, (3, 5, width), np.uint8)
        folder.save("tomogram.mrc", noise)
        folder.save("labels.mrc", noise)
        for label in np.unique(noise):
            masks = f'masks = {{ golgi = {{ file = "labels.mrc", value = {label} }} }}\n'
            (read,) = folder.read(
                f'holdout = "none"\n[[tomogram]]\nimage = "tomogram.mrc"\n{masks}'
            ).tomograms
            counted = read.masks["golgi"].foreground_px
            assert counted == tuple((noise == label).sum(axis=(1, 2)).tolist())


def test_a_label_volume_of_several_structures_is_gone_through_once(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    read_slice = Volume.slice
    monkeypatch.setattr(Volume, "slice", lambda self, z: asked.append(z) or read_slice(self, z))
    folder.read(
        'holdout = "none"\n[[tomogram]]\nimage = "tomogram.mrc"\n'
        "slices = [2, 7, 11]\n[tomogram.masks]\n"
        'golgi = { file = "labels.mrc", value = 1 }\n'
        'granules = { file = "labels.mrc", value = 2 }\n'
    )
    assert asked == [2, 7, 11]


def test_nan_is_no_label(folder: Folder) -> None:
    folder.save("synapse.mrc", np.where(DRAWN, 1, np.nan).astype(np.float32))
    assert folder.synapse().foreground_px == tuple(DRAWN.sum(axis=(1, 2)).tolist())
    folder.save("synapse.mrc", np.full(SHAPE, np.nan, np.float32))
    with pytest.raises(InputError, match="has no foreground"):
        folder.synapse()
