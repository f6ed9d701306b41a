"""Where an output came from: a JSON beside it.

what made a file -> `<name>.provenance.json`, or the key "made_by" of a JSON it has anyway

It never reads voxels. It is there for people, and for `seget info`; no result depends on it.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seget.files.storage.json_file import read_json, write_json


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of packages; one that is not installed is left out."""
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def stamped(made_by: Mapping[str, Any]) -> dict[str, Any]:
    """Return what made an output, with the versions of the software and the time now added."""
    found = versions("seget", "numpy") | {"python": platform.python_version()}
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return {**made_by, "versions": found | made_by.get("versions", {}), "time": time}


def write(output: Path, made_by: Mapping[str, Any]) -> None:
    """Write beside `output` what made it, now."""
    write_json(_beside(output), stamped(made_by))


def read(output: Path) -> dict[str, Any] | None:
    """Return what the JSON beside `output` says of how it was made; None if it says nothing."""
    beside = read_json(output.with_suffix(".json"))
    said = (
        read_json(_beside(output)),
        beside.get("made_by") if isinstance(beside, dict) else None,
    )
    return next((found for found in said if isinstance(found, dict) and found), None)


def _beside(output: Path) -> Path:
    return output.with_name(f"{output.stem}.provenance.json")
