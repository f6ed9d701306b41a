"""The parts of the benchmark of CUDA that train; each says its figures one by one.

folder of `write_dataset` -> figures
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from benchmarks.gpu_parts import DEPTH, EDGE, TINY, Part, Say, device, model, wait

from seget import files, read_dataset
from seget.device import choose_device
from seget.listener import Listener
from seget.prediction import TorchEngine
from seget.recipes import Recipe, modern, paper
from seget.samples import Samples
from seget.threads import made_ahead
from seget.training.device_patches import DevicePatches
from seget.training.state import State
from seget.training.stepper import DeviceStepper, HostPatches, PlainStepper, Stepper
from seget.volume import Volume


def write_dataset(folder: Path) -> None:
    """Write a tomogram of noise with discs, and a mask with some disc in every patch."""
    rng = np.random.default_rng(0)
    y, x = np.ogrid[:EDGE, :EDGE]
    discs = np.hypot(y % 128 - 64, x % 128 - 64) < 24
    noise = rng.integers(70, 150, (EDGE, EDGE), np.uint8)
    grey = np.stack([np.roll(noise, 37 * z, axis=0) + 60 * discs for z in range(DEPTH)])
    files.write(folder / "tomogram.mrc", Volume(grey.astype(np.uint8), (4.0, 4.0, 4.0)))
    masks = np.broadcast_to(discs.astype(np.uint8), grey.shape)
    files.write(folder / "discs.mrc", Volume(np.ascontiguousarray(masks), (4.0, 4.0, 4.0)))
    (folder / "dataset.toml").write_text(
        'holdout = "none"\n[[tomogram]]\nimage = "tomogram.mrc"\n'
        '[tomogram.masks]\ndiscs = "discs.mrc"\n'
    )


def about(_: Path, say: Say) -> None:
    """Say which machine this is."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor()
    say("card", name, "")
    say("torch", f"{torch.__version__}, CUDA {torch.version.cuda}", "")
    say("cores", os.cpu_count(), "")
    say("threads that make batches", device().idle_cores, "")


def stepper_of(
    kind: str, settings: Recipe, folder: Path, note: Callable[[str], None], precision: str = "auto"
) -> tuple[State, Stepper]:
    """Return a fresh state and what takes its steps: `plain`, or feed (`host`, `device`) + graph.

    `plain` is the way before recorded steps: batches of the host, each operation launched.
    """
    samples = Samples(read_dataset(folder / "dataset.toml"), ("discs",), settings, 0)
    on = device() if precision == "auto" else choose_device("auto", precision)
    state = State(settings, 1, 0, on, recorded=kind != "plain")
    if kind == "plain":
        return state, PlainStepper(state, samples)
    feed = HostPatches(samples) if kind.startswith("host") else DevicePatches(samples, on)
    return state, DeviceStepper(state, feed, note, record=kind.endswith("graph"))


def take(state: State, stepper: Stepper, steps: int) -> list[float]:
    """Take so many steps, as `take_epoch` does; return their losses."""
    losses, unread = [], None
    ahead = made_ahead(
        stepper.prepare, range(state.step, state.step + steps), state.device.idle_cores
    )
    for prepared in ahead:
        loss = stepper.take(prepared, 0.3)
        if unread is not None:
            losses.append(float(unread))  # one step late, so that the device does not wait
        unread = loss
    assert unread is not None, "at least one step"
    return [*losses, float(unread)]


def losses(folder: Path, say: Say) -> None:
    """Compare recorded steps with launched ones, and these with themselves (atomic sums differ)."""
    steps = 8 if TINY else 50
    kinds = ("device", "device again", "device graph", "host graph", "host")
    for precision, rate in (("float32", "1e-5"), ("auto", "1e-5"), ("auto", "3e-3")):
        settings = modern().override(["patch_px=256", "binning=1", f"learning_rate={rate}"])
        settings = settings.override(["patch_px=64"] if TINY else [])
        found: dict[str, list[float]] = {}
        for kind in kinds if rate == "1e-5" else kinds[:3]:
            way = kind.removesuffix(" again")
            note = partial(say, value="-", unit="")
            state, stepper = stepper_of(way, settings, folder, note, precision)
            found[kind] = take(state, stepper, steps)
        one = np.array(found["device"])
        for kind, series in found.items():
            if kind != "device":
                off = float(np.max(np.abs(np.array(series) / one - 1)))
                say(f"{precision}, rate {rate}, {kind}: largest change", off, "of a loss")
        last = {kind: np.round(series[-2:], 4).tolist() for kind, series in found.items()}
        say(f"last losses {last}", "-", "")


def pace(name: str, kind: str, settings: Recipe, folder: Path, say: Say) -> None:
    """Say milliseconds a step, and the memory."""
    try:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        state, stepper = stepper_of(kind, settings, folder, lambda note: say(note, "-", ""))
        take(state, stepper, 4 if TINY else 12)
        wait()
        steps = 4
        while True:
            started = perf_counter()
            take(state, stepper, steps)
            wait()
            seconds = perf_counter() - started
            if seconds > 0.8 or TINY:
                break
            steps = max(2 * steps, int(steps / seconds))
        say(f"{name}: {kind}", 1000 * seconds / steps, "ms a step")
        if torch.cuda.is_available():
            say(f"{name}: {kind}", torch.cuda.max_memory_reserved() / 1e9, "GB")
    except Exception as error:  # the other ways are still worth measuring
        say(f"{name}: {kind}: {type(error).__name__}: {str(error)[:200]}", "-", "")


KINDS = ("plain", "device", "host graph", "device graph")


def modern_2(folder: Path, say: Say) -> None:
    """Take steps of `modern` as it comes: 4 patches of 512 px, binned by 2."""
    settings = modern().override(["patch_px=128"] if TINY else [])
    for kind in KINDS:
        pace("modern, 4 x 512 px binned by 2", kind, settings, folder, say)
    torch.backends.cudnn.benchmark = True
    pace("the same, cuDNN tries its ways", "device graph", settings, folder, say)


def modern_1(folder: Path, say: Say) -> None:
    """Take steps of `modern` without binning: 4 patches of 256 px."""
    settings = modern().override(["binning=1", "patch_px=64" if TINY else "patch_px=256"])
    for kind in KINDS:
        pace("modern, 4 x 256 px", kind, settings, folder, say)
    unet = settings.override(["network=unet"])
    for kind in ("plain", "device graph") if not TINY else ():
        pace("U-Net, 4 x 256 px", kind, unet, folder, say)
    torch.backends.cudnn.benchmark = True
    pace("modern, 4 x 256 px, cuDNN tries its ways", "device graph", settings, folder, say)


def of_paper() -> Recipe:
    """Return the paper's recipe; three copies of each patch make its epoch of 245 steps."""
    tiny = ["patch_px=64", "stride_px=128", "batch_size=3"] if TINY else []
    return paper("golgi").override(["positive_copies=3", *tiny])


def paper_steps(folder: Path, say: Say) -> None:
    """Take steps of the paper: 12 patches of 512 px."""
    for kind in ("plain", "host graph", "device graph"):
        pace("paper, 12 x 512 px", kind, of_paper(), folder, say)
    torch.backends.cudnn.benchmark = True
    pace("paper, cuDNN tries its ways", "device graph", of_paper(), folder, say)


def paper_epoch(folder: Path, say: Say) -> None:
    """Take a paper epoch from disk by `take_epoch`, after some steps; validation is not in it."""
    from seget.training.clock import Clock
    from seget.training.steps import take_epoch

    state, stepper = stepper_of("device graph", of_paper(), folder, lambda note: say(note, "-", ""))
    samples = stepper._feed.samples
    take(state, stepper, 6)
    state.step = samples.steps_per_epoch
    wait()
    started = perf_counter()
    clock = Clock(of_paper(), samples.steps_per_epoch)
    take_epoch(state, samples, clock, Listener(), stepper=stepper)
    wait()
    say(f"paper epoch of {samples.steps_per_epoch} steps", perf_counter() - started, "s")


def compiled(folder: Path, say: Say) -> None:
    """Compile the network by torch.compile, inside the recorded step."""
    for name, settings in (("paper", of_paper()), ("modern", modern())):
        state, stepper = stepper_of("device graph", settings, folder, lambda n: say(n, "-", ""))
        started = perf_counter()
        state.gradients.network = torch.compile(state.network)
        take(state, stepper, 8)
        wait()
        say(f"{name}: compiling", perf_counter() - started, "s")
        steps, started = 30, perf_counter()
        take(state, stepper, steps)
        wait()
        say(
            f"{name}: compiled and recorded", 1000 * (perf_counter() - started) / steps, "ms a step"
        )


def kernels(folder: Path, say: Say) -> None:
    """Say which kernels of CUDA take the time of a launched step and of a slice."""
    on = device()
    for name, settings in (("modern", modern()), ("paper", of_paper())):
        state, stepper = stepper_of("device", settings, folder, lambda n: say(n, "-", ""))
        take(state, stepper, 3)
        profiled(say, f"{name} step", partial(take, state, stepper, 3), 3)
    engine = TorchEngine(model().network, on)
    image = torch.randn(1, EDGE, EDGE, device=on.torch)
    engine.scored(image)
    profiled(say, "slice", partial(engine.scored, image), 1)


def profiled(say: Say, name: str, work: Callable[[], object], times: int) -> None:
    """Say the longest kernels of a piece of work."""
    from torch.profiler import ProfilerActivity, profile

    cuda = torch.cuda.is_available()
    with profile(activities=[ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU]) as seen:
        work()
        wait()
    key = "self_device_time_total" if cuda else "self_cpu_time_total"
    rows = [(getattr(row, key) / 1000 / times, row) for row in seen.key_averages()]
    say(f"{name}: all kernels", sum(ms for ms, _ in rows), "ms")
    for ms, row in sorted(rows, key=lambda pair: -pair[0])[:14]:
        say(f"{name}: {row.count // times} x {row.key[:90]}", ms, "ms")


PARTS = {
    "about": Part(about, 30),
    "losses": Part(losses, 50),
    "modern 2": Part(modern_2, 45),
    "paper": Part(paper_steps, 45),
    "paper epoch": Part(paper_epoch, 40),
    "modern 1": Part(modern_1, 45),
}
# Only where they are named: compiling alone takes the better part of a minute.
NAMED_PARTS = {"compiled": Part(compiled, 200), "kernels": Part(kernels, 60)}
