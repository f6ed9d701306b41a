"""What tests stand on: checked shapes, one thread, the same examples, one small dataset."""

from __future__ import annotations

import os

# Tests run side by side, a process a core: one thread each, in the processes they start too. It is
# set before numpy and torch read it.
os.environ["OMP_NUM_THREADS"] = "1"

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# Before any test imports these rooms: from here on their annotated shapes are checked at run time.
install_import_hook(["seget.losses", "seget.networks"], "beartype.beartype")

# The same examples on every machine, and no clock: a slow machine is not a failing test.
settings.register_profile("house", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("house")

SHAPE = (12, 96, 96)
VOXEL_SIZE_NM = (2.0, 2.0, 2.0)
ORIGIN_NM = (10.0, -20.0, 30.0)
DATASET = """\
name = "small"
holdout = "block"

[[tomogram]]
image = "tomogram.mrc"

[tomogram.masks]
discs = "discs.mrc"
rods = "rods.mrc"
"""


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c() -> None:
    """Hear Ctrl-C even where a shell that runs the tests in the background had it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled networks out of the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tomogram of `SHAPE` with two structures that a small network learns in seconds.

    Returns the path of its dataset.toml. Do not write beside it: the session shares the folder.
    """
    from seget import files
    from seget.volume import Volume

    folder = tmp_path_factory.mktemp("small")
    discs, rods = _discs(), _rods()
    for name, data in {
        "tomogram": _tomogram(discs, rods),
        "discs": discs.astype(np.uint8),
        "rods": rods.astype(np.uint8),
    }.items():
        files.write(folder / f"{name}.mrc", Volume(data, VOXEL_SIZE_NM, ORIGIN_NM, name))
    (folder / "dataset.toml").write_text(DATASET)
    return folder / "dataset.toml"


def _discs() -> Any:
    """Two columns of round discs that drift along z: `(z, y, x)` bool."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    upper = np.hypot(y - 28 - z, x - 26) < 13
    lower = np.hypot(y - 66, x - 68 + z) < 11
    return upper | lower


def _rods() -> Any:
    """Two slanted bars, clear of the discs: `(z, y, x)` bool."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    right = (np.abs(x - 74 - y // 8) < 4) & (y < 40 + z)
    left = (np.abs(x - 12 - y // 8) < 4) & (y > 60)
    return right | left


def _tomogram(discs: Any, rods: Any) -> Any:
    """Discs bright and smooth, rods dark and striped, both in grey noise: `(z, y, x)` uint8."""
    stripes = 20.0 * (np.arange(SHAPE[1])[None, :, None] // 2 % 2)
    grey = np.where(discs, 200.0, np.where(rods, 50.0 + stripes, 125.0))
    noise = np.random.default_rng(7).normal(0.0, 15.0, SHAPE)
    return np.clip(grey + noise, 0, 255).round().astype(np.uint8)


@pytest.fixture
def seget(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process: (exit code, standard output, standard error)."""
    from seget.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["seget", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
