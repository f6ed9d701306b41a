"""Trained models, in memory and on disk.

network, recipe, structures, pixel size, thresholds, provenance <-> model.safetensors + model.json

Begin reading at `model`; `card` is model.json, `weights` is model.safetensors; `foreign` reads
models of other programs, `opening` finds either, `ensemble` makes one of several, `learnt` tells
which tomograms and slices one learnt from. It never trains and never predicts.
"""

from seget.trained.ensemble import united
from seget.trained.learnt import learnt_from, slices_learnt
from seget.trained.model import CARD, WEIGHTS, Trained, general
from seget.trained.opening import find_models, load
from seget.trained.weights import weights_sha256

__all__ = [
    "CARD",
    "WEIGHTS",
    "Trained",
    "find_models",
    "general",
    "learnt_from",
    "load",
    "slices_learnt",
    "united",
    "weights_sha256",
]
