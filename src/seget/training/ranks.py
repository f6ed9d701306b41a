"""Several processes that train one network together, each a part of every batch.

numbers, sums and gradients of each process (rank) -> those of all

Where there is one process it does nothing. The first rank decides (time, stops) and writes; the
others follow. Processes are started by `seget train --devices` or by torchrun.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from seget.errors import InputError, RunError

# How long a rank waits for another, which may be validating or writing.
PATIENCE = timedelta(hours=1)
RANK, SIZE, LOCAL_RANK = "RANK", "WORLD_SIZE", "LOCAL_RANK"
LOST = (
    "another of the processes that train together ended; the last checkpoint is kept: go on with "
    "--resume, on as many --devices as there are."
)


@dataclass(frozen=True)
class Ranks:
    """The processes that train together; this one is number `rank` of `size`.

    `decisions` is the group in which plain numbers are exchanged, without any device; `signals` are
    those that this process was sent (see `interruption`).
    """

    rank: int = 0
    size: int = 1
    decisions: Any = None
    signals: list[int] = field(default_factory=list)

    @property
    def first(self) -> bool:
        """Whether this is the process that decides and writes."""
        return self.rank == 0

    def agreed(self, value: float) -> float:
        """Return the first rank's value."""
        if self.size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(told, 0, group=self.decisions)
        return float(told)

    def any(self, said: bool) -> bool:
        """Return whether any rank says so."""
        if self.size == 1:
            return said
        told = torch.tensor([float(said)])
        dist.all_reduce(told, dist.ReduceOp.MAX, group=self.decisions)
        return bool(told)

    def total(self, sums: Tensor) -> Tensor:
        """Return the sum over all ranks; its gradient is that of this rank's part alone.

        So the gradients of all ranks add up to that of a function of the total.
        """
        if self.size == 1:
            return sums
        everywhere = sums.detach().clone()
        dist.all_reduce(everywhere)
        return sums + (everywhere - sums.detach())

    def add_up(self, gradients: Sequence[Tensor]) -> None:
        """Replace each gradient by its sum over all ranks."""
        if self.size == 1:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    def of_the_first(
        self, tensors: dict[str, Tensor], numbers: dict[str, Any]
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the first rank's tensors and plain numbers."""
        listed = [(name, list(t.shape), str(t.dtype)[6:]) for name, t in tensors.items()]
        listed, numbers = json.loads(self._text(json.dumps([listed, numbers])))
        shared = {}
        for name, shape, kind in listed:
            tensor = torch.empty(shape, dtype=getattr(torch, kind))
            if self.first:
                tensor.copy_(tensors[name])
            dist.broadcast(tensor, 0, group=self.decisions)
            shared[name] = tensor
        return shared, numbers

    def _text(self, text: str) -> str:
        """Return the first rank's text."""
        content = torch.tensor(list(text.encode()), dtype=torch.uint8)
        length = int(self.agreed(len(content)))
        told = content if self.first else torch.empty(length, dtype=torch.uint8)
        dist.broadcast(told, 0, group=self.decisions)
        return bytes(told.tolist()).decode()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Say in a sentence that another rank ended.

        Raises
        ------
        RunError
            It did.
        """
        try:
            yield
        except RuntimeError as error:
            if self.size == 1 or not _is_of_distributed(error):
                raise
            raise RunError(LOST) from error


ALONE = Ranks()


def are_several() -> bool:
    """Whether this process was started as one of several, by its environment."""
    return int(os.environ.get(SIZE, "1")) > 1


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Yield the ranks that train together, of which this process is one; `ALONE` by itself.

    On CUDA each process sees one device: that of its number on its machine.

    Raises
    ------
    InputError
        A machine has more processes than devices.
    """
    if not are_several():
        yield ALONE
        return
    on_cuda = device in ("auto", "cuda") and torch.cuda.is_available()
    if on_cuda:
        local, count = int(os.environ.get(LOCAL_RANK, "0")), torch.cuda.device_count()
        if local >= count:
            raise InputError(f"--devices: {local + 1} are wanted here, and CUDA has {count}.")
        torch.cuda.set_device(local)
    dist.init_process_group("nccl" if on_cuda else "gloo", timeout=PATIENCE)
    try:
        decisions = dist.new_group(backend="gloo", timeout=PATIENCE)
        yield Ranks(dist.get_rank(), dist.get_world_size(), decisions)
    finally:
        dist.destroy_process_group()


def _is_of_distributed(error: RuntimeError) -> bool:
    """Whether an error comes from the exchange with other processes."""
    kinds = (dist.DistBackendError, dist.DistNetworkError, dist.DistStoreError)
    words = ("gloo", "NCCL", "Connection closed by peer", "Connection reset")
    return isinstance(error, kinds) or any(word in str(error) for word in words)
