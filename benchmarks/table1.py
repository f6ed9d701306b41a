"""The numbers of docs/results/table1.md: every comparison there, run or gone on with.

    SEGET_DATA=/path/to/data python benchmarks/table1.py [NAME ...] [--on processes:8] [--pages]
    ... life-end --networks seget,unet

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
import sys
from pathlib import Path
from typing import Any

from few_slices import unpacked

from seget.comparison import markdown
from seget.recipes import differing, modern

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "table1"
CELLS = ROOT / "docs" / "results" / "cells.json"
PAGE = ROOT / "docs" / "results" / "table1.md"

# At 4.5 nm a voxel a microtubule is 5 pixels wide: binned it would be lost. As `seget demo` does.
FINE = ("--joint", "--set", "binning=1", "--set", "patch_px=256", "--set", "weight_cap=20")
ALL = "fcn8s,segnet,unet,deeplabv3plus,seget,seget_shipped"
# To the end of learning: two learning rates are tried, in a fifth of the length.
END = ("--networks", ALL, "--learning-rates", "0.001,0.003")

COMPARISONS: dict[str, tuple[str, ...]] = {
    "life-end": ("life", *FINE, *END, "--steps", "3000", "--seeds", "3"),
    "epfl-end": ("epfl", "--joint", *END, "--steps", "1500", "--seeds", "2"),
    "mitochondria-end": ("vnc", "-s", "mitochondria", *END, "--steps", "1500", "--seeds", "2"),
    "membrane-end": ("vnc", "-s", "membrane", *END, "--steps", "1500", "--seeds", "2"),
    "mitochondria-time": ("vnc", "-s", "mitochondria", "--budget", "5m", "--seeds", "2"),
    "phantom-time": ("phantom", *FINE, "--budget", "3m"),
    "membrane-synapse-time": ("vnc", "-s", "membrane,synapse", "--budget", "3m"),
    "mitochondria-steps": ("vnc", "-s", "mitochondria", "--steps", "300"),
}

# Numbers of the recipe that no other network knows.
OF_SEGET = {"deep_supervision", "center_dropout"}
VNC = ("membrane", "mitochondria", "glia", "synapse", "intracellular")
EPFL = ("mitochondria", "psd", "vesicles", "membranes")
# Simulated cells as noisy as real tilt series: four teach whole, two choose, twelve are the test.
# One cell had chosen before: its granules were unlike those of four cells of the test.
TAUGHT, CHOOSING, TESTED = range(31, 35), (30, 35), range(36, 48)
SOME = (2, 6, 10, 14, 18, 22)


def dataset(kind: str) -> Path:
    """Return the dataset.toml of a comparison, made if need be."""
    path = BUILD / f"{kind}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "phantom":
        run("phantom", str(BUILD / "phantom"))
        return BUILD / "phantom" / "dataset.toml"
    if kind == "life":
        path.write_text(f'name = "life"\n{"".join(map(cell, (*TAUGHT, *CHOOSING, *TESTED)))}')
        return path
    data = source() / kind
    if kind == "vnc":
        tables = _table(data / "tomogram.mrc", {s: data / f"{s}.mrc" for s in VNC})
    else:
        data = unpacked(data, BUILD / "epfl")
        tables = "".join(
            _table(
                data / f"{part}_tomogram.mrc",
                {s: data / f"{part}_{s}.mrc" for s in EPFL},
                f"slices = {list(slices)}\nholdout = {holdout}\n",
            )
            for part, slices, holdout in (
                ("train", range(40), "{ validation = [34, 35, 36, 37, 38, 39] }"),
                ("test", range(5), "{ test = [0, 1, 2, 3, 4] }"),
            )
        )
    path.write_text(f'name = "{kind}"\n{tables}')
    return path


def source() -> Path:
    """Return the folder of the real data."""
    if "SEGET_DATA" not in os.environ:
        raise SystemExit("SEGET_DATA is not set: say where the data is, SEGET_DATA=/path/to/data.")
    return Path(os.environ["SEGET_DATA"]).resolve()


def cell(seed: int) -> str:
    """Return the table of a simulated cell, which is drawn if need be."""
    place = BUILD / "life" / str(seed)
    if not (place / "dataset.toml").is_file():
        run("phantom", str(place), "--preset", "real", "--voxel-nm", "4.51", "--seed", str(seed))
    part = "validation" if seed in CHOOSING else "test"
    held = f"slices = {list(SOME)}\nholdout = {{ {part} = {list(SOME)} }}\n"
    masks = {path.stem: path for path in sorted(place.glob("*.mrc")) if path.stem != "tomogram"}
    return _table(
        place / "tomogram.mrc",
        masks,
        f'name = "cell{seed}"\n' + ('holdout = "none"\n' if seed in TAUGHT else held),
    )


def _table(image: Path, masks: dict[str, Path], keys: str = 'holdout = "block"\n') -> str:
    """Return the lines of one tomogram."""
    lines = "".join(f'{name} = "{path}"\n' for name, path in masks.items())
    return f'[[tomogram]]\nimage = "{image}"\n{keys}[tomogram.masks]\n{lines}'


def run(*words: str) -> None:
    """Run a command of seget."""
    if code := subprocess.run([sys.executable, "-m", "seget", *words], check=False).returncode:
        raise SystemExit(code)  # it has said why


def go_on(name: str, more: list[str], networks: str | None = None) -> None:
    """Run a comparison, or some of its networks, from the kept cells; keep what it adds."""
    kept = json.loads(CELLS.read_text()) if CELLS.is_file() else {}
    out = BUILD / name
    cells = out / "cells.json"
    begun = json.loads(cells.read_text()) if cells.is_file() else kept.get(name)
    if begun:
        out.mkdir(parents=True, exist_ok=True)
        cells.write_text(json.dumps(renewed(begun)))
    kind, *options = COMPARISONS[name]
    if networks:
        if "--networks" in options:
            options[options.index("--networks") + 1] = networks
        else:
            options += ["--networks", networks]
    try:
        run("compare", str(dataset(kind)), "-o", str(out), *options, *more)
    finally:
        if cells.is_file():
            kept[name] = json.loads(cells.read_text())
            CELLS.write_text(_a_cell_a_line(kept))


def renewed(comparison: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison without SegET's cells if numbers of SegET alone are others by now.

    The other networks know nothing of these numbers: their cells stay.
    """
    now = modern().override(comparison["changes"]).model_dump(mode="json")
    others = differing(comparison["recipe"], now).keys()
    if not others or others - OF_SEGET:  # seget compare will say what differs
        return comparison
    print(f"SegET's cells are made again: {', '.join(others)} of its recipe changed", flush=True)
    cells = comparison["cells"].items()
    stay = {key: cell for key, cell in cells if not cell["network"].startswith("seget")}
    return comparison | {"recipe": now, "cells": stay}


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
    parser.add_argument("--on", default="here", help="where trainings run, see seget compare")
    parser.add_argument("--networks", help="only these; the page stays until all are there")
    options = parser.parse_args()
    for name in [] if options.pages else options.names or COMPARISONS:
        go_on(name, ["--on", options.on], options.networks)
    if PAGE.is_file() and not options.networks:
        write_pages()


if __name__ == "__main__":
    main()
