"""Every claim, measured; a table, and build/bench.json.

    python -m benchmarks.bench [--long] [NAME ...]

A row has `ours` and `plain` in `unit`, their `ratio` (how many times less ours takes), and `limit`:
the share of the arithmetic that the machine's matrix product does in the same time and precision.
What does not apply is absent. Names choose rows; rows measured before are kept.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter

import torch
from benchmarks.bench import memory
from benchmarks.bench.jobs import BATCH, SLICE_PX
from benchmarks.bench.turns import ROOT, ROUNDS, in_turn

from seget.device import choose_device
from seget.networks import Architecture

RESULT = ROOT / "build" / "bench.json"
COLUMNS = ("ours", "plain", "ratio", "limit")
EDGES = (2048, 4096)  # of matrices: the quicker one is the machine's limit

Row = dict[str, float | str]


def row(ours: float, plain: float | None = None, unit: str = "s", **more: float) -> Row:
    """Return a row; its ratio says how many times less ours takes."""
    both = {} if plain is None else {"plain": plain, "ratio": plain / ours}
    return {"ours": ours, **both, **more, "unit": unit}


def predict_slice(precision: str = "auto") -> Row:
    """Time one slice of 2048 x 2048 against the paper's overlapping patches."""
    device = choose_device("cpu", precision)
    products = [f"matrix_{device.precision}_{edge}" for edge in EDGES]
    ours = f"slice_{precision}"
    seconds = in_turn([ours, "slice_paper_way", *products])
    gflop_a_s = max(2 * e**3 / 1e9 / seconds[p] for e, p in zip(EDGES, products, strict=True))
    limit = Architecture("seget").cost(SLICE_PX).gflop / seconds[ours] / gflop_a_s
    return row(seconds[ours], seconds["slice_paper_way"], limit=limit, matrix_gflop_s=gflop_a_s)


def predict_monai() -> Row:
    """Time the same slice against MONAI's sliding window."""
    seconds = in_turn(["slice_auto", "slice_monai"])
    return row(seconds["slice_auto"], seconds["slice_monai"])


def train_step() -> Row:
    """Time a step of 4 x 256 x 256 against eager float32, channels first."""
    seconds = in_turn(["step_seget", "step_plain"], rounds=11, times=2)
    return row(seconds["step_seget"], seconds["step_plain"])


def seget_vs_unet() -> Row:
    """Time SegET's step against that of a U-Net of 16 filters; the ratio is ours over theirs."""
    seconds = in_turn(["step_seget", "step_unet16"], rounds=11, times=2)
    ours, unet = seconds["step_seget"], seconds["step_unet16"]
    return {"ours": ours, "plain": unet, "ratio": ours / unet, "unit": "s"}


def predict_memory(depths: tuple[int, int] = (4, 32)) -> Row:
    """Measure the anonymous memory of a long volume (ours) and of a short one (plain)."""
    few, many = (next(memory.verbs(depth, ["predict"]))[1] for depth in depths)
    return {"ours": many, "plain": few, "ratio": many / few, "unit": "bytes"}


def data() -> Row:
    """Count patches a second that are cut and augmented (ours), and that a step eats."""
    seconds = in_turn(["batch", "step_seget"], rounds=11, times=2)
    made, eaten = BATCH / seconds["batch"], BATCH / seconds["step_seget"]
    return {"ours": made, "plain": eaten, "ratio": made / eaten, "unit": "patches/s"}


def cli_start() -> Row:
    """Time `seget --help`."""
    taken = []
    for _ in range(ROUNDS):
        started = perf_counter()
        subprocess.run([memory.SEGET, "--help"], check=True, stdout=subprocess.DEVNULL)
        taken.append(perf_counter() - started)
    return row(median(taken))


def paper_step(device: str = "cpu") -> Row:
    """Time a step of the paper's recipe, 12 patches of 512: 245 of them are an epoch."""
    job = f"step_paper_{device}"
    return row(in_turn([job])[job])


def cuda_slice() -> Row:
    """Time one slice of 2048 x 2048 on the GPU."""
    return row(in_turn(["slice_cuda"])["slice_cuda"] * 1000, unit="ms")


def cuda_epoch() -> Row:
    """Time a paper epoch on the GPU: 2940 patches of 512, twelve a step."""
    return row(in_turn(["step_paper_cuda"], rounds=20)["step_paper_cuda"] * 2940 / 12)


ROWS: dict[str, Callable[[], Row]] = {
    "predict_slice": predict_slice,
    "predict_slice_float32": lambda: predict_slice("float32"),
    "predict_slice_int8": lambda: predict_slice("int8"),
    "predict_monai": predict_monai,
    "train_step": train_step,
    "seget_vs_unet": seget_vs_unet,
    "predict_memory": predict_memory,
    "paper_step": paper_step,
    "data": data,
    "cli_start": cli_start,
}
ON_CUDA: dict[str, Callable[[], Row]] = {"cuda_slice": cuda_slice, "cuda_epoch": cuda_epoch}


def one_by_one(known: dict[str, Callable[[], Row]], names: list[str]) -> Iterator[tuple[str, Row]]:
    """Measure rows by name."""
    for name in names:
        yield name, known[name]()


def long_rows() -> Iterator[tuple[str, Row]]:
    """Measure the memory of each verb for 76 and for 608 slices."""
    wanted = ("predict", "fuse", "evaluate")
    short, many = (list(memory.verbs(depth, wanted)) for depth in (76, 608))
    for (verb, small, seconds_76), (_, large, seconds_608) in zip(short, many, strict=True):
        one: Row = {"ours": large, "plain": small, "ratio": large / small, "unit": "bytes"}
        yield f"{verb}_memory_608", one | {"seconds_76": seconds_76, "seconds_608": seconds_608}


def show(name: str, one: Row) -> None:
    """Print a row."""
    large = one["unit"] == "bytes"
    numbers = []
    for key in COLUMNS:
        value = one.get(key)
        scaled = value / 1e6 if large and key in ("ours", "plain") and value is not None else value
        numbers.append(" " * 10 if scaled is None else f"{scaled:10.3f}")
    print(f"{name:24}{''.join(numbers)}  {'MB' if large else one['unit']}", flush=True)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="rows; all of them if none is named")
    parser.add_argument("--long", action="store_true", help="memory of 76 and of 608 slices")
    arguments = parser.parse_args()
    known = ROWS | (ON_CUDA if torch.cuda.is_available() else {})
    if unknown := set(arguments.names) - set(known):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads")
    print(f"{'':24}{''.join(f'{key:>10}' for key in COLUMNS)}")
    rows = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    rows = {name: one for name, one in rows.items() if name in known or name.endswith("_608")}
    RESULT.parent.mkdir(exist_ok=True)
    measured = long_rows() if arguments.long else one_by_one(known, arguments.names or list(known))
    for name, one in measured:
        show(name, one)
        rows[name] = one
        RESULT.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
