"""Scores, pictures and curves as one HTML page that opens without a network.

results of `evaluate` + pictures -> report.html

It never computes a score. Every name is escaped: a tomogram may be called anything.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from seget import files
from seget.evaluation.reliability import draw_reliability
from seget.fusion import colour


@dataclass(frozen=True)
class Part:
    """One evaluated folder in a report.

    Attributes
    ----------
    heading, text
        What was scored, in words.
    result
        What `evaluate` returned.
    pictures
        PNGs of slices to show, from `draw_slices`.
    """

    heading: str
    text: str
    result: dict[str, Any]
    pictures: Sequence[Path]


def report(
    path: Path, title: str, parts: Sequence[Part], curves: Path, facts: Sequence[str] = ()
) -> None:
    """Write a page with a table and pictures a part, and the training curves.

    Parameters
    ----------
    path
        Of the page, whole or not there.
    title, facts
        What it is about, and what to say below: seed, minutes, machine.
    parts
        In the order of the page.
    curves
        The run's curves.png.
    """
    shown = [_shown(part) for part in parts]
    values = {"title": title, "facts": facts, "curves": embedded(curves), "parts": shown}
    write_page(path, "report.html.j2", values)


def write_page(
    path: Path, template: str, values: Mapping[str, Any], package: str = "seget.evaluation"
) -> None:
    """Write a template's page, every value in it escaped; a value it lacks is an error.

    The template stands in the folder `templates` of `package`; what it extends may stand in that
    of `seget.evaluation`.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("seget.evaluation")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    files.write_text(path, environment.get_template(template).render(values))


def embedded(picture: Path) -> str:
    """Return a picture's bytes in base64: the page needs no file beside it."""
    return base64.b64encode(picture.read_bytes()).decode()


def _shown(part: Part) -> dict[str, Any]:
    """Return what the template shows of a part."""
    rows = []
    for index, (structure, scores) in enumerate(part.result["structures"].items()):
        shown = [score_text(scores[key], 3) for key in ("miou", "iou", "dice", "pixel_accuracy")]
        shown.insert(1, score_text(scores["labels"]["miou"], 3) if "labels" in scores else "-")
        shown.append(
            f"{scores['false_positive_px']:,} px, {scores['false_positive_share'] or 0:.2%}"
        )
        fraction = scores["foreground_fraction"]
        shown.append("-" if fraction is None else f"{fraction:.2%}")
        shown.append(f"{scores['judged_px']:,} px")
        rows.append({"structure": structure, "colour": colour(structure, index), "numbers": shown})
    return {
        "heading": part.heading,
        "text": part.text,
        "rows": rows,
        "mean": score_text(part.result["mean_miou"], 3),
        "notes": part.result["notes"],
        "reliability": _reliability(part.result["structures"]),
        "pictures": [{"alt": p.stem, "base64": embedded(p)} for p in part.pictures],
    }


def _reliability(structures: Mapping[str, Any]) -> str:
    """Return the picture of `draw_reliability` in base64."""
    png = io.BytesIO()
    draw_reliability(png, structures)
    return base64.b64encode(png.getvalue()).decode()


def score_text(value: float | None, digits: int) -> str:
    """Return a score as it is shown; a structure that is on no scored slice has none."""
    return "absent" if value is None else f"{value:.{digits}f}"
