"""Takes the optimiser steps: on a processor one by one, on CUDA fed and recorded on the device.

step number -> what its batch needs (in threads) -> the step's loss

It never decides how many steps there are. On CUDA a step of small patches takes less time than the
host needs to launch its kernels and to augment its patches: so the device does both by itself.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Protocol

import torch
from torch import Tensor

from seget.device import Device
from seget.patches import share
from seget.samples import Batch, Samples
from seget.training.device_patches import DevicePatches, Prepared, shape_of_kept
from seget.training.recording import Recording
from seget.training.state import State

# Steps before one is recorded: optimiser and libraries allocate in the first ones.
WARM_UP_STEPS = 3
# Batches that threads have in the making, and those that are being copied: see `Ring`.
IN_FLIGHT = 3
MOST_PINNED_BYTES = 2 * 10**9


class Stepper(Protocol):
    """Takes steps; `prepare` makes in any thread what `take` needs in the main one."""

    def prepare(self, step: int) -> Any:
        """Return what the step needs, in host memory."""
        ...

    def take(self, prepared: Any, progress: float) -> Tensor:
        """Take the step; return its loss, still on the device. Raises as `State.train_step`."""
        ...


class PlainStepper:
    """Batches from the host, steps launched one operation after another."""

    def __init__(self, state: State, samples: Samples) -> None:
        self._state, self._samples = state, samples

    def prepare(self, step: int) -> Batch:
        """Return the batch."""
        return self._samples.batch(step)

    def take(self, prepared: Batch, progress: float) -> Tensor:
        """Take the step."""
        copies = copies_of(self._samples, self._state.step)
        return self._state.train_step(prepared, progress, copies)


def copies_of(samples: Samples, step: int) -> int:
    """Return how many processes hold the same patches of a step: all, where these are too few."""
    of = samples.part[1]
    return of if samples.count(step) < of else 1


class Feed(Protocol):
    """What a batch is made of: tensors from the host, and what the device makes of them."""

    samples: Samples

    def shapes(self) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """Return shape and type of the tensors of a full batch."""
        ...

    def prepare(self, step: int, into: Mapping[str, Tensor]) -> Prepared:
        """Write the tensors of a step into host memory, in any thread."""
        ...

    def take(self, prepared: Prepared) -> None:
        """Copy to the device what stays there."""
        ...

    def batch(self, given: Mapping[str, Tensor]) -> Batch:
        """Return the batch, from the step's tensors on the device."""
        ...


class HostPatches:
    """Patches that the host cuts and augments, for slices that the device does not hold."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def shapes(self) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """Return shape and type of the tensors of a full batch."""
        samples = self.samples
        count, size = len(share(samples.recipe.batch_size, *samples.part)), samples.patch_px
        image = count, samples.readers[0].channels, size, size
        masks = count, len(samples.structures), size, size
        return {
            "image": (image, torch.float32),
            "target": (masks, torch.bool),
            "labelled": (masks, torch.bool),
            **shape_of_kept(samples, count),
        }

    def prepare(self, step: int, into: Mapping[str, Tensor]) -> Prepared:
        """Write the batch into host memory."""
        made = self.samples.batch(step).tensors()
        tensors = {name: into[name][: len(part)].copy_(part) for name, part in made.items()}
        return Prepared(step, tensors)

    def take(self, prepared: Prepared) -> None:
        """Nothing stays on the device."""

    def batch(self, given: Mapping[str, Tensor]) -> Batch:
        """Return the batch as it came."""
        return Batch(**given)


class Ring:
    """Host memory for the batches in the making: pinned, so that copying does not wait.

    A slot is written again only after its last copy is done: `IN_FLIGHT` slots more than threads
    are there, and `sent` waits for the copy before the last.
    """

    def __init__(
        self, shapes: dict[str, tuple[tuple[int, ...], torch.dtype]], device: Device
    ) -> None:
        self._pinned = device.torch.type == "cuda"
        self._slots = [
            {
                name: torch.zeros(shape, dtype=kind, pin_memory=self._pinned)
                for name, (shape, kind) in shapes.items()
            }
            for _ in range(device.idle_cores + IN_FLIGHT)
        ]
        self._before: torch.cuda.Event | None = None

    def slot(self, step: int) -> dict[str, Tensor]:
        """Return the memory of a step's batch."""
        return self._slots[step % len(self._slots)]

    def sent(self) -> None:
        """Say that a batch's copy was queued; wait until the copy of the one before is done."""
        if self._before is not None:
            self._before.synchronize()
        if self._pinned:
            self._before = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._before.record()


class DeviceStepper:
    """Steps on a CUDA device: fed by `feed`, and replayed after the first few.

    What cannot be recorded (a smaller last batch, batches taken in parts, a network that waits for
    the device) is launched as ever.

    Parameters
    ----------
    note
        Is told when recording fails.
    record
        Whether to record at all.
    """

    def __init__(
        self, state: State, feed: Feed, note: Callable[[str], None], *, record: bool = True
    ) -> None:
        self._state, self._feed, self._note = state, feed, note
        self._ring = Ring(feed.shapes(), state.device)
        self._steps = 0
        self._fails = not record
        self._recording = Recording(self._whole_step, state.device.torch)
        self._addresses: list[int] = []

    def prepare(self, step: int) -> Prepared:
        """Return the tensors of a step in host memory."""
        return self._feed.prepare(step, self._ring.slot(step))

    def take(self, prepared: Prepared, progress: float) -> Tensor:
        """Take the step."""
        self._feed.take(prepared)
        self._steps += 1
        tensors = prepared.tensors
        if self._may_record(tensors):
            self._record(tensors)
        if self._addresses and self._recording.takes(tensors):
            self._state.begin_step(progress)
            loss = self._recording(tensors)
            self._state.step += 1
        else:
            loss = self._launched(tensors, progress)
        self._ring.sent()
        return loss

    def _whole_step(self, given: Mapping[str, Tensor]) -> Tensor:
        return self._state.whole_step(self._feed.batch(given))

    def _launched(self, tensors: Mapping[str, Tensor], progress: float) -> Tensor:
        """Take the step operation by operation, on the stream on which it will be recorded."""
        on = self._state.device.torch
        here = {name: tensor.to(on, non_blocking=True) for name, tensor in tensors.items()}
        stream = self._recording.stream
        if stream is None or self._fails:
            copies = copies_of(self._feed.samples, self._state.step)
            return self._state.train_step(self._feed.batch(here), progress, copies)
        now = torch.cuda.current_stream(on)
        stream.wait_stream(now)
        with torch.cuda.stream(stream):
            loss = self._state.train_step(self._feed.batch(here), progress)
        now.wait_stream(stream)
        return loss.clone()

    def _may_record(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether now is the time to record; forget a recording whose weights moved."""
        full = {name: shape for name, (shape, _) in self._feed.shapes().items()}
        if self._state.losses.steps == 0 and self._addresses != self._addresses_now():
            self._addresses = []  # asked once an epoch: a validation comes between two
        return (
            not self._fails
            and not self._addresses
            and self._steps > WARM_UP_STEPS
            and self._state.gradients.at_once is None
            and {name: tuple(tensor.shape) for name, tensor in tensors.items()} == full
        )

    def _record(self, tensors: Mapping[str, Tensor]) -> None:
        self._state.gradients.forget()
        if not self._state.network.training:
            self._state.network.train()
        try:
            self._recording.record(tensors)
            self._addresses = self._addresses_now()
        except RuntimeError as error:
            self._fails = True
            self._state.gradients.forget()
            if self._state.device.torch.type == "cuda":
                torch.cuda.empty_cache()
            reason = str(error).partition("\n")[0]
            self._note(
                f"{self._state.device.torch}: a step could not be recorded as a CUDA graph "
                f"({reason}); going on operation by operation, which takes longer."
            )

    def _addresses_now(self) -> list[int]:
        """Return where the weights are: a recording works on those places alone."""
        networks = (self._state.network, self._state.average)
        tensors = chain.from_iterable(chain(n.parameters(), n.buffers()) for n in networks)
        return [tensor.data_ptr() for tensor in tensors]


def stepper_for(state: State, samples: Samples, note: Callable[[str], None]) -> Stepper:
    """Return what takes the steps of a run on its device.

    Training slices are held on a CUDA device that has room for them; else the host cuts patches.
    Steps that several ranks take together are launched: nobody has tried to record their exchange.
    """
    device = state.device
    if device.torch.type != "cuda":
        return PlainStepper(state, samples)
    # A training before this one, in the same process, may have left its slices and its graph.
    gc.collect()
    torch.cuda.empty_cache()
    feed: Feed = HostPatches(samples)
    if DevicePatches.fit(samples, device):
        feed = DevicePatches(samples, device)
    each = sum(torch.Size(s).numel() * kind.itemsize for s, kind in feed.shapes().values())
    if each * (device.idle_cores + IN_FLIGHT) > MOST_PINNED_BYTES:
        return PlainStepper(state, samples)
    return DeviceStepper(state, feed, note, record=state.gradients.ranks.size == 1)
