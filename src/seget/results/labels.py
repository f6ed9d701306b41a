"""Score maps fused into labels, and labels read again.

folder of score maps -> labels.mrc + labels.json, conflicts.mrc + conflicts.csv

It never holds more than some slices, and never decides a pixel itself: `fusion` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seget import files, machine
from seget.errors import InputError
from seget.files import provenance
from seget.fusion import NO_RULES, Fusion, Rules
from seget.listener import Listener
from seget.metrics import Goal
from seget.results.conflicts import CONFLICTS, conflicts_path, write_table
from seget.results.legend import (
    Legend,
    chosen_thresholds,
    follows_from_maps,
    legend_of_maps,
    plain,
    scores_id,
)
from seget.results.score_maps import ScoreMap, find_score_maps, is_made, output_id
from seget.volume import Volume

LABELS = "labels.mrc"


@dataclass(frozen=True)
class Wishes:
    """What a command wants of a fusion beside what the score maps say.

    Attributes
    ----------
    thresholds
        Scores in 0 to 1 by structure that replace those of the models.
    goal
        What the thresholds of the others are chosen for; None: those of the models.
    rules
        See `Rules`.
    """

    thresholds: Mapping[str, float] | None = None
    goal: Goal | None = None
    rules: Rules = NO_RULES


class _Planned:
    """The fusion of the maps in a folder."""

    def __init__(self, folder: Path, wishes: Wishes) -> None:
        self.maps = find_score_maps(folder)
        chosen = chosen_thresholds(self.maps, wishes.thresholds or {}, wishes.goal)
        self.thresholds = {m.structure: m.sidecar.threshold for m in self.maps} | chosen
        volumes = _opened(self.maps)
        self.like = next(iter(volumes.values()))
        self.rules = wishes.rules
        self.fusion = Fusion(
            lambda z: {s: v.slice(z) for s, v in volumes.items()},
            list(volumes),
            self.like.shape,
            self.thresholds,
            wishes.rules,
            self.like.voxel_size_nm if self.like.pixel_nm else None,
        )
        self.legend = legend_of_maps(self.maps, self.thresholds, chosen, wishes.rules)

    def doubts(self) -> list[str]:
        """Return a sentence for each prior that is given to scores that are no probabilities."""
        return [
            f"{one.structure}: its scores are not calibrated, so that its prior is a guess; train "
            "its model again, with slices that validate."
            for one in self.maps
            if self.rules.of(one.structure).prior != 1 and not one.sidecar.calibrated
        ]

    @property
    def made_by(self) -> dict[str, object]:
        """Where labels come from: the rules, each map, and what made that."""
        rules = self.rules.model_dump(mode="json", exclude_defaults=True)
        return {
            "command": "fuse",
            **({"rules": rules} if rules else {}),
            "maps": {
                one.structure: {
                    "file": one.path.name,
                    "threshold": self.thresholds[one.structure],
                    **one.sidecar.made_by,
                }
                for one in self.maps
            },
        }


def fuse_files(
    folder: Path,
    out: Path,
    thresholds: Mapping[str, float] | None = None,
    overwrite: bool = False,
    listener: Listener | None = None,
    wishes: Wishes | None = None,
) -> Path:
    """Fuse the score maps in `folder` into the label volume `out`, with `out`'s `.json` beside it.

    Beside it stand conflicts.mrc, see `Fusion.conflicts`, and the table conflicts.csv.

    Parameters
    ----------
    folder
        What `predict_files` wrote: one map a structure.
    out
        `.mrc` or `.zarr`; values 1, 2, ... in the order of the models, 0 background.
    thresholds
        Those of `wishes`, where nothing else is wished.
    listener
        Is told the number of slices done.

    Raises
    ------
    InputError
        The maps differ in shape, a threshold or a rule names no map, the goal cannot be reached, or
        `out` was made by another command. Labels of the same scores at the models' thresholds are
        fused anew instead.
    """
    listener = listener or Listener()
    planned = _Planned(folder, wishes or Wishes(thresholds))
    beside = conflicts_path(out)
    if not overwrite and _is_made(out, planned.legend, listener):
        files.drop_journal(out)  # killed before it could
        files.drop_journal(beside)
        return out
    for sentence in planned.doubts():
        listener.note(sentence)
    _write_labels(out, beside, planned, listener)
    for path in (out, beside):
        provenance.write(path, planned.made_by)
    write_table(beside, planned.fusion)
    files.write_json(out.with_suffix(".json"), planned.legend)
    files.drop_journal(out)
    files.drop_journal(beside)
    return out


def explain(folder: Path, place: tuple[int, int, int], wishes: Wishes) -> list[str]:
    """Return sentences on what made the label of the voxel at `place` (z, y, x), from 0.

    Raises
    ------
    InputError
        There is no such voxel, or as `fuse_files`.
    """
    planned = _Planned(folder, wishes)
    shape = planned.like.shape
    if not all(0 <= at < extent for at, extent in zip(place, shape, strict=True)):
        raise InputError(
            f"--explain {','.join(map(str, place))}: the voxels (z, y, x) are 0,0,0 to "
            f"{','.join(str(extent - 1) for extent in shape)}."
        )
    return planned.fusion.explained(*place)


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
    key, differs = output_id(legend), "other maps, thresholds or rules"
    try:
        return is_made(
            out, key, lambda json: plain(files.read_json(json)) == plain(legend), differs
        )
    except InputError:
        if not (beside.is_file() and follows_from_maps(files.read_json(beside), legend)):
            raise
        listener.note(f"{out}: thresholds, order or structures are others now; fusing anew.")
        return False


def _write_labels(out: Path, beside: Path, planned: _Planned, listener: Listener) -> None:
    """Fuse slice by slice; slices that an interrupted run has finished are kept."""
    like, legend = planned.like, planned.legend
    dtype = np.dtype(np.uint8 if len(planned.maps) <= 127 else np.uint16)
    named = files.Legend(
        {int(value): str(entry["structure"]) for value, entry in legend.items()},
        {int(value): str(entry["colour"]) for value, entry in legend.items()},
    )
    size = int(np.prod(like.shape)) * (dtype.itemsize + 1)
    machine.require_disk(out.parent, size - files.begun_bytes(out) - files.begun_bytes(beside))
    key = output_id(legend)
    with ExitStack() as stack:
        labels, conflicts = (
            stack.enter_context(files.create(path, like, kind, legend=names, key=own))
            for path, kind, names, own in (
                (out, dtype, named, key),
                (beside, np.dtype(np.uint8), CONFLICTS, output_id(key, "conflicts")),
            )
        )
        finished = labels.finished & conflicts.finished
        for z in range(like.shape[0]):
            if z not in finished:
                labels[z] = planned.fusion.slice(z)
                conflicts[z] = planned.fusion.conflicts(z)
            listener.progress(z + 1, like.shape[0])
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
        if scores.get(structure) not in (None, scores_id(score_map)):
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
