"""One slice through a network: device, precision, windows.

network + normalised slice (y, x) -> scores (k, y, x), 0..127

It never opens a file. Windows read the receptive field around what they keep, so that they give
what the whole slice would.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seget.errors import InputError
from seget.networks import halo_px, multiple
from seget.patches import windows
from seget.recipes import Recipe
from seget.volume import FULL_SCORE

Scores = npt.NDArray[np.uint8]

# A slice of 2048 x 2048 in one piece takes 1.3 GB; larger ones go by windows of about that.
WHOLE_SLICE_PX = 2304 * 2304
WINDOW_PX = 1536

# The eight symmetries of a square: transposed or not, then mirrored in y, x, both or neither.
VIEWS = [(turned, axes) for turned in (False, True) for axes in ((), (3,), (2,), (2, 3))]


@dataclass(frozen=True)
class Device:
    """Where a network runs and in which precision.

    `bf16` only where the processor computes in it: emulated it is slower than float32.
    """

    torch: torch.device
    bf16: bool

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
class Engine:
    """A network ready to score slices.

    Attributes
    ----------
    network
        In evaluation mode, on the device; image `(1, 1, h, w)` -> logits `(1, k, h, w)`.
    halo_px
        Pixels around a window that its result depends on.
    multiple
        Windows start at multiples of this, so that strides fall as in the whole slice.
    window_px
        Edge of a window; None takes slices whole where memory allows.
    views
        1, or 4 mirrored, or 8 mirrored and turned views of a window whose scores are averaged.
    """

    network: nn.Module
    device: Device
    halo_px: int
    multiple: int
    window_px: int | None = None
    views: int = 1

    @classmethod
    def of(
        cls,
        network: nn.Module,
        recipe: Recipe,
        device: Device,
        window_px: int | None = None,
        views: int = 1,
    ) -> Engine:
        """Return a network that `recipe` describes, ready to score slices on `device`."""
        halo = halo_px(recipe.network, recipe.binning)
        step = multiple(recipe.network, recipe.binning)
        ready = network.eval().to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(ready, device, halo, step, window_px, views)

    def scores(self, pixels: npt.NDArray[np.float32]) -> Scores:
        """Return scores `(k, y, x)` in 0..127 of a normalised slice `(y, x)`."""
        if self.window_px is None and pixels.size <= WHOLE_SLICE_PX:
            return self._window(pixels)
        size = self.window_px or WINDOW_PX
        result: Scores | None = None
        for window in windows(pixels.shape, size, self.halo_px, self.multiple):
            part = self._window(pixels[window.read])
            if result is None:
                result = np.empty((len(part), *pixels.shape), np.uint8)
            result[(slice(None), *window.write)] = part[(slice(None), *window.keep)]
        assert result is not None, "a slice has at least one window"
        return result

    def _window(self, pixels: npt.NDArray[np.float32]) -> Scores:
        image = torch.from_numpy(np.ascontiguousarray(pixels))[None, None].to(self.device.torch)
        with torch.inference_mode():
            score = torch.stack([self._seen(image, *view) for view in VIEWS[: self.views]])
            score = score.mean(dim=0).mul_(FULL_SCORE).round_().to(torch.uint8)
        result: Scores = score.cpu().numpy()
        return result

    def _seen(self, image: Tensor, turned: bool, mirrored: tuple[int, ...]) -> Tensor:
        """Return probabilities `(k, h, w)` from one view of `(1, 1, h, w)`, turned back."""
        view = image.transpose(2, 3) if turned else image
        with self.device.autocast():
            logits: Tensor = self.network(view.flip(mirrored).contiguous())
        probability = torch.sigmoid(logits.float()).flip(mirrored)
        return (probability.transpose(2, 3) if turned else probability)[0]
