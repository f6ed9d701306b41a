"""Weights between those that a training began from and those it came to; validation says how near.

trained model + initial weights + held-out slices -> trained model

On the way back a model finds again what it knew of other tomograms, long before it forgets what it
has learnt of these (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", equation 2;
measured in docs/few-slices.md). It never trains.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace

from torch import nn

from seget.trained import Trained
from seget.training.best_model import chosen_anew
from seget.training.initial_weights import InitialWeights
from seget.training.validation import Validation

# In a model's provenance: the share of the trained weights that it has.
SHARE = "share_of_training"
# Shares of the trained weights that are tried, in this order.
SHARES = (0.9, 0.8, 0.7, 0.6, 0.5)
# What the validation slices may lose of their mIOU: less than two seeds differ by.
TOLERANCE = 0.003


def nearer_the_start(
    trained: Trained,
    before: float,
    begin: InitialWeights,
    judged: Callable[[nn.Module], Validation],
) -> tuple[Trained, str]:
    """Return the model as near the start as validation lets it, and a sentence if it moved.

    Parameters
    ----------
    trained, before
        The best of a run, and its mIOU on the held-out slices; nan if there are none, and the model
        stays where it is.
    begin
        What the run began from.
    judged
        Scores the held-out slices by a network of that architecture.
    """
    own = {name: tensor.clone() for name, tensor in trained.network.state_dict().items()}
    network = copy.deepcopy(trained.network)
    share, validation, best = 1.0, None, before
    for nearer in [] if math.isnan(before) else SHARES:
        network.load_state_dict(begin.towards(own, nearer))
        found = judged(network)
        best = max(best, found.miou)
        if found.miou < best - TOLERANCE:
            break
        share, validation = nearer, found
    stays = replace(trained, provenance={**trained.provenance, SHARE: share})
    if validation is None:
        return stays, ""
    network.load_state_dict(begin.towards(own, share))
    moved = replace(stays, network=network, weights_sha256="")
    return chosen_anew(moved, validation), (
        f"the weights went {1 - share:.0%} of the way back to those they began from, where the "
        f"validation slices have mIOU {validation.miou:.3f} (before: {before:.3f}): such a model "
        "is mostly better on other tomograms"
    )
