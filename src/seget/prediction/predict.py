"""A tomogram through trained models, slice by slice, to score maps.

Volume + Trained -> {structure: scores 0..127}, in memory or as files

It never holds more than a slice when it writes files, and never overwrites what another command
made. The sigmoid is applied here (in the engine) and nowhere else in the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from seget import files
from seget.errors import InputError
from seget.prediction.engine import Engine, Scores, choose_device
from seget.prediction.maps import Sidecar, identity, is_done, map_path, write_sidecar
from seget.trained import Trained
from seget.volume import Volume, normalisation

Progress = Callable[[int, int], None]

SMALLEST_WINDOW_PX = 16  # smaller ones are all halo


def silent(_done: int, _total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Options:
    """How to predict, and what to do with outputs that exist."""

    device: str = "auto"
    window_px: int | None = None
    views: int = 1
    format: str = "mrc"
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.format not in ("mrc", "zarr"):
            raise InputError(f"--format {self.format}: wanted mrc or zarr.")
        if self.views not in (1, 4, 8):
            raise InputError(f"--views {self.views}: wanted 1, 4 or 8.")
        if self.window_px is not None and self.window_px < SMALLEST_WINDOW_PX:
            raise InputError(
                f"--window {self.window_px}: wanted at least {SMALLEST_WINDOW_PX} pixels."
            )


DEFAULT = Options()


def engine(trained: Trained, options: Options) -> Engine:
    """Return a model ready to score slices on the device that the options name."""
    device = choose_device(options.device)
    return Engine.of(trained.network, trained.recipe, device, options.window_px, options.views)


def score_slices(
    volume: Volume, engine: Engine, slices: Sequence[int]
) -> Iterator[tuple[int, Scores]]:
    """Yield (z, scores `(k, y, x)`) for the slices asked for, one at a time."""
    normalise = normalisation(volume)
    for z in slices:
        yield z, engine.scores(normalise(volume.slice(z)))


def predict(
    volume: Volume, trained: Trained, options: Options = DEFAULT, progress: Progress = silent
) -> dict[str, Volume]:
    """Return the score maps of a volume in memory: structure -> Volume of 0..127.

    Parameters
    ----------
    volume
        `(z, y, x)` tomogram, any type; normalised here by its own mean and deviation.
    trained
        One model, of one structure or several.
    """
    depth = volume.shape[0]
    maps = {s: np.empty(volume.shape, np.uint8) for s in trained.structures}
    for z, scores in score_slices(volume, engine(trained, options), range(depth)):
        for structure, score in zip(trained.structures, scores, strict=True):
            maps[structure][z] = score
        progress(z + 1, depth)
    return {s: volume.on_same_grid(data, f"{volume.name}__{s}") for s, data in maps.items()}


def predict_files(
    volume: Volume,
    models: Sequence[Trained],
    folder: Path,
    options: Options = DEFAULT,
    progress: Progress = silent,
) -> list[Path]:
    """Write a score map a structure into `folder`; return their paths in the models' order.

    Maps that this same command (input, model, settings) made before are kept as they are.

    Raises
    ------
    InputError
        Two models score one structure, or an output exists that another command made.
    """
    _refuse_twins(models)
    fingerprint = volume.fingerprint()
    jobs: list[tuple[Trained, dict[Path, Sidecar]]] = []
    for trained in models:
        first = sum(len(maps) for _, maps in jobs)
        jobs.append((trained, _planned(volume, trained, folder, options, fingerprint)))
        for order, sidecar in enumerate(jobs[-1][1].values(), start=first):
            sidecar.order = order
    waiting = [job for job in jobs if not _all_done(job[1], options.overwrite)]
    folder.mkdir(parents=True, exist_ok=True)
    depth = volume.shape[0]
    for number, (trained, maps) in enumerate(waiting):
        for done in _write_maps(volume, trained, maps, options):
            progress(number * depth + done, len(waiting) * depth)
    return [path for _, maps in jobs for path in maps]


def _refuse_twins(models: Sequence[Trained]) -> None:
    structures = [structure for trained in models for structure in trained.structures]
    twins = sorted({s for s in structures if structures.count(s) > 1})
    if twins:
        raise InputError(f"two of the models score {', '.join(twins)}; give one model a structure.")


def _planned(
    volume: Volume, trained: Trained, folder: Path, options: Options, fingerprint: str
) -> dict[Path, Sidecar]:
    """Return the maps that one model is to write, with what will stand beside each."""
    return {
        map_path(folder, volume.name, structure, f".{options.format}"): Sidecar(
            structure=structure,
            threshold=trained.thresholds.get(structure, 0.5),
            model=trained.weights_sha256,
            id=identity(fingerprint, trained.weights_sha256, structure, options.views),
            made_by={
                "seget": version("seget"),
                "tomogram": str(volume.path or volume.name),
                "network": trained.recipe.network,
                "recipe": trained.recipe.name,
                "views": options.views,
            },
        )
        for structure in trained.structures
    }


def _all_done(maps: dict[Path, Sidecar], overwrite: bool) -> bool:
    # Every map is looked at, so that a foreign one is refused before an hour of work, not after.
    done = [is_done(path, sidecar.id or "", overwrite) for path, sidecar in maps.items()]
    return all(done)


def _write_maps(
    volume: Volume, trained: Trained, maps: dict[Path, Sidecar], options: Options
) -> Iterator[int]:
    """Write the maps of one model; yield the number of slices done after each."""
    with ExitStack() as stack:
        writers = [
            stack.enter_context(files.create(path, like=volume, dtype=np.dtype(np.uint8)))
            for path in maps
        ]
        slices = range(volume.shape[0])
        for z, scores in score_slices(volume, engine(trained, options), slices):
            for writer, score in zip(writers, scores, strict=True):
                writer[z] = score
            yield z + 1
    for path, sidecar in maps.items():
        write_sidecar(path, sidecar)
