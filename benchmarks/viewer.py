"""What napari waits for: the plugin's import, a large volume's first slice, a stamp of the brush.

    xvfb-run -a -s "-screen 0 1400x900x24" .venv-viewer/bin/python -m benchmarks.viewer

It prints JSON. Seconds of a virtual framebuffer: a graphics card draws quicker.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LARGE = (1200, 2900, 2900)  # 10 GB of bytes, nearly all of them a hole in the file
PAPER = (76, 2048, 2048)
STAMPS = 60


def main() -> None:
    """Measure, and print."""
    from qtpy.QtWidgets import QApplication

    found: dict[str, Any] = {"import_s": _import_s(), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        found["first_slice_of_10_GB_s"] = _opened(Path(folder), LARGE, lambda viewer, dock: None)
        painted: dict[str, float] = {}

        def paint(_viewer: Any, dock: Any) -> None:
            painted.update(_painted(dock, QApplication.processEvents))

        found["first_slice_of_76x2048x2048_s"] = _opened(Path(folder), PAPER, paint)
        found.update(painted)
    print(json.dumps(found, indent=1))


def _import_s() -> float:
    """Return what importing the plugin adds to napari's own start, the best of five."""
    script = (
        "import napari, time; begun = time.perf_counter(); import seget.viewer.plugin; "
        "print(time.perf_counter() - begun)"
    )
    command = [sys.executable, "-W", "ignore", "-c", script]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(5)]
    return round(min(float(run.stdout) for run in runs), 3)


def _opened(folder: Path, shape: tuple[int, int, int], then: Callable[[Any, Any], None]) -> float:
    """Open a volume; return the seconds until its middle slice is drawn."""
    import napari

    from seget.viewer.launch import open_viewer

    path = folder / f"{shape[0]}.npy"
    volume = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    grey = np.random.default_rng(1).integers(1, 255, shape[1:]).astype(np.uint8)
    for z in {0, shape[0] // 2, shape[0] - 1}:
        volume[z] = grey
    volume.flush()
    del volume
    viewer = napari.Viewer()
    viewer.screenshot(flash=False)  # the window itself is there before
    begun = time.perf_counter()
    dock = open_viewer(viewer, path)
    viewer.screenshot(flash=False)
    took = time.perf_counter() - begun
    then(viewer, dock)
    dock.close()
    viewer.close()
    return round(took, 2)


def _painted(dock: Any, process_events: Callable[[], None]) -> dict[str, float]:
    """Return the milliseconds of a stamp, and of the end of a stroke."""
    dock.work.structures.new_name.setText("golgi")
    dock.work.structures.add()
    layer, canvas = dock.work.canvas.drawn, dock.work.canvas
    layer.brush_size = 30
    z, random = canvas.z, np.random.default_rng(2)
    stamps, ends = [], []
    for y, x in random.integers(100, PAPER[1] - 100, (STAMPS, 2)):
        begun = time.perf_counter()
        with layer.block_history():
            layer.paint((z, y, x), 1)
            stamps.append(1000 * (time.perf_counter() - begun))
            begun = time.perf_counter()
        ends.append(1000 * (time.perf_counter() - begun))
        process_events()
    return {
        "stamp_ms": round(statistics.median(stamps), 1),
        "end_of_stroke_ms": round(statistics.median(ends), 1),
    }


if __name__ == "__main__":
    main()
