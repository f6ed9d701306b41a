"""A comparison as plain text.

table.json's object -> table.md, table.csv

It never computes a score. The rows are those of the report: `rows` makes both.
"""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence

from seget.comparison.rows import (
    AVERAGE,
    COST,
    DIFFERENCES,
    Row,
    Table,
    cost_rows,
    difference_tables,
    facts,
    score_rows,
    search_tables,
    threshold_rows,
)


def csv_text(table: Table) -> str:
    """Return table.csv: a line a network, a column a structure, then the average.

    Means over the seeds in full precision; a score that does not exist is an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["network", *table["structures"], AVERAGE])
    for row in score_rows(table):
        means = [score.mean for score in row.scores]
        writer.writerow([row.title, *("" if m is None else repr(float(m)) for m in means)])
    return text.getvalue()


def markdown(table: Table) -> str:
    """Return table.md: what was compared on which slices, table 1, and what it cost."""
    costs = [[_plain(cell) for cell in row] for row in cost_rows(table)]
    heads = ["network", *map(_plain, table["structures"]), AVERAGE]
    return "\n".join(
        [
            f"# {_plain(table['title'])}",
            "",
            *(f"- {name}: {_plain(text)}" for name, text in facts(table)),
            "",
            f"mIOU (equation 6) of the structures{_seeds(table)}; the best of a column is bold.",
            "",
            *_grid(heads, _bold(score_rows(table))),
            "",
            "The same at each model's own threshold, which its validation slices chose; means over "
            "the seeds.",
            "",
            *_grid(heads, _bold(threshold_rows(table))),
            "",
            *_difference_lines(table, heads),
            *_grid(COST, costs),
            "",
            *_search_lines(table),
        ]
    )


def _bold(rows: Sequence[Row]) -> list[list[str]]:
    """Return the cells of table 1, the best of a column in bold."""
    return [
        [_plain(row.title), *(f"**{s.text}**" if s.best else s.text for s in row.scores)]
        for row in rows
    ]


def _difference_lines(table: Table, heads: Sequence[str]) -> list[str]:
    lines = []
    for one in difference_tables(table):
        rows = [[_plain(row[0]), *row[1:]] for row in one["rows"]]
        lines += [*_grid([_plain(one["head"]), *heads[1:]], rows), ""]
    return [DIFFERENCES, "", *lines] if lines else []


def _search_lines(table: Table) -> list[str]:
    """Return the learning rates that were tried, a table a group of structures."""
    lines = []
    for search in search_tables(table):
        rows = [
            [
                _plain(row["title"]),
                *(f"**{c['text']}**" if c["chosen"] else c["text"] for c in row["cells"]),
                row["steps"],
            ]
            for row in search["rows"]
        ]
        lines += [
            f"{_plain(search['structures'])}: validation mIOU of each learning rate, tried in a "
            "fifth of the length; the bold one was taken.",
            "",
            *_grid(["network", *search["rates"], "steps"], rows),
            "",
        ]
    return lines


def _seeds(table: Table) -> str:
    """Say what stands behind the plus-minus sign."""
    if len(table["seeds"]) < 2:
        return ""
    spread = "half the range" if len(table["seeds"]) == 2 else "standard deviation"
    return f", mean \N{PLUS-MINUS SIGN} {spread} of {len(table['seeds'])} seeds"


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, numbers to the right."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows)]


def _plain(text: str) -> str:
    """Return a name so that Markdown shows it as it is, in one cell."""
    escaped = html.escape(" ".join(text.split()), quote=False)
    for sign in "\\|`*_[]":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped
