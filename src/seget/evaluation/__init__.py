"""How good a result is, in numbers and pictures.

results + Dataset -> scores, pictures, curves, a report

It never trains, never predicts and never imports torch.
"""

from seget.evaluation.agreement import StructureScores, Truth
from seget.evaluation.gallery import draw_slices
from seget.evaluation.reliability import draw_reliability
from seget.evaluation.report import Part, report, score_text
from seget.evaluation.score import evaluate, without_nan
from seget.evaluation.training_curves import curves

__all__ = [
    "Part",
    "StructureScores",
    "Truth",
    "curves",
    "draw_reliability",
    "draw_slices",
    "evaluate",
    "report",
    "score_text",
    "without_nan",
]
