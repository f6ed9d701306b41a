"""The log of cases: inputs and command lines that people got wrong, run on seget as it is now.

    python benchmarks/case_log.py INPUTS GRANULES SIZED [--only 15,c5] [--out log.md]

INPUTS is the folder of tiny inputs that the log's own generator writes (a folder a case), GRANULES
a run trained on INPUTS/base/dataset.toml, SIZED one on INPUTS/other_voxel_size/train.toml, about a
minute each; the whole takes ten minutes on two cores. Inputs are copied to a temporary folder. The
commands and what is wanted of each stand in case_log.txt beside this. Prints a Markdown table
(case, wanted, got, ok); the exit code is the number of commands that are not ok, up to 100.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seget import files
from seget.dataset import read_dataset
from seget.errors import InputError

TABLE = Path(__file__).with_suffix(".txt")
SECONDS = 300  # for one command; the log's worst took 65
HEADER_BYTES = 1024  # of an MRC without extended header


@dataclass(frozen=True)
class Row:
    """One command of the log.

    `wanted` holds the exit code, and behind it any of: `says WORDS`, `not WORDS` (regular
    expressions, on what is printed), `iou LEAST DATASET DIR`, `share LOW-HIGH DATASET` (of
    foreground), `same LEAST A B` (IoU of two volumes) and `raw LEAST A B` (the same, of the bytes
    of two MRC files, whoever turns rows around).
    """

    number: str
    folder: str
    command: str
    wanted: str


def rows(text: str) -> Iterator[Row]:
    """Yield the rows of the table; empty lines and those with # are left out."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield Row(*(part.strip() for part in line.split(" | ")))


def seget(words: list[str], folder: Path) -> tuple[int, str]:
    """Run a command line in a folder; return its exit code and all that it printed.

    The home folder, which `~` means, is `base` beside the cases' folders.
    """
    home = next(up / "base" for up in folder.parents if (up / "base").is_dir())
    script = "from seget.cli import main; main()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, *words],
            check=False,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=os.environ | {"HOME": str(home), "COLUMNS": "1000"},
        )
    except subprocess.TimeoutExpired:
        return -1, f"stopped after {SECONDS} s"
    return done.returncode, done.stdout + done.stderr


def iou(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    """Return the share of what both have in what either has."""
    return float((a & b).sum() / max(1, (a | b).sum()))


class Judge:
    """Says of one row what was got and whether it is what was wanted."""

    def __init__(self, folder: Path, code: int, printed: str) -> None:
        self.folder = folder
        self.code = code
        self.printed = printed
        self.got = [f"rc {code}", *printed.strip().splitlines()[-1:]]
        self.checks: dict[str, Callable[[str], bool]] = {
            "says": lambda words: bool(re.search(words, printed)),
            "not": lambda words: not re.search(words, printed),
            "iou": self._iou,
            "share": self._share,
            "same": self._same,
            "raw": self._raw,
        }

    def is_ok(self, wanted: str) -> bool:
        """Whether the exit code and each of the checks are as wanted."""
        code, *checks = (part.strip() for part in wanted.split(";"))
        ok = str(self.code) in code.split("/") and "Traceback" not in self.printed
        for check in checks:
            kind, _, rest = check.partition(" ")
            ok = self.checks[kind](rest) and ok
        return ok

    def _iou(self, rest: str) -> bool:
        least, toml, result = shlex.split(rest)
        words = ["evaluate", result, toml, "--no-pictures", "--json"]
        code, printed = seget(words, self.folder)
        if code:
            return self._tell(printed.strip().splitlines()[-1], False)
        scores = json.loads(printed[printed.index("{\n") :])["structures"]
        found = next(iter(scores.values()))["iou"]
        return self._tell(f"IoU {found}", found is not None and found >= float(least))

    def _share(self, rest: str) -> bool:
        between, toml = shlex.split(rest)
        low, high = map(float, between.split("-"))
        try:
            (tomogram,) = read_dataset(self.folder / toml).tomograms
        except InputError as error:
            return self._tell(str(error), False)
        (mask,) = tomogram.masks.values()
        share = float(np.mean([mask.slice(z).mean() for z in tomogram.annotated]))
        return self._tell(f"{share:.1%} foreground", low <= share <= high)

    def _same(self, rest: str) -> bool:
        return self._alike(rest, lambda path: np.asarray(files.read(path).data))

    def _raw(self, rest: str) -> bool:
        return self._alike(rest, lambda path: np.fromfile(path, np.uint8)[HEADER_BYTES:])

    def _alike(self, rest: str, read: Callable[[Path], npt.NDArray[np.generic]]) -> bool:
        least, *names = shlex.split(rest)
        try:
            a, b = (read(self.folder / name) for name in names)
        except (InputError, OSError) as error:
            return self._tell(str(error), False)
        found = iou(a != 0, b != 0) if a.max() == 1 else float((a == b).mean())
        return self._tell(f"alike {found:.3f}", found >= float(least))

    def _tell(self, words: str, ok: bool) -> bool:
        self.got.append(words)
        return ok


def prepare(work: Path, inputs: Path, granules: Path) -> None:
    """Copy the inputs, and add what some command lines of the log need beside them."""
    shutil.copytree(inputs, work / "in", symlinks=True)
    shutil.copytree(granules, work / "in" / "both" / "run")
    shutil.copy(work / "in" / "base" / "tomogram.mrc", work / "in" / "both")
    base = work / "in" / "base"
    text = (base / "dataset.toml").read_text()
    (base / "home.toml").write_text(text.replace('= "', '= "~/').replace("~/cell", "cell"))
    (base / "quotes.toml").write_text(text.replace("tomogram.mrc", r"C:\data\tomogram.mrc"))
    (base / "mask.nii.gz").write_bytes(b"\x1f\x8b")


def run(row: Row, work: Path, models: dict[str, Path]) -> tuple[str, bool]:
    """Run one row; return what was got, in words, and whether it is ok."""
    places = {"out": str(work / "out"), "fast": "--max-minutes 0.02"}
    places |= {name: str(path) for name, path in models.items()}
    folder = work / "in" / row.folder
    judge = Judge(folder, *seget(shlex.split(row.command.format(**places)), folder))
    ok = judge.is_ok(row.wanted.format(**places))
    return "; ".join(judge.got).replace(str(work), "").replace("|", "/"), ok


def main() -> int:
    """Run the table; return the number of commands that are not ok."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("inputs", "granules", "sized"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--only", help="comma list of cases")
    parser.add_argument("--out", type=Path, help="also write the table there")
    asked = parser.parse_args()
    models = {"G": asked.granules.resolve(), "Z": asked.sized.resolve()}
    chosen = [
        row
        for row in rows(TABLE.read_text())
        if not asked.only or row.number in asked.only.split(",")
    ]
    lines = ["| case | command | wanted | got | ok |", "|---|---|---|---|---|"]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), asked.inputs, models["G"])
        print("\n".join(lines))
        for row in chosen:
            got, ok = run(row, Path(folder), models)
            failed += not ok
            said = [
                row.number,
                f"`{row.command}`",
                row.wanted,
                got[:300],
                "yes" if ok else "**NO**",
            ]
            lines.append("| " + " | ".join(said) + " |")
            print(lines[-1], flush=True)
    lines.append(f"\n{len(chosen) - failed} of {len(chosen)} are as wanted.")
    print(lines[-1])
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n")
    return min(failed, 100)


if __name__ == "__main__":
    raise SystemExit(main())
