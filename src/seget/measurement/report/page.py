"""The page itself: numbers, pictures, and one paragraph for each definition.

Measurement + summary -> report.html

It never computes a number. Every name in it is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from seget import files
from seget.measurement.measure import Measurement
from seget.measurement.report import pictures
from seget.measurement.report.rendering import rendered
from seget.volume import Volume

REPORT = "report.html"


def write_report(
    out: Path, found: Measurement, said: Mapping[str, Any], tomogram: Volume | None
) -> None:
    """Write report.html.

    Parameters
    ----------
    out
        The folder of the measurement.
    found, said
        What was measured, and what summary.json holds of it.
    tomogram
        The image that outlines are drawn on; None draws them on black.
    """
    extent = np.array(found.volume.shape) * found.voxel_size_nm
    scene = rendered(found.objects, dict(found.structures.colours), extent, found.voxel_size_nm)
    z, outlines = pictures.slice_with_ids(found, tomogram)
    values = {
        "title": f"Measured: {found.volume.path.name if found.volume.path else found.volume.name}",
        "said": said,
        "rows": [_row(name, one) for name, one in said["structures"].items()],
        "nearest": _nearest(said["structures"]),
        "notes": _by_structure(said["notes"], said["structures"]),
        "smallest": _smallest(said["structures"]),
        "extent": " x ".join(f"{nm / 1000:.3g}" for nm in extent),
        "scene": _embedded(pictures.png(scene)),
        "slice": z,
        "outlines": _embedded(outlines),
        "histograms": {
            name: _embedded(drawn)
            for name in said["structures"]
            if (drawn := pictures.histograms(found, name)) is not None
        },
    }
    environment = Environment(
        loader=PackageLoader("seget.measurement.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("measurement.html.j2")
    files.write_text(out / REPORT, template.render(values))


def _embedded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _row(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a structure's line of the table, as text."""
    width = said["width"]
    return {
        "name": name,
        "colour": said["colour"],
        "cells": [
            str(said["objects"]),
            str(said["left_out"]["objects"]),
            str(said["touching_border"]),
            f"{said['volume_nm3'] / 1e9:.4g}",
            f"{said['surface_nm2'] / 1e6:.4g}",
            _shown(said["median_equivalent_diameter_nm"]),
            _shown(said["median_length_nm"]),
            f"{width['mean_nm']:.1f} ± {width['sd_nm']:.1f}" if width else "",
        ],
    }


def _nearest(structures: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return of each structure its distances from the nearest objects of each, as text."""
    return {
        name: [
            f"{near['smallest_distance_nm']:.0f} ({near['median_distance_nm']:.0f})" if near else ""
            for near in (said["nearest"].get(other) for other in structures)
        ]
        for name, said in structures.items()
        if said["nearest"]
    }


def _by_structure(
    notes: Sequence[str], structures: Mapping[str, Any]
) -> list[tuple[str, str, list[str]]]:
    """Return name, colour and sentences of each structure; without a name what is of none."""
    found: dict[str, list[str]] = {}
    for note in notes:
        name, _, sentence = note.partition(": ")
        if name in structures:
            found.setdefault(name, []).append(sentence)
        else:
            found.setdefault("", []).append(note)
    return [
        (name, structures[name]["colour"] if name else "", sentences)
        for name, sentences in found.items()
    ]


def _smallest(structures: Mapping[str, Any]) -> str:
    """Return from which volume on objects count, in words."""
    volumes: dict[float, list[str]] = {}
    for name, said in structures.items():
        volumes.setdefault(said["smallest_nm3"], []).append(name)
    if len(volumes) == 1:
        return f"{next(iter(volumes)):.4g} nm³"
    return ", ".join(f"{nm3:.4g} nm³ ({', '.join(names)})" for nm3, names in volumes.items())


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
