"""Whether the libraries that only measuring needs are there.

names of modules -> nothing, or a sentence that says what to install

It never imports them: each module of this room imports what it uses.
"""

from __future__ import annotations

from importlib.util import find_spec

from seget.errors import InputError

MODULES = {
    "cc3d": "connected-components-3d",
    "edt": "edt",
    "skimage": "scikit-image",
    "trimesh": "trimesh",
    "fast_simplification": "fast-simplification",
}


def require() -> None:
    """Check that the libraries of the extra `measure` are installed.

    Raises
    ------
    InputError
        One is missing.
    """
    missing = [name for module, name in MODULES.items() if find_spec(module) is None]
    if missing:
        raise InputError(
            f"seget measure needs what is not installed here; run pip install {' '.join(missing)}."
        )
