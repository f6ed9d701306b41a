"""The numbers of docs/results/table1.md: every comparison there, run or gone on with.

    SEGET_DATA=/path/to/data python benchmarks/table1.py [NAME ...] [--pages]

Each comparison is one `seget compare` in build/table1/NAME. Cells that docs/results/cells.json
holds are not done again; what is done is added to it, also when the run is stopped. `--pages` runs
nothing and only writes the tables of finished comparisons into the page, between its markers.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
from pathlib import Path

from seget.comparison import markdown

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "table1"
CELLS = ROOT / "docs" / "results" / "cells.json"
PAGE = ROOT / "docs" / "results" / "table1.md"

STRUCTURES = ("membrane", "mitochondria", "glia", "synapse", "intracellular")
# At 4.5 nm a voxel a microtubule is 5 pixels wide: binned it would be lost. As `seget demo` does.
PHANTOM = ("--joint", "--set", "binning=1", "--set", "patch_px=256", "--set", "weight_cap=20")

COMPARISONS: dict[str, tuple[str, ...]] = {
    "mitochondria-time": ("vnc", "-s", "mitochondria", "--budget", "5m", "--seeds", "2"),
    "phantom-time": ("phantom", *PHANTOM, "--budget", "3m"),
    "membrane-synapse-time": ("vnc", "-s", "membrane,synapse", "--budget", "3m"),
    "mitochondria-steps": ("vnc", "-s", "mitochondria", "--steps", "300"),
}


def dataset(kind: str) -> Path:
    """Return the dataset.toml of a comparison, made if need be."""
    if kind == "phantom":
        subprocess.run(["seget", "phantom", str(BUILD / "phantom")], check=True)
        return BUILD / "phantom" / "dataset.toml"
    if "SEGET_DATA" not in os.environ:
        raise SystemExit("SEGET_DATA is not set: say where the data is, SEGET_DATA=/path/to/data.")
    data = Path(os.environ["SEGET_DATA"]).resolve() / "vnc"
    masks = "\n".join(f'{s} = "{data / s}.mrc"' for s in STRUCTURES)
    toml = BUILD / "vnc.toml"
    toml.parent.mkdir(parents=True, exist_ok=True)
    toml.write_text(
        f'name = "vnc"\nholdout = "block"\n[[tomogram]]\nimage = "{data}/tomogram.mrc"\n'
        f"[tomogram.masks]\n{masks}\n"
    )
    return toml


def go_on(name: str) -> None:
    """Run a comparison from the cells that are kept, and keep what it adds."""
    kept = json.loads(CELLS.read_text()) if CELLS.is_file() else {}
    out = BUILD / name
    cells = out / "cells.json"
    if name in kept and not cells.is_file():
        out.mkdir(parents=True, exist_ok=True)
        cells.write_text(json.dumps(kept[name]))
    kind, *options = COMPARISONS[name]
    try:
        words = ["seget", "compare", str(dataset(kind)), "-o", str(out), *options]
        if code := subprocess.run(words, check=False).returncode:
            raise SystemExit(code)  # it has said why
    finally:
        if cells.is_file():
            kept[name] = json.loads(cells.read_text())
            CELLS.write_text(_a_cell_a_line(kept))


def _a_cell_a_line(kept: dict[str, dict[str, object]]) -> str:
    texts = []
    for name, comparison in kept.items():
        cells = comparison["cells"]
        head = {key: value for key, value in comparison.items() if key != "cells"}
        assert isinstance(cells, dict)
        lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in cells.items())
        start = json.dumps(head)[:-1]
        texts.append(f'{json.dumps(name)}: {start}, "cells": {{\n{lines}\n}}}}')
    return "{\n" + ",\n".join(texts) + "\n}\n"


def write_pages() -> None:
    """Put each finished comparison's table between its markers in the page."""
    page = PAGE.read_text()
    for name in COMPARISONS:
        table = BUILD / name / "table.json"
        if table.is_file():
            marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
            text = markdown(json.loads(table.read_text()))
            text = text.partition("\n\n")[2]  # the page has a heading of its own
            page = marked.sub(lambda found, text=text: f"{found[1]}\n{text}{found[2]}", page)
    PAGE.write_text(page)


def main() -> None:
    """Run what is asked for, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *COMPARISONS], default=[])
    parser.add_argument("--pages", action="store_true")
    options = parser.parse_args()
    for name in [] if options.pages else options.names or COMPARISONS:
        go_on(name)
    if PAGE.is_file():
        write_pages()


if __name__ == "__main__":
    main()
