"""The weights that a training begins from: drawn from a seed, or taken over from a trained model.

Architecture + structures + seed + trained model -> tensors by name, and which were taken

It never changes the model that it takes from, and never trains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seget.errors import InputError
from seget.networks import NETWORKS, Architecture
from seget.trained import Trained


@dataclass(frozen=True)
class InitialWeights:
    """Tensors of a network before its first step.

    Attributes
    ----------
    tensors
        Weights and statistics by name, as `Architecture.build` names them.
    taken
        Number of tensors that come whole from the trained model.
    outputs_taken
        Structures whose own part of the last layers comes from the trained model.
    outputs_drawn
        Structures whose part is drawn anew.
    drawn
        Of the tensors that have a part for each structure, the rows that are drawn anew.
    before
        What taught the trained model, and those that it began from, as their provenances tell.
    """

    tensors: dict[str, Tensor]
    taken: int
    outputs_taken: tuple[str, ...]
    outputs_drawn: tuple[str, ...]
    drawn: dict[str, list[int]]
    before: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """What was taken and what was drawn, in words."""
        words = f"{self.taken} tensors taken over"
        if self.outputs_taken:
            words += f", the output of {', '.join(self.outputs_taken)} too"
        if self.outputs_drawn:
            words += f"; the output of {', '.join(self.outputs_drawn)} is drawn anew"
        return words

    def towards(self, trained: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
        """Return weights and statistics between these (share 0) and trained ones (share 1).

        What was drawn anew is the trained one's: there is nothing to go back to.
        """
        between = {}
        for name, tensor in trained.items():
            between[name] = tensor.clone()
            if tensor.is_floating_point():
                between[name].lerp_(self.tensors[name].to(tensor), 1 - share)
                rows = self.drawn.get(name, [])
                between[name][rows] = tensor[rows]
        return between


def initial_weights(
    architecture: Architecture, structures: tuple[str, ...], seed: int, start: Trained
) -> InitialWeights:
    """Return the weights of a new network with those of a trained one wherever they belong.

    All tensors but the outputs' are taken. An output (the part of the last layers that gives one
    structure's logits) is taken where the trained model has a structure of the same name, and drawn
    from the seed where it has not. The binning may differ: it has no weights. If the new network
    takes more neighbouring slices, their kernels begin at zero: before its first step it gives what
    the trained model gives for the slice in the middle.

    Raises
    ------
    InputError
        The trained model is another network, or takes more slices at once.
    """
    why = misfit(architecture, start)
    if why:
        raise InputError(f"{why}.")
    tensors = _inner(architecture.build(seed).state_dict())
    old = _inner(start.network.state_dict())
    outputs = _outputs(architecture)
    for name, tensor in tensors.items():
        if name not in outputs:
            taken = old[name].detach().to("cpu", tensor.dtype, copy=True)
            more = architecture.inputs - start.architecture.inputs
            tensors[name] = taken if taken.shape == tensor.shape else _in_the_middle(taken, more)
            continue
        for row, structure in enumerate(structures):
            if structure in start.structures:
                tensor[row] = old[name][start.structures.index(structure)]
    known = tuple(s for s in structures if s in start.structures)
    unknown = [row for row, s in enumerate(structures) if s not in start.structures]
    prefix = "network." if architecture.binning > 1 else ""
    return InitialWeights(
        {prefix + name: tensor for name, tensor in tensors.items()},
        len(tensors) - len(outputs),
        known,
        tuple(structures[row] for row in unknown),
        {prefix + name: unknown for name in outputs},
        _taught(start.provenance),
    )


def _taught(provenance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tomograms of each training that led to a model; none of one that does not say."""
    own = {key: provenance[key] for key in ("data", "tomograms") if provenance.get(key)}
    before = provenance.get("before")
    return [*([own] if "data" in own else []), *(before if isinstance(before, list) else [])]


def misfit(architecture: Architecture, start: Trained) -> str:
    """Say why the weights of a trained model do not belong in an architecture; "" if they do."""
    theirs = start.architecture
    if theirs.name not in NETWORKS:
        return (
            f"the model to begin from is {theirs.title} and has no weights of "
            f"{architecture.title}; name a run of seget train, or --from scratch"
        )
    if theirs.name != architecture.name:
        return (
            f"the model to begin from is {theirs.title} and {architecture.title} is to be trained; "
            f"give --set network={theirs.name}, or --from scratch"
        )
    if theirs.inputs > architecture.inputs:
        return (
            f"the model to begin from takes {theirs.inputs} slices at once and "
            f"{architecture.inputs} are to be taken; give --set context={start.recipe.context}, or "
            "--from scratch"
        )
    return ""


def _in_the_middle(kernel: Tensor, more: int) -> Tensor:
    """Return the kernel of an image's channels with `more` channels of zeros, half on each side."""
    return functional.pad(kernel, (0, 0, 0, 0, more // 2, more // 2))


def _inner(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by the names that they have in a network without binning."""
    return {name.removeprefix("network."): tensor for name, tensor in tensors.items()}


def _outputs(architecture: Architecture) -> frozenset[str]:
    """Return the names of the tensors that have a part for each structure."""
    with torch.device("meta"):
        one, two = (
            _inner(replace(architecture, outputs=outputs).build().state_dict())
            for outputs in (1, 2)
        )
    return frozenset(name for name in one if one[name].shape != two[name].shape)
