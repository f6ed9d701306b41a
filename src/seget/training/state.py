"""All of a training run that changes, and how it is put away and taken up again.

Recipe + seed -> State <-> tensors + plain numbers

It never reads data and never writes a file itself.
"""

from __future__ import annotations

import copy
import time
from typing import Any

import torch
from torch import Tensor, nn

from seget.losses import regulariser, segmentation_loss
from seget.networks import build
from seget.prediction import Device
from seget.recipes import Recipe
from seget.samples import Batch
from seget.training.run_folder import Row, optimiser_tensors, restore_optimiser
from seget.training.schedule import Callbacks, learning_rate


class State:
    """Network, running average, optimiser, callbacks, counters and clock."""

    def __init__(self, recipe: Recipe, outputs: int, seed: int, device: Device) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = build(recipe.network, outputs, recipe.binning)
        self.recipe = recipe
        self.device = device
        self.network = network.to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network) if recipe.average else self.network
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate)
        self.callbacks = Callbacks(recipe)
        self.step = 0
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
        """Take one optimiser step; return the loss of equation 1, not yet read back."""
        rate = learning_rate(self.recipe, self.step, progress, self.callbacks.reduction)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        image, target, labelled = (
            part.to(self.device.torch).float()
            for part in (batch.image, batch.target, batch.labelled)
        )
        self.network.train()
        with self.device.autocast():
            logits = self.network(image)
        loss = segmentation_loss(logits, target, labelled, self.recipe.weight_cap)
        loss = loss + self.recipe.weight_decay * regulariser(self.network)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step += 1
        self._follow()
        return loss.detach()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights; early on by more, so that it forgets the start."""
        if self.recipe.average is None:
            return
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        pairs = zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        )
        for mean, now in pairs:
            if mean.is_floating_point():
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs."""
        parts: dict[str, nn.Module] = {"network": self.network}
        if self.average is not self.network:
            parts["average"] = self.average
        named = {f"{p}.{k}": v for p, m in parts.items() for k, v in m.state_dict().items()}
        return named | optimiser_tensors(self.optimiser)

    def numbers(self) -> dict[str, Any]:
        """Return every plain number that a resumed run needs."""
        return {
            "step": self.step,
            "best": self.best,
            "finished": self.finished,
            "elapsed_s": self.elapsed_s,
            "rows": self.rows,
            "callbacks": self.callbacks.state(),
        }

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Go back to what `tensors` and `numbers` gave."""
        for name in ("network", "average"):
            prefix = f"{name}."
            part = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            if part:
                getattr(self, name).load_state_dict(part)
        restore_optimiser(self.optimiser, tensors)
        self.step, self.best = numbers["step"], numbers["best"]
        self.finished, self.rows = numbers["finished"], numbers["rows"]
        self.callbacks.restore(numbers["callbacks"])
        self._elapsed_before = numbers["elapsed_s"]
        self._started = time.monotonic()
