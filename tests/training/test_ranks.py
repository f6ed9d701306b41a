"""Several processes train as one does: same losses, same weights everywhere, ends that are said."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import torch.distributed as dist
from torch import nn

from rank_tasks import losses
from seget.errors import InputError
from seget.patches import share
from seget.recipes import Recipe
from seget.training import read_log
from seget.training.launch import launch
from seget.training.loop import train
from seget.training.ranks import ALONE, Ranks
from seget.training.run_folder import Run
from seget.training.synchronised import Synchronised, synchronised
from training_runs import short

SCRIPT = Path(__file__).parents[1] / "rank_tasks.py"
SMALL = ["learning_rate=1e-5", "patch_px=64"]  # a usual rate doubles roundings in every step


def run_together(script: list[str], count: int) -> None:
    """Run a script in so many processes that find each other as torchrun has them do."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(count)}
    path = os.pathsep.join([*sys.path, str(SCRIPT.parent)])
    processes = [
        subprocess.Popen(
            [sys.executable, *script],
            env={**os.environ, **where, "RANK": str(rank), "PYTHONPATH": path},
        )
        for rank in range(count)
    ]
    assert [process.wait(timeout=100) for process in processes] == [0] * count


@pytest.mark.parametrize(
    "recipe",
    [
        short().override(
            [*SMALL, "batch_size=5", "steps_per_epoch=6", "weight_cap=20", "center_dropout=0.3"]
        ),
        # 13 patches: the last batch is one, which both processes have
        short("paper").override([*SMALL, "stride_px=32", "batch_size=4"]),
    ],
    ids=["modern", "paper"],
)
def test_two_processes_have_the_losses_of_one(
    small_dataset: Path, tmp_path: Path, recipe: Recipe
) -> None:
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
    paths = [small_dataset, tmp_path / "recipe.json", tmp_path / "out"]
    run_together([str(SCRIPT), *map(str, paths)], 2)
    ours, theirs = (json.loads((tmp_path / f"out.{rank}").read_text()) for rank in (0, 1))
    assert ours == theirs, "the same weights, bit for bit"
    wanted_losses, (wanted, _) = losses(small_dataset, recipe, ALONE)
    found_losses, (found, _) = ours
    assert len(wanted_losses) > 5
    assert found_losses == pytest.approx(wanted_losses, rel=1e-4)
    # Adam's first moments are the gradients: doubled ones would change no weight. Torch's own batch
    # normalisation rounds those of the first layers to 4 %, ours to 0.5 % (against float64).
    assert found.keys() == wanted.keys()
    for name, size in found.items():
        assert size == pytest.approx(wanted[name], rel=0.1, abs=1e-7), name


@pytest.fixture
def group(tmp_path: Path):
    """Let this process be one of one."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_synchronised_normalisation_is_that_of_torch(group: None) -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 1, 3))
    with torch.no_grad():
        plain[1].weight.uniform_(0.5, 2)
        plain[1].bias.normal_()
    ours = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 1, 3))
    ours.load_state_dict(plain.state_dict())
    weights = list(ours.parameters())
    synchronised(ours)
    assert isinstance(ours[1], Synchronised)
    assert [id(w) for w in ours.parameters()] == [id(w) for w in weights]
    image = 5 + 3 * torch.randn(3, 1, 20, 22)
    for network in (plain, ours):
        for _ in range(2):
            network(image).square().mean().backward()
    for one, other in zip(plain.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-4, atol=1e-5)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor)
    torch.testing.assert_close(ours.eval()(image), plain.eval()(image))


@pytest.mark.parametrize(("count", "of"), [(4, 1), (4, 2), (5, 3), (7, 7), (12, 5), (2, 3)])
def test_every_patch_is_in_one_part(count: int, of: int) -> None:
    parts = [list(share(count, number, of)) for number in range(of)]
    if count < of:
        assert parts == [list(range(count))] * of
    else:
        assert [i for part in parts for i in part] == list(range(count))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_batch_of_fewer_patches_than_processes_is_refused(
    small_dataset: Path, tmp_path: Path
) -> None:
    from seget.dataset import read_dataset

    with pytest.raises(InputError, match=r"--devices 3: a batch has 2 patches.*batch_size=3"):
        train(
            read_dataset(small_dataset),
            ("rods",),
            short(),
            Run(tmp_path / "run"),
            None,
            Ranks(0, 3),
        )


COMMAND = ["--device", "cpu", "--from", "scratch", "-s", "rods", "--checkpoint-minutes", "0"]
SETTINGS = [*SMALL, "batch_size=2", "steps_per_epoch=4", "binning=2", "epochs=200"]


def arguments(dataset: Path, run: Path, *more: str) -> list[str]:
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    return ["train", str(dataset), "-o", str(run), *COMMAND, *settings, *more]


def begun(dataset: Path, run: Path) -> subprocess.Popen[str]:
    """Start two processes that train, and wait for their first checkpoint."""
    words = ["-m", "seget", *arguments(dataset, run, "--devices", "2")]
    path = os.pathsep.join(sys.path)
    first = subprocess.Popen(
        [sys.executable, *words],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    end = time.monotonic() + 90
    while not list(run.glob("checkpoints/step-*")):
        assert time.monotonic() < end, "a checkpoint"
        assert first.poll() is None, first.communicate()[1]
        time.sleep(0.1)
    return first


def newest(run: Path) -> int:
    return max(int(path.stem.removeprefix("step-")) for path in run.glob("checkpoints/step-*"))


def test_a_killed_process_ends_the_others_and_one_alone_goes_on(
    small_dataset: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = begun(small_dataset, run)
    children = psutil.Process(first.pid).children()
    second = next(c for c in children if c.environ()["RANK"] == "1")
    second.send_signal(signal.SIGKILL)
    said = first.communicate(timeout=60)[1]
    assert first.returncode == 1
    assert "another of the processes that train together ended" in said
    assert "process 1 of 2 was killed by SIGKILL" in said
    assert "Traceback" not in said
    made = newest(run)
    code, _ = launch([*arguments(small_dataset, run, "--resume"), "--max-minutes", "0.02"], 1)
    assert code == 0
    assert read_log(run)[-1]["step"] >= made
    assert np.isfinite(read_log(run)[-1]["loss"])


def test_ctrl_c_stops_all_after_the_same_step(small_dataset: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = begun(small_dataset, run)
    first.send_signal(signal.SIGINT)
    said = first.communicate(timeout=60)[1]
    assert first.returncode == 1
    assert said.count("Stopped: ") == 1
    assert f"step {newest(run)} is kept" in said
    assert "another of the processes" not in said
    assert "Traceback" not in said
