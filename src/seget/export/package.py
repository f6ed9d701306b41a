"""A model as a package of bioimage.io (format 0.5): graph, test images, cover, documentation.

Trained + tomogram -> `.zip`

It never uploads anything. That the package passes `bioimageio test` is held by `make test-export`.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from seget import files
from seget.errors import InputError
from seget.export.example import EPS, STEP_PX, Example, example
from seget.export.onnx_file import INPUT, OPSET, OUTPUT, card, onnx_bytes, refuse_existing
from seget.export.words import PAPER, PAPER_DOI, documentation
from seget.trained import Trained
from seget.volume import Volume

FORMAT = "0.5.4"
DESCRIPTION, WEIGHTS, README, COVER = "rdf.yaml", "weights.onnx", "README.md", "cover.png"
TEST_INPUT, TEST_OUTPUT = "test_input.npy", "test_output.npy"
LONGEST_NAME, SHORTEST_NAME = 128, 5
LINK = re.compile(r"(?:https?://|10\.\d{4,9}/)\S+$")
NO_DATE = (1980, 1, 1, 0, 0, 0)  # so that the same model gives the same bytes


@dataclass(frozen=True)
class About:
    """What a package says of people and rights.

    Attributes
    ----------
    name
        Of the model; empty: after its structures.
    authors
        Names.
    licence
        Of the weights, as SPDX writes it.
    cited
        Works beside the paper of SegET, such as the data: a text that ends in its DOI or address.
    """

    name: str = ""
    authors: tuple[str, ...] = ()
    licence: str = "MIT"
    cited: tuple[str, ...] = ()


def write_package(
    trained: Trained,
    volume: Volume,
    out: Path,
    about: About | None = None,
    z: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the package of a model; return its path.

    Parameters
    ----------
    volume
        A tomogram of which the test images and the cover are made, from slice `z`.
    out
        `.zip`.

    Raises
    ------
    InputError
        It exists, `onnx` is not installed, a work is cited without DOI and address, or the
        tomogram does not fit the model.
    RunError
        The graph's scores are not torch's.
    """
    about = about or About()
    if out.suffix.lower() != ".zip":
        raise InputError(f"{out}: a package of bioimage.io is a .zip; name it so.")
    refuse_existing(out, overwrite)
    cited = [_citation(f"{PAPER} {PAPER_DOI}"), *map(_citation, about.cited)]
    shown = example(trained, volume, z)
    name = _name(trained, about)
    texts = [f"{one['text']} {one.get('doi') or one.get('url')}" for one in cited]
    content = {
        WEIGHTS: onnx_bytes(trained),
        TEST_INPUT: _npy(shown.grey),
        TEST_OUTPUT: _npy(shown.scores),
        COVER: shown.cover,
        README: documentation(trained, name, texts).encode(),
    }
    said = _description(trained, name, about, cited, shown)
    for place, file in _hashed(said):
        place["sha256"] = hashlib.sha256(content[file]).hexdigest()
    text = import_module("yaml").safe_dump(said, sort_keys=False, allow_unicode=True, width=100)
    with files.atomic_path(out) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as packed:
        for file, data in {DESCRIPTION: text.encode(), **content}.items():
            packed.writestr(zipfile.ZipInfo(file, NO_DATE), data, zipfile.ZIP_DEFLATED)
    return out


def _description(
    trained: Trained, name: str, about: About, cited: list[dict[str, str]], shown: Example
) -> dict[str, Any]:
    """Return rdf.yaml, without the hashes of its files."""
    return {
        "type": "model",
        "format_version": FORMAT,
        "name": name,
        "description": f"Finds {', '.join(trained.structures)} in electron tomograms"[:1000],
        "authors": [{"name": author} for author in about.authors or ("not named",)],
        "cite": cited,
        "license": about.licence,
        "documentation": README,
        "covers": [COVER],
        "tags": ["electron-tomography", "segmentation", "semantic-segmentation", "2d", "seget"],
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": [_input(trained)],
        "outputs": [_output(trained)],
        "weights": {"onnx": {"source": WEIGHTS, "sha256": "", "opset_version": OPSET}},
        "config": {
            "bioimageio": {
                "modality": "electron tomography",
                "target_structure": list(trained.structures),
                "task": "semantic segmentation",
                "architecture_type": trained.architecture.title,
                "model_parameter_count": sum(p.numel() for p in trained.network.parameters()),
            },
            "seget": card(trained).model_dump(mode="json"),
        },
    }


def _input(trained: Trained) -> dict[str, Any]:
    context = trained.recipe.context
    return {
        "id": INPUT,
        "description": "grey values of a slice" + " and its neighbours" * bool(context),
        "axes": [
            {"type": "batch"},
            {
                "type": "channel",
                "channel_names": [_slice_name(n) for n in range(-context, context + 1)],
            },
            *_space(trained, {"min": STEP_PX, "step": STEP_PX}),
        ],
        "data": {"type": "float32"},
        "test_tensor": {"source": TEST_INPUT, "sha256": ""},
        "preprocessing": [
            {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
            {
                "id": "zero_mean_unit_variance",
                "kwargs": {"axes": ["batch", "channel", "y", "x"], "eps": EPS},
            },
        ],
    }


def _output(trained: Trained) -> dict[str, Any]:
    sizes = [{"tensor_id": INPUT, "axis_id": axis} for axis in ("y", "x")]
    return {
        "id": OUTPUT,
        "description": "score of each structure, 0 to 1",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": [_identifier(s) for s in trained.structures]},
            *_space(trained, *sizes),
        ],
        "data": {"type": "float32", "range": [0.0, 1.0]},
        "test_tensor": {"source": TEST_OUTPUT, "sha256": ""},
    }


def _space(trained: Trained, *sizes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the axes y and x with their pixel size; one size stands for both."""
    nm = trained.pixel_nm
    return [
        {"type": "space", "id": axis, "size": dict(sizes[number % len(sizes)])}
        | ({"unit": "nanometer", "scale": round(float(nm[number]), 6)} if nm else {})
        for number, axis in enumerate(("y", "x"))
    ]


def _hashed(said: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Return the places of a description that name a file together with its hash."""
    places = [
        said["inputs"][0]["test_tensor"],
        said["outputs"][0]["test_tensor"],
        said["weights"]["onnx"],
    ]
    return [(place, place["source"]) for place in places]


def _slice_name(number: int) -> str:
    return "slice" if number == 0 else f"slice_{abs(number)}_{'before' if number < 0 else 'after'}"


def _identifier(structure: str) -> str:
    """Return a structure's name as bioimage.io takes it: letters, digits and _."""
    name = re.sub(r"\W", "_", structure)
    return name if not name[0].isdigit() else f"structure_{name}"


def _name(trained: Trained, about: About) -> str:
    """Return the model's name, of characters that bioimage.io takes."""
    name = about.name or f"SegET {' '.join(trained.structures)}"
    kept = re.sub(r"[^A-Za-z0-9_+\- ()]", " ", name)[:LONGEST_NAME].strip()
    if len(kept) < SHORTEST_NAME:
        raise InputError(f"--name {name}: wanted at least {SHORTEST_NAME} letters or digits.")
    return kept


def _citation(text: str) -> dict[str, str]:
    """Return a work as bioimage.io cites it: its text, and its DOI or its address."""
    link = LINK.search(text)
    if link is None:
        raise InputError(
            f"--cite {text}: wanted a text that ends in a DOI or an address, as in --cite 'Our "
            "tomograms, 10.5281/zenodo.1234'."
        )
    title = text[: link.start()].strip(" ,;")
    key = "url" if link[0].startswith("http") else "doi"
    return {"text": title or link[0], key: link[0]}


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()
