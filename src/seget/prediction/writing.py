"""Writes score maps to disk; resumes with the slices that an interrupted run did not finish.

Volume + models -> `<tomogram>__<structure>.mrc` + `.json`

It never holds more than a slice, never scores a slice again that an interrupted run finished, and
never overwrites what another command made. Slices that other workers scored (`ranges`) are taken
over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from seget import files, machine
from seget.listener import Listener
from seget.networks import Ensemble
from seget.normalisation import normalisation
from seget.prediction import parts, plan
from seget.prediction.found import Found
from seget.prediction.jobs import Job, planned
from seget.prediction.predict import DEFAULT, Options, open_reader, score_slices, scorer
from seget.prediction.scorer import Scorer
from seget.results import update_sidecars, write_sidecar
from seget.slices import SliceReader
from seget.trained import Trained, united
from seget.volume import Volume


def predict_files(
    volume: Volume,
    models: Sequence[Trained],
    folder: Path,
    options: Options = DEFAULT,
    listener: Listener | None = None,
    spare_bytes: int = 0,
) -> list[Path]:
    """Write a score map for each structure into `folder`; return the paths in the models' order.

    Maps that this same command (input, model, settings) wrote are kept, and finished slices of an
    unfinished one. Kept maps get the thresholds and the order of this command; the listener hears.

    Parameters
    ----------
    volume
        `(z, y, x)` tomogram of any type of number.
    models
        Each of one structure or several; the logits of those of the same structures are averaged.
    listener
        Is told the number of slices done, and sentences for people.
    spare_bytes
        Disk space that must stay free for later outputs.

    Raises
    ------
    InputError
        Two models cannot be averaged (see `united`), an output exists that another command made,
        the tomogram is empty, or its pixel size is too far from a model's.
    RunError
        Memory or disk do not suffice, the tomogram's file changed or disappeared during the run, or
        another process writes into the folder.
    """
    listener = listener or Listener()
    volume, jobs = begun(volume, models, folder, options)
    with files.only_one(folder):
        waiting = _waiting(jobs, options.overwrite)
        missing = _missing_bytes(waiting, int(np.prod(volume.shape)))
        machine.require_disk(folder, missing + spare_bytes)
        readers = _readers(volume, waiting, options, listener)
        depth = volume.shape[0]
        for number, (job, reader) in enumerate(zip(waiting, readers, strict=True)):
            for done in _write_maps(reader, job, listener):
                listener.progress(number * depth + done, len(waiting) * depth)
        _update_sidecars(volume, jobs, listener)
    return [path for job in jobs for path in job.maps]


def begun(
    volume: Volume, models: Sequence[Trained], folder: Path, options: Options
) -> tuple[Volume, list[Job]]:
    """Return the volume, watched for changes of its file, and what is to be written of it."""
    models = united(models)
    stamp = files.Stamp.of(files.location(volume.path)) if volume.path else None
    volume = stamp.watched(volume) if stamp else volume
    return volume, planned(volume, models, folder, options, stamp)


def _waiting(jobs: Sequence[Job], overwrite: bool) -> list[Job]:
    """Return the jobs not done; drop the journals that a killed run left of the others."""
    waiting = []
    for job in jobs:
        if job.is_done(overwrite):
            job.drop_journals()
        else:
            waiting.append(job)
    return waiting


def _update_sidecars(volume: Volume, jobs: Sequence[Job], listener: Listener) -> None:
    """Give kept maps the thresholds and the order of this command; tell of it."""
    wanted = {path: sidecar for job in jobs for path, sidecar in job.maps.items()}
    for sentence in update_sidecars(wanted):
        listener.note(f"{volume.name}: {sentence}")


def _missing_bytes(jobs: Sequence[Job], voxels: int) -> int:
    """Return the disk space still needed, less what unfinished maps already take."""
    return sum(max(0, voxels - files.begun_bytes(path)) for job in jobs for path in job.maps)


def _readers(
    volume: Volume, jobs: Sequence[Job], options: Options, listener: Listener
) -> list[SliceReader]:
    """Return a reader for each job; tell the listener once how the volume is read."""
    if not jobs:
        return []
    grey = normalisation(volume)
    readers = [open_reader(volume, job.trained, options, grey) for job in jobs]
    sentences = [note for reader in readers for note in reader.notes()]
    if any(job.trained.pixel_nm is None for job in jobs) and volume.pixel_nm is not None:
        sentences.append(
            "the model does not know the pixel size of its training data, which is taken to be "
            "the tomogram's."
        )
    sentences += [
        f"{', '.join(job.trained.structures)}: the logits of {len(job.trained.network.networks)} "
        "models are averaged."
        for job in jobs
        if isinstance(job.trained.network, Ensemble)
    ]
    for sentence in dict.fromkeys(sentences):
        listener.note(f"{volume.name}: {sentence}")
    return readers


def _write_maps(reader: SliceReader, job: Job, listener: Listener) -> Iterator[int]:
    """Write the maps of one model; yield the number of finished slices, first on resuming."""
    volume = reader.volume
    scoring = scorer(job.trained, reader, job.options, listener)
    shape = reader.shape
    scoring.window_px(shape[1:])  # raises if memory is too small, before a file is created
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
        finished = _taken(job, writers)
        yield len(finished)
        left = [z for z in range(shape[0]) if z not in finished]
        if left:
            listener.note(f"{volume.name}: {_plan(scoring, (len(left), *shape[1:]))}")
        for number, (z, scores) in enumerate(score_slices(reader, scoring, left), start=1):
            for writer, score in zip(writers, scores, strict=True):
                writer[z] = score
            found.look(scores)
            yield len(finished) + number
        for path in job.maps:  # the sidecar of a map that is being replaced
            path.with_suffix(".json").unlink(missing_ok=True)
    by = {
        "adapted": scoring.adapted,
        "engine": scoring.engine.name,
        "precision": scoring.engine.device.precision,
        "pixel_nm": reader.pixel_nm,
        "normalisation": reader.normalisation.as_dict(),
    }
    for path, sidecar in job.maps.items():
        write_sidecar(path, sidecar.model_copy(update={"made_by": sidecar.made_by | by}))
    job.drop_journals()
    for structure in found.nowhere(finished):
        listener.note(
            f"{volume.name}: {structure} is found nowhere; if it is there, the contrast may be "
            "inverted against the training data (--invert), or the voxel size another than the "
            "header says (--voxel-size)."
        )


def _taken(job: Job, writers: Sequence[files.Writer]) -> frozenset[int]:
    """Take over what other workers scored; return the slices that are finished in all maps."""
    taken = (
        parts.take(path, job.key(sidecar), writer)
        for (path, sidecar), writer in zip(job.maps.items(), writers, strict=True)
    )
    return frozenset.intersection(*taken)


def _plan(scoring: Scorer, shape: tuple[int, int, int]) -> str:
    """Return one line that says what will be done, by which engine and precision."""
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
