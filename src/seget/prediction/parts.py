"""Parts of a score map: ranges of slices that several workers scored, each in a file of its own.

map + range -> `.<map>.parts/<first>-<stop>.mrc` -> the map's slices

It never scores. Workers do not write into one file together: over a network none would see what
the others wrote, and OME-Zarr stores eight slices at a time.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from time import monotonic, sleep

from seget import files

LATE_S = 60.0  # for which NFS keeps what a folder held


def part_path(map_path: Path, slices: range) -> Path:
    """Return where a range of slices of a score map is written."""
    return _folder(map_path) / f"{slices.start:06}-{slices.stop:06}.mrc"


def await_parts(paths: Iterable[Path]) -> None:
    """Wait until parts that other machines wrote are seen here, `LATE_S` at most.

    A file server may show them late, and what is not seen would be scored again. Once its map is
    there a part is waited for no more: it was taken over.
    """
    end = monotonic() + LATE_S
    missing = list(paths)
    while missing := [path for path in missing if not (path.exists() or _map(path).exists())]:
        if monotonic() > end:
            return
        sleep(0.5)


def take(map_path: Path, key: str, writer: files.Writer) -> frozenset[int]:
    """Copy the slices of a map's parts that it lacks; return those that it has now.

    Parameters
    ----------
    key
        Of the map's journal; parts under another key are of another tomogram or model.
    """
    finished = set(writer.finished)
    for part in sorted(_folder(map_path).glob("*.mrc")):
        first = int(part.name.partition("-")[0])
        for z, plane in files.finished_slices(part, key):
            if first + z not in finished:
                writer[first + z] = plane
                finished.add(first + z)
    return frozenset(finished)


def drop(map_path: Path) -> None:
    """Remove the parts of a map, once it is whole."""
    shutil.rmtree(_folder(map_path), ignore_errors=True)


def _folder(map_path: Path) -> Path:
    return map_path.with_name(f".{map_path.name}.parts")


def _map(part: Path) -> Path:
    return part.parent.with_name(part.parent.name.removeprefix(".").removesuffix(".parts"))
