"""All of a training run that changes, and how it is saved and restored.

Recipe + seed -> State <-> tensors + plain numbers

It never reads training data and never writes a file: `checkpoints` does.
"""

from __future__ import annotations

import copy
import time
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from seget.device import Device
from seget.losses import regularised
from seget.networks import Architecture, Binned, Network
from seget.recipes import Recipe
from seget.samples import Batch
from seget.training.epoch_loss import EpochLoss
from seget.training.gradients import Gradients
from seget.training.muon import Muon, hidden_kernels
from seget.training.ranks import ALONE, Ranks
from seget.training.run_folder import Row
from seget.training.schedule import Callbacks, learning_rate
from seget.training.synchronised import synchronised


class State:
    """Network, running average (EMA) of its weights, optimiser, callbacks, counters and clock.

    `weights` replace those that the seed draws. `recorded` (None: on CUDA) keeps learning rate and
    weight of the EMA on the device, where a recorded step (`whole_step`) reads them.

    Attributes
    ----------
    step
        Optimiser steps made so far.
    rate
        The newest step's learning rate.
    average
        A second network that holds the EMA; the network itself where the recipe has no average.
    losses
        Sum and number of the losses since the last epoch that is in `rows`.
    whole
        False in the middle of a step or of an epoch's end: such a state must not be saved.
    """

    def __init__(
        self,
        recipe: Recipe,
        outputs: int,
        seed: int,
        device: Device,
        weights: dict[str, Tensor] | None = None,
        recorded: bool | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.architecture = Architecture.of(recipe, outputs)
        network = self.architecture.build(seed)
        assert isinstance(network, Network | Binned), "a foreign graph is never trained"
        if weights is not None:
            network.load_state_dict(weights)
        self.recipe = recipe
        self.device = device
        self.network = network.to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network) if recipe.average else self.network
        on_device = device.torch.type == "cuda" if recorded is None else recorded
        self._rate = torch.zeros((), device=device.torch) if on_device else None
        self._weight = torch.zeros((), device=device.torch) if on_device else None
        self.rate = recipe.learning_rate
        self.optimiser = _optimiser(self.network, recipe, device, self._rate)
        if ranks.size > 1:
            self.network = synchronised(self.network)
        self.gradients = Gradients(self.network, recipe, device, ranks)
        self._averaged = _by_kind(self.average, self.network)
        self.callbacks = Callbacks(recipe)
        self.step = 0
        self.losses = EpochLoss(recipe.learning_rate)
        self.whole = True
        self.best = float("-inf")
        self.finished = False
        self.rows: list[Row] = []
        self._elapsed_before = 0.0
        self._started = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, those before a resume included."""
        return self._elapsed_before + time.monotonic() - self._started

    def train_step(self, batch: Batch, progress: float, copies: int = 1) -> Tensor:
        """Take one optimiser step; return the loss of equation 1, still on the device.

        Raises
        ------
        RunError
            The memory does not hold one patch; the state is as it was before this step.
        """
        self.begin_step(progress)
        loss = self.gradients.take(batch, copies)
        self._finish_step()
        self.step += 1
        return loss

    def begin_step(self, progress: float) -> None:
        """Set what the next step takes from the run's course: learning rate, weight of the EMA."""
        self._set_rate(learning_rate(self.recipe, self.step, progress, self.callbacks.reduction))
        if self._weight is not None:
            self._weight.fill_(1 - self._decay())
        if not self.network.training:
            self.network.train()

    def whole_step(self, batch: Batch) -> Tensor:
        """Take a step between `begin_step` and counting it, by operations on the device alone.

        A CUDA graph can record it. The batch is on the device, and is never taken in parts.
        """
        loss = self.gradients.whole(batch)
        self._finish_step()
        return loss

    def _finish_step(self) -> None:
        self.optimiser.step()
        self._update_average()

    def _set_rate(self, rate: float) -> None:
        self.rate = rate
        if self._rate is not None:
            self._rate.fill_(rate)
        for group in self.optimiser.param_groups:
            group["lr"] = rate if self._rate is None else self._rate

    def _decay(self) -> float:
        """Return the decay of the EMA in the next step; it grows, so the start is forgotten."""
        made = self.step + 1
        return min(self.recipe.average or 0.0, (1 + made) / (10 + made))

    def _update_average(self) -> None:
        """Update the EMA of the weights.

        Not by torch's `AveragedModel`: in every step it copies its counter to or from the GPU,
        which waits for the GPU, and walks through all modules.
        """
        if self.recipe.average is None:
            return
        (averages, values), (counts, counted) = self._averaged
        if self._weight is None:
            get_ema_multi_avg_fn(self._decay())(averages, values, self.step)  # type: ignore[no-untyped-call]
        else:
            with torch.no_grad():
                changes = torch._foreach_sub(values, averages)
                torch._foreach_mul_(changes, self._weight)
                torch._foreach_add_(averages, changes)
        torch._foreach_copy_(counts, counted)

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs."""
        parts: dict[str, nn.Module] = {"network": self.network}
        if self.average is not self.network:
            parts["average"] = self.average
        named = {f"{p}.{k}": v for p, m in parts.items() for k, v in m.state_dict().items()}
        moments, order = self.optimiser.state_dict()["state"], self._names_in_order()
        return named | {
            f"optimiser.{order[number]}.{key}": value
            for number, state in moments.items()
            for key, value in state.items()
        }

    def numbers(self) -> dict[str, Any]:
        """Return every plain number that a resumed run needs.

        Raises
        ------
        Diverged
            The last loss is infinite or not a number.
        """
        return {
            "step": self.step,
            "best": self.best,
            "finished": self.finished,
            "elapsed_s": self.elapsed_s,
            "rows": self.rows,
            "callbacks": self.callbacks.state(),
            "learning_rate": self.rate,
            "epoch_loss": self.losses.total(),
            "epoch_steps": self.losses.steps,
        }

    def share(self) -> None:
        """Give every rank the state of the first one."""
        ranks = self.gradients.ranks
        if ranks.size > 1:
            shared = ranks.of_the_first(self.tensors(), self.numbers())
            if not ranks.first:
                self.restore(*shared)

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Restore the state from which `tensors` and `numbers` were taken."""
        for name in ("network", "average"):
            prefix = f"{name}."
            part = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            if part:
                getattr(self, name).load_state_dict(part)
        self._restore_optimiser(tensors)
        self._set_rate(numbers["learning_rate"])
        self.losses.begin(numbers["epoch_loss"], numbers["epoch_steps"])
        self.step, self.best = numbers["step"], numbers["best"]
        self.finished, self.rows = numbers["finished"], numbers["rows"]
        self.callbacks.restore(numbers["callbacks"])
        self._elapsed_before = numbers["elapsed_s"]
        self._started = time.monotonic()

    def _names_in_order(self) -> list[str]:
        """Return the weights' names in the order in which the optimiser numbers them."""
        names = {id(weight): name for name, weight in self.network.named_parameters()}
        return [names[id(w)] for group in self.optimiser.param_groups for w in group["params"]]

    def _restore_optimiser(self, tensors: dict[str, Tensor]) -> None:
        weights = dict(self.network.named_parameters())
        numbers = {name: number for number, name in enumerate(self._names_in_order())}
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                weight, _, key = name.removeprefix("optimiser.").rpartition(".")
                like = weights[weight]
                # In the optimiser's own memory layout, channels last like the weight: arithmetic
                # over mixed layouts takes other code paths, which need not round alike.
                moment = torch.empty_like(like if tensor.shape == like.shape else tensor)
                state.setdefault(numbers[weight], {})[key] = moment.copy_(tensor)
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})


def _optimiser(
    network: nn.Module, recipe: Recipe, device: Device, rate: Tensor | None
) -> torch.optim.Adam:
    """Return Adam or Muon, which also add the gradient of equation 1's L2 term to the kernels'.

    Adam's `weight_decay` (unlike AdamW's) times the weight is added to the gradient; that of
    lambda times the sum of squares is 2 lambda w. With a tensor as its rate a step can be recorded.
    """
    kernels = regularised(network)
    hidden = hidden_kernels(kernels) if recipe.optimiser == "muon" else []
    of_muon, regularised_ids = ({id(kernel) for kernel in some} for some in (hidden, kernels))
    kernels = [kernel for kernel in kernels if id(kernel) not in of_muon]
    others = [weight for weight in network.parameters() if id(weight) not in regularised_ids]
    decay = 2 * recipe.weight_decay
    groups: list[dict[str, Any]] = [{"params": kernels, "weight_decay": decay}, {"params": others}]
    options: dict[str, Any] = {
        "lr": recipe.learning_rate if rate is None else rate,
        "fused": device.torch.type != "mps",
        "capturable": rate is not None,
    }
    if hidden:
        optimiser: torch.optim.Adam = Muon(hidden, decay, groups, **options)
    else:
        optimiser = torch.optim.Adam(groups, **options)
    # Torch would warn of the steps before one is recorded.
    optimiser._warned_capturable_if_run_uncaptured = True
    return optimiser


def _by_kind(*twins: nn.Module) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
    """Return the float tensors of each network (weights, statistics), then its integers (counts).

    The networks have the same shape: their tensors come in the same order.
    """
    tensors = [list(chain(twin.parameters(), twin.buffers())) for twin in twins]
    numbers = [[t for t in part if t.is_floating_point()] for part in tensors]
    counters = [[t for t in part if not t.is_floating_point()] for part in tensors]
    return numbers, counters
