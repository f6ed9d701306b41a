"""Whether napari's window can be opened on this machine."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec


def why_no_window() -> str:
    """Say why napari cannot be opened here; "" if it can."""
    if find_spec("napari") is None:
        return "napari is not installed: pip install 'seget[viewer]', or make test-viewer"
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        return "there is no display: make test-viewer makes one"
    return ""
