"""What a package of bioimage.io wants done to images and scores, as far as it can be done here.

list of operations -> a function of the normalised image; whether outputs are probabilities

Images come normalised to mean 0 and deviation 1 of their volume. An operation that measures its
image first undoes any such scaling, so it gives the same numbers as on raw grey values. It never
runs an operation with fixed numbers for raw grey values: those would not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.errors import InputError

Pixels = npt.NDArray[np.float32]
Step = Callable[[Pixels], Pixels]

# Ids of bioimage.io 0.5. These leave numbers as they are.
IDLE = frozenset({"ensure_dtype"})
MEASURING = frozenset({"zero_mean_unit_variance", "scale_range"})


@dataclass(frozen=True)
class Processing:
    """What is done before and after a graph.

    Attributes
    ----------
    steps
        Each a function of one normalised image `(c, y, x)`, in this order.
    sigmoid
        Whether the scores are the sigmoid of what the graph gives.
    """

    steps: tuple[Step, ...] = ()
    sigmoid: bool = False

    def __call__(self, image: Pixels) -> Pixels:
        """Return the image as the graph wants it."""
        for step in self.steps:
            image = step(image)
        return image


def processing(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], where: object
) -> Processing:
    """Return what the operations of a package amount to; `where` is its path, for sentences.

    Raises
    ------
    InputError
        One cannot be done here.
    """
    steps: list[Step] = []
    measured = False
    for operation in before:
        name, settings = _named(operation)
        if name in IDLE or _of_the_volume(name, settings):
            measured = measured or name in MEASURING
            continue
        step = _STEPS.get(name)
        if step is None or not (measured or name in MEASURING):
            raise InputError(
                f"{where}: it wants {name!r} done to grey values first, which is not done here: "
                "images come normalised by mean and deviation; export the model without it, for "
                "images of mean 0 and deviation 1."
            )
        measured = True
        steps.append(step(settings))
    names = [_named(operation)[0] for operation in after]
    unknown = [name for name in names if name not in IDLE | {"sigmoid"}]
    if unknown:
        raise InputError(
            f"{where}: it wants {unknown[0]!r} done to its output, wanted scores of 0 to 1 or "
            "logits, one channel a structure; export the model without it."
        )
    return Processing(tuple(steps), "sigmoid" in names)


def _named(operation: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    settings = operation.get("kwargs")
    return str(operation.get("id")), settings if isinstance(settings, Mapping) else {}


def _of_the_volume(name: str, settings: Mapping[str, Any]) -> bool:
    """Whether an operation is what seget does anyway: mean and deviation of all slices."""
    axes = settings.get("axes")
    return name == "zero_mean_unit_variance" and (axes is None or "batch" in axes)


def _zero_mean(settings: Mapping[str, Any]) -> Step:
    axes, eps = _axes(settings), float(settings.get("eps", 1e-6))

    def step(image: Pixels) -> Pixels:
        mean, deviation = image.mean(axes, keepdims=True), image.std(axes, keepdims=True)
        return np.asarray((image - mean) / (deviation + eps), np.float32)

    return step


def _scale_range(settings: Mapping[str, Any]) -> Step:
    axes, eps = _axes(settings), float(settings.get("eps", 1e-6))
    ends = float(settings.get("min_percentile", 0)), float(settings.get("max_percentile", 100))

    def step(image: Pixels) -> Pixels:
        low, high = np.percentile(image, ends, axes, keepdims=True)
        return np.asarray((image - low) / (high - low + eps), np.float32)

    return step


def _clip(settings: Mapping[str, Any]) -> Step:
    low, high = settings.get("min"), settings.get("max")
    return lambda image: np.clip(image, low, high)


def _scale_linear(settings: Mapping[str, Any]) -> Step:
    gain, offset = settings.get("gain", 1.0), settings.get("offset", 0.0)
    shape = (-1, 1, 1)  # one number a channel, or one of all
    return lambda image: np.asarray(
        image * np.reshape(gain, shape) + np.reshape(offset, shape), np.float32
    )


def _axes(settings: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the axes of an image `(c, y, x)` over which an operation measures."""
    names = settings.get("axes") or ("channel", "y", "x")
    return tuple(number for number, name in enumerate(("channel", "y", "x")) if name in names)


_STEPS: dict[str, Callable[[Mapping[str, Any]], Step]] = {
    "zero_mean_unit_variance": _zero_mean,
    "scale_range": _scale_range,
    "clip": _clip,
    "scale_linear": _scale_linear,
}
