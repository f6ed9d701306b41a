from __future__ import annotations

import re
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seget.evaluation import Part, Thumbnail, report
from seget.evaluation.object_match import ObjectCounts

NAME = '<script>alert("x")</script>'


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for key, value in attrs if key in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.cells.append(data.strip())


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "slice_0001.png"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    return path


def test_the_page_shows_the_numbers_and_runs_nothing(tmp_path: Path, picture: Path) -> None:
    scores = {
        "miou": 0.8125,
        "miou_interval": [0.7912, 0.8308],
        "iou": None,
        "dice": 0.5,
        "pixel_accuracy": 1.0,
        "false_positive_px": 1234,
        "false_positive_share": 0.0234,
        "foreground_fraction": 0.01234,
        "judged_px": 54321,
        "labels": {"miou": 0.75},
        "calibration_error": 0.03,
        "reliability": [{"pixels": 9, "score": 0.3, "foreground": 0.4}],
        "objects": {
            **asdict(ObjectCounts(truth=5, found=3, missed=2, predicted_specks=7)),
            "f1": 0.6543,
            "surface_dice": 0.9876,
            "surface_tolerance_nm": 4.5,
            "centre_line_dice": None,
        },
    }
    structures = {NAME: scores, "golgi": scores}
    error = {"kind": "missed", "structure": NAME, "tomogram": NAME, "voxels": 9, "volume_nm3": None}
    error |= {"z_px": 1, "y_px": 2, "x_px": 3, "iou": 0.0, "parts": 1}
    result = {"structures": structures, "mean_miou": 0.8125, "notes": [NAME]}
    result |= {"mean_miou_interval": [0.8011, 0.8222]}
    result["object_errors"] = [error]
    wrong = [Thumbnail(error, picture.read_bytes())]
    part = Part(f"Test {NAME}", NAME, result, [picture], wrong)
    report(tmp_path / "report.html", NAME, [part], picture, [NAME])
    page = Page((tmp_path / "report.html").read_text())
    assert "script" not in page.tags
    assert page.cells.count(NAME) >= 5, "names are text, wherever they stand"
    assert {
        "0.812",
        "0.791-0.831",
        "0.801-0.822",
        "0.750",
        "absent",
        "0.500",
        "1.000",
        "1.23%",
    } <= set(page.cells)
    assert {"1,234 px, 2.34%", "54,321 px"} <= set(page.cells)
    assert {"0.988", "0.654", "0 + 7", "Surface Dice within 4.5 nm."} <= set(page.cells)
    assert len(page.sources) == 4
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)


def test_the_page_asks_nothing_of_the_network(tmp_path: Path, picture: Path) -> None:
    report(tmp_path / "report.html", "empty", [], picture)
    text = (tmp_path / "report.html").read_text()
    assert not re.search(r"https?://|@import|url\(", text)
