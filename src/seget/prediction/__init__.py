"""Tomograms through trained models: scores, score maps, labels.

Volume + Trained -> scores 0..127 -> labels

It never trains and never evaluates. `plan` chooses the size of the windows, an `engine` scores a
window, `scorer` a slice, `predict` a volume; `writing` writes score maps, `segment` labels too;
`tasks` has workers do it for many tomograms, or for `ranges` of slices, which are joined from
`parts`. `next_slices` says which slice to annotate next, by `doubt` and `choice`.
"""

from seget.prediction.adaptation import adapted
from seget.prediction.choice import NextSlice
from seget.prediction.engine import Engine, TorchEngine
from seget.prediction.next_slices import next_slices
from seget.prediction.openvino_engine import OpenVinoEngine
from seget.prediction.predict import (
    Options,
    choose_engine,
    open_reader,
    predict,
    score_slices,
    scorer,
)
from seget.prediction.scorer import Effort, Scorer
from seget.prediction.segment import segment_files
from seget.prediction.tasks import Task, do, do_all
from seget.prediction.writing import predict_files

__all__ = [
    "Effort",
    "Engine",
    "NextSlice",
    "OpenVinoEngine",
    "Options",
    "Scorer",
    "Task",
    "TorchEngine",
    "adapted",
    "choose_engine",
    "do",
    "do_all",
    "next_slices",
    "open_reader",
    "predict",
    "predict_files",
    "score_slices",
    "scorer",
    "segment_files",
]
