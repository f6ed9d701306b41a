"""The report as a browser shows it: whole, quiet, and never wider than the window."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from browser import needs_browser, opened
from comparison_table import NAME, comparison_table
from seget.comparison import comparison_report

WIDTHS = (390, 1280)
LONG = "a structure with an uncommonly long name, without end " * 3

# A window of a browser is never as narrow as a phone: frames of the two widths are.
PROBE = """<!doctype html><meta charset="utf-8">{frames}<pre id="seen"></pre><script>
addEventListener("load", () => {{
  const seen = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument, root = page.documentElement;
    const scrolled = page.querySelector(".scroll");
    return {{
      images: [...page.images].map(image => image.naturalWidth),
      rows: [...page.querySelectorAll("table")[0].rows].map(
        row => [...row.cells].map(cell => cell.innerText)),
      bold: [...page.querySelectorAll("table")[0].querySelectorAll("strong")].map(
        one => one.innerText),
      scripts: page.scripts.length,
      asked: frame.contentWindow.performance.getEntriesByType("resource").length,
      widths: [root.clientWidth, root.scrollWidth, page.body.scrollWidth],
      box: [scrolled.clientWidth, scrolled.scrollWidth],
    }};
  }});
  document.getElementById("seen").textContent = JSON.stringify(seen);
}});
</script>"""

pytestmark = needs_browser


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], str]:
    """Open the report once; return what each width shows, and what the browser logged."""
    folder = tmp_path_factory.mktemp("browser")
    picture = folder / "figure.png"
    Image.fromarray(np.zeros((600, 2400), np.uint8)).save(picture)
    table = comparison_table(("golgi", NAME, LONG, "granules", "centriole", "synapse"))
    table["machine"] = table["split"]["text"] = "unbreakable" * 30
    table["split"]["flatters"] = True
    comparison_report(
        folder / "report.html", table, [("figure 4", picture)], [("curves", picture)] * 2
    )
    page = html.escape((folder / "report.html").read_text())
    frames = [
        f'<iframe srcdoc="{page}" style="border: 0; width: {width}px; height: 900px"></iframe>'
        for width in WIDTHS
    ]
    dom, log = opened(folder, PROBE.format(frames="".join(frames)))
    found = re.search(r'<pre id="seen">(.*?)</pre>', dom, re.DOTALL)
    assert found, log
    return json.loads(html.unescape(found[1])), log


def test_nothing_is_complained_about(seen) -> None:
    complaints = [line for line in seen[1].splitlines() if "CONSOLE" in line]
    assert not complaints


def test_the_table_is_there_with_its_numbers(seen) -> None:
    for shown in seen[0]:
        heads, *rows = [[cell.split("\n")[0] for cell in row] for row in shown["rows"]]
        assert heads[:3] == ["network", "golgi", NAME]
        assert [row[0] for row in rows] == ["FCN-8s", "SegNet", "U-Net", "DeepLabv3+", "SegET"]
        assert rows[1][1:3] == ["0.750 ± 0.005", "-"]
        assert rows[4][1:3] == ["0.870 ± 0.005", "0.920 ± 0.005"]
        assert rows[4][-1] == "0.878 ± 0.005"
        assert shown["bold"][0] == "0.930 ± 0.005"


def test_every_picture_is_there_and_nothing_was_fetched_or_run(seen) -> None:
    for shown in seen[0]:
        assert shown["images"] == [2400] * 3
        assert shown["asked"] == shown["scripts"] == 0


def test_the_page_never_scrolls_sideways_and_wide_tables_do(seen) -> None:
    for width, shown in zip(WIDTHS, seen[0], strict=True):
        inner, *contents = shown["widths"]
        assert width - 20 <= inner <= width
        assert max(contents) <= inner
    box, table = seen[0][0]["box"]
    assert table > box
