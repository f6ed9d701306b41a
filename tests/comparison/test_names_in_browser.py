"""Names that are scripts, in a browser: they are read, and nothing of them is run.

The pages also forbid scripts outright. Here that is taken out, or it would hide a missing escape.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from browser import needs_browser, opened
from comparison_table import comparison_table
from seget import files
from seget.comparison import comparison_report
from seget.dataset import read_dataset
from seget.evaluation import Part, draw_slices, evaluate, report
from seget.networks import Architecture
from seget.prediction import segment_files
from seget.recipes import modern
from seget.trained import Trained
from seget.volume import Volume

# No name of a file can hold a slash, and no script needs one.
TOMOGRAM = "<img src=x onerror=\"parent.hacked='tomogram'\">&lt;$\\frac{"
STRUCTURE = "</td><script>parent.hacked='structure'</script>\"'><b onmouseover=parent.hacked=1>"
SHAPE = (2, 32, 40)

PROBE = """<!doctype html><meta charset="utf-8">{frames}<pre id="seen"></pre><script>
addEventListener("load", () => setTimeout(() => {{
  const seen = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument;
    return {{
      hacked: window.hacked ?? null,
      title: page.title,
      text: page.body.textContent,
      alts: [...page.images].map(image => image.alt),
      sources: [...page.images].map(image => image.src.slice(0, 22)),
      scripts: page.scripts.length,
      bold: page.querySelectorAll("b").length,
      handlers: [...page.querySelectorAll("*")].filter(
        one => [...one.attributes].some(each => each.name.startsWith("on"))).length,
    }};
  }});
  document.getElementById("seen").textContent = JSON.stringify(seen);
}}, 200));
</script>"""
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy".*?>', re.DOTALL)

pytestmark = needs_browser


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Write both pages, the first by way of a real file of that name; return what each shows."""
    folder = tmp_path_factory.mktemp("names")
    pages = [evaluated(folder), compared(folder)]
    frames = []
    for page in pages:
        text, policies = POLICY.subn("", page.read_text())
        assert policies == 1, "no script is allowed at all"
        frames.append(f'<iframe srcdoc="{html.escape(text)}"></iframe>')
    dom, log = opened(folder, PROBE.format(frames="".join(frames)))
    found = re.search(r'<pre id="seen">(.*?)</pre>', dom, re.DOTALL)
    assert found, log
    return json.loads(html.unescape(found[1]))


def evaluated(folder: Path) -> Path:
    """Return the report of a prediction of a tomogram whose file has such a name."""
    image = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    files.write(folder / f"{TOMOGRAM}.mrc", Volume(image))
    files.write(folder / "golgi.mrc", Volume((image > 127).astype(np.uint8)))
    (folder / "dataset.toml").write_text(
        f'holdout = "none"\n[[tomogram]]\nimage = {json.dumps(TOMOGRAM + ".mrc")}\n'
        'masks = { golgi = "golgi.mrc" }\n'
    )
    dataset = read_dataset(folder / "dataset.toml")
    network = Architecture("seget", binning=2).build().eval()
    trained = Trained(network, ("golgi",), modern(), {"golgi": 0.5})
    segment_files(dataset.tomograms[0].image, [trained], folder / "out")
    result = evaluate(folder / "out", dataset)
    result["structures"][STRUCTURE] = result["structures"]["golgi"]
    pictures = list(draw_slices(folder / "out", dataset))
    assert [path.name for path in pictures] == [f"{TOMOGRAM}_{z:04d}.png" for z in range(2)]
    part = Part(TOMOGRAM, STRUCTURE, result, pictures)
    report(folder / "report.html", TOMOGRAM, [part], pictures[0], [STRUCTURE])
    return folder / "report.html"


def compared(folder: Path) -> Path:
    """Return the page of a comparison of which every text is such a name."""
    picture = folder / "figure.png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(picture)
    table = comparison_table(("golgi", STRUCTURE))
    table["title"] = table["dataset"] = table["machine"] = TOMOGRAM
    table["split"]["slices"] = {TOMOGRAM: [0, 1]}
    for network in table["networks"].values():
        network["title"] = STRUCTURE
    captioned = [(TOMOGRAM, picture), (STRUCTURE, picture)]
    comparison_report(folder / "comparison.html", table, captioned, captioned)
    return folder / "comparison.html"


def test_no_script_ran_and_none_is_there(seen: list[dict[str, Any]]) -> None:
    for page in seen:
        assert page["hacked"] is None
        assert (page["scripts"], page["bold"], page["handlers"]) == (0, 0, 0)
        assert set(page["sources"]) == {"data:image/png;base64,"}


def test_the_names_are_shown_as_they_are(seen: list[dict[str, Any]]) -> None:
    for page in seen:
        assert page["title"] == TOMOGRAM
        assert page["text"].count(TOMOGRAM) >= 3
        assert page["text"].count(STRUCTURE) >= 2
        assert any(alt.startswith(TOMOGRAM) for alt in page["alts"])
