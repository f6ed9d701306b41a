"""The page and the texts show the numbers of the table, mark the best, and run nothing."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from comparison_table import NAME, comparison_table
from seget.comparison import comparison_report, csv_text, markdown
from seget.comparison.report import PAPER_TABLE
from seget.comparison.rows import Score, mark_best, score_rows, threshold_rows


class Page(HTMLParser):
    """The texts of a page by the kind of element they stand in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.texts: list[str] = []
        self.bold: list[str] = []
        self.warnings: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for key, value in attrs if key in ("src", "href")]
        self._open.append("warning" if ("class", "warning") in attrs else tag)

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(" ".join(data.split()))
        if self._open and self._open[-1] == "strong":
            self.bold.append(self.texts[-1])
        if self._open and self._open[-1] == "warning":
            self.warnings.append(self.texts[-1])


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "figure.png"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    return path


def page(tmp_path: Path, table, pictures=(), curves=()) -> Page:
    comparison_report(tmp_path / "report.html", table, pictures, curves)
    return Page((tmp_path / "report.html").read_text())


def test_the_page_shows_the_numbers_with_the_best_in_bold(tmp_path: Path) -> None:
    shown = page(tmp_path, comparison_table())
    assert {"0.750 ± 0.005", "0.850 ± 0.005", "0.895 ± 0.005", "-"} <= set(shown.texts)
    assert {"0.720\N{EN DASH}0.770", "0.610", "1,234,567", "98.8", "432", "1.25"} <= set(
        shown.texts
    )
    best = ["0.930 ± 0.005", "0.870 ± 0.005", "0.895 ± 0.005"]
    assert shown.bold[:3] == best
    assert shown.bold[3:9] == [f"{miou:.4f}" for miou in PAPER_TABLE["SegET"]]
    assert "tomogram: 16-19" in shown.texts
    assert any(text.startswith("Mean ± half the range of 2 seeds.") for text in shown.texts)


def test_every_name_is_text_and_nothing_runs(tmp_path: Path, picture: Path) -> None:
    table = comparison_table()
    table["title"] = table["dataset"] = table["machine"] = table["recipe"] = NAME
    table["split"]["slices"] = {NAME: [1]}
    table["split"]["text"] = table["terms"]["text"] = NAME
    table["networks"]["seget"]["title"] = NAME
    shown = page(tmp_path, table, [(NAME, picture)], [(NAME, picture)])
    assert "script" not in shown.tags
    assert sum(NAME in text for text in shown.texts) >= 14


def test_the_page_asks_nothing_of_the_network(tmp_path: Path, picture: Path) -> None:
    shown = page(tmp_path, comparison_table(), [("figure 4", picture)], [("curves", picture)])
    text = (tmp_path / "report.html").read_text()
    assert not re.search(r"https?://|@import|url\(|<link", text)
    assert len(shown.sources) == 2
    assert all(source.startswith("data:image/png;base64,") for source in shown.sources)


def test_slices_that_flatter_are_marked(tmp_path: Path) -> None:
    table = comparison_table()
    assert not page(tmp_path, table).warnings
    table["split"] |= {"flatters": True, "text": "they lie between training slices"}
    assert page(tmp_path, table).warnings == ["They lie between training slices."]


def test_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    table = comparison_table()
    table["scores"], table["averages"], table["search"] = {}, {}, []
    table["seeds"], table["machine"], table["joint"] = [3], "", True
    shown = page(tmp_path, table)
    assert "Learning rates" not in shown.texts
    assert "modern, one model of all structures" in shown.texts
    assert shown.bold == [f"{miou:.4f}" for miou in PAPER_TABLE["SegET"]]


def test_the_rate_that_was_chosen_is_marked(tmp_path: Path) -> None:
    shown = page(tmp_path, comparison_table())
    assert {"0.611", "0.655 \N{CHECK MARK}", "80"} <= set(shown.texts)
    assert shown.bold[-2:] == ["0.655 \N{CHECK MARK}"] * 2


def test_the_averages_of_the_paper_are_the_means_of_its_lines() -> None:
    for *mious, average in PAPER_TABLE.values():
        assert np.mean(mious) == pytest.approx(average, abs=0.00005)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((), "-"),
        ((0.9,), "0.900"),
        ((0.9, 0.7), "0.800 ± 0.100"),
        ((0.1, 0.2, 0.6), "0.300 ± 0.265"),
    ],
)
def test_the_spread_is_half_the_range_of_two_seeds_and_the_deviation_of_more(values, text) -> None:
    assert Score(values).text == text


def test_numbers_that_read_alike_are_equally_good() -> None:
    marked = mark_best([Score((0.87041,)), Score((0.86969,)), Score((0.861,)), Score(())])
    assert [score.best for score in marked] == [True, True, False, False]


def test_a_number_of_fewer_seeds_says_so(tmp_path: Path) -> None:
    table = comparison_table()
    table["scores"]["unet"]["golgi"]["miou"] = [0.8, None]
    assert "1 of 2 seeds" in page(tmp_path, table).texts


def test_a_structure_on_no_scored_slice_is_absent_and_left_out_of_the_average(
    tmp_path: Path,
) -> None:
    table = comparison_table()
    keys = ("iou", "miou_at_threshold", "miou_per_slice", "miou_per_patch", "interval")
    for network in ("unet", "seget"):
        golgi = table["scores"][network]["golgi"]
        golgi |= {"miou": [None, None], "foreground_fraction": 0.0, **dict.fromkeys(keys)}
    row = next(row for row in score_rows(table) if row.network == "unet")
    assert row.scores[0].text == "absent"
    row = next(row for row in threshold_rows(table) if row.network == "unet")
    assert [score.text for score in row.scores] == ["absent", "0.681", "0.681"]
    unfinished = next(row for row in threshold_rows(table) if row.network == "segnet")
    assert [score.text for score in unfinished.scores][1:] == ["-", "-"]
    texts = page(tmp_path, table).texts
    assert texts.count("absent") == 2 * (1 + 6), "in table 1, and all but the pixel accuracy"
    assert "5.67%" in texts
    assert "| U-Net | absent | 0.680 ± 0.005 |" in markdown(table)
    assert csv_text(table).splitlines()[3].startswith("U-Net,,0.68")


def test_the_csv_has_a_line_a_network_in_full_precision() -> None:
    table = comparison_table()
    table["scores"]["fcn8s"]["golgi"]["miou"] = [1 / 3]
    heads, *rows = csv.reader(io.StringIO(csv_text(table)))
    assert heads == ["network", "golgi", NAME, "average"]
    assert [row[0] for row in rows] == ["FCN-8s", "SegNet", "U-Net", "DeepLabv3+", "SegET"]
    assert float(rows[0][1]) == 1 / 3
    assert rows[1][2:] == ["", ""]
    assert float(rows[4][3]) == pytest.approx(0.895)


def test_the_markdown_has_table_and_cost_and_names_stay_in_their_cells() -> None:
    table = comparison_table(("golgi|*x*", NAME))
    text = markdown(table)
    assert "| SegET | **0.870 ± 0.005** | 0.920 ± 0.005 | **0.895 ± 0.005** |" in text
    assert "| SegNet | 0.750 ± 0.005 | - | - |" in text
    at_threshold = text.partition("own threshold")[2].splitlines()[4]
    assert at_threshold.startswith("| FCN-8s | ")
    assert "±" not in at_threshold
    assert "| U-Net | 1,234,567 | 98.8 | - | 1.25 | 1,388 |" in text
    assert r"golgi\|\*x\*" in text
    assert "<script" not in text
    assert "- Split: Scored on the test slices" in text
