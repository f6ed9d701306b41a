"""Finds and reads models, seget's own and those of other programs.

path -> Trained

It never writes one.
"""

from __future__ import annotations

from pathlib import Path

from seget.trained import model
from seget.trained.foreign import is_foreign, load_foreign
from seget.trained.model import Trained


def load(path: Path | str) -> Trained:
    """Read a model folder, a run folder that holds one, an ONNX file or a bioimage.io package.

    Raises
    ------
    InputError
        There is no model, it is invalid or damaged, or it wants what cannot be done here.
    """
    path = Path(path)
    return load_foreign(path) if is_foreign(path) else model.load(path)


def find_models(path: Path) -> list[Path]:
    """Return the models that a MODEL argument names; empty if it names none.

    A model folder or a file of one, a run folder, a folder of run folders; an ONNX file, or a
    package of bioimage.io; "general", the one that comes with seget.

    Raises
    ------
    InputError
        It is a file of weights that stands in no model folder, such as a checkpoint.
    """
    return [path] if is_foreign(path) else model.find_models(path)
