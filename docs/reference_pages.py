"""Write docs/recipe.md and docs/api.md from the code, or say with --check that they are old.

fields of a recipe, docstrings -> pages of reference
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import seget
from seget.recipes import PAPER, Recipe, modern

FOLDER = Path(__file__).parent
# What each number does; a test says which is forgotten.
MEANINGS = {
    "name": "which recipe it is; not to be set",
    "network": "which network is trained ([networks.md](networks.md))",
    "optimiser": "`adam`; `muon`: kernels between features take orthogonal steps instead",
    "learning_rate": "size of a step; the peak with `one_cycle`",
    "schedule": "`one_cycle`: up to the peak, then down to 0 along a cosine; `keras`: see `decay`",
    "decay": "with `keras`: the rate is learning_rate / (1 + decay x step)",
    "warmup": "with `one_cycle`: share of the run in which the rate rises",
    "weight_decay": "lambda of equation 1: how much large weights cost",
    "average": "decay of the EMA of the weights; none keeps the last weights",
    "epochs": "length of the run, in epochs; `--max-minutes` replaces it",
    "steps_per_epoch": "steps of an epoch; none: every patch of the grid once",
    "stop_patience": "epochs without a better validation mIOU after which the run ends",
    "reduce_patience": "the same, after which the rate is halved",
    "batch_size": "patches of a step",
    "patch_px": "edge of a patch in pixels of the tomogram; a multiple of 16",
    "stride_px": "step of the grid of patches",
    "binning": "the network sees the mean of so many pixels along each edge",
    "context": "neighbouring slices on either side that it sees too",
    "pixel_nm": "pixel size at which tomograms are read; none: the median of theirs",
    "positive_copies": "how often a patch with foreground stands in an epoch of the grid",
    "foreground_share": "share of patches that are drawn around foreground",
    "deep_supervision": "weight of the loss of each coarser level; SegET alone has such levels",
    "center_dropout": "share of the center's features that each patch does without; SegET alone",
    "weight_cap": "largest weight of a foreground pixel; none: all pixels weigh 1",
    "tuned_thresholds": "thresholds chosen on the validation slices, or 0.5",
    "weight_interpolation": "in the end the model goes back towards the weights that it began "
    "from, as far as the validation slices let it",
    "flips": "mirror patches and turn them by right angles",
    "warp": "share of patches that are turned, scaled and bent",
    "scale": "largest relative change of size of those",
    "elastic_px": "how far they are bent, in pixels (a standard deviation)",
    "grey": "largest change of brightness, contrast and gamma",
    "noise": "largest added noise, in deviations of the image",
}
# Room -> what of it a script needs, beside the front door.
ROOMS = {
    "seget.files": ("create", "describe", "find_tomograms"),
    "seget.prediction": ("Options", "predict_files", "segment_files", "next_slices"),
    "seget.training": ("Run",),
    "seget.results": ("fuse_files", "read_labels"),
    "seget.measurement": ("Options", "measure_files"),
    "seget.export": ("About", "write_onnx", "write_package"),
    "seget.copick": ("read_project", "write_segmentation", "write_picks"),
    "seget.listener": ("Listener",),
}
WIDTH = 100
RECIPE_TEXT = """\
`--set KEY=VALUE` of `seget train` changes one, `--set weight_cap=none` switches one off; what was
used stands in `model.json`. `modern` chooses `binning`, `patch_px` and `weight_cap` by what is
drawn, `deep_supervision` and `weight_interpolation` by what a training begins from
([few-slices.md](few-slices.md)). Why the others are as they are stands beside them in
`src/seget/recipes.py`, and what was tried in [results/trials.md](results/trials.md). Where the
paper's five recipes differ, they are in the order {order}."""
API_TEXT = """\
Arrays are (z, y, x), lengths are in nanometres unless a name says otherwise. What is wrong with an
input raises `seget.errors.InputError`, a run that cannot go on `RunError`: a sentence each."""


def recipe_page() -> str:
    """Return the page of a recipe's numbers."""
    ours, paper = modern(), {name: make() for name, make in PAPER.items()}
    rows = [
        f"| `{name}` | {_values(name)} | {getattr(ours, name)!s} | {_of_paper(name, paper)} | "
        f"{MEANINGS.get(name, '')} |"
        for name in Recipe.model_fields
        if name != "name"
    ]
    return "\n".join(
        [
            "# The recipe: every number of a training",
            "",
            "Written by `make docs` from the code; do not edit by hand.",
            "",
            RECIPE_TEXT.format(order=", ".join(PAPER)),
            "",
            "| key | values | modern | paper | what it does |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def api_page() -> str:
    """Return the page of what a script uses."""
    parts = [
        "# Python",
        "Written by `make docs` from the docstrings; do not edit by hand.",
        API_TEXT,
        "## seget",
        *(_entry("seget", name) for name in seget.__all__),
    ]
    for room, names in ROOMS.items():
        card = (inspect.getdoc(import_module(room)) or "").partition("\n")[0]
        parts += [f"## {room}", card, *(_entry(room, name) for name in names)]
    return "\n\n".join(parts) + "\n"


def _entry(room: str, name: str) -> str:
    thing = getattr(import_module(room), name)
    text = inspect.cleandoc(inspect.getdoc(thing) or "")
    kind = "class " if inspect.isclass(thing) else ""
    return f"### {room}.{name}\n\n```text\n{kind}{_signature(name, thing)}\n\n{text}\n```"


def _signature(name: str, thing: Callable[..., Any]) -> str:
    """Return how a thing is called, a parameter a line where one line is too short."""
    if thing is Recipe:
        return f"{name}(...)  # recipe.md"
    found = inspect.signature(thing)
    parameters: list[str] = []
    for one in found.parameters.values():
        if one.kind is one.KEYWORD_ONLY and "*" not in parameters:
            parameters.append("*")
        parameters.append(_parameter(one))
    gives = found.return_annotation
    back = f" -> {gives}" if isinstance(gives, str) and gives != "None" else ""
    line = f"{name}({', '.join(parameters)}){back}"
    if len(line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {one},\n" for one in parameters) + f"){back}"


def _parameter(one: inspect.Parameter) -> str:
    """Return a parameter with its type, and its default where that is a plain value."""
    typed = f"{one.name}: {one.annotation}"
    if one.default is one.empty:
        return typed
    plain = one.default is None or isinstance(one.default, bool | int | float | str | tuple)
    return f"{typed} = {one.default!r}" if plain else f"{typed} = ..."


def _values(name: str) -> str:
    field = Recipe.model_fields[name]
    choices = [one for one in get_args(field.annotation) if isinstance(one, str)]
    if choices:
        return ", ".join(choices)
    limits = [
        f"{sign} {getattr(rule, key):g}"
        for rule in field.metadata
        for key, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))
        if getattr(rule, key, None) is not None
    ]
    kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if kind in KINDS]
    none = ", or none" if type(None) in get_args(field.annotation) else ""
    return f"{KINDS[kinds[0]]} {' and '.join(limits)}{none}".replace(" ,", ",").strip()


KINDS: dict[Any, str] = {bool: "true or false", int: "whole", float: "number"}


def _of_paper(name: str, paper: dict[str, Recipe]) -> str:
    values = [str(getattr(one, name)) for one in paper.values()]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


PAGES = {"recipe.md": recipe_page, "api.md": api_page}

if __name__ == "__main__":
    for file, page in PAGES.items():
        path = FOLDER / file
        if "--check" not in sys.argv:
            path.write_text(page())
        elif not path.exists() or path.read_text() != page():
            sys.exit(f"docs/{file} is not what the code says: run `make docs`.")
