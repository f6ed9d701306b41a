"""One slice through a network: device, precision, windows.

network + normalised slice (y, x) -> scores (k, y, x), 0..127

It never opens a file. Windows read the receptive field around what they keep, so that they give
what the whole slice would.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seget import machine
from seget.errors import InputError, RunError
from seget.patches import windows
from seget.prediction import plan
from seget.prediction.plan import Footprint
from seget.recipes import Recipe
from seget.volume import FULL_SCORE

Scores = npt.NDArray[np.uint8]

# The eight symmetries of a square: transposed or not, then mirrored in y, x, both or neither.
VIEWS = [(turned, axes) for turned in (False, True) for axes in ((), (3,), (2,), (2, 3))]


@dataclass(frozen=True)
class Device:
    """Where a network runs and in which precision.

    `bf16` only where the processor computes in it: emulated it is slower than float32.
    """

    torch: torch.device
    bf16: bool

    def free_bytes(self) -> int:
        """Return the memory that is free on the device."""
        if self.torch.type == "cuda":
            return int(torch.cuda.mem_get_info(self.torch)[0])
        return machine.free_memory_bytes()

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which the network is called."""
        if self.bf16:
            return torch.autocast(self.torch.type, dtype=torch.bfloat16)
        return nullcontext()


def choose_device(name: str = "auto") -> Device:
    """Return the device for `auto`, `cpu` or `cuda`.

    Raises
    ------
    InputError
        The name is none of the three, or there is no such device here.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {name}: wanted auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no CUDA device here; use --device cpu.")
    if name != "cpu" and torch.cuda.is_available():
        return Device(torch.device("cuda"), torch.cuda.is_bf16_supported())
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return Device(torch.device("cpu"), bool(supported()))


@dataclass(frozen=True)
class Effort:
    """What prediction may take of the machine, and what it gives for it.

    Attributes
    ----------
    window_px
        Edge of a window; None takes the largest that fit, and whole slices if they do.
    views
        1, or 4 mirrored, or 8 mirrored and turned views of a window whose scores are averaged.
    memory_bytes
        That may be taken; None for half of what is free.
    """

    window_px: int | None = None
    views: int = 1
    memory_bytes: int | None = None


@dataclass
class Engine:
    """A network ready to score slices.

    Attributes
    ----------
    network
        In evaluation mode, on the device; image `(1, 1, h, w)` -> logits `(1, k, h, w)`.
    footprint
        How much memory a window takes, and how far it reads.
    effort
        Windows, views and memory.
    note
        Is told a sentence when there is less memory than was thought.
    """

    network: nn.Module
    device: Device
    footprint: Footprint
    effort: Effort = field(default_factory=Effort)
    note: Callable[[str], None] = lambda _: None

    @classmethod
    def of(
        cls,
        network: nn.Module,
        recipe: Recipe,
        device: Device,
        outputs: int = 1,
        effort: Effort | None = None,
    ) -> Engine:
        """Return a network that `recipe` describes, ready to score slices on `device`."""
        ready = network.eval().to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        footprint = Footprint.of(recipe, outputs, device.bf16)
        effort = effort or Effort()
        if effort.memory_bytes is None:
            effort = replace(effort, memory_bytes=int(device.free_bytes() * plan.SHARE_OF_FREE))
        return cls(ready, device, footprint, effort)

    def window_px(self, shape: tuple[int, int]) -> int | None:
        """Return the edge of the windows of slices `(y, x)`; None where they are taken whole.

        Raises
        ------
        RunError
            Not even the smallest window fits into memory.
        """
        if self.effort.window_px is not None:
            return self.effort.window_px
        if self.effort.memory_bytes is None:
            return None
        return plan.window_px(shape, self.footprint, self.effort.memory_bytes)

    def scores(self, pixels: npt.NDArray[np.float32]) -> Scores:
        """Return scores `(k, y, x)` in 0..127 of a normalised slice `(y, x)`.

        Where memory runs out all the same the windows are halved, and stay so.

        Raises
        ------
        RunError
            Memory does not suffice for the smallest window.
        """
        while True:
            size = self.window_px(pixels.shape)
            try:
                return self._window(pixels) if size is None else self._windows(pixels, size)
            except torch.cuda.OutOfMemoryError:
                torch.cuda.empty_cache()
                self._halve(min(size or max(pixels.shape), max(pixels.shape)))

    def _halve(self, size: int) -> None:
        half = size // 2
        if half < plan.SMALLEST_WINDOW_PX:
            raise RunError(
                f"memory does not suffice for a window of {size} px; end what else runs on "
                "the device, or use --device cpu."
            )
        self.effort = replace(self.effort, window_px=half)
        self.note(f"out of memory with windows of {size} px; going on with {half} px.")

    def _windows(self, pixels: npt.NDArray[np.float32], size: int) -> Scores:
        result: Scores | None = None
        for window in windows(pixels.shape, size, self.footprint.halo_px, self.footprint.multiple):
            part = self._window(pixels[window.read])
            if result is None:
                result = np.empty((len(part), *pixels.shape), np.uint8)
            result[(slice(None), *window.write)] = part[(slice(None), *window.keep)]
        assert result is not None, "a slice has at least one window"
        return result

    def _window(self, pixels: npt.NDArray[np.float32]) -> Scores:
        image = torch.from_numpy(np.ascontiguousarray(pixels))[None, None].to(self.device.torch)
        with torch.inference_mode():
            views = VIEWS[: self.effort.views]
            score = self._seen(image, *views[0])
            for view in views[1:]:
                score += self._seen(image, *view)
            # Weights near the end of what float32 holds make numbers that are none.
            score = score.mul_(FULL_SCORE / len(views)).nan_to_num_(0).round_().to(torch.uint8)
        result: Scores = score.cpu().numpy()
        return result

    def _seen(self, image: Tensor, turned: bool, mirrored: tuple[int, ...]) -> Tensor:
        """Return probabilities `(k, h, w)` from one view of `(1, 1, h, w)`, turned back."""
        view = image.transpose(2, 3) if turned else image
        with self.device.autocast():
            logits: Tensor = self.network(view.flip(mirrored).contiguous())
        probability = torch.sigmoid(logits.float()).flip(mirrored)
        return (probability.transpose(2, 3) if turned else probability)[0]
