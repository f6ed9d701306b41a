"""Table 1 of the paper on any dataset: networks against each other, each at its best.

dataset.toml + ComparisonSettings -> trained and scored cells -> table and report

It trains through `training`, scores through `evaluation`, and never prints. A cell is one training
of one network. `plan` says which cells there are, `cell` trains and scores one, `cell_results`
keeps what is done, `table` makes the numbers. `rows` words them for `text` (table.csv, table.md)
and `report` (report.html); `pictures` chooses the slices that `figures` draws. `compare` runs it
all.
"""

from seget.comparison.cell import CellSetup, run_cell
from seget.comparison.compare import compare
from seget.comparison.figures import comparison_curves, figure3, figure4
from seget.comparison.plan import Cell, ComparisonSettings, Terms
from seget.comparison.report import comparison_report
from seget.comparison.text import csv_text, markdown

__all__ = [
    "Cell",
    "CellSetup",
    "ComparisonSettings",
    "Terms",
    "compare",
    "comparison_curves",
    "comparison_report",
    "csv_text",
    "figure3",
    "figure4",
    "markdown",
    "run_cell",
]
