"""Values and damage that readers stumble over, drawn from a seeded generator."""

from __future__ import annotations

import json
import random
import time
import unicodedata
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from seget.errors import InputError

DEEP = 100_000
PATIENCE_S = 5.0
NUMBERS: list[Any] = [0, -1, 1, 127, 2**31, -(2**63), 2**64, 10**30, 0.5, -0.0, 1e-320, 1e308]
NUMBERS += [float("nan"), float("inf"), float("-inf"), True]
WORDS = ["", " ", "none", "nan", "1e999", "0x10", "9" * 5000, "a" * 300, "a\0b", "\x1b[2J", "\n"]
WORDS += ["..", "../../escaped", "/etc/passwd", "C:\\x", "..mrc", "...mrc", ".", "/", "~", "$HOME"]
WORDS += ["\ud800", "\udcff.mrc", "\u202egpj.crm", "é" * 200, "🧫", "<script>", "{{ 7 * 7 }}", "%s"]


def odd_value(rng: random.Random) -> Any:
    """Return any value of JSON, or one that JSON has not."""
    match rng.randrange(7):
        case 0:
            return None
        case 1 | 2:
            return rng.choice(NUMBERS)
        case 3 | 4:
            return rng.choice(WORDS)
        case 5:
            return [rng.choice(NUMBERS + WORDS) for _ in range(rng.choice([0, 1, 3, 2000]))]
    return {str(rng.choice(WORDS)): rng.choice(NUMBERS) for _ in range(rng.choice([0, 1, 3]))}


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) in lists and dictionaries, however deep."""
    keys: list[Any] = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    found = [(tree, key) for key in keys]
    for key in keys:
        if isinstance(tree[key], dict | list):
            found += places(tree[key])
    return found


def mutated(rng: random.Random, tree: Any) -> Any:
    """Return a copy of a tree with a few values replaced, removed, renamed or wrapped."""
    tree = deepcopy(tree)
    for _ in range(rng.randint(1, 2)):
        container, key = rng.choice(places(tree) or [({"": 0}, "")])
        match rng.randrange(6):
            case 0 if isinstance(container, dict):
                container[str(rng.choice(WORDS))] = container.pop(key)
            case 1 if isinstance(container, dict):
                del container[key]
            case 2 if isinstance(container, dict):
                container[str(rng.choice(WORDS))] = odd_value(rng)
            case 3:
                container[key] = [container[key]]
            case _:
                container[key] = odd_value(rng)
    return tree


def damaged(rng: random.Random, raw: bytes) -> bytes:
    """Return a text cut, with other bytes in it, in another encoding, or nested without end."""
    at = rng.randrange(len(raw) + 1)
    match rng.randrange(9):
        case 0:
            return raw[:at]
        case 1:
            return raw[:at] + bytes(rng.randrange(256) for _ in range(rng.randint(1, 8))) + raw[at:]
        case 2:
            return raw[:at] + raw[at + rng.randint(1, 20) :]
        case 3:
            return raw[:at] + raw[rng.randrange(len(raw)) :]
        case 4:
            encoding = rng.choice(["utf-16", "utf-32", "utf-8-sig", "utf-16-le"])
            return raw.decode(errors="replace").encode(encoding)
        case 5:
            return raw[:at] + rng.choice([b"[", b'{"a":', b"{a=", b"a.", b"[["]) * DEEP + raw[at:]
        case 6:
            return rng.choice([b"[" * DEEP, b'{"a":' * DEEP, b"a=" + b"[" * DEEP, b"a.a" * DEEP])
        case 7:
            return raw + raw
    return raw.replace(rng.choice(b'0123456789":=[]{},').to_bytes(1, "big"), b"9" * 5000, 1)


def as_json(tree: Any) -> bytes:
    """Return a tree as JSON, with NaN, Infinity and halves of characters where it has any."""
    return json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")


def end_of(call: Callable[[], object], name: str = "") -> str:
    """Return "result", or "refused" if the call ends in one printable sentence that names `name`.

    Every other end is let through, and fails the test.
    """
    begun = time.monotonic()
    try:
        call()
        end = "result"
    except InputError as error:
        said = str(error)
        assert name in said
        assert all(unicodedata.category(letter)[0] != "C" for letter in said)
        said.encode()
        assert len(said) < 10_000
        end = "refused"
    assert time.monotonic() - begun < PATIENCE_S, "an end, but not within reason"
    return end
