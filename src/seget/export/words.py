"""The documentation of a package: what the model is, what it wants, what it was taught by.

Trained -> text in Markdown

It never promises what was not measured: scores are those that the model's own training noted.
"""

from __future__ import annotations

from typing import Any

from seget.normalisation import CLIP, TAIL_PERCENT
from seget.trained import Trained

PAPER = (
    "E. Zhang, F. Zhang, Z. Liu, X. Wan, L. Zhu: SegET: Deep Neural Network with Rich Contextual "
    "Features for Cellular Structures Segmentation in Electron Tomography Image (2018)"
)
PAPER_DOI = "10.48550/arXiv.1811.11729"


def documentation(trained: Trained, name: str, cited: list[str]) -> str:
    """Return README.md of a package."""
    parts = [
        f"# {name}",
        _what(trained),
        "## Images",
        _images(trained),
        "## Scores",
        _scores(trained),
        "## Use",
        "In seget: `seget segment tomogram.mrc THIS.zip -o segmented`, which does all of this. "
        + "In other programs: bring the slices to the pixel size, normalise the whole volume, and "
        + "give slice after slice.",
        "## Training",
        _training(trained),
        "## Validation",
        _validation(trained),
        "## Cite",
        "\n".join(f"- {text}" for text in cited),
    ]
    return "\n\n".join(parts) + "\n"


def _what(trained: Trained) -> str:
    network = trained.architecture.title
    return (
        f"{network} finds {_listed(trained.structures)} in slices of electron tomograms. "
        "It sees one slice at a time"
        + (
            f" and {trained.recipe.context} neighbours on either side"
            + (f", {trained.slice_nm:.4g} nm apart" if trained.slice_nm else "")
            if trained.recipe.context
            else ""
        )
        + ", and knows no other structure: what it never saw as background it may take for one."
    )


def _images(trained: Trained) -> str:
    size = trained.pixel_nm
    pixel = (
        f"- **Pixel size** {size[0]:.4g} x {size[1]:.4g} nm (y, x). Resample a tomogram of another."
        if size
        else "- **Pixel size**: not known of the training data; taken to be the tomogram's."
    )
    return "\n".join(
        [
            "- **Contrast**: as in the training data; invert one that is white where they are "
            "black.",
            pixel,
            "- **Normalisation**: (grey - mean) / deviation, both of the *whole volume*, not of a "
            "slice: one without any structure would be stretched otherwise. seget leaves out "
            f"padding (one value along the border, empty slices), counts the outermost "
            f"{TAIL_PERCENT:g} % at either end as their innermost value, and clips the result to "
            f"+-{CLIP:g}; plain mean and deviation, as the preprocessing of this package has them, "
            "are near that unless there are padding or hot pixels.",
            "- **Size**: any. A slice that is cut into tiles wants tiles that overlap by "
            f"{trained.architecture.halo_px} px: so far the network sees.",
        ]
    )


def _scores(trained: Trained) -> str:
    rows = [
        f"| {number} | {structure} | {trained.thresholds.get(structure, 0.5):.3f} |"
        for number, structure in enumerate(trained.structures, start=1)
    ]
    return "\n".join(
        [
            "One channel a structure, each a score of 0 to 1 by itself: they do not sum to one. A "
            "pixel is the structure with the highest score above its threshold.",
            "",
            "| channel | structure | threshold |",
            "|---|---|---|",
            *rows,
        ]
    )


def _training(trained: Trained) -> str:
    found = trained.provenance
    facts: dict[str, Any] = {
        "recipe": trained.recipe.name,
        "dataset": found.get("dataset"),
        "tomograms": ", ".join(str(t.get("name")) for t in found.get("tomograms") or ()) or None,
        "steps": found.get("step") or found.get("steps"),
        "patch": f"{trained.recipe.patch_px} px",
        "patches a step": trained.recipe.batch_size,
        "peak learning rate": trained.recipe.learning_rate,
        "seed": found.get("seed"),
        "seget": (found.get("versions") or {}).get("seget"),
        "SHA-256 of the weights in seget": trained.weights_sha256 or None,
    }
    rows = [f"| {name} | {value} |" for name, value in facts.items() if value is not None]
    return "\n".join(["| | |", "|---|---|", *rows])


def _validation(trained: Trained) -> str:
    found = trained.provenance.get("validation_miou") or {}
    rows = [f"| {s} | {miou:.3f} |" for s, miou in found.items() if isinstance(miou, int | float)]
    how = (
        "On a tomogram of yours with masks on some slices: `seget segment tomogram.mrc THIS.zip -o "
        "segmented`, then `seget evaluate segmented dataset.toml`, which prints mIOU, IoU and Dice "
        "of each structure."
    )
    if not rows:
        return "No score of this model was noted. " + how
    table = "\n".join(["| structure | mIOU on validation slices |", "|---|---|", *rows])
    told = (
        "These slices are of the training's own tomograms and chose the model's epoch and "
        "thresholds; another tomogram may be worse."
    )
    return f"{table}\n\n{told} {how}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
