"""A file or a folder is either whole under its name or not there.

path -> hidden path beside it -> (clean exit) -> path

It never knows what is written, never leaves a half-written file under the final name, and removes
its hidden file when the writing fails or is interrupted.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seget.errors import InputError


@contextmanager
def atomic_path(path: Path | str, keep: bool = False) -> Iterator[Path]:
    """Yield a hidden path `.<name>.part` to write to; on a clean exit it becomes `path`.

    The hidden name has the suffix `.part`, so a library that guesses the format from the name has
    to be told it. An existing `path` is replaced only at the end; the parent folder is made.
    With `keep` the hidden file is not removed after a failure, so that a later run can resume.

    Raises
    ------
    InputError
        If `path` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: a folder is there, a file is to be written; name a file.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = hidden(path)
    try:
        yield part
        _sync(part)
        os.replace(part, path)
        _sync(path.parent)
    except BaseException:  # an interruption must clean up like any error
        if not keep:
            part.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(path: Path | str, keep: bool = False) -> Iterator[Path]:
    """Yield a hidden folder `.<name>.part`, made empty; on a clean exit it becomes `path`.

    No system call replaces a full folder, so an older `path` is renamed aside for a moment and put
    back if the new one cannot take its place. With `keep` a hidden folder that is there already is
    not emptied, and it is not removed after a failure.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = hidden(path)
    old = path.with_name(f".{path.name}.old")
    if not keep:
        shutil.rmtree(part, ignore_errors=True)
    if old.exists() and not path.exists():  # killed between the two renames below
        os.replace(old, path)
    part.mkdir(exist_ok=keep)
    try:
        yield part
        for file in part.rglob("*"):
            _sync(file)
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
            os.replace(path, old)
        os.replace(part, path)
        _sync(path.parent)
    except BaseException:
        if old.exists() and not path.exists():
            os.replace(old, path)
        if not keep:
            shutil.rmtree(part, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8, atomically and with its own line ends."""
    with atomic_path(path) as part:
        part.write_bytes(text.encode())


def hidden(path: Path) -> Path:
    """Return the hidden path `.<name>.part` under which `path` is written until it is whole."""
    return path.with_name(f".{path.name}.part")


def _sync(path: Path) -> None:
    # A rename may reach the disk before the bytes do: after a power cut the name would be there
    # and the content not.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
