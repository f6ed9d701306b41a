"""What is timed: each name stands for a piece of work that can be done again and again.

name -> work

A job prepares itself when it is made; only `work()` is timed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from seget import files, machine
from seget.dataset import read_dataset
from seget.device import choose_device
from seget.losses import regulariser, segmentation_loss
from seget.networks import SegET, unet
from seget.normalisation import normalisation
from seget.prediction import Options, open_reader
from seget.prediction.predict import scorer
from seget.recipes import Recipe, modern, paper
from seget.samples import Batch, Samples
from seget.trained import Trained
from seget.training.state import State
from seget.volume import Volume

Work = Callable[[], object]

SLICE_PX = 2048
PATCH_PX, STRIDE_PX = 512, 256  # the paper's
BATCH, STEP_PX = 4, 256
PAPER_SHAPE = (76, 2048, 2048)
UNET_16 = (16, 32, 64, 128, 256)


def recipe() -> Recipe:
    """Return the default recipe at full resolution, as the paper's network sees it."""
    return modern().override(["binning=1", f"patch_px={STEP_PX}", f"batch_size={BATCH}"])


def model() -> Trained:
    """Return SegET with the same weights for every job."""
    torch.manual_seed(0)
    return Trained(SegET().eval(), ("synapse",), recipe(), {"synapse": 0.5}, weights_sha256="bench")


def tomogram() -> Volume:
    """Return one slice of noise, 8 bit."""
    shape = (1, SLICE_PX, SLICE_PX)
    return Volume(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


def image() -> Tensor:
    """Return that slice as a network wants it, `(1, 1, y, x)`."""
    volume = tomogram()
    return torch.from_numpy(normalisation(volume)(volume.slice(0)))[None, None]


def slice_ours(precision: str, device: str = "cpu") -> Work:
    """From grey values to scores, as `seget predict` does a slice."""
    volume = tomogram()
    trained, options = model(), Options(device, precision=precision)
    reader = open_reader(volume, trained, options)
    scoring = scorer(trained, reader, options)
    return lambda: reader.restore(0, scoring.scores(reader.read(0)))


def slice_paper_way() -> Work:
    """49 patches of 512 px, stride 256, eager float32; probabilities averaged."""
    network, pixels = model().network, image()
    starts = range(0, SLICE_PX - PATCH_PX + 1, STRIDE_PX)
    places = [np.s_[..., y : y + PATCH_PX, x : x + PATCH_PX] for y in starts for x in starts]

    def work() -> Tensor:
        total, times = torch.zeros_like(pixels), torch.zeros_like(pixels)
        with torch.inference_mode():
            for place in places:
                total[place] += torch.sigmoid(network(pixels[place]))
                times[place] += 1
        return total / times

    return work


def slice_monai() -> Work:
    """MONAI's sliding window: half overlap, gaussian weights, eager float32."""
    from monai.inferers import SlidingWindowInferer

    network, pixels = model().network, image()
    infer = SlidingWindowInferer(PATCH_PX, sw_batch_size=1, overlap=0.5, mode="gaussian")

    def work() -> Tensor:
        with torch.inference_mode():
            return torch.sigmoid(infer(pixels, network))

    return work


def matrix_product(precision: str, edge: int) -> Work:
    """Two square matrices: what the machine can do."""
    if precision == "int8":
        a = torch.randint(-128, 127, (edge, edge), dtype=torch.int8)
        return lambda: torch._int_mm(a, a)
    a = torch.randn(edge, edge, dtype={"bf16": torch.bfloat16, "float32": torch.float32}[precision])
    return lambda: a @ a


def _batch() -> Batch:
    torch.manual_seed(0)
    shape = (BATCH, 1, STEP_PX, STEP_PX)
    target = torch.rand(shape) < 0.1
    return Batch(torch.randn(shape), target, torch.ones_like(target))


def step_ours(network: str) -> Work:
    """Take a whole step of `seget train`: gradients, optimiser, running average."""
    machine.keep_freed_memory()
    settings = recipe()
    if network == "unet16":
        unet.WIDTHS = UNET_16
        settings = settings.override(["network=unet"])
    state, batch = State(settings, 1, 0, choose_device("cpu")), _batch()
    return lambda: float(state.train_step(batch, 0.5))


def step_paper(device: str) -> Work:
    """Take a step of the paper's recipe: 12 patches of 512 px."""
    machine.keep_freed_memory()
    settings = paper("microtubules")
    state = State(settings, 1, 0, choose_device(device))
    shape = (settings.batch_size, 1, settings.patch_px, settings.patch_px)
    target = torch.rand(shape) < 0.01
    batch = Batch(torch.randn(shape), target, torch.ones_like(target))
    return lambda: float(state.train_step(batch, 0.0))


def step_plain() -> Work:
    """Take a step eager, in float32, channels first; Adam as it comes, no losses of levels."""
    torch.manual_seed(0)
    network: nn.Module = SegET().train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    batch, settings = _batch(), recipe()
    target, labelled = batch.target.float(), batch.labelled.float()

    def work() -> float:
        optimiser.zero_grad()
        loss = segmentation_loss(network(batch.image), target, labelled)
        loss = loss + settings.weight_decay * regulariser(network)
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return work


def batches(settings: Recipe) -> Work:
    """One batch, cut and augmented, from a memory-mapped tomogram of the paper's size."""
    temporary = tempfile.TemporaryDirectory(prefix="seget-bench-")  # gone with the job
    folder = Path(temporary.name)
    rng = np.random.default_rng(0)
    slices = rng.integers(0, 256, (4, *PAPER_SHAPE[1:]), np.uint8)
    data = np.concatenate([slices] * (PAPER_SHAPE[0] // len(slices)))
    files.write(folder / "tomogram.mrc", Volume(data))
    files.write(folder / "discs.mrc", Volume((data > 230).astype(np.uint8)))
    (folder / "dataset.toml").write_text(
        '[[tomogram]]\nimage = "tomogram.mrc"\n[tomogram.masks]\ndiscs = "discs.mrc"\n'
    )
    samples = Samples(read_dataset(folder / "dataset.toml"), ("discs",), settings, 0)
    steps = count()

    def work() -> tuple[Batch, object]:
        return samples.batch(next(steps)), temporary

    return work


JOBS: dict[str, Callable[[], Work]] = {
    "slice_auto": lambda: slice_ours("auto"),
    "slice_float32": lambda: slice_ours("float32"),
    "slice_int8": lambda: slice_ours("int8"),
    "slice_cuda": lambda: slice_ours("auto", "cuda"),
    "slice_paper_way": slice_paper_way,
    "slice_monai": slice_monai,
    "step_seget": lambda: step_ours("seget"),
    "step_unet16": lambda: step_ours("unet16"),
    "step_plain": step_plain,
    "step_paper_cpu": lambda: step_paper("cpu"),
    "step_paper_cuda": lambda: step_paper("cuda"),
    "batch": lambda: batches(recipe()),
    **{
        f"matrix_{precision}_{edge}": (lambda p=precision, e=edge: matrix_product(p, e))
        for precision in ("bf16", "float32", "int8")
        for edge in (2048, 4096)
    },
}
