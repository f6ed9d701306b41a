"""Each pixel of a slice stands where it should, in its colour, and nothing covers anything."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from seget.evaluation.pictures import CORRECT, MISSED, MIXED_UP, SPURIOUS, slice_picture
from seget.evaluation.sheet import CAPTION_PX, MARGIN_PX, TITLE_PX

COLOURS = {1: ("synapse", "#ffffff"), 2: ("golgi", "#00ff00")}
SHAPE = (40, 50)


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def picture(path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def panel(drawn: np.ndarray, index: int, height: int, width: int, columns: int = 2) -> np.ndarray:
    """Cut a panel out: they stand in rows below the title, each below its caption."""
    row, column = divmod(index, columns)
    cell = (drawn.shape[1] - MARGIN_PX) // columns
    top = TITLE_PX + CAPTION_PX + row * (height + CAPTION_PX)
    left = MARGIN_PX + column * cell
    return drawn[top : top + height, left : left + width]


@pytest.fixture
def scene():
    image = np.random.default_rng(0).normal(100, 20, SHAPE)
    truth = np.zeros(SHAPE, dtype=np.uint8)
    truth[5:15, 5:45] = 1
    truth[25:35, 5:20] = 2
    prediction = np.zeros_like(truth)
    prediction[5:15, 5:30] = 1
    prediction[25:35, 5:12] = 1
    prediction[25:35, 40:48] = 2
    return image, prediction, truth


def test_each_pixel_becomes_a_square_of_its_colour(scene, tmp_path):
    slice_picture(tmp_path / "slice.png", *scene, COLOURS, "ctl, slice 17")
    drawn = picture(tmp_path / "slice.png")
    table = np.array([(0, 0, 0), (255, 255, 255), (0, 255, 0)])
    for index, labels in ((1, scene[1]), (2, scene[2])):
        expected = table[labels].repeat(20, axis=0).repeat(20, axis=1)
        np.testing.assert_array_equal(panel(drawn, index, 800, 1000), expected)
    assert 1900 <= drawn.shape[1] <= 2200


def test_the_image_is_grey_and_keeps_the_order_of_its_values(scene, tmp_path):
    slice_picture(tmp_path / "slice.png", *scene, COLOURS, "ctl, slice 17")
    drawn = panel(picture(tmp_path / "slice.png"), 0, 800, 1000)[10::20, 10::20]
    assert (drawn == drawn[..., :1]).all()
    order = np.argsort(scene[0].ravel())
    assert (np.diff(drawn[..., 0].ravel()[order].astype(int)) >= 0).all()
    assert drawn.min() == 0
    assert drawn.max() == 255


def test_errors_have_the_colours_that_the_legend_names(scene, tmp_path):
    image, prediction, truth = scene
    slice_picture(tmp_path / "slice.png", image, prediction, truth, COLOURS, "ctl, slice 17")
    drawn = picture(tmp_path / "slice.png")
    errors = panel(drawn, 3, 800, 1000)[10::20, 10::20]
    assert tuple(errors[10, 10]) == rgb(CORRECT[1])
    assert tuple(errors[10, 40]) == rgb(MISSED[1])
    assert tuple(errors[30, 44]) == rgb(SPURIOUS[1])
    assert tuple(errors[30, 10]) == rgb(MIXED_UP[1])
    neither = errors[(prediction == 0) & (truth == 0)]
    assert neither.max() < rgb(CORRECT[1])[0], "the dimmed image must not look like a hit"
    legend = drawn[TITLE_PX + 2 * (800 + CAPTION_PX) + 1 :, drawn.shape[1] // 2 :]
    for _, colour in (CORRECT, MISSED, SPURIOUS, MIXED_UP):
        assert (legend == rgb(colour)).all(axis=-1).sum() > 200


def test_one_structure_cannot_be_the_wrong_one(scene, tmp_path):
    image, prediction, truth = scene
    one = {1: COLOURS[1]}
    slice_picture(tmp_path / "one.png", image, prediction == 1, truth == 1, one, "slice 0")
    assert not (picture(tmp_path / "one.png") == rgb(MIXED_UP[1])).all(axis=-1).any()


def test_a_line_of_one_pixel_survives_a_slice_too_large_for_the_picture(tmp_path):
    truth = np.zeros((1501, 1503), dtype=np.uint8)
    truth[:, 701] = 2
    nothing = np.zeros_like(truth)
    slice_picture(tmp_path / "slice.png", nothing, nothing, truth, COLOURS, "slice 0")
    drawn = panel(picture(tmp_path / "slice.png"), 2, 751, 752)
    assert (drawn[:, 350] == (0, 128, 0)).all()
    assert not drawn[:, :350].any()
    assert not drawn[:, 351:].any()


def test_panels_of_a_tall_slice_stand_side_by_side(tmp_path):
    labels = np.zeros((100, 20), dtype=np.uint8)
    labels[50:] = 2
    slice_picture(tmp_path / "slice.png", labels, labels, 0 * labels, COLOURS, "slice 0")
    drawn = picture(tmp_path / "slice.png")
    assert drawn.shape[1] >= 1200 - 4
    prediction = panel(drawn, 1, 1000, 200, columns=4)
    assert (prediction[:500] == 0).all()
    assert (prediction[500:] == (0, 255, 0)).all()
    assert (panel(drawn, 3, 1000, 200, columns=4)[500:] == rgb(SPURIOUS[1])).all()


@pytest.mark.parametrize("shape", [(100, 100), (300, 100), (60, 240)])
def test_legends_of_many_long_names_fit_outside_the_panels(shape, tmp_path):
    colours = {i: (f"structure number {i} of many", f"#{i * 1000:06x}") for i in range(1, 15)}
    labels = np.zeros(shape, dtype=np.uint8)
    slice_picture(tmp_path / "slice.png", labels, labels, labels, colours, "slice 0")
    drawn = picture(tmp_path / "slice.png")
    assert (drawn[:, -MARGIN_PX + 1 :] == 255).all()
    assert (drawn[-MARGIN_PX // 2 :] == 255).all()
    black = (drawn == 0).all(axis=-1).sum(axis=1)
    bottom = np.flatnonzero(black == black.max())[-1]
    assert (drawn[bottom + 1 : bottom + MARGIN_PX // 2] == 255).all()


def test_the_scale_bar_is_as_long_as_it_says(tmp_path):
    black = np.zeros((100, 100), dtype=np.uint8)
    slice_picture(tmp_path / "slice.png", black, black, black, COLOURS, "slice 0", 2.0)
    drawn = panel(picture(tmp_path / "slice.png"), 0, 1000, 1000)
    # 10 px a pixel of 2 nm: a quarter of the panel is 50 nm, and 50 nm are 250 px.
    widest = (drawn == 255).all(axis=-1).sum(axis=1).max()
    assert 246 <= widest <= 250


@pytest.mark.parametrize("value", [7.0, np.nan])
def test_an_image_without_contrast_is_black(value, scene, tmp_path):
    image = np.full(SHAPE, value)
    slice_picture(tmp_path / "slice.png", image, *scene[1:], COLOURS, "slice 0")
    assert not panel(picture(tmp_path / "slice.png"), 0, 800, 1000).any()


def test_voxels_that_are_not_finite_do_not_spoil_the_contrast(scene, tmp_path):
    image, *labels = scene
    image[3, 4] = np.inf
    image[6, 7] = np.nan
    slice_picture(tmp_path / "slice.png", image, *labels, COLOURS, "slice 0")
    drawn = panel(picture(tmp_path / "slice.png"), 0, 800, 1000)[10::20, 10::20, 0]
    assert drawn[3, 4] == drawn[6, 7] == 0
    assert drawn.std() > 30


def test_a_title_is_no_formula_and_a_name_need_not_end_in_png(scene, tmp_path):
    named = {label: (rf"{name} $\frac{{$", colour) for label, (name, colour) in COLOURS.items()}
    slice_picture(tmp_path / ".slice.part", *scene, named, r"a$b_c\q$ 100 %, slice 3")
    assert (picture(tmp_path / ".slice.part")[:TITLE_PX] < 128).any()


def test_what_cannot_be_painted_is_refused_in_words(scene, tmp_path):
    image, prediction, truth = scene
    with pytest.raises(ValueError, match=r"truth has shape \(2, 50\), the image \(40, 50\)"):
        slice_picture(tmp_path / "a.png", image, prediction, truth[:2], COLOURS, "")
    with pytest.raises(ValueError, match=r"truth has labels \[2\] without a colour"):
        slice_picture(tmp_path / "a.png", image, prediction == 1, truth, {1: COLOURS[1]}, "")
    assert not list(tmp_path.iterdir())


def test_no_state_of_matplotlib_is_touched():
    script = (
        "import sys, seget.evaluation.pictures, seget.evaluation.training_curves;"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
