"""The report: one page that opens offline, with pictures that show what was measured."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bodies import COARSE
from seget import files
from seget.measurement import Options, measure_files
from seget.measurement.report.pictures import _busiest
from seget.measurement.report.rendering import BACKGROUND, rendered
from seget.volume import Volume


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """The report of six balls of a structure with a hostile name, on a tomogram."""
    folder = tmp_path_factory.mktemp("report")
    data = np.zeros((24, 60, 90), np.uint8)
    z, y, x = np.ogrid[:24, :60, :90]
    for i in range(6):
        at = 12, 15 + 30 * (i // 3), 15 + 30 * (i % 3)
        data[(z - at[0]) ** 2 + (y - at[1]) ** 2 + (x - at[2]) ** 2 < (6 + i / 2) ** 2] = 3
    grey = np.random.default_rng(0).integers(0, 255, data.shape).astype(np.uint8)
    files.write(folder / "cell.mrc", Volume(grey, COARSE))
    options = Options(structures=("<b>balls=3", "golgi=4"), tomogram=str(folder / "cell.mrc"))
    measure_files(Volume(data, COARSE), folder / "out", options)
    return (folder / "out" / "report.html").read_text()


def _pictures(page: str) -> list[Image.Image]:
    found = re.findall(r"data:image/png;base64,([^\"]+)", page)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]


def test_the_page_needs_no_network_and_escapes_names(page: str) -> None:
    assert "http:" not in page
    assert "https:" not in page
    assert "<script" not in page
    assert "<b>balls" not in page
    assert "&lt;b&gt;balls" in page


def test_the_page_says_how_many_and_how_large(page: str) -> None:
    row = re.search(r"balls</td>\s*(.*)", page)[1]
    cells = re.findall(r"<td>(.*?)</td>", row)
    assert cells[:3] == ["6", "0", "0"]
    assert float(cells[5]) == pytest.approx(2 * 7.25 * 4.5, abs=2)
    assert "<b>golgi</b>" in page
    assert "<li>no voxel is labelled 4.</li>" in page


def test_the_pictures_show_surfaces_outlines_and_histograms(page: str) -> None:
    scene, outlines, plots = _pictures(page)
    assert (np.asarray(scene) != BACKGROUND).any(axis=2).mean() > 0.03
    assert outlines.size[0] == 1080
    assert np.asarray(outlines.convert("L")).std() > 30  # the tomogram is below
    assert min(plots.size) > 200


def test_of_two_surfaces_the_nearer_is_seen(measure) -> None:
    data = np.zeros((30, 40, 40), np.uint8)
    data[14:18, 5:35, 5:35], data[8:12, 10:30, 10:30] = 1, 2
    colours = {"label-1": "#ff0000", "label-2": "#00ff00"}
    green = []
    for turned in (data, data[::-1]):
        objects = measure(Volume(np.ascontiguousarray(turned), COARSE)).objects
        extent = np.array(data.shape) * 4.5
        picture = rendered(objects, colours, extent, COARSE).astype(int)
        green.append((picture[..., 1] > picture[..., 0] + 20).sum())
    assert green[0] < 0.1 * green[1]  # the green sheet lies below the red one, then above


def test_the_slice_shown_is_the_one_that_most_objects_cross(measure) -> None:
    data = np.zeros((9, 9, 20), np.uint8)
    data[1:5, 2:4, 2:4] = data[4:8, 2:4, 8:10] = data[4, 6, 6] = 1
    assert _busiest(measure(Volume(data, COARSE)).objects, 9) == 4


def test_nothing_measured_is_a_page_too(tmp_path: Path) -> None:
    volume = Volume(np.zeros((4, 50, 60), np.uint8), COARSE)
    measure_files(volume, tmp_path)
    assert "no voxel is labelled" in (tmp_path / "report.html").read_text()
