"""How good a result is, in numbers and pictures.

results + Dataset -> scores, pictures, curves, a report

It never trains, never predicts and never imports torch.
"""

from seget.evaluation.agreement import StructureScores, Truth
from seget.evaluation.gallery import draw_slices
from seget.evaluation.predicted import Predicted, find_predictions
from seget.evaluation.reliability import draw_reliability
from seget.evaluation.report import Part, interval_text, report, score_text
from seget.evaluation.score import evaluate, without_nan
from seget.evaluation.smallest_object import Choice, choose_smallest
from seget.evaluation.tables import write_tables
from seget.evaluation.thumbnails import Thumbnail, thumbnails
from seget.evaluation.training_curves import curves
from seget.evaluation.worst import SliceScore, worst_slices

__all__ = [
    "Choice",
    "Part",
    "Predicted",
    "SliceScore",
    "StructureScores",
    "Thumbnail",
    "Truth",
    "choose_smallest",
    "curves",
    "draw_reliability",
    "draw_slices",
    "evaluate",
    "find_predictions",
    "interval_text",
    "report",
    "score_text",
    "thumbnails",
    "without_nan",
    "worst_slices",
    "write_tables",
]
