"""How a network is trained: every number of a training run, with its reason.

name of a structure -> Recipe

It never trains and never looks at data. The five recipes of the paper are section 3.2; `modern` is
ours. docs/results/trials.md has the trials behind the numbers of `modern`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seget.errors import InputError, did_you_mean

# A structure's name becomes a file's name, so it may never hold a path or a leading dot, and has
# room beside the name of a tomogram in the 255 bytes that file systems allow.
STRUCTURE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")
SHOWN = 80  # characters of a wrong setting that an error repeats


class Recipe(BaseModel):
    """The numbers of a training run; frozen, checked, and saved with the model.

    `None` switches a thing off: early stopping, learning rate reduction, pixel weights, EMA. For
    `steps_per_epoch` it means the paper's epoch: every patch once. The upper bounds are far beyond
    any use: they stop a typing error from asking for all memory or for an endless run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Literal["modern", "paper"]
    network: Literal["seget", "seget_printed", "fcn8s", "segnet", "unet", "deeplabv3plus"] = "seget"
    # optimiser: "muon" is Adam but for the kernels between features (training/muon.py)
    optimiser: Literal["adam", "muon"] = "adam"
    learning_rate: float = Field(gt=0, le=1)
    schedule: Literal["keras", "one_cycle"]
    decay: float = Field(default=0.0, ge=0)  # Keras': lr / (1 + decay * step), schedule "keras"
    warmup: float = Field(default=0.0, ge=0, lt=1)  # share of the run, schedule "one_cycle"
    weight_decay: float = Field(default=1e-5, ge=0)  # lambda of equation 1
    average: float | None = Field(default=None, gt=0, lt=1)  # decay of the weights' EMA
    # length
    epochs: int = Field(gt=0, le=10**6)
    steps_per_epoch: int | None = Field(default=None, gt=0, le=10**6)
    stop_patience: int | None = Field(default=None, gt=0, le=10**6)
    reduce_patience: int | None = Field(default=None, gt=0, le=10**6)  # schedule "keras"
    # patches
    batch_size: int = Field(gt=0, le=4096)
    patch_px: int = Field(ge=16, le=2**14, multiple_of=16)
    stride_px: int = Field(default=256, gt=0, le=2**14)  # step of the paper's grid of patches
    binning: int = Field(default=1, ge=1, le=8)  # the network gets the image binned by this
    # number of neighbouring slices on either side that the network sees as further channels
    context: int = Field(default=0, ge=0, le=8)
    # pixel size to which tomograms are resampled; None takes the median of their own
    pixel_nm: float | None = Field(default=None, gt=0, le=1000)
    positive_copies: int = Field(default=1, ge=1, le=1000)  # uses of a foreground patch an epoch
    foreground_share: float = Field(default=0.5, ge=0, le=1)  # of patches, drawn on foreground
    # loss
    weight_cap: float | None = Field(default=None, gt=0)  # largest adaptive sample-wise weight
    # weight of the loss of each coarser level's logits beside the network's own; only SegET has any
    deep_supervision: float = Field(default=0.0, ge=0, le=100)
    # share of the features of SegET's center that each patch does without, drawn for every step
    center_dropout: float = Field(default=0.0, ge=0, lt=1)
    # score from which a pixel is foreground: chosen on the validation slices, or 0.5 as in eq. 6
    tuned_thresholds: bool = True
    # the model goes back towards what it began from, as far as the validation slices let it
    weight_interpolation: bool = False
    # augmentation
    flips: bool = False  # mirrors and quarter turns
    warp: float = Field(default=0.0, ge=0, le=1)  # share of patches rotated, scaled and deformed
    scale: float = Field(default=0.0, ge=0, lt=0.5)  # largest relative change of size
    elastic_px: float = Field(default=0.0, ge=0, le=1000)  # deviation of the elastic displacement
    grey: float = Field(default=0.0, ge=0, lt=1)  # largest change of brightness, contrast, gamma
    noise: float = Field(default=0.0, ge=0, le=1000)  # largest deviation of added noise

    def override(self, settings: Iterable[str]) -> Recipe:
        """Return the recipe with `key=value` settings applied and checked.

        Raises
        ------
        InputError
            A setting is no `key=value`, its key is unknown or its value out of range.
        """
        values = self.model_dump()
        for setting in settings:
            key, equals, value = setting.partition("=")
            key = key.strip()
            if not equals or key not in values or key == "name":
                known = sorted(set(values) - {"name"})
                raise InputError(
                    f"--set {setting[:SHOWN]}{did_you_mean(key, known)}: wanted key=value with a "
                    f"key out of: {', '.join(known)}."
                )
            values[key] = None if value.strip().lower() == "none" else value.strip()
        try:
            return Recipe.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            found = str(first["input"])[:SHOWN]
            raise InputError(f"--set {key}={found}: {first['msg']}.") from None


def differing(saved: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the recipe of something begun before has otherwise than that of now, by key.

    A key that seget did not have then counts as its default, which is to do as before.
    """
    fields = Recipe.model_fields.items()
    then = {**{name: f.default for name, f in fields if not f.is_required()}, **saved}
    return {key: then.get(key) for key in {**now, **then} if then.get(key) != now.get(key)}


# `deep_supervision` of a training that begins from a model, whose coarse levels know their parts.
SUPERVISED_FROM_A_MODEL = 0


def modern() -> Recipe:
    """Our default: good in minutes on a CPU, better in an hour on a GPU, for any structure."""
    return Recipe(
        name="modern",
        optimiser="adam",  # Muon is ahead in some trials and behind in others
        learning_rate=3e-3,  # the peak; high is safe, since the cosine goes to zero
        schedule="one_cycle",
        warmup=0.1,  # batch norm statistics are meaningless in the first steps
        average=0.995,  # EMA of about the last 200 steps; no difference in short trials
        epochs=40,  # 2000 steps: 20 minutes on 2 cores, where validation curves are flat
        steps_per_epoch=50,  # half a minute there: a curve to watch, and a kill loses little
        batch_size=4,  # the smallest with steady batch norm statistics; more costs steps
        patch_px=512,  # 256 px after binning: half of the receptive field
        binning=2,  # four times the area in the same time; detail below 4 px is lost
        foreground_share=0.5,  # the other half shows background
        deep_supervision=0.3,  # coarse levels learn sooner; see also `SUPERVISED_FROM_A_MODEL`
        center_dropout=0.3,  # so that no feature is relied on alone (docs/results/trials.md)
        weight_cap=None,  # sampling and the Jaccard term already balance the classes
        flips=True,  # a section has no up and no handedness; costs nothing
        warp=0.5,  # half stay sharp: interpolation blurs noise, and prediction reads unblurred
        scale=0.2,  # organelles of one kind vary by more
        elastic_px=3.0,  # smooth over 50 px: outlines deform, textures stay
        grey=0.2,  # stain and exposure differ from slice to slice by as much
        noise=0.2,  # a fifth of the image's deviation: visible, drowns nothing
    )


def _paper(  # the five differ in these numbers alone
    learning_rate: float,
    decay: float,
    epochs: int,
    patience: tuple[int, int],
    weight_cap: float | None,
    positive_copies: int,
) -> Recipe:
    return Recipe(
        name="paper",
        network="seget_printed",
        tuned_thresholds=False,
        schedule="keras",
        learning_rate=learning_rate,
        decay=decay,
        epochs=epochs,
        stop_patience=patience[0],
        reduce_patience=patience[1],
        weight_cap=weight_cap,
        positive_copies=positive_copies,
        batch_size=12,
        patch_px=512,
        stride_px=256,
    )


def synapse() -> Recipe:
    """Section 3.2, "Synapse segmentation": enough foreground, so no weights."""
    return _paper(1e-4, 1e-6, 38, (8, 3), None, 1)


def microtubules() -> Recipe:
    """Section 3.2, "MTs segmentation": B/F is 509 on average, capped at 2000."""
    return _paper(1e-3, 1e-5, 300, (8, 3), 2000, 1)


def centriole() -> Recipe:
    """Section 3.2, "Centriole segmentation": one in a slice, so its patches are used four times."""
    return _paper(2e-3, 1e-6, 300, (10, 3), 2000, 4)


def granules() -> Recipe:
    """Section 3.2, "Granules segmentation": enough foreground, so no weights."""
    return _paper(2e-3, 1e-5, 60, (5, 2), None, 1)


def golgi() -> Recipe:
    """Section 3.2, "Golgi segmentation": patches used twice, weights capped at 1000."""
    return _paper(2e-3, 1e-5, 124, (5, 2), 1000, 2)


PAPER = {
    "synapse": synapse,
    "microtubules": microtubules,
    "centriole": centriole,
    "granules": granules,
    "golgi": golgi,
}


def paper(structure: str) -> Recipe:
    """Return the paper's recipe for a structure.

    A structure that is not in the paper gets the microtubules' recipe: its capped weights suit any
    foreground fraction, and early stopping limits its length.
    """
    return PAPER.get(structure, microtubules)()
