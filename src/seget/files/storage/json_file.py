"""Small JSON files, which people and other programs may touch too.

value <-> text -> path

It never leaves a half-written file, and never fails on a file that is not JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seget.files.storage.atomic import write_text


def json_text(obj: Any) -> str:
    """Return `obj` as indented JSON.

    A number that is not finite is a ValueError, since JSON has none: write None in its stead.
    """
    return json.dumps(obj, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path | str, obj: Any) -> None:
    """Write `obj` as `json_text` shows it, atomically."""
    write_text(path, json_text(obj))


def read_json(path: Path) -> Any:
    """Return what stands in a JSON file; None where there is no file, or no JSON in it."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
