"""The model that a run saves: its weights so far, and what the held-out slices say of them.

State + Samples + Validation -> Trained

It never trains and never scores.
"""

from __future__ import annotations

import platform
from dataclasses import replace
from typing import Any

import torch

from seget import files
from seget.calibration import ValidationScores
from seget.recipes import Recipe
from seget.samples import Samples
from seget.trained import Trained
from seget.training.state import State
from seget.training.validation import Validation


def model_of(
    state: State, samples: Samples, validation: Validation, run_inputs: dict[str, Any]
) -> Trained:
    """Return the current weights (the EMA, where there is one) with all that prediction needs."""
    return Trained(
        network=state.average,
        structures=samples.structures,
        recipe=samples.recipe,
        pixel_nm=samples.pixel_nm,
        slice_nm=samples.slice_nm,
        provenance={
            **run_inputs,
            "epoch": len(state.rows) + 1,
            "step": state.step,
            "minutes": round(state.elapsed_s / 60, 2),
            "device": str(state.device.torch),
            "tomograms": [
                {
                    "name": tomogram.name,
                    "voxel_size_nm": tomogram.image.voxel_size_nm,
                    "normalisation": reader.normalisation.as_dict(),
                }
                for tomogram, reader in zip(samples.tomograms, samples.readers, strict=True)
            ],
            "validation_miou": validation.mious(),
            "versions": {
                **files.provenance.versions("seget"),
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
        },
        **chosen_on(validation, samples.recipe, samples.structures),
    )


def chosen_on(
    validation: Validation, recipe: Recipe, structures: tuple[str, ...]
) -> dict[str, Any]:
    """Return what of a `Trained` the validation slices choose: thresholds and calibration."""
    tuned = recipe.tuned_thresholds
    calibration = validation.calibrations() if tuned else {}
    scores = validation.under(calibration)
    return {
        "thresholds": scores.thresholds() if tuned else dict.fromkeys(structures, 0.5),
        "calibration": calibration,
        "validation": {s: ValidationScores.of(scores.histograms[s]) for s in calibration},
    }


def chosen_anew(trained: Trained, validation: Validation) -> Trained:
    """Return the model with what another validation of it says and chooses."""
    return replace(
        trained,
        provenance={**trained.provenance, "validation_miou": validation.mious()},
        **chosen_on(validation, trained.recipe, trained.structures),
    )
