"""labels.json: which value is which structure, and what decided it.

score maps + thresholds + rules <-> Legend

It never reads a label. Two fusions with one legend give the same labels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from seget.errors import InputError, did_you_mean
from seget.fusion import Rules, colour
from seget.metrics import Goal
from seget.results.score_maps import ScoreMap, output_id

BY = "threshold_by"  # whether the model or the command chose a threshold

Legend = dict[str, dict[str, object]]  # value -> structure, colour, threshold, scores


def legend_of_maps(
    maps: Sequence[ScoreMap],
    thresholds: Mapping[str, float],
    chosen: Collection[str],
    rules: Rules,
) -> Legend:
    """Return labels.json: value -> structure, colour, and what decided it.

    Parameters
    ----------
    chosen
        The structures whose threshold the command chose, not the model.
    """
    return {
        str(value): {
            "structure": score_map.structure,
            "colour": colour(score_map.structure, value - 1),
            "threshold": thresholds[score_map.structure],
            BY: "command" if score_map.structure in chosen else "model",
            "scores": scores_id(score_map),
            **_rules_of(score_map.structure, rules),
        }
        for value, score_map in enumerate(maps, start=1)
    }


def _rules_of(structure: str, rules: Rules) -> dict[str, object]:
    """Return what the rules say of a structure; empty if they say nothing."""
    own: dict[str, object] = rules.of(structure).model_dump(mode="json", exclude_defaults=True)
    over = [under for above, under in rules.pairs if above == structure]
    own |= {"over": over} if over else {}
    return {"rules": own} if own else {}


def scores_id(score_map: ScoreMap) -> str:
    """Return what identifies the scores of a map."""
    return output_id(score_map.path.name, score_map.sidecar.id)


def plain(legend: Any) -> Any:
    """Return a legend without what changes no label: who chose a threshold."""
    if not isinstance(legend, dict):
        return legend
    return {
        value: {k: v for k, v in entry.items() if k != BY} if isinstance(entry, dict) else entry
        for value, entry in legend.items()
    }


def follows_from_maps(found: Any, wanted: Legend) -> bool:
    """Whether labels were fused, at the models' thresholds, from maps of the same scores."""
    try:
        before = {str(entry["structure"]): entry for entry in found.values()}
        now = {str(entry["structure"]): entry for entry in wanted.values()}
        shared = before.keys() & now.keys()
        return (
            bool(shared)
            and all(before[s]["scores"] == now[s]["scores"] for s in shared)
            and all(before[s].get("rules") == now[s].get("rules") for s in shared)
            and all(entry[BY] == "model" for entry in (*before.values(), *now.values()))
        )
    except (LookupError, TypeError, AttributeError):
        return False


def chosen_thresholds(
    maps: Sequence[ScoreMap], given: Mapping[str, float], goal: Goal | None
) -> dict[str, float]:
    """Return the thresholds that a command chooses: those given, and for a goal those of the rest.

    Raises
    ------
    InputError
        A threshold is of no map or not in 0 to 1, or the goal cannot be reached.
    """
    known = [score_map.structure for score_map in maps]
    for structure, threshold in given.items():
        if structure not in known:
            raise InputError(
                f"--threshold {structure}={threshold}{did_you_mean(structure, known)}: there are "
                f"score maps of {', '.join(known)}."
            )
        if not 0 <= threshold <= 1:
            raise InputError(f"--threshold {structure}={threshold}: wanted 0 to 1.")
    left = [m for m in maps if goal and m.structure not in given]
    return {m.structure: _threshold_for(goal, m) for m in left if goal} | dict(given)


def _threshold_for(goal: Goal, score_map: ScoreMap) -> float:
    scores = score_map.sidecar.validation
    name = score_map.structure
    if scores is None:
        raise InputError(
            f"--optimise: the model of {name} has no scores of validation slices (it was trained "
            f"before they were kept, or without any); give --threshold {name}=T, or train again."
        )
    found = scores.histogram.threshold_for(goal)
    if found is None:
        raise InputError(
            f"--optimise {goal.measure}={goal.least:g}: no threshold of {name} reaches it on the "
            f"validation slices; ask for less, or give --threshold {name}=T."
        )
    return found
