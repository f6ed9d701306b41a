"""What tests in napari stand on: a window, a small tomogram and its truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_here import why_no_window
from seget import files
from seget.volume import Volume

if TYPE_CHECKING:
    from napari_driver import Driver

SHAPE = (6, 64, 48)
VOXEL_NM, ORIGIN_NM = (3.0, 2.0, 2.0), (10.0, -20.0, 30.0)


@pytest.fixture
def truth() -> dict[str, Any]:
    """Two structures, `(z, y, x)` bool."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return {
        "golgi": np.hypot(y - 20 - z, x - 15) < 7,
        "er": np.hypot(y - 48, x - 30 + z) < 6,
    }


@pytest.fixture
def tomogram(tmp_path: Path, truth: dict[str, Any]) -> Path:
    """Write a tomogram."""
    grey = np.random.default_rng(3).normal(120, 12, SHAPE)
    grey += 60 * truth["golgi"] - 60 * truth["er"]
    volume = Volume(grey.clip(0, 255).astype(np.uint8), VOXEL_NM, ORIGIN_NM)
    files.write(tmp_path / "cell.mrc", volume)
    return tmp_path / "cell.mrc"


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], Driver]]:
    """Open napari on a path: who asks for it gets a hand on it."""
    if why := why_no_window():
        pytest.skip(why)
    make = request.getfixturevalue("make_napari_viewer")
    from napari_driver import Driver
    from seget.viewer.launch import open_viewer

    docks = []

    def open_it(path: Path) -> Driver:
        viewer = make(show=True)
        viewer.window._qt_window.resize(1400, 900)
        dock = open_viewer(viewer, path)
        docks.append(dock)
        driver = Driver(viewer, dock)
        driver.wait(most_s=0.3)
        viewer.reset_view()
        driver.wait(most_s=0.1)
        return driver

    open_it.make = make  # type: ignore[attr-defined]
    yield open_it
    for dock in docks:
        dock.close()


@pytest.fixture
def make_dock(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
    """Open a tomogram and the plugin's dock as napari does, which shows it public names only."""
    if why := why_no_window():
        pytest.skip(why)
    make = request.getfixturevalue("make_napari_viewer_proxy")
    from seget.viewer.plugin import make_dock

    def open_it(path: Path) -> Any:
        viewer = make(show=True)
        viewer.open(str(path), plugin="seget")
        return make_dock(viewer)

    return open_it
