"""Tomograms through trained models: scores, score maps, labels.

Volume + Trained -> scores 0..127 -> labels

It never trains and never judges. `plan` cuts slices, an `engine` computes windows, `scorer` scores
a slice, `predict` a volume; `maps` knows the files, `writing` fills them, `segment` goes the whole
way.
"""

from seget.prediction.engine import Engine, TorchEngine
from seget.prediction.maps import ScoreMap, find_score_maps
from seget.prediction.openvino_engine import OpenVinoEngine
from seget.prediction.predict import Options, Progress, choose_engine, predict, score_slices
from seget.prediction.scorer import Effort, Scorer
from seget.prediction.segment import LABELS, fuse_files, segment_files
from seget.prediction.writing import predict_files

__all__ = [
    "LABELS",
    "Effort",
    "Engine",
    "OpenVinoEngine",
    "Options",
    "Progress",
    "ScoreMap",
    "Scorer",
    "TorchEngine",
    "choose_engine",
    "find_score_maps",
    "fuse_files",
    "predict",
    "predict_files",
    "score_slices",
    "segment_files",
]
