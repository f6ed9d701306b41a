"""All of a training run that changes, and how it is put away and taken up again.

Recipe + seed -> State <-> tensors + plain numbers

It never reads data and never writes a file itself.
"""

from __future__ import annotations

import copy
import time
from itertools import chain, compress
from typing import Any

import torch
from torch import Tensor, nn

from seget.networks import build
from seget.prediction import Device
from seget.recipes import Recipe
from seget.samples import Batch
from seget.training.gradients import Gradients
from seget.training.run_folder import Row
from seget.training.schedule import Callbacks, learning_rate


class State:
    """Network, running average, optimiser, callbacks, counters and clock.

    Attributes
    ----------
    step
        Optimiser steps made so far.
    epoch_loss, epoch_steps
        Sum of the losses and number of the steps since the last epoch's row.
    whole
        Whether no change is half made: only then may the state be saved.
    """

    def __init__(self, recipe: Recipe, outputs: int, seed: int, device: Device) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = build(recipe.network, outputs, recipe.binning)
        self.recipe = recipe
        self.device = device
        self.network = network.to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network) if recipe.average else self.network
        parameters = self.network.parameters()
        self.optimiser = torch.optim.Adam(parameters, lr=recipe.learning_rate, fused=True)
        self.gradients = Gradients(self.network, recipe, device)
        self.callbacks = Callbacks(recipe)
        self.step = 0
        self.epoch_loss = 0.0
        self.epoch_steps = 0
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

    def train_step(self, batch: Batch, progress: float) -> Tensor:
        """Take one optimiser step; return the loss of equation 1, not yet read back.

        Raises
        ------
        RunError
            The memory does not hold one patch; the state is as it was before the step.
        """
        rate = learning_rate(self.recipe, self.step, progress, self.callbacks.reduction)
        self._set_rate(rate)
        self.network.train()
        loss = self.gradients.take(batch)
        self.optimiser.step()
        self.step += 1
        self._follow()
        return loss

    def begin_epoch(self) -> None:
        """Forget the losses of the epoch that is over."""
        self.epoch_loss = 0.0
        self.epoch_steps = 0

    def _set_rate(self, rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights; early on by more, so that it forgets the start."""
        if self.recipe.average is None:
            return
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        means, values = _tensors(self.average), _tensors(self.network)
        floating = [mean.is_floating_point() for mean in means]
        torch._foreach_lerp_(
            list(compress(means, floating)), list(compress(values, floating)), 1 - decay
        )
        for mean, value in zip(means, values, strict=True):
            if not mean.is_floating_point():
                mean.copy_(value)

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs."""
        parts: dict[str, nn.Module] = {"network": self.network}
        if self.average is not self.network:
            parts["average"] = self.average
        named = {f"{p}.{k}": v for p, m in parts.items() for k, v in m.state_dict().items()}
        moments = self.optimiser.state_dict()["state"]
        return named | {
            f"optimiser.{number}.{key}": value
            for number, state in moments.items()
            for key, value in state.items()
        }

    def numbers(self) -> dict[str, Any]:
        """Return every plain number that a resumed run needs."""
        return {
            "step": self.step,
            "best": self.best,
            "finished": self.finished,
            "elapsed_s": self.elapsed_s,
            "rows": self.rows,
            "callbacks": self.callbacks.state(),
            "learning_rate": self.optimiser.param_groups[0]["lr"],
            "epoch_loss": self.epoch_loss,
            "epoch_steps": self.epoch_steps,
        }

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Go back to what `tensors` and `numbers` gave."""
        for name in ("network", "average"):
            prefix = f"{name}."
            part = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            if part:
                getattr(self, name).load_state_dict(part)
        self._restore_optimiser(tensors)
        self._set_rate(numbers["learning_rate"])
        self.epoch_loss, self.epoch_steps = numbers["epoch_loss"], numbers["epoch_steps"]
        self.step, self.best = numbers["step"], numbers["best"]
        self.finished, self.rows = numbers["finished"], numbers["rows"]
        self.callbacks.restore(numbers["callbacks"])
        self._elapsed_before = numbers["elapsed_s"]
        self._started = time.monotonic()

    def _restore_optimiser(self, tensors: dict[str, Tensor]) -> None:
        parameters = list(self.network.parameters())
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, number, key = name.split(".")
                like = parameters[int(number)]
                # Laid out as the optimiser does, channels last like the weight: arithmetic over
                # mixed layouts takes other paths, which need not round alike.
                moment = torch.empty_like(like if tensor.shape == like.shape else tensor)
                state.setdefault(int(number), {})[key] = moment.copy_(tensor)
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})


def _tensors(network: nn.Module) -> list[Tensor]:
    """Return weights and statistics, in the same order for every copy of a network."""
    return list(chain(network.parameters(), network.buffers()))
