"""A volume as a network sees it: boxes are cuts of slices, neighbours are channels, nm are nm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from seget import files
from seget.errors import InputError
from seget.slices import SliceReader
from seget.spacing import common_pixel_nm, common_slice_nm, steps
from seget.volume import Volume

SHAPE = (5, 70, 90)
BOXES = [np.s_[0:70, 0:90], np.s_[3:40, 50:90], np.s_[69:70, 0:1]]


def grey(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(120, 25, SHAPE)
    return np.clip(noise, 1, 254).astype(np.uint8)


def alike(seed: int = 0) -> np.ndarray:
    """Slices that differ by noise."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=SHAPE[1:]), 4)
    noisy = 120 + 25 * smooth / smooth.std() + rng.normal(0, 10, SHAPE)
    return np.clip(noisy, 1, 254).astype(np.uint8)


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


@pytest.mark.parametrize("context", [1, 2, 3])
def test_neighbours_are_as_far_apart_as_those_that_the_model_learnt_from(context: int) -> None:
    """Of a tomogram with each slice twice, half as thick, every second one is a neighbour."""
    as_learnt = SliceReader.of(volume(alike()), context=context, slice_nm=4.0)
    twice = Volume(np.repeat(alike(), 2, axis=0), (2.0, 2.0, 2.0))
    finer = SliceReader.of(twice, context=context, slice_nm=4.0)
    for z in range(SHAPE[0]):
        np.testing.assert_allclose(finer.read(2 * z), as_learnt.read(z), atol=1e-5)
        assert finer.neighbours(2 * z)[context] == 2 * z
    assert as_learnt.notes() == []
    [note] = finer.notes()
    assert note.startswith("its slices are 2 nm apart")
    assert f"are {', '.join(str(2 * n) for n in range(1, context + 1))} slices away." in note


def test_neighbours_end_where_a_slice_is_empty_or_of_another_place() -> None:
    image = np.concatenate([alike(), alike(1)])
    image[0] = 7
    reader = SliceReader.of(volume(image), context=2)
    numbers = [[1, 1, 1, 2, 3], [1, 1, 2, 3, 4], [1, 2, 3, 4, 4], [2, 3, 4, 4, 4], [5, 5, 5, 6, 7]]
    of_empty = reader.notes()
    [note] = reader.notes(range(1, 10))[len(of_empty) :]
    assert note.startswith("the slice after 4 shows another place")
    assert reader.notes([8]) == of_empty == SliceReader.of(volume(image)).notes([4])
    planes = reader.volume.data
    for z, expected in enumerate(numbers, start=1):
        assert reader.neighbours(z) == expected
        alone = [SliceReader.of(volume(image)).read(n)[0] for n in expected]
        np.testing.assert_array_equal(reader.read(z), np.stack(alone))
        greys = reader.grey(z).planes
        assert all((grey == planes[n]).all() for grey, n in zip(greys, expected, strict=True))


def test_neighbours_of_unknown_distance_are_the_next_ones() -> None:
    unknown = Volume(grey(), (0.1, 0.1, 0.1))  # 1 angstrom: of programs that do not know it
    assert steps(unknown, 2, 4.0) == (1, 2) == steps(volume(grey()), 2)
    assert steps(volume(grey()), 3, 9.0) == (2, 5, 7)  # 2.25, 4.5 and 6.75 slices
    assert common_slice_nm([unknown]) is None
    assert common_slice_nm([Volume(grey(), (0.0, 2.0, 2.0))]) is None
    assert common_slice_nm([unknown, volume(grey())]) == 4.0
