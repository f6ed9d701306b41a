"""The front door: the dozen names a script needs, each fetched from its room when first used.

name -> room -> object

It holds no code of its own and imports nothing heavy, so that `seget --help` answers at once.

>>> import numpy as np
>>> import seget
>>> seget.Volume(np.zeros((4, 8, 8), np.uint8), voxel_size_nm=(2.0, 2.0, 2.0)).shape
(4, 8, 8)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names once more, where mypy and editors look for them
    from seget.configuration import configured as configured
    from seget.dataset import read_dataset as read_dataset
    from seget.evaluation import evaluate as evaluate
    from seget.files import read as read
    from seget.files import write as write
    from seget.fusion import fuse as fuse
    from seget.prediction.predict import predict as predict
    from seget.recipes import Recipe as Recipe
    from seget.recipes import modern as modern
    from seget.recipes import paper as paper
    from seget.trained import general as general
    from seget.trained import load as load
    from seget.training import train as train
    from seget.volume import Volume as Volume

_ROOMS = {
    "read": "files",
    "write": "files",
    "Volume": "volume",
    "Recipe": "recipes",
    "modern": "recipes",
    "paper": "recipes",
    "read_dataset": "dataset",
    "configured": "configuration",
    "train": "training",
    "load": "trained",
    "general": "trained",
    "predict": "prediction",
    "fuse": "fusion",
    "evaluate": "evaluation",
}

__all__ = list(_ROOMS)


def __getattr__(name: str) -> Any:
    """Fetch `name` from its room (PEP 562)."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'seget' has no attribute {name!r}; it has {__all__}")
    return getattr(import_module(f"seget.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    """List the front door's names beside what Python itself keeps here."""
    return sorted({*globals(), *__all__})
