"""What the buttons do, as a shell would be told it.

a session, a run, a model -> arguments of seget, or a line to copy

It never runs anything.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

# Slices are looked at in one view and one of several, so that the answer comes while one waits.
NEXT_VIEWS = 1


def train(
    dataset: Path, out: Path, structures: Sequence[str], minutes: float, start: str | None
) -> list[str]:
    """Return the arguments that train structures together.

    Parameters
    ----------
    dataset, out
        The dataset.toml, and the folder of the run.
    start
        What to begin from: "scratch", a model's folder, or None for `general`.
    """
    names = ["-s", ",".join(structures)]
    joint = ["--joint"] if len(structures) > 1 else []
    begin = ["--from", start] if start else []
    return ["train", str(dataset), "-o", str(out), *names, *joint, "--max-minutes", f"{minutes:g}",
            *begin]  # fmt: skip


def segment(tomogram: Path, model: Path, out: Path, invert: bool) -> list[str]:
    """Return the arguments that segment the whole tomogram."""
    # What another model made of it is replaced; what this one began is gone on with.
    flags = ["--invert"] if invert else []
    return ["segment", str(tomogram), str(model), "-o", str(out), *flags, "--overwrite"]


def next_slice(
    dataset: Path, model: Path, structures: Sequence[str], slices: Sequence[int] = ()
) -> list[str]:
    """Return the arguments that propose the slice to draw next."""
    among = ["--slices", ",".join(map(str, slices))] if slices else []
    names = ["-s", ",".join(structures)]
    return ["next", str(dataset), str(model), *names, "--views", str(NEXT_VIEWS), *among]


def measure(labels: Path, out: Path) -> list[str]:
    """Return the arguments that measure the objects of labels."""
    return ["measure", str(labels), "-o", str(out), "--meshes", "none", "--overwrite"]


def shell(arguments: Sequence[str]) -> str:
    """Return a line for a shell."""
    return shlex.join(["seget", *arguments])
