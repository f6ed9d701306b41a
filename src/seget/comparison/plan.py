"""What a comparison trains: its cells, and how long each may train.

networks x structures x seeds + terms -> Cells -> Recipes

It never trains. A cell is one training: a network, the structures of its model, a seed and a
learning rate. It is named after them, so that a comparison that goes on finds its results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from seget.configuration import configured
from seget.dataset import Dataset
from seget.networks import Architecture
from seget.recipes import Recipe, differing, modern, paper

# The row that begins from the model that comes with seget; all others begin from scratch.
SHIPPED = "seget_shipped"
# Trying a learning rate takes this share of a cell's steps.
SEARCH_SHARE = 0.2


def architecture(network: str) -> Architecture:
    """Return the architecture of a row of the table."""
    return Architecture("seget" if network == SHIPPED else network)


def title_of(network: str) -> str:
    """Return what the table calls a row."""
    return "SegET, as shipped" if network == SHIPPED else architecture(network).title


@dataclass(frozen=True)
class Terms:
    """How long each network trains, on equal terms for all.

    Attributes
    ----------
    kind
        `budget`: equal time; `steps`: equally many steps; `paper`: as the paper's recipes say.
    amount
        Seconds of optimiser steps for `budget`, optimiser steps for `steps`.
    """

    kind: Literal["budget", "steps", "paper"]
    amount: float = 0.0

    def steps(self, pace_s: float) -> int | None:
        """Return the steps of a network that takes `pace_s` seconds for one."""
        if self.kind == "paper":
            return None
        return max(1, int(self.amount / pace_s if self.kind == "budget" else self.amount))

    @property
    def text(self) -> str:
        """The terms in words, for the report."""
        if self.kind == "budget":
            return (
                f"equal time: {self.amount:g} s of optimiser steps a network; the steps are that "
                "time over the seconds of a step, measured in turn in one run"
            )
        if self.kind == "steps":
            return f"equal steps: {self.amount:g} optimiser steps a network"
        return "the paper's recipes: each trains until its early stop or its last epoch"


@dataclass(frozen=True)
class Cell:
    """One training of a comparison.

    Attributes
    ----------
    learning_rate
        Its peak; None leaves the recipe's.
    steps
        Optimiser steps; None leaves the recipe's epochs and early stop.
    search
        Whether it is a short one, whose validation mIOU only helps to choose the learning rate.
    """

    network: str
    structures: tuple[str, ...]
    seed: int
    learning_rate: float | None
    steps: int | None
    search: bool = False

    @property
    def group(self) -> str:
        """Name of the model's structures: the one there is, or "joint"."""
        return self.structures[0] if len(self.structures) == 1 else "joint"

    @property
    def key(self) -> str:
        """Name of the cell, and its folder."""
        if self.search:
            return f"search/{self.network}/{self.group}/rate{self.learning_rate:g}"
        rate = f"rate{self.learning_rate:g}-" if self.learning_rate is not None else ""
        return f"{self.network}/{self.group}/{rate}seed{self.seed}"

    def recipe(self, dataset: Dataset, settings: tuple[str, ...]) -> Recipe:
        """Return the recipe of the cell; its epochs are about as long as the recipe's own.

        SegET as shipped has what `seget train` chooses (`chosen_for`); all others have the same.
        """
        base = modern() if self.steps else paper(self.structures[0])
        chosen = chosen_for(self.network, self.structures, dataset, settings)
        changes = [f"{key}={value}" for key, value in chosen.items()]
        changes += [*settings, f"network={architecture(self.network).name}"]
        if self.learning_rate is not None:
            changes.append(f"learning_rate={self.learning_rate}")
        recipe = base.override(changes)
        if self.steps is None or recipe.steps_per_epoch is None:
            return recipe
        epochs = max(1, round(self.steps / recipe.steps_per_epoch))
        return recipe.override([f"epochs={epochs}", f"steps_per_epoch={self.steps // epochs}"])


def chosen_for(
    network: str, structures: Sequence[str], dataset: Dataset, settings: tuple[str, ...]
) -> dict[str, Any]:
    """Return what `seget train` chooses otherwise than `modern` has it, see configuration.py.

    Of all networks but SegET as shipped that is nothing.
    """
    if network != SHIPPED:
        return {}
    recipe, _ = configured(dataset, structures, settings)
    plain = modern().override(settings)
    return differing(recipe.model_dump(mode="json"), plain.model_dump(mode="json"))


def adapted_to(dataset: Dataset, structures: Sequence[str]) -> list[str]:
    """Return the tomograms that are scored and teach nothing, to which networks are adapted."""
    return [
        tomogram.name
        for tomogram in dataset.tomograms
        if tomogram.slices("scored", structures) and not tomogram.slices("train", structures)
    ]


@dataclass(frozen=True)
class ComparisonSettings:
    """What is compared.

    Attributes
    ----------
    networks
        Their names; the rows of the table.
    groups
        The structures of each model: one each, or all in one if joint.
    terms
        How long each network trains.
    learning_rates
        Tried for each network and group; one rate is taken as it is; none leaves the recipe's.
    seeds
        Of the cells; the search has the first.
    changes
        `key=value` settings of the recipe.
    device
        `auto`, `cpu`, `cuda` or `mps`.
    """

    networks: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    terms: Terms
    learning_rates: tuple[float, ...]
    seeds: tuple[int, ...]
    changes: tuple[str, ...] = ()
    device: str = "auto"

    @property
    def joint(self) -> bool:
        """Whether one model has several structures."""
        return any(len(group) > 1 for group in self.groups)

    def search(self, pace: dict[str, float]) -> list[Cell]:
        """Return the cells that choose learning rates."""
        if len(self.learning_rates) < 2:
            return []
        return [
            Cell(network, group, self.seeds[0], rate, self._steps(pace, network, True), search=True)
            for group in self.groups
            for network in self.networks
            for rate in self.learning_rates
        ]

    def cells(
        self, pace: dict[str, float], rates: dict[tuple[str, tuple[str, ...]], float]
    ) -> list[Cell]:
        """Return the cells of the table; seed by seed, so that a table is soon there."""
        alone = self.learning_rates[0] if self.learning_rates else None
        return [
            Cell(
                network, group, seed, rates.get((network, group), alone), self._steps(pace, network)
            )
            for seed in self.seeds
            for group in self.groups
            for network in self.networks
        ]

    def _steps(self, pace: dict[str, float], network: str, search: bool = False) -> int | None:
        steps = self.terms.steps(pace.get(network, 1.0))
        return max(1, int(SEARCH_SHARE * steps)) if steps and search else steps
