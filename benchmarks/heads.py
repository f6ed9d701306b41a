"""What the start of a network's last convolution is worth: He's draw against a prior of foreground.

    python benchmarks/heads.py DATASET.toml STRUCTURE [--seeds 0,1] [--networks unet,seget]

Trains each network for 150 steps on small patches (a quarter of a minute on two cores), once with
its head as drawn by He et al., once as `networks.blocks.initialise` draws it, and scores the
validation slices. Prints a Markdown table. The losses are means over the first and last 25 steps.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from torch import nn

from seget.dataset import Dataset, read_dataset
from seget.device import choose_device
from seget.listener import Listener
from seget.networks import NETWORKS
from seget.prediction import Scorer, TorchEngine
from seget.recipes import modern
from seget.samples import Samples
from seget.training.clock import Clock
from seget.training.state import State
from seget.training.steps import take_epoch
from seget.training.validation import validate

STEPS = 150
SHOWN = 25


class Losses(Listener):
    """Keeps the loss of every step."""

    def __init__(self) -> None:
        self.all: list[float] = []

    def step(self, progress: float, loss: float) -> None:
        """Keep a loss."""
        self.all.append(loss)


def he_heads(network: nn.Module) -> None:
    """Take the third and the prior of the heads back: what torch and He et al. would start from."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and name.split(".")[-1].startswith(("head", "score")):
            assert module.bias is not None, "a head has a bias"
            module.weight.data *= 3
            module.bias.data.zero_()


def trial(dataset: Dataset, structure: str, name: str, seed: int, prior: bool) -> str:
    """Train once; return the line of the table."""
    settings = [f"network={name}", "patch_px=256", "epochs=1", f"steps_per_epoch={STEPS}"]
    recipe = modern().override(settings)
    state = State(recipe, 1, seed, choose_device())
    if not prior:
        for network in {id(n): n for n in (state.network, state.average)}.values():
            he_heads(network)
    samples, losses = Samples(dataset, (structure,), recipe, seed), Losses()
    take_epoch(state, samples, Clock(recipe, STEPS), losses)
    held_out = [
        (tomogram, reader, list(tomogram.split.validation))
        for tomogram, reader in zip(dataset.tomograms, samples.readers, strict=True)
    ]
    scorer = Scorer.of(TorchEngine(state.average, state.device), state.architecture)
    miou = validate(scorer, (structure,), held_out).miou
    first, last = (sum(part) / SHOWN for part in (losses.all[:SHOWN], losses.all[-SHOWN:]))
    head = "prior" if prior else "He"
    numbers = f"{first:.2f} | {last:.2f} | {miou:.4f}"
    return f"| {state.architecture.title} | {head} | {seed} | {numbers} |"


def main() -> None:
    """Run the trials and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("structure")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--networks", default=",".join(NETWORKS))
    options = parser.parse_args()
    dataset = read_dataset(options.dataset)
    print("| network | head | seed | first loss | last loss | validation mIOU |")
    print("|---|---|---|---|---|---|")
    for name in options.networks.split(","):
        for seed in map(int, options.seeds.split(",")):
            for prior in (False, True):
                print(trial(dataset, options.structure, name, seed, prior), flush=True)


if __name__ == "__main__":
    main()
