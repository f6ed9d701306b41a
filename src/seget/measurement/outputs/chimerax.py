"""A script that opens a measurement in ChimeraX, all in one place and in the structures' colours.

names of files -> view.cxc

It never starts ChimeraX, which runs a script in the script's own folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from seget import files
from seget.measurement.outputs.meshes import GLB

VIEW = "view.cxc"


def write_view(out: Path, labels: str, tomogram: Path | None) -> None:
    """Write view.cxc beside what it opens.

    Parameters
    ----------
    out
        The folder of the measurement.
    labels
        Name of the labels in it.
    tomogram
        The image they were made of, shown as a slice; None opens none.
    """
    lines = ["# Open in ChimeraX: the tomogram, the numbered labels (hidden), the surfaces.",
             "close session"]  # fmt: skip
    number = 1
    if tomogram is not None:
        path = _seen_from(out, tomogram)
        lines += [f'open "{path}"', f"volume #{number} style image"]
        number += 1
    lines += [f'open "{labels}"', f"hide #{number} models", f'open "{GLB}"']
    lines += ["lighting soft", "graphics silhouettes true", "view"]
    files.write_text(out / VIEW, "\n".join(lines) + "\n")


def _seen_from(out: Path, path: Path) -> str:
    """Return a path from a folder, absolute where there is none (another drive)."""
    try:
        found = os.path.relpath(path.absolute(), out.absolute())
    except ValueError:
        found = str(path.absolute())
    return found.replace('"', "")
