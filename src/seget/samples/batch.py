"""What a training step learns from, and what it is made of.

places of patches + views of them -> Plan; tensors -> Batch, and its parts

It never reads a tomogram and draws nothing: `samples.py` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from seget.augmentation import View

Pixels = npt.NDArray[np.float32]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PatchPlace:
    """Where a patch is: number of the tomogram, slice, and its corner on the network's grid."""

    tomogram: int
    z: int
    y: int
    x: int


@dataclass(frozen=True)
class Batch:
    """What a step learns from.

    Attributes
    ----------
    image
        `(b, c, p, p)` normalised, float32.
    target, labelled
        `(b, k, p, p)`, bool.
    kept
        `(b, channels)`, float32: a factor of each feature of the network's center in this step, 0
        where it is left out (see `Samples.kept`); None: all are kept as they are.
    """

    image: Tensor
    target: Tensor
    labelled: Tensor
    kept: Tensor | None = None

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors that it has, by name."""
        return {name: tensor for name, tensor in vars(self).items() if tensor is not None}

    def each(self, work: Callable[[Tensor], Tensor]) -> Batch:
        """Return a batch of what `work` makes of each tensor."""
        return Batch(**{name: work(tensor) for name, tensor in self.tensors().items()})

    def split(self, size: int) -> list[Batch]:
        """Return it in parts of so many patches; the last may have fewer."""
        return [
            self.each(lambda tensor, i=i: tensor[i : i + size])  # type: ignore[misc]
            for i in range(0, len(self.image), size)
        ]


@dataclass(frozen=True)
class Plan:
    """What a batch is made of: where its patches are, how each is augmented, and `Batch.kept`."""

    places: list[PatchPlace]
    views: list[View]
    kept: Pixels | None
