"""Score maps fused into labels, and labels read again.

folder of score maps -> labels.mrc + labels.json

It never holds more than a slice, and never decides a pixel itself: `fusion` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seget import files, machine
from seget.errors import InputError, did_you_mean
from seget.files import provenance
from seget.fusion import colour, fuse
from seget.listener import Listener
from seget.results.score_maps import ScoreMap, find_score_maps, is_made, output_id
from seget.volume import Volume

LABELS = "labels.mrc"
BY = "threshold_by"  # in the legend: whether the model or the command chose a threshold

Legend = dict[str, dict[str, object]]  # labels.json: value -> structure, colour, threshold, scores


def fuse_files(
    folder: Path,
    out: Path,
    thresholds: Mapping[str, float] | None = None,
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Path:
    """Fuse the score maps in `folder` into the label volume `out`, with `out`'s `.json` beside it.

    Parameters
    ----------
    folder
        What `predict_files` wrote: one map a structure.
    out
        `.mrc` or `.zarr`; values 1, 2, ... in the order of the models, 0 background.
    thresholds
        Scores in 0 to 1 by structure that replace those of the models.
    listener
        Is told the number of slices done.

    Raises
    ------
    InputError
        The maps differ in shape, a threshold names no map, or `out` was made by another command.
        Labels of the same scores at the models' thresholds are fused anew instead.
    """
    listener = listener or Listener()
    maps = find_score_maps(folder)
    chosen = _thresholds(maps, thresholds or {})
    legend = _legend(maps, chosen, frozenset(thresholds or {}))
    if not overwrite and _is_made(out, legend, listener):
        files.drop_journal(out)  # killed before it could
        return out
    _write_labels(out, maps, legend, chosen, listener)
    provenance.write(out, _made_by(maps, chosen))
    files.write_json(out.with_suffix(".json"), legend)
    files.drop_journal(out)
    return out


def _is_made(out: Path, legend: Legend, listener: Listener) -> bool:
    """Whether the labels are there, fused as the legend says.

    Labels of the same scores, whose thresholds nobody chose, follow from the score maps: if another
    threshold of a model, another order or another structure make them differ, they are fused anew.

    Raises
    ------
    InputError
        Another command made them.
    """
    beside = out.with_suffix(".json")
    key, differs = output_id(legend), "other maps or thresholds"
    try:
        return is_made(
            out, key, lambda json: _plain(files.read_json(json)) == _plain(legend), differs
        )
    except InputError:
        if not (beside.is_file() and _follows_from_maps(files.read_json(beside), legend)):
            raise
        listener.note(f"{out}: thresholds, order or structures are others now; fusing anew.")
        return False


def _plain(legend: Any) -> Any:
    """Return a legend without what changes no label: who chose a threshold."""
    if not isinstance(legend, dict):
        return legend
    return {
        value: {k: v for k, v in entry.items() if k != BY} if isinstance(entry, dict) else entry
        for value, entry in legend.items()
    }


def _follows_from_maps(found: Any, wanted: Legend) -> bool:
    """Whether labels were fused, at the models' thresholds, from maps of the same scores."""
    try:
        before = {str(entry["structure"]): entry for entry in found.values()}
        now = {str(entry["structure"]): entry for entry in wanted.values()}
        shared = before.keys() & now.keys()
        return (
            bool(shared)
            and all(before[s]["scores"] == now[s]["scores"] for s in shared)
            and all(entry[BY] == "model" for entry in (*before.values(), *now.values()))
        )
    except (LookupError, TypeError, AttributeError):
        return False


def _write_labels(
    out: Path,
    maps: Sequence[ScoreMap],
    legend: Legend,
    thresholds: Mapping[str, float],
    listener: Listener,
) -> None:
    """Fuse slice by slice; slices that an interrupted run has finished are kept."""
    volumes = _opened(maps)
    first = next(iter(volumes.values()))
    dtype = np.dtype(np.uint8 if len(maps) <= 127 else np.uint16)
    named = files.Legend(
        {int(value): str(entry["structure"]) for value, entry in legend.items()},
        {int(value): str(entry["colour"]) for value, entry in legend.items()},
    )
    size = int(np.prod(first.shape)) * dtype.itemsize
    machine.require_disk(out.parent, size - files.begun_bytes(out))
    with files.create(out, like=first, dtype=dtype, legend=named, key=output_id(legend)) as writer:
        for z in range(first.shape[0]):
            if z not in writer.finished:
                writer[z] = fuse({s: v.slice(z) for s, v in volumes.items()}, thresholds)
            listener.progress(z + 1, first.shape[0])
        out.with_suffix(".json").unlink(missing_ok=True)  # that of older labels


def read_labels(
    folder: Path, maps: Mapping[str, ScoreMap] | None = None
) -> tuple[Volume | None, dict[str, int]]:
    """Return the label volume in a folder and the value of each structure; None without one.

    Parameters
    ----------
    maps
        Score maps by structure, from which the labels must have been fused.

    Raises
    ------
    InputError
        labels.json does not say what the values are, or says that other maps were fused.
    """
    path = folder / LABELS
    beside = path.with_suffix(".json")
    if not (path.is_file() and beside.is_file()):
        return None, {}
    try:
        legend: Mapping[str, Mapping[str, str]] = json.loads(beside.read_bytes())
        values = {str(entry["structure"]): int(value) for value, entry in legend.items()}
        scores = {str(entry["structure"]): entry.get("scores") for entry in legend.values()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{beside}: this does not say what the labels in {path.name} are ({error!r}), wanted "
            "what `seget fuse` writes beside them; fuse again."
        ) from None
    for structure, score_map in (maps or {}).items():
        if scores.get(structure) not in (None, _scores_id(score_map)):
            raise InputError(
                f"{path}: was fused from another score map of {structure} than "
                f"{score_map.path.name} beside it; fuse again with --overwrite, or remove it."
            )
    return files.read(path), values


def _opened(maps: Sequence[ScoreMap]) -> dict[str, Volume]:
    """Return the volumes of score maps by structure; they must be of one shape."""
    volumes = {score_map.structure: files.read(score_map.path) for score_map in maps}
    first = next(iter(volumes.values()))
    for score_map, volume in zip(maps, volumes.values(), strict=True):
        if volume.shape != first.shape:
            raise InputError(
                f"{score_map.path}: has shape {volume.shape}, {maps[0].path.name} has "
                f"{first.shape}; predict both from one tomogram."
            )
    return volumes


def _thresholds(maps: Sequence[ScoreMap], given: Mapping[str, float]) -> dict[str, float]:
    known = {score_map.structure: score_map.sidecar.threshold for score_map in maps}
    for structure, threshold in given.items():
        if structure not in known:
            raise InputError(
                f"--threshold {structure}={threshold}{did_you_mean(structure, known)}: there are "
                f"score maps of {', '.join(known)}."
            )
        if not 0 <= threshold <= 1:
            raise InputError(f"--threshold {structure}={threshold}: wanted 0 to 1.")
    return {**known, **given}


def _legend(
    maps: Sequence[ScoreMap], thresholds: Mapping[str, float], chosen: frozenset[str]
) -> Legend:
    """Return labels.json: value -> structure, colour, and what decided it."""
    return {
        str(value): {
            "structure": score_map.structure,
            "colour": colour(score_map.structure, value - 1),
            "threshold": thresholds[score_map.structure],
            BY: "command" if score_map.structure in chosen else "model",
            "scores": _scores_id(score_map),
        }
        for value, score_map in enumerate(maps, start=1)
    }


def _scores_id(score_map: ScoreMap) -> str:
    return output_id(score_map.path.name, score_map.sidecar.id)


def _made_by(maps: Sequence[ScoreMap], thresholds: Mapping[str, float]) -> dict[str, object]:
    """Return where labels come from: each map, and what made that."""
    return {
        "command": "fuse",
        "maps": {
            score_map.structure: {
                "file": score_map.path.name,
                "threshold": thresholds[score_map.structure],
                **score_map.sidecar.made_by,
            }
            for score_map in maps
        },
    }
