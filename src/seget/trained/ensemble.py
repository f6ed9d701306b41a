"""Several models of the same structures made one: their calibrated logits are averaged.

models -> models, no structure twice

It never averages models that read images in different ways.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from statistics import fmean

from seget.calibration import NONE
from seget.errors import InputError
from seget.networks import Ensemble
from seget.trained.foreign import Graph
from seget.trained.model import Trained
from seget.trained.weights import weights_sha256


def united(models: Sequence[Trained]) -> list[Trained]:
    """Return the models, those of the same structures as one, in the order of the first of each.

    Raises
    ------
    InputError
        Two models share a structure and not all, or differ in network, slices or pixel size.
    """
    groups: dict[tuple[str, ...], list[Trained]] = {}
    for trained in models:
        groups.setdefault(trained.structures, []).append(trained)
    structures = [structure for group in groups for structure in group]
    twins = sorted({s for s in structures if structures.count(s) > 1})
    if twins:
        raise InputError(
            f"two of the models score {', '.join(twins)} beside structures that differ; models "
            "are averaged if all their structures are the same, in one order: give one of them."
        )
    return [_averaged(group) if len(group) > 1 else group[0] for group in groups.values()]


def _averaged(group: Sequence[Trained]) -> Trained:
    """Return models of the same structures as one."""
    first = group[0]
    names = ", ".join(first.structures)
    for other in group[1:]:
        for what, one, another in (
            ("network and slices", first.architecture, other.architecture),
            ("pixel size", first.pixel_nm, other.pixel_nm),
            ("distance between slices", first.slice_nm, other.slice_nm),
        ):
            if one != another:
                raise InputError(
                    f"two of the models score {names} and differ in {what} ({one} and {another}), "
                    "so that they cannot be averaged; give one of them."
                )
    if any(isinstance(one.network, Graph) for one in group):
        raise InputError(
            f"two of the models score {names}, and one is of another program, which cannot be "
            "averaged; give one of them."
        )
    calibrated = [s for s in first.structures if all(s in one.calibration for one in group)]
    key = repr([(weights_sha256(one.network), sorted(one.calibration.items())) for one in group])
    return Trained(
        network=Ensemble([one.scoring_network for one in group]),
        structures=first.structures,
        recipe=first.recipe,
        thresholds={
            s: fmean(one.thresholds.get(s, 0.5) for one in group) for s in first.structures
        },
        pixel_nm=first.pixel_nm,
        slice_nm=first.slice_nm,
        provenance={"models": [one.provenance for one in group]},
        weights_sha256=hashlib.sha256(key.encode()).hexdigest(),
        # Each is calibrated inside; here it says of which structures scores are probabilities.
        calibration=dict.fromkeys(calibrated, NONE),
    )
