"""Work on the device that is recorded once as a CUDA graph, and replayed from then on.

function of tensors -> the same function, without launching its kernels one by one

It never decides whether recording pays. The tensors that the function is given are always the same
memory, into which each call's are copied; so is its result, of which each call returns a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor


class Recording:
    """A function of tensors of fixed shapes, that a CUDA graph replays.

    On a processor, for tests, the function itself is called, on the same memory.

    Parameters
    ----------
    work
        It never waits for the device, and all it changes is in place.
    device
        Where it runs.

    Attributes
    ----------
    stream
        The stream to call the work on before it is recorded, at least once: libraries that it
        uses, such as cuBLAS, prepare themselves for a stream, which cannot be recorded.
    """

    def __init__(
        self, work: Callable[[Mapping[str, Tensor]], Tensor], device: torch.device
    ) -> None:
        self._work = work
        self._device = device
        self._given: dict[str, Tensor] = {}
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: Tensor | None = None
        self.stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def record(self, tensors: Mapping[str, Tensor]) -> None:
        """Record the work on tensors of these shapes; nothing is computed.

        Raises
        ------
        RuntimeError
            The device cannot record it, or has no memory for it.
        """
        self._given = {n: torch.empty_like(t, device=self._device) for n, t in tensors.items()}
        if self.stream is None:
            return
        graph = torch.cuda.CUDAGraph()
        # thread_local: other threads may use CUDA meanwhile.
        with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
            self._result = self._work(self._given)
        self._graph = graph

    def takes(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether the work was recorded, for tensors of these shapes."""
        return {n: t.shape for n, t in tensors.items()} == {
            n: t.shape for n, t in self._given.items()
        }

    def __call__(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Return what the work returns for `tensors`, which may be in pinned host memory."""
        for name, tensor in tensors.items():
            self._given[name].copy_(tensor, non_blocking=True)
        if self._graph is None or self._result is None:
            return self._work(self._given)
        self._graph.replay()
        return self._result.clone()
