"""The process that predicts: requests on standard input, answers on standard output.

{"do": "warm", "predict" or "next", ...} -> {"id": 1, ...}

It keeps models and tomograms open between requests, so that the second slice takes no longer than
its computation. It never writes into a session: scores go to the file that the request names.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seget import files
from seget.dataset import read_dataset
from seget.errors import InputError, RunError, in_words
from seget.listener import Listener
from seget.normalisation import Normalisation, normalisation
from seget.prediction import Options, Scorer, next_slices, open_reader
from seget.prediction.predict import scorer
from seget.slices import SliceReader
from seget.trained import Trained, load
from seget.volume import Volume


@dataclass
class _Kept:
    """What stays open between requests."""

    volumes: dict[str, tuple[Volume, Normalisation]] = field(default_factory=dict)
    models: dict[str, Trained] = field(default_factory=dict)
    ready: dict[tuple[str, str, bool], tuple[SliceReader, Scorer]] = field(default_factory=dict)

    def model(self, folder: str) -> Trained:
        """Return a model, loaded anew when the training has kept a better one."""
        said = files.read_json(_card(Path(folder)))
        sha256 = said.get("weights_sha256", "") if isinstance(said, dict) else ""
        trained = self.models.get(folder)
        if trained is None or trained.weights_sha256 != sha256:
            trained = self.models[folder] = load(folder)
            for key in [key for key in self.ready if key[1] == folder]:
                del self.ready[key]
        return trained

    def scoring(self, tomogram: str, folder: str, invert: bool) -> tuple[SliceReader, Scorer]:
        """Return the reader and the scorer of a tomogram and a model."""
        trained, key = self.model(folder), (tomogram, folder, invert)
        if key not in self.ready:
            if tomogram not in self.volumes:
                volume = files.read(tomogram)
                self.volumes[tomogram] = volume, normalisation(volume)
            volume, grey = self.volumes[tomogram]
            options = Options(invert=invert)
            reader = open_reader(volume, trained, options, grey)
            self.ready[key] = reader, scorer(trained, reader, options)
        return self.ready[key]


def _card(folder: Path) -> Path:
    inner = folder / "model" / "model.json"
    return inner if inner.is_file() else folder / "model.json"


class _Told(Listener):
    """Passes progress on as answers."""

    def __init__(self, number: int) -> None:
        self._number = number

    def progress(self, done: int, total: int) -> None:
        _answer(id=self._number, done=done, total=total)


def main() -> None:
    """Answer requests until standard input ends."""
    kept = _Kept()
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        do = {"warm": _warm, "predict": _predict, "next": _next}[asked["do"]]
        try:
            _answer(id=asked["id"], ended=True, **do(kept, asked))
        except (InputError, RunError, OSError) as error:
            _answer(id=asked["id"], error=in_words(error))


def _warm(kept: _Kept, asked: dict[str, Any]) -> dict[str, Any]:
    """Load and compile a model, so that the first prediction does not wait for that."""
    if asked["model"] is not None:
        reader, scoring = kept.scoring(asked["tomogram"], asked["model"], asked["invert"])
        scoring.scores(reader.read(0))
    return {}


def _predict(kept: _Kept, asked: dict[str, Any]) -> dict[str, Any]:
    """Score a slice; write the scores `(k, y, x)` where the request says."""
    begun = time.perf_counter()
    folder = asked["model"]
    reader, scoring = kept.scoring(asked["tomogram"], folder, asked["invert"])
    z = asked["z"]
    scores = reader.restore(z, scoring.scores(reader.read(z)))
    with files.atomic_path(asked["out"]) as part, part.open("wb") as file:
        np.save(file, scores)
    trained = kept.models[folder]
    return {
        "z": z,
        "out": asked["out"],
        "structures": list(trained.structures),
        "thresholds": trained.thresholds,
        "notes": list(reader.notes()),
        "seconds": time.perf_counter() - begun,
    }


def _next(kept: _Kept, asked: dict[str, Any]) -> dict[str, Any]:
    """Propose the slice to draw next."""
    found = next_slices(
        read_dataset(asked["dataset"]),
        [kept.model(asked["model"])],
        structures=asked["structures"],
        slices=asked["slices"],
        options=Options(views=asked["views"]),
        listener=_Told(asked["id"]),
    )
    if not found:
        raise InputError("there is no slice left to propose.")
    return {"z": found[0].z, "reason": found[0].reason}


def _answer(**what: Any) -> None:
    print(json.dumps(what), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    sys.stdout = sys.stderr  # answers alone go to standard output, not what a library prints
    main()
