"""Five thousand damaged cards, weights, datasets and settings: each a result or one sentence."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataset_folder import DRAWN, LABELS, Folder
from hostile import NUMBERS, WORDS, as_json, damaged, end_of, mutated, odd_value
from seget.dataset import read_dataset
from seget.networks import Architecture
from seget.recipes import Recipe, golgi, modern
from seget.trained import CARD, WEIGHTS, Trained, load

CARDS, WHOLE_CARDS, TENSORS, DATASETS, SETTINGS = 2000, 30, 50, 1520, 1400

CLAIMS = [[0, 10**15], [10**9, 10**9], [-1], "F8_E8M0", "C64", "BOOL"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    network = Architecture("seget", outputs=2, binning=2).build().eval()
    shares = {"golgi": 0.3, "lytic granules": 0.5}
    Trained(network, tuple(shares), modern(), shares, (2.0, 3.0), {"seed": 5}).save(folder)
    return folder


def test_a_damaged_card_is_one_sentence(model: Path, tmp_path: Path) -> None:
    """With a stub in place of the weights: whatever passes as a card ends at the checksum."""
    rng = random.Random(1)
    whole = json.loads((model / CARD).read_bytes())
    (tmp_path / WEIGHTS).write_bytes(b"stub")
    ends = Counter[str]()
    for number in range(CARDS):
        raw = as_json(mutated(rng, whole)) if number % 3 else damaged(rng, as_json(whole))
        (tmp_path / CARD).write_bytes(raw)
        ends[end_of(lambda: load(tmp_path), str(tmp_path))] += 1
    assert ends == {"refused": CARDS}


def test_a_damaged_card_beside_its_weights(model: Path, tmp_path: Path) -> None:
    rng = random.Random(2)
    whole = json.loads((model / CARD).read_bytes())
    (tmp_path / WEIGHTS).symlink_to(model / WEIGHTS)
    ends = Counter[str]()
    for _ in range(WHOLE_CARDS):
        (tmp_path / CARD).write_bytes(as_json(mutated(rng, whole)))
        ends[end_of(lambda: load(tmp_path), str(tmp_path))] += 1
    assert ends["result"], "some changes do no harm"
    assert ends["refused"] > ends["result"]


def test_damaged_weights_are_one_sentence(model: Path, tmp_path: Path) -> None:
    """Their checksum is mended each time, as whoever means harm would."""
    rng = random.Random(3)
    card = json.loads((model / CARD).read_bytes())
    raw = (model / WEIGHTS).read_bytes()
    length = int.from_bytes(raw[:8], "little")
    listed = json.loads(raw[8 : 8 + length])
    ends = Counter[str]()
    for number in range(TENSORS):
        body = raw[8 + length :]
        match number % 5:
            case 0 | 1:
                name, value = rng.choice(list(listed)), rng.choice([odd_value(rng), *CLAIMS])
                changed = {rng.choice(list(listed[name])): value}
                text = as_json(listed | {name: listed[name] | changed})
                hurt = len(text).to_bytes(8, "little") + text + body
            case 2 | 3:
                hurt = damaged(rng, raw[: 8 + length]) + body
            case _:
                at = rng.randrange(len(body))
                hurt = raw[: 8 + length] + body[:at] + rng.randbytes(4) + body[at + 4 :]
        (tmp_path / WEIGHTS).write_bytes(hurt)
        card["weights_sha256"] = hashlib.sha256(hurt).hexdigest()
        (tmp_path / CARD).write_bytes(as_json(card))
        ends[end_of(lambda: load(tmp_path), WEIGHTS)] += 1
    assert ends["refused"] > TENSORS / 2
    assert ends["result"], "other weights are weights, as long as they are finite"


def toml(value: Any) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{quoted(k)} = {toml(v)}" for k, v in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case str():
            return quoted(value)
        case None:
            return ""
    return str(value).lower()


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = Folder(tmp_path)
    folder.save("tomogram.mrc", np.random.default_rng(0).integers(0, 256, DRAWN.shape, np.uint8))
    folder.save("synapse.mrc", DRAWN.astype(np.uint8))
    folder.save("labels.mrc", LABELS.astype(np.uint8))
    (tmp_path / "x.mod").write_bytes(b"IMODV1.2" + bytes(500))
    return tmp_path


def test_a_damaged_dataset_is_one_sentence(folder: Path) -> None:
    rng = random.Random(4)
    masks = {"synapse": "synapse.mrc", "golgi": {"file": "labels.mrc", "value": 2}}
    held_out = {"validation": [4], "test": [5, 6]}
    some = {"slices": list(range(2, 12)), "holdout": held_out}
    tomograms = [{"image": "tomogram.mrc", "masks": masks}] * 2
    whole = {"name": "a", "holdout": "block", "gap": 1, "tomogram": tomograms}
    tomograms[1] = tomograms[1] | some
    path = folder / "dataset.toml"
    ends = Counter[str]()
    for number in range(DATASETS):
        tree = mutated(rng, whole) if number % 4 else whole
        if number % 50 == 1:  # a file that is a model, is there, and is none
            tree["tomogram"] = [{"image": "tomogram.mrc", "masks": {"a": "x.mod"}}]
        lines = [f"{quoted(str(key))} = {toml(value)}" for key, value in tree.items()]
        raw = "\n".join(lines).encode("utf-8", "surrogatepass")
        path.write_bytes(raw if number % 4 else damaged(rng, raw))
        ends[end_of(lambda: read_dataset(path))] += 1
    assert min(ends["result"], ends["refused"]) > 20, ends


def test_a_strange_setting_is_one_sentence() -> None:
    rng = random.Random(5)
    keys = [*Recipe.model_fields, "", "=", " name", "épochs", "\ud800", "a" * 10_000]
    ends = Counter[str]()
    for _ in range(SETTINGS):
        settings = []
        for _ in range(rng.choice([1, 1, 3])):
            value = rng.choice([*map(str, NUMBERS), *WORDS, str(rng.gauss(0, 100)), "unet", "yes"])
            settings.append(f"{rng.choice(keys)}{rng.choice(['=', '=', '=', '', '=='])}{value}")
        recipe = rng.choice([modern, golgi])()
        ends[end_of(lambda recipe=recipe, said=settings: recipe.override(said), "--set ")] += 1
    assert min(ends.values()) > 20, ends


def test_there_are_five_thousand() -> None:
    assert CARDS + WHOLE_CARDS + TENSORS + DATASETS + SETTINGS >= 5000
