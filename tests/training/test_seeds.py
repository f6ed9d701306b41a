"""A seed gives its own weights, whatever goes on in other threads of the process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import torch
from torch import Tensor

from seget.device import choose_device
from seget.recipes import modern
from seget.training.state import State


def weights(seed: int) -> dict[str, Tensor]:
    return State(modern(), 1, seed, choose_device("cpu")).network.state_dict()


def test_states_begun_in_several_threads_have_the_weights_of_their_seeds() -> None:
    alone = [weights(seed) for seed in range(12)]
    done = Event()

    def draw() -> None:
        while not done.is_set():
            torch.rand(100)

    with ThreadPoolExecutor(5) as pool:
        pool.submit(draw)
        together = list(pool.map(weights, range(12)))
        done.set()
    differ = [
        seed
        for seed, (one, other) in enumerate(zip(alone, together, strict=True))
        if not all(torch.equal(one[key], other[key]) for key in one)
    ]
    assert not differ
