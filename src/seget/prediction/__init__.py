"""Tomograms through trained models: scores, score maps, labels.

Volume + Trained -> scores 0..127 -> labels

It never trains and never judges. `plan` cuts slices, `engine` runs one, `predict` a volume; `maps`
knows the files, `writing` fills them, `segment` goes the whole way.
"""

from seget.prediction.engine import Device, Effort, Engine, choose_device
from seget.prediction.maps import ScoreMap, find_score_maps
from seget.prediction.predict import Options, Progress, predict, score_slices
from seget.prediction.segment import LABELS, fuse_files, segment_files
from seget.prediction.writing import predict_files

__all__ = [
    "LABELS",
    "Device",
    "Effort",
    "Engine",
    "Options",
    "Progress",
    "ScoreMap",
    "choose_device",
    "find_score_maps",
    "fuse_files",
    "predict",
    "predict_files",
    "score_slices",
    "segment_files",
]
