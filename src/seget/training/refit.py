"""A second training, on the validation slices too, by what a first one chose on them.

dataset + the first model -> Trained

No slice is left to choose anything by: the recipe and its schedule are the first training's, and so
are the epoch that is kept, thresholds, calibrations and how far the weights go back towards those
they began from. It never scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from seget.dataset import Dataset
from seget.errors import InputError
from seget.listener import Listener
from seget.networks import Architecture
from seget.recipes import Recipe
from seget.trained import Trained, weights_sha256
from seget.training.initial_weights import initial_weights
from seget.training.interpolation import SHARE
from seget.training.loop import train
from seget.training.ranks import ALONE, Ranks
from seget.training.run_folder import MODEL, Run

# In a model's provenance: whose choices it has, and what mIOU that model had on the slices.
REFIT = "refit_of"


def validates(dataset: Dataset, structures: tuple[str, ...]) -> bool:
    """Whether slices of the structures validate: else a first training learns from all already."""
    return any(tomogram.slices("validation", structures) for tomogram in dataset.tomograms)


def require_choices(
    dataset: Dataset, groups: Sequence[tuple[str, ...]], recipes: Iterable[Recipe]
) -> None:
    """Raise InputError if no group of structures validates, or a recipe cannot do without."""
    if any(recipe.stop_patience or recipe.reduce_patience for recipe in recipes):
        raise InputError(
            "--refit: with this recipe validation decides rate and length while it trains "
            "(patience), so it cannot do without; use --recipe modern."
        )
    if not any(validates(dataset, group) for group in groups):
        names = ", ".join(structure for group in groups for structure in group)
        raise InputError(
            f"--refit: no slice of {names} validates, so the training learns from all already; "
            "leave out --refit."
        )


def refit(
    dataset: Dataset,
    structures: tuple[str, ...],
    recipe: Recipe,
    run: Run,
    first: Trained,
    listener: Listener | None = None,
    ranks: Ranks = ALONE,
) -> Trained:
    """Train once more with the validation slices among those that teach; test slices stay out.

    Parameters
    ----------
    recipe, run
        Of the first training, but for the folder.
    first
        What came of it. Its epoch, thresholds, calibrations and share of the trained weights are
        taken over; nothing can say how good the new model is but test slices.

    Raises
    ------
    InputError, RunError
        As `train` does; or no slice validates, or the recipe needs that some do.
    """
    require_choices(dataset, [structures], [recipe])
    # What validation would choose is not chosen in this run.
    plain = recipe.override(["tuned_thresholds=false", "weight_interpolation=false"])
    run = replace(run, stop_after_epochs=first.provenance["epoch"])
    trained = train(dataset.without_validation(), structures, plain, run, listener, ranks)
    if not ranks.first or REFIT in trained.provenance:
        return trained
    share = first.provenance.get(SHARE, 1.0)
    if run.start is not None and share < 1:
        architecture = Architecture.of(plain, len(structures))
        begin = initial_weights(architecture, structures, run.seed, run.start)
        trained.network.load_state_dict(begin.towards(trained.network.state_dict(), share))
    of = {
        "weights_sha256": weights_sha256(first.network),
        "validation_miou": first.provenance["validation_miou"],
    }
    made = replace(
        trained,
        weights_sha256="",
        thresholds=first.thresholds,
        calibration=first.calibration,
        validation=first.validation,
        provenance={**trained.provenance, SHARE: share, REFIT: of},
    )
    made.save(run.folder / MODEL)
    return made
