"""A comparison as one HTML page that opens without a network: the paper's table 1 on other data.

table.json's object + pictures -> report.html

It never computes a score. Every name is escaped: a structure may be called anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seget.comparison.rows import (
    ABSENT,
    AVERAGE,
    COST,
    DIFFERENCES,
    Row,
    Score,
    Table,
    cost_rows,
    difference_tables,
    facts,
    is_absent,
    mark_best,
    number,
    score_rows,
    search_tables,
)
from seget.evaluation.report import embedded, write_page
from seget.fusion import colour

# Table 1 of Zhang et al., "SegET", 2018: mIOU a structure, and the average of each line.
PAPER_STRUCTURES = ("Synapse", "MTs", "Centriole", "Granules", "Golgi")
PAPER_TABLE: Mapping[str, tuple[float, ...]] = {
    "FCN-8s": (0.8469, 0.6690, 0.8287, 0.8011, 0.7081, 0.7708),
    "SegNet": (0.8164, 0.5817, 0.8060, 0.8576, 0.7535, 0.7630),
    "U-Net": (0.6765, 0.6616, 0.8366, 0.9096, 0.8020, 0.7773),
    "DeepLabv3+": (0.9132, 0.6933, 0.7280, 0.9163, 0.7171, 0.7936),
    "SegET": (0.9322, 0.7676, 0.8541, 0.9475, 0.8687, 0.8740),
}

DETAILS = {
    "miou": "mIOU",
    "miou_at_threshold": "at threshold",
    "miou_per_slice": "per slice",
    "miou_per_patch": "per patch",
    "iou": "IoU",
    "dice": "Dice",
    "pixel_accuracy": "pixel accuracy",
    "false_positive_share": "false positives",
}


def comparison_report(
    path: Path,
    table: Table,
    pictures: Sequence[tuple[str, Path]],
    curves: Sequence[tuple[str, Path]],
) -> None:
    """Write the page of a comparison: table 1, the paper's own, pictures, details, costs, curves.

    Parameters
    ----------
    path
        Of the page, whole or not there.
    table
        The object of table.json.
    pictures
        (caption, PNG) of figures 3 and 4, in the order of the page.
    curves
        (caption, PNG) of the training curves, likewise.
    """
    shown = list(enumerate(table["structures"]))
    values = {
        "title": table["title"],
        "facts": facts(table),
        "flatters": table["split"]["flatters"],
        "columns": [{"name": s, "colour": colour(s, i)} for i, s in shown],
        "average": AVERAGE,
        "rows": score_rows(table),
        "seeds": len(table["seeds"]),
        "paper_columns": [*PAPER_STRUCTURES, AVERAGE],
        "paper_rows": paper_rows(),
        "number": number,
        "pictures": [_picture(*picture) for picture in pictures],
        "details": [_details(table, s) | {"colour": colour(s, i)} for i, s in shown],
        "detail_columns": list(DETAILS.values()),
        "searches": search_tables(table),
        "differences": DIFFERENCES,
        "difference_tables": difference_tables(table),
        "cost_columns": COST,
        "cost_rows": cost_rows(table),
        "curves": [_picture(*picture) for picture in curves],
    }
    write_page(path, "comparison.html.j2", values, "seget.comparison")


def paper_rows() -> list[Row]:
    """Return the paper's table 1, the best of each column marked."""
    columns = zip(*PAPER_TABLE.values(), strict=True)
    marked = [mark_best([Score((miou,)) for miou in column]) for column in columns]
    rows = zip(*marked, strict=True)
    return [
        Row(title, title, list(scores)) for title, scores in zip(PAPER_TABLE, rows, strict=True)
    ]


def _picture(caption: str, path: Path) -> dict[str, str]:
    return {"caption": caption, "base64": embedded(path)}


def _details(table: Table, structure: str) -> dict[str, Any]:
    """Return the table of one structure: all its scores, a line a network."""
    rows = []
    fraction = judged = None
    for network, about in table["networks"].items():
        cell = table["scores"].get(network, {}).get(structure)
        if cell is None:
            rows.append([about["title"], *["-"] * len(DETAILS)])
            continue
        fraction, judged = cell["foreground_fraction"], cell.get("judged_px")
        means = cell | {"miou": Score(tuple(v for v in cell["miou"] if v is not None)).mean}
        missing = ABSENT if is_absent(cell) else "-"
        shown = [missing if means[key] is None else number(means[key]) for key in DETAILS]
        share = cell["false_positive_share"]
        rows.append([about["title"], *shown[:-1], "-" if share is None else f"{share:.2%}"])
    foreground = "-" if fraction is None else f"{100 * fraction:.2g} %"
    pixels = "the" if judged is None else f"the {judged:,}"
    return {"structure": structure, "foreground": foreground, "pixels": pixels, "rows": rows}
