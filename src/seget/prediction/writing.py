"""Score maps on their way to disk: begun, interrupted, gone on with, finished.

Volume + models -> `<tomogram>__<structure>.mrc` + `.json`

It never holds more than a slice, never scores a slice again that an interrupted run finished, and
never overwrites what another command made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from seget import files, machine
from seget.errors import InputError
from seget.listener import Listener
from seget.normalisation import NAME as NORMALISATION
from seget.normalisation import normalisation
from seget.prediction import plan
from seget.prediction.found import Found
from seget.prediction.predict import DEFAULT, Options, open_reader, score_slices, scorer
from seget.prediction.scorer import Scorer
from seget.results import Sidecar, is_made, map_path, output_id, read_sidecar, write_sidecar
from seget.slices import SliceReader, pixel_size_nm
from seget.trained import Trained
from seget.volume import Volume


@dataclass(frozen=True)
class Job:
    """The maps of one model, which come out of one pass over the tomogram.

    Attributes
    ----------
    maps
        Where each goes, and what will stand beside it.
    stamp
        Of the tomogram's file when the run began; None for one that lives in memory.
    """

    trained: Trained
    maps: dict[Path, Sidecar]
    stamp: files.Stamp | None

    def key(self, sidecar: Sidecar) -> str:
        """Return what the voxels of a map follow from.

        The time of the file is part of it: sixteen slices tell tomograms apart, but not a file
        that was mended somewhere else between a kill and the next run.
        """
        return output_id(sidecar.id, self.stamp.parts if self.stamp else None)

    def is_done(self, overwrite: bool) -> bool:
        """Whether all maps stand there, made by this command.

        Raises
        ------
        InputError
            One stands there that another command made, and it is not to be overwritten.
        """
        if overwrite:
            return False
        # Every map is looked at: a foreign one is refused before an hour of work, not after.
        made = [self._is_made(path, sidecar) for path, sidecar in self.maps.items()]
        return all(made)

    def drop_journals(self) -> None:
        """Remove the lists of finished slices: the maps are whole, and so is their JSON."""
        for path in self.maps:
            files.drop_journal(path)

    def _is_made(self, path: Path, sidecar: Sidecar) -> bool:
        differs = "input, model or settings differ"
        return is_made(
            path, self.key(sidecar), lambda json: read_sidecar(json).id == sidecar.id, differs
        )


def predict_files(
    volume: Volume,
    models: Sequence[Trained],
    folder: Path,
    options: Options = DEFAULT,
    listener: Listener | None = None,
    spare_bytes: int = 0,
) -> list[Path]:
    """Write a score map a structure into `folder`; return their paths in the models' order.

    Maps that this same command (input, model, settings) made before are kept as they are; of one
    that it left half made, the finished slices are.

    Parameters
    ----------
    volume
        `(z, y, x)` tomogram of any type of number.
    models
        Each of one structure or several, no structure twice.
    listener
        Is told the number of slices done, and sentences for people.
    spare_bytes
        Disk space that has to be left for what comes after.

    Raises
    ------
    InputError
        Two models score one structure, an output exists that another command made, nothing is in
        the tomogram, or its pixels are too far from a model's size.
    RunError
        Memory or disk do not suffice, the tomogram's file changed or went away meanwhile, or
        another process writes into the folder.
    """
    listener = listener or Listener()
    _refuse_twins(models)
    stamp = files.Stamp.of(files.location(volume.path)) if volume.path else None
    if stamp is not None:
        volume = stamp.watched(volume)
    jobs = _planned(volume, models, folder, options, stamp)
    with files.only_one(folder):
        waiting = _waiting(jobs, options.overwrite)
        size = int(np.prod(volume.shape))
        machine.require_disk(folder, _missing_bytes(waiting, size) + spare_bytes)
        readers = _readers(volume, waiting, options, listener)
        depth = volume.shape[0]
        for number, (job, reader) in enumerate(zip(waiting, readers, strict=True)):
            for done in _write_maps(reader, job, options, listener):
                listener.progress(number * depth + done, len(waiting) * depth)
    return [path for job in jobs for path in job.maps]


def _refuse_twins(models: Sequence[Trained]) -> None:
    structures = [structure for trained in models for structure in trained.structures]
    twins = sorted({s for s in structures if structures.count(s) > 1})
    if twins:
        raise InputError(f"two of the models score {', '.join(twins)}; give one model a structure.")


def _planned(
    volume: Volume,
    models: Sequence[Trained],
    folder: Path,
    options: Options,
    stamp: files.Stamp | None,
) -> list[Job]:
    """Return what each model is to write, and what will stand beside it."""
    fingerprint = volume.fingerprint(options.full_hash)
    jobs, order = [], 0
    for trained in models:
        maps = {}
        for structure in trained.structures:
            path = map_path(folder, volume.name, structure, f".{options.format}")
            maps[path] = Sidecar(
                structure=structure,
                threshold=trained.thresholds.get(structure, 0.5),
                order=order,
                model=trained.weights_sha256,
                id=output_id(
                    fingerprint,
                    trained.weights_sha256,
                    structure,
                    options.views,
                    options.engine,
                    options.precision,
                    trained.pixel_nm if options.rescale else None,
                    options.invert,
                    NORMALISATION,
                ),
                made_by={
                    "command": "predict",
                    "tomogram": str(volume.path or volume.name),
                    "tomogram_sha256": fingerprint,
                    "tomogram_hash": "full" if options.full_hash else "sampled",
                    "model_sha256": trained.weights_sha256,
                    "network": trained.recipe.network,
                    "recipe": trained.recipe.name,
                    "views": options.views,
                    "invert": options.invert,
                    "versions": {n: version(n) for n in ("torch", "openvino")},
                },
            )
            order += 1
        jobs.append(Job(trained, maps, stamp))
    return jobs


def _waiting(jobs: Sequence[Job], overwrite: bool) -> list[Job]:
    """Return the jobs that are not done; remove what a kill left of the others."""
    waiting = []
    for job in jobs:
        if job.is_done(overwrite):
            job.drop_journals()
        else:
            waiting.append(job)
    return waiting


def _missing_bytes(jobs: Sequence[Job], voxels: int) -> int:
    """Return the space that is yet to be taken; what an interrupted run holds already is not."""
    return sum(max(0, voxels - files.begun_bytes(path)) for job in jobs for path in job.maps)


def _readers(
    volume: Volume, jobs: Sequence[Job], options: Options, listener: Listener
) -> list[SliceReader]:
    """Return a reader a job; say once how the volume is read."""
    if not jobs:
        return []
    grey = normalisation(volume)
    readers = [open_reader(volume, job.trained, options, grey) for job in jobs]
    sentences = [note for reader in readers for note in reader.notes()]
    if any(job.trained.pixel_nm is None for job in jobs) and pixel_size_nm(volume) is not None:
        sentences.append(
            "the model does not know the pixel size of its training data, which is taken to be "
            "the tomogram's."
        )
    for sentence in dict.fromkeys(sentences):
        listener.note(f"{volume.name}: {sentence}")
    return readers


def _write_maps(
    reader: SliceReader, job: Job, options: Options, listener: Listener
) -> Iterator[int]:
    """Write the maps of one model; yield the number of slices done, first of those found done."""
    volume = reader.volume
    scoring = scorer(job.trained, reader, options)
    scoring.listener = listener
    shape = reader.shape
    scoring.window_px(shape[1:])  # too little memory is said before a file is begun
    found = Found(job.maps)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                files.create(path, volume, np.dtype(np.uint8), key=job.key(sidecar))
            )
            for path, sidecar in job.maps.items()
        ]
        finished = frozenset.intersection(*(writer.finished for writer in writers))
        _tell(volume, finished, any(writer.is_foreign for writer in writers), listener)
        yield len(finished)
        left = [z for z in range(shape[0]) if z not in finished]
        listener.note(f"{volume.name}: {_plan(scoring, (len(left), *shape[1:]))}")
        for number, (z, scores) in enumerate(score_slices(reader, scoring, left), start=1):
            for writer, score in zip(writers, scores, strict=True):
                writer[z] = score
            found.look(scores)
            yield len(finished) + number
        for path in job.maps:  # of an older map: from here on it would speak of the new one
            path.with_suffix(".json").unlink(missing_ok=True)
    by = {
        "engine": scoring.engine.name,
        "precision": scoring.engine.device.precision,
        "pixel_nm": reader.pixel_nm,
        "normalisation": reader.normalisation.as_dict(),
    }
    for path, sidecar in job.maps.items():
        write_sidecar(path, sidecar.model_copy(update={"made_by": sidecar.made_by | by}))
    job.drop_journals()
    for structure in found.nowhere():
        listener.note(
            f"{volume.name}: {structure} is found nowhere; if it is there, the contrast may be "
            "inverted against the training data (--invert), or the voxel size another than the "
            "header says (--voxel-size)."
        )


def _plan(scoring: Scorer, shape: tuple[int, int, int]) -> str:
    """Return what is going to be done, and on what, in a line."""
    size = scoring.window_px(shape[1:])
    words = plan.in_words(shape, scoring.footprint, size, scoring.seconds(shape))
    return f"{words} ({scoring.engine.name}, {scoring.engine.device.precision})"


def _tell(volume: Volume, finished: frozenset[int], foreign: bool, listener: Listener) -> None:
    if foreign:
        listener.note(
            f"{volume.name}: an interrupted run is there, but of another tomogram, model or "
            "settings; starting anew."
        )
    if finished:
        listener.note(
            f"{volume.name}: going on after an interrupted run; {len(finished)} of "
            f"{volume.shape[0]} slices are finished."
        )
