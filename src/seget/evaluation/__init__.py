"""How good a result is, in numbers and pictures.

predictions + Dataset -> scores, pictures, curves

The only room that draws. It never trains and never predicts.
"""

from seget.evaluation.gallery import draw_slices
from seget.evaluation.report import Part, report
from seget.evaluation.score import evaluate
from seget.evaluation.training_curves import curves

__all__ = ["Part", "curves", "draw_slices", "evaluate", "report"]
