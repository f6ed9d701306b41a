"""Panels are exact, the square in the corner is the area magnified, every network has its line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from seget.comparison import comparison_curves, figure3, figure4
from seget.comparison.figures import NETWORK_COLOURS, network_colour
from seget.comparison.magnified import EDGE, FRAME
from seget.evaluation.sheet import SheetLayout, painted

COLOURS = {1: ("synapse", "#ffffff"), 2: ("golgi", "#00ff00")}
TITLES = [*NETWORK_COLOURS]


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def picture(path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def panel(drawn: np.ndarray, layout: SheetLayout, index: int) -> np.ndarray:
    """Cut a panel out: the title stands above the first row, and x is counted from the left."""
    row, column = divmod(index, layout.columns)
    top = layout.px(76) + row * layout.step_y + layout.step_y - layout.height
    left = layout.margin + column * layout.step_x
    return drawn[top : top + layout.height, left : left + layout.width]


@pytest.fixture
def scene():
    """A slice of 50 x 50 pixels, which are drawn 20 times as large; nothing in its corner."""
    image = np.random.default_rng(0).normal(100, 20, (50, 50))
    truth = np.zeros(image.shape, dtype=np.uint8)
    truth[30:34, 5:45] = 1
    truth[36:40, 28:34] = 2
    return image, truth


def test_figure_3_has_a_panel_a_mask_in_its_colour(scene, tmp_path):
    image, truth = scene
    masks = {"synapse": truth == 1, "golgi": truth == 2}
    figure3(tmp_path / "3.part", image, masks, dict(COLOURS.values()), "cell, slice 3", 2.0)
    drawn = picture(tmp_path / "3.part")
    layout = SheetLayout.of(3, (1000, 1000))
    for index, label in ((1, 1), (2, 2)):
        expected = painted(np.where(truth == label, label, 0), COLOURS)
        expected = expected.repeat(20, axis=0).repeat(20, axis=1)
        np.testing.assert_array_equal(panel(drawn, layout, index), expected)
    assert (panel(drawn, layout, 0)[:500] == panel(drawn, layout, 0)[:500, :, :1]).all()


def test_figure_4_is_exact_outside_of_square_and_frame(scene, tmp_path):
    image, truth = scene
    panels = {title: np.roll(truth, i, axis=0) for i, title in enumerate(TITLES)}
    figure4(tmp_path / "4.png", image, panels | {"truth": truth}, COLOURS, "cell", (28, 26, 5))
    drawn = picture(tmp_path / "4.png")
    layout = SheetLayout.of(7, (1000, 1000))
    assert layout.columns == 4
    for index, labels in enumerate([*panels.values(), truth], start=1):
        expected = painted(labels, COLOURS).repeat(20, axis=0).repeat(20, axis=1)
        found = panel(drawn, layout, index)
        differs = (found != expected).any(axis=-1)
        differs[:420, :420] = False
        around = np.zeros_like(differs)
        around[28 * 20 - 9 : 33 * 20 + 9, 26 * 20 - 9 : 31 * 20 + 9] = True
        around[28 * 20 : 33 * 20, 26 * 20 : 31 * 20] = False
        assert not differs[~around].any()
        assert {tuple(c) for c in found[around]} == {rgb(FRAME), rgb(EDGE)}


@pytest.mark.parametrize("zoom", [(34, 25, 5), (0, 45, 4), (44, 44, 6)])
def test_the_square_in_the_corner_is_the_area_magnified(zoom, scene, tmp_path):
    image, truth = scene
    figure4(tmp_path / "4.png", image, {"truth": truth}, COLOURS, "cell", zoom)
    layout = SheetLayout.of(2, (1000, 1000))
    y, x, edge = zoom
    times = 400 // edge
    assert times >= 3 * 20
    line = layout.px(3)
    cut = painted(truth, COLOURS)[y : y + edge, x : x + edge]
    cut = cut.repeat(times, axis=0).repeat(times, axis=1)
    drawn = panel(picture(tmp_path / "4.png"), layout, 1)
    size = edge * times
    np.testing.assert_array_equal(drawn[line : line + size, line : line + size], cut)
    assert (drawn[:line, : size + 2 * line] == rgb(FRAME)).all()
    assert (drawn[: size + 2 * line, line + size : 2 * line + size] == rgb(FRAME)).all()
    grey = panel(picture(tmp_path / "4.png"), layout, 0)[line : line + size, line : line + size]
    assert (grey[::times, ::times] == grey[times - 1 :: times, times - 1 :: times]).all()
    assert grey.std() > 10


def test_the_area_chosen_is_the_one_with_most_borders_that_the_square_leaves_free(tmp_path):
    truth = np.zeros((100, 100), dtype=np.uint8)
    truth[5:30:2, 5:30] = 1  # the most borders of all, and fewer labels than in other corners
    truth[80:90:2, 60:70] = 2
    truth[:40, 60:] = truth[60:, :40] = truth[60:, 90:] = 1
    figure4(tmp_path / "4.png", truth * 1.0, {"truth": truth}, COLOURS, "cell")
    drawn = panel(picture(tmp_path / "4.png"), SheetLayout.of(2, (1000, 1000)), 1)
    framed = (drawn == rgb(FRAME)).all(axis=-1)
    framed[:420, :420] = False
    rows, columns = np.flatnonzero(framed.any(axis=1)), np.flatnonzero(framed.any(axis=0))
    assert rows.min() < 800 < 890 < rows.max()
    assert columns.min() < 600 < 700 < columns.max()


@pytest.mark.parametrize("empty", ["top left", "top right", "bottom left", "bottom right"])
def test_the_square_lies_where_nothing_is_drawn(empty, tmp_path):
    truth = np.ones((100, 100), dtype=np.uint8)
    rows = slice(60, None) if "bottom" in empty else slice(40)
    columns = slice(60, None) if "right" in empty else slice(40)
    truth[rows, columns] = 0
    figure4(tmp_path / "4.png", truth * 1.0, {"truth": truth}, COLOURS, "cell", (45, 45, 10))
    drawn = panel(picture(tmp_path / "4.png"), SheetLayout.of(2, (1000, 1000)), 1)
    framed = (drawn == rgb(FRAME)).all(axis=-1)
    framed[440:560, 440:560] = False  # the area itself
    ys, xs = np.nonzero(framed)
    assert (ys.min() > 590) if "bottom" in empty else (ys.max() < 420)
    assert (xs.min() > 590) if "right" in empty else (xs.max() < 420)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (300, 20), (20, 300), (2100, 70)])
def test_a_slice_of_any_shape_is_drawn(shape, tmp_path):
    truth = np.ones(shape, dtype=np.uint8)
    figure4(tmp_path / "4.png", truth, {"truth": truth}, COLOURS, "cell")
    assert picture(tmp_path / "4.png").size


def test_an_area_that_cannot_be_shown_is_refused_in_words(scene, tmp_path):
    image, truth = scene
    for zoom, words in (((46, 0, 5), "not inside the slice"), ((0, 0, 20), r"may be 19 px")):
        with pytest.raises(ValueError, match=words):
            figure4(tmp_path / "4.png", image, {"truth": truth}, COLOURS, "cell", zoom)
    with pytest.raises(ValueError, match=r"U-Net has labels \[2\] without a colour"):
        figure4(tmp_path / "4.png", image, {"U-Net": truth}, {1: COLOURS[1]}, "cell")
    with pytest.raises(ValueError, match=r"golgi has shape \(2, 50\), the image \(50, 50\)"):
        figure3(tmp_path / "3.png", image, {"golgi": truth[:2] > 0}, {"golgi": "#00ff00"}, "cell")
    assert not list(tmp_path.iterdir())


def log(end: float) -> list[dict[str, float]]:
    return [
        {"epoch": e, "loss": 1.0, "miou": end * e / 9, "step": 50.0 * e, "elapsed_s": 60.0 * e}
        for e in range(1, 10)
    ]


def near(path, colour: str) -> np.ndarray:
    difference = np.abs(picture(path).astype(int) - rgb(colour))
    return (difference < 12).all(axis=-1)


@pytest.mark.parametrize("by", ["minutes", "step"])
def test_every_network_has_its_line_and_its_name_outside(by, tmp_path):
    runs = {title: [log(0.5 + i / 10), log(0.52 + i / 10)] for i, title in enumerate(TITLES)}
    comparison_curves(tmp_path / "curves.part", runs, by)
    for colour in NETWORK_COLOURS.values():
        found = near(tmp_path / "curves.part", colour)
        assert found[:, :950].sum() > 500, "a line"
        assert found[:, 1000:].sum() > 100, "a name"


def test_a_network_keeps_its_colour_where_another_is_missing(tmp_path):
    comparison_curves(tmp_path / "curves.png", {"SegET": [log(0.9)], "other": [log(0.5)]}, "step")
    assert near(tmp_path / "curves.png", NETWORK_COLOURS["SegET"]).sum() > 300
    assert near(tmp_path / "curves.png", network_colour("other", 1)).sum() > 300
    assert not near(tmp_path / "curves.png", NETWORK_COLOURS["U-Net"]).any()


@pytest.mark.parametrize("runs", [{}, {"SegET": []}, {"SegET": [[{"miou": math.nan}], []]}])
def test_networks_without_a_validation_are_no_error(runs, tmp_path):
    comparison_curves(tmp_path / "curves.png", runs, "minutes")
    assert not near(tmp_path / "curves.png", NETWORK_COLOURS["SegET"]).any()
