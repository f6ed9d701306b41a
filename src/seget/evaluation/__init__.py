"""How good a result is, in numbers and pictures.

predictions + Dataset -> scores, pictures, curves

The only room that draws. It never trains and never predicts.
"""

from seget.evaluation.comparison_figures import comparison_curves, figure3, figure4
from seget.evaluation.comparison_report import comparison_report
from seget.evaluation.comparison_rows import slice_ranges
from seget.evaluation.comparison_text import csv_text, markdown
from seget.evaluation.gallery import draw_slices
from seget.evaluation.report import Part, report
from seget.evaluation.score import evaluate
from seget.evaluation.training_curves import curves

__all__ = [
    "Part",
    "comparison_curves",
    "comparison_report",
    "csv_text",
    "curves",
    "draw_slices",
    "evaluate",
    "figure3",
    "figure4",
    "markdown",
    "report",
    "slice_ranges",
]
