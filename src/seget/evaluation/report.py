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
from seget.evaluation.object_match import KINDS
from seget.evaluation.reliability import draw_reliability
from seget.evaluation.thumbnails import Thumbnail, legend
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
    thumbnails
        Pictures of objects that are wrong.
    """

    heading: str
    text: str
    result: dict[str, Any]
    pictures: Sequence[Path]
    thumbnails: Sequence[Thumbnail] = ()


def report(
    path: Path,
    title: str,
    parts: Sequence[Part],
    curves: Path | None = None,
    facts: Sequence[str] = (),
) -> None:
    """Write a page with tables and pictures a part, and the training curves if there are any.

    Parameters
    ----------
    path
        Of the page, whole or not there.
    title, facts
        What it is about, and what to say below: seed, minutes, machine.
    parts
        In the order of the page.
    curves
        The run's curves.png; None leaves them out.
    """
    shown = [_shown(part) for part in parts]
    values = {
        "title": title,
        "facts": facts,
        "curves": None if curves is None else embedded(curves),
        "parts": shown,
        "legend": legend(),
    }
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
    rows, tolerances = [], set()
    for index, (structure, scores) in enumerate(part.result["structures"].items()):
        shown = [score_text(scores[key], 3) for key in ("miou", "iou", "dice", "pixel_accuracy")]
        shown.insert(1, interval_text(scores["miou_interval"], 3))
        shown.insert(2, score_text(scores["labels"]["miou"], 3) if "labels" in scores else "-")
        shown.append(
            f"{scores['false_positive_px']:,} px, {scores['false_positive_share'] or 0:.2%}"
        )
        fraction = scores["foreground_fraction"]
        shown.append("-" if fraction is None else f"{fraction:.2%}")
        shown.append(f"{scores['judged_px']:,} px")
        tolerances.add(scores["objects"]["surface_tolerance_nm"])
        rows.append(
            {
                "structure": structure,
                "colour": colour(structure, index),
                "numbers": shown,
                "objects": _objects(scores["objects"]),
                "errors": [_error(one) for one in part.thumbnails if _is_of(one, structure)],
                "wrong": sum(
                    error["structure"] == structure for error in part.result["object_errors"]
                ),
            }
        )
    return {
        "heading": part.heading,
        "text": part.text,
        "rows": rows,
        "tolerance": ", ".join(f"{nm:.3g}" for nm in sorted(tolerances - {None})),
        "mean": score_text(part.result["mean_miou"], 3),
        "mean_interval": interval_text(part.result["mean_miou_interval"], 3),
        "notes": part.result["notes"],
        "reliability": _reliability(part.result["structures"]),
        "pictures": [{"alt": p.stem, "base64": embedded(p)} for p in part.pictures],
    }


def _reliability(structures: Mapping[str, Any]) -> str:
    """Return the picture of `draw_reliability` in base64."""
    png = io.BytesIO()
    draw_reliability(png, structures)
    return base64.b64encode(png.getvalue()).decode()


def _is_of(one: Thumbnail, structure: str) -> bool:
    return bool(one.error["structure"] == structure)


def _objects(scores: Mapping[str, Any]) -> list[str]:
    """Return what the table of objects and boundaries shows of a structure."""
    tolerance, line = scores["surface_tolerance_nm"], scores["centre_line_dice"]
    return [
        "-" if tolerance is None else score_text(scores["surface_dice"], 3),
        "-" if line is None else f"{line:.3f}",
        score_text(scores["f1"], 3),
        *(str(scores[key]) for key in ("truth", "found", *KINDS)),
        f"{scores['truth_specks']} + {scores['predicted_specks']}",
    ]


def _error(one: Thumbnail) -> dict[str, str]:
    """Return what the page shows of an object that is wrong."""
    error = one.error
    kind = error["kind"]
    if kind == "split":
        kind += f" into {error['parts']}"
    elif kind == "merged":
        kind += f" from {error['parts']}"
    place = f"slice {error['z_px']}, y {error['y_px']}, x {error['x_px']}"
    size = f"{error['voxels']:,} voxels"
    if error["volume_nm3"] is not None:
        place += " ({z_nm:.0f}, {y_nm:.0f}, {x_nm:.0f} nm)".format(**error)
        size = f"{float(format(error['volume_nm3'], '.3g')):,.0f} nm³"
    iou = f", IoU {error['iou']:.2f}" if error["iou"] else ""
    return {
        "kind": kind,
        "text": f"{error['tomogram']}, {place}: {size}{iou}",
        "base64": base64.b64encode(one.png).decode(),
    }


def score_text(value: float | None, digits: int) -> str:
    """Return a score as it is shown; a structure that is on no scored slice has none."""
    return "absent" if value is None else f"{value:.{digits}f}"


def interval_text(interval: Sequence[float] | None, digits: int) -> str:
    """Return an interval as it is shown; of few slices there is none."""
    return "-" if interval is None else "-".join(f"{end:.{digits}f}" for end in interval)
