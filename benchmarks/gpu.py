"""What a CUDA machine does with seget: the table of `benchmarks/gpu.sh`.

    python -m benchmarks.gpu results.json [PART...]

Each part (`gpu_training.py`, `gpu_prediction.py`) runs in a process of its own, so that one that
fails, hangs or fills the memory costs no other its figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks import gpu_prediction, gpu_training

from seget import machine

PARTS = {**gpu_training.PARTS, **gpu_prediction.PARTS, **gpu_training.NAMED_PARTS}
# What has never been run comes first.
NEW = ["about", "paper epoch", "paper", "slice", "volume", "agreement"]
ORDER = NEW + [n for n in PARTS if n not in NEW and n not in gpu_training.NAMED_PARTS]
WHOLE_S = 345.0  # with what a part needs to end, under six minutes


def main() -> None:
    """Run all parts, or those that are named; print the table and write the JSON."""
    if sys.argv[1] == "--part":
        work_on(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        return
    path = Path(sys.argv[1])
    if "OUT" in os.environ:
        path = Path(os.environ["OUT"]) / "gpu.json"
    parts = sys.argv[2:] or ORDER
    started, rows = monotonic(), []
    with tempfile.TemporaryDirectory(prefix="seget-gpu-") as folder:
        gpu_training.write_dataset(Path(folder))
        print(f"data written after {monotonic() - started:.0f} s", flush=True)
        for part in parts:
            left = WHOLE_S - (monotonic() - started)
            rows += run_part(part, Path(folder), min(left, PARTS[part].most_s))
            path.write_text(json.dumps(rows, indent=1))
    print(table(rows))
    print(f"\n{monotonic() - started:.0f} s; {path}")


def work_on(name: str, folder: Path, lines: Path) -> None:
    """Run one part here; add a line of JSON to `lines` for each figure, as soon as it is there."""

    def say(what: str, value: Any, unit: str) -> None:
        row = {"part": name, "what": what, "value": value, "unit": unit}
        with lines.open("a") as file:
            file.write(json.dumps(row) + "\n")

    machine.keep_freed_memory()
    PARTS[name].work(folder, say)


def run_part(part: str, folder: Path, most_s: float) -> list[dict[str, str | float]]:
    """Run a part in a process of its own; return its rows, those before a failure too."""
    if most_s < 8:
        return [{"part": part, "what": "left out: no time is left", "value": "-", "unit": ""}]
    lines = folder / f"{part}.jsonl"
    command = [sys.executable, "-m", "benchmarks.gpu", "--part", part, str(folder), str(lines)]
    started = monotonic()
    try:
        done = subprocess.run(
            command, timeout=most_s, stderr=subprocess.PIPE, text=True, check=False
        )
        failure = "" if done.returncode == 0 else short(done.stderr) or f"exit {done.returncode}"
        if done.returncode == 0 and done.stderr:
            print(done.stderr[-600:], flush=True)
    except subprocess.TimeoutExpired as expired:
        told = expired.stderr or b""
        text = told.decode(errors="replace") if isinstance(told, bytes) else told
        failure = f"stopped after {most_s:.0f} s; {short(text)}"
    rows = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    if failure:
        print(f"--- {part} failed:\n{failure}", flush=True)
        rows.append({"part": part, "what": f"FAILED: {failure[-300:]}", "value": "-", "unit": ""})
    print(f"{part}: {monotonic() - started:.0f} s", flush=True)
    return rows


def short(text: str, lines: int = 12) -> str:
    """Return the end of a traceback."""
    return "\n".join(text.strip().splitlines()[-lines:])


def table(rows: list[dict[str, str | float]]) -> str:
    """Return the rows as a table in Markdown."""
    made = ["", "| part | what | value | unit |", "|---|---|---|---|"]
    for row in rows:
        value = row["value"]
        shown = f"{value:.4g}" if isinstance(value, float) else value
        what = str(row["what"]).replace("\n", " ").replace("|", "/")
        made.append(f"| {row['part']} | {what} | {shown} | {row['unit']} |")
    return "\n".join(made)


if __name__ == "__main__":
    main()
