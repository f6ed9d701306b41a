"""A table.json's object whose numbers are invented, for the tests that show it."""

from __future__ import annotations

from typing import Any

NAME = '<script>alert("x")</script>'
TITLES = {
    "fcn8s": "FCN-8s",
    "segnet": "SegNet",
    "unet": "U-Net",
    "deeplabv3plus": "DeepLabv3+",
    "seget": "SegET",
}
GOLGI = {"fcn8s": 0.71, "segnet": 0.75, "unet": 0.80, "deeplabv3plus": 0.72, "seget": 0.87}
OTHER = {"fcn8s": 0.85, "segnet": 0.82, "unet": 0.68, "deeplabv3plus": 0.93, "seget": 0.92}
RATES = {0.001: 0.611, 0.003: 0.655, 0.01: None}


def comparison_table(structures: tuple[str, ...] = ("golgi", NAME)) -> dict[str, Any]:
    """Five networks, two seeds 0.01 apart; SegNet has no second structure yet."""
    levels = [GOLGI, OTHER, *[GOLGI] * (len(structures) - 2)]
    scores = {
        network: {
            structure: cell(level[network])
            for structure, level in zip(structures, levels, strict=True)
            if (network, structure) != ("segnet", structures[1])
        }
        for network in TITLES
    }
    return {
        "title": "cell: 5 networks compared",
        "dataset": "cell",
        "joint": False,
        "split": {
            "part": "test",
            "kinds": ["block"],
            "slices": {"tomogram": [16, 17, 18, 19]},
            "text": "scored on the test slices, which neither trained nor chose anything.",
            "flatters": False,
        },
        "terms": {
            "kind": "budget",
            "budget_s": 600.0,
            "text": "equal time: 600 s of optimiser steps a network, steps = time / pace",
        },
        "recipe": "modern",
        "seeds": [0, 1],
        "machine": "2 cores of a processor",
        "structures": list(structures),
        "networks": {network: about(network) for network in TITLES},
        "scores": scores,
        "averages": {
            network: [
                sum(cell["miou"][seed] for cell in own.values()) / len(own) for seed in (0, 1)
            ]
            if len(own) == len(structures)
            else []
            for network, own in scores.items()
        },
        "search": [trial(structure, rate) for structure in structures for rate in RATES],
    }


def about(network: str) -> dict[str, Any]:
    """Return what table.json says of a network; the pace of one is not known."""
    return {
        "title": TITLES[network],
        "parameters": 1_234_567,
        "gflop": 98.76,
        "step_s": None if network == "unet" else 0.4321,
        "slice_s": 1.25,
    }


def trial(structure: str, rate: float) -> dict[str, Any]:
    """Return what table.json says of a learning rate; the highest one failed."""
    return {
        "network": "seget",
        "structures": [structure],
        "learning_rate": rate,
        "validation_miou": RATES[rate],
        "steps": 80,
        "chosen": rate == 0.003,
    }


def cell(miou: float) -> dict[str, Any]:
    """Return what table.json says of a network and a structure."""
    return {
        "miou": [miou - 0.005, miou + 0.005],
        "interval": [miou - 0.03, miou + 0.02],
        "steps": 1388,
        "learning_rate": 0.003,
        "foreground_fraction": 0.0234,
        "false_positive_share": 0.0567,
        "iou": 2 * miou - 0.99,
        "dice": None,
        "miou_at_threshold": miou + 0.001,
        "miou_per_slice": miou - 0.001,
        "miou_per_patch": miou - 0.02,
        "pixel_accuracy": 0.987,
    }
