"""A volume as a network sees it: boxes are cuts of slices, neighbours are channels, nm are nm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seget import files
from seget.errors import InputError
from seget.slices import SliceReader, common_pixel_nm
from seget.volume import Volume

SHAPE = (5, 70, 90)
BOXES = [np.s_[0:70, 0:90], np.s_[3:40, 50:90], np.s_[69:70, 0:1]]


def grey(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(120, 25, SHAPE)
    return np.clip(noise, 1, 254).astype(np.uint8)


def framed() -> np.ndarray:
    image = grey()
    image[:, :12] = 0
    image[0] = 7
    return image


def volume(image: np.ndarray, nm: float = 2.0) -> Volume:
    return Volume(image, (4.0, nm, nm), name="cell")


class Counting:
    """An array that counts the voxels that are read from it."""

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.shape, self.dtype, self.read = data, data.shape, data.dtype, 0

    def __getitem__(self, index: Any) -> np.ndarray:
        part = self.data[index]
        self.read += part.size
        return part


@pytest.mark.parametrize("context", [0, 1, 2])
@pytest.mark.parametrize("pixel_nm", [None, 1.3, 2.0, 5.1])
@pytest.mark.parametrize("image", [grey(), framed()], ids=["plain", "framed"])
def test_a_box_is_a_cut_of_the_slice(
    image: np.ndarray, pixel_nm: float | None, context: int
) -> None:
    wanted = None if pixel_nm is None else (pixel_nm, pixel_nm)
    reader = SliceReader.of(volume(image), wanted, context)
    for z in range(SHAPE[0]):
        whole, content = reader.read(z), reader.content(z)
        assert whole.shape == (2 * context + 1, *reader.shape[1:])
        assert whole.dtype == np.float32
        for box in BOXES:
            rows, columns = (slice(*part.indices(n)[:2]) for part, n in
                             zip(box, reader.shape[1:], strict=True))  # fmt: skip
            if rows.start < rows.stop and columns.start < columns.stop:
                cut = reader.read(z, (rows, columns))
                np.testing.assert_array_equal(cut, whole[:, rows, columns])
                if content is not None:
                    kept = reader.content(z, (rows, columns))
                    np.testing.assert_array_equal(kept, content[rows, columns])


def test_neighbours_are_channels_and_the_last_slice_is_repeated() -> None:
    single, three = SliceReader.of(volume(grey())), SliceReader.of(volume(grey()), context=1)
    planes = [single.read(z)[0] for z in range(SHAPE[0])]
    for z in range(SHAPE[0]):
        expected = [planes[max(z - 1, 0)], planes[z], planes[min(z + 1, SHAPE[0] - 1)]]
        np.testing.assert_array_equal(three.read(z), np.stack(expected))


def test_padding_is_zero_unscored_and_ignored() -> None:
    reader = SliceReader.of(volume(framed()))
    scores = np.full((2, *SHAPE[1:]), 99, np.uint8)
    content = reader.content(2)
    assert content is not None
    assert not content[:12].any()
    assert content[12:].all()
    assert (reader.read(2)[0][:12] == 0).all()
    restored = reader.restore(2, scores)
    assert (restored[:, :12] == 0).all()
    assert (restored[:, 12:] == 99).all()
    assert (reader.restore(0, scores) == 0).all()  # an empty slice
    assert SliceReader.of(volume(grey())).content(2) is None


def test_a_box_of_a_chunked_volume_reads_no_more_than_the_box() -> None:
    counting = Counting(grey())
    reader = SliceReader.of(Volume(counting))
    reader.content(1)  # a slice is looked at whole once, for its padding
    counting.read = 0
    reader.read(1, np.s_[10:20, 30:50])
    assert counting.read == 10 * 20


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_boxes_of_files(tmp_path: Path, suffix: str) -> None:
    files.write(tmp_path / f"cell{suffix}", volume(grey()))
    reader = SliceReader.of(files.read(tmp_path / f"cell{suffix}"))
    box = np.s_[10:20, 30:50]
    np.testing.assert_array_equal(
        reader.read(3, box), SliceReader.of(volume(grey())).read(3)[:, box[0], box[1]]
    )


@pytest.mark.parametrize(
    ("nm", "shape"), [(2.0, (70, 90)), (2.08, (70, 90)), (4.0, (140, 180)), (1.0, (35, 45))]
)
def test_pixels_have_the_model_s_size(nm: float, shape: tuple[int, int]) -> None:
    reader = SliceReader.of(volume(grey(), nm), (2.0, 2.0))
    assert reader.shape == (SHAPE[0], *shape)
    assert reader.read(0).shape == (1, *shape)
    scores = reader.restore(0, np.full((1, *shape), 77, np.uint8))
    assert scores.shape == (1, 70, 90)
    assert (scores == 77).all()
    assert len(reader.notes()) == (shape != (70, 90))


def test_a_disc_comes_back_where_it_was() -> None:
    y, x = np.indices(SHAPE[1:])
    disc = np.hypot(y - 30, x - 50) < 14
    image = np.where(disc, 60, grey()).astype(np.uint8)
    for wanted in (1.0, 1.5, 3.0, 6.0):
        reader = SliceReader.of(volume(image), (wanted, wanted))
        small = reader.on_grid(lambda box: disc if box is None else disc[box])
        back = reader.restore(1, np.uint8(127) * small[None].astype(np.uint8))[0] > 63
        iou = np.sum(back & disc) / np.sum(back | disc)
        assert iou > 0.88, wanted
        row, column = reader.to_grid(30, 50)
        assert small[row, column]


def test_beyond_a_factor_of_four_is_refused_with_the_mend() -> None:
    SliceReader.of(volume(grey(), 8.0), (2.0, 2.0))
    with pytest.raises(InputError, match=r"its pixels are 8.2 nm, the model's 2 nm.*--voxel"):
        SliceReader.of(volume(grey(), 8.2), (2.0, 2.0))
    with pytest.raises(InputError, match="at most a factor of 4"):
        SliceReader.of(volume(grey(), 2.0), (8.2, 8.2))


def test_an_unknown_size_is_taken_as_equal() -> None:
    for size in (None, (0.1, 0.1, 0.1)):
        unknown = Volume(grey(), size)
        assert unknown.pixel_nm is None
        assert SliceReader.of(unknown, (2.0, 2.0)).resampling is None
    assert SliceReader.of(volume(grey()), None).resampling is None


def test_volumes_meet_at_the_median_or_at_the_recipe_s_size() -> None:
    volumes = [volume(grey(), nm) for nm in (9.0, 4.5, 4.4)]
    assert common_pixel_nm(volumes) == (4.5, 4.5)
    assert common_pixel_nm(volumes[:2]) == (4.5, 4.5)
    assert common_pixel_nm([*volumes, Volume(grey())], 3.0) == (3.0, 3.0)
    assert common_pixel_nm([Volume(grey())]) is None


def test_inverted_contrast_is_the_same_image_turned() -> None:
    turned = SliceReader.of(volume(framed()), invert=True)
    np.testing.assert_array_equal(turned.read(2), -SliceReader.of(volume(framed())).read(2))
    white = SliceReader.of(volume(255 - framed()), invert=True)
    np.testing.assert_allclose(white.read(2), SliceReader.of(volume(framed())).read(2), atol=1e-3)
