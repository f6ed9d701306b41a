"""What the numbers of a label volume stand for.

labels.json -> Legend

It never looks at voxels, and never decides which number a structure gets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seget.files.storage.json_file import read_json


@dataclass(frozen=True)
class Legend:
    """Names and colours of labels; an empty one says only that the numbers are labels.

    Attributes
    ----------
    names
        From number to structure.
    colours
        From number to `#rrggbb`.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    colours: Mapping[int, str] = field(default_factory=dict)


def legend_beside(path: Path) -> Legend | None:
    """Return the legend that `seget fuse` writes beside labels: labels.json beside labels.mrc.

    None where nothing is there or where the JSON speaks of something else.
    """
    found = read_json(path.with_suffix(".json"))
    try:
        entries = {int(number): dict(entry) for number, entry in found.items()}
    except (ValueError, TypeError, AttributeError):
        return None
    colours = {number: str(entry.get("colour", "")) for number, entry in entries.items()}
    return Legend(
        {
            number: str(entry["structure"])
            for number, entry in entries.items()
            if "structure" in entry
        },
        {n: colour for n, colour in colours.items() if re.fullmatch(r"#[0-9a-fA-F]{6}", colour)},
    )
