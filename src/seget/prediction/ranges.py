"""Scores some slices of a tomogram, beside other workers that score the others.

Volume + models + range of slices -> parts of score maps

It never writes a score map: `predict_files`, called when all parts are there, takes them over.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from seget import files, machine
from seget.listener import Listener
from seget.normalisation import normalisation
from seget.prediction.jobs import Job
from seget.prediction.parts import part_path
from seget.prediction.predict import DEFAULT, Options, open_reader, score_slices, scorer
from seget.prediction.writing import begun
from seget.slices import SliceReader
from seget.trained import Trained
from seget.volume import Volume


def predict_range(
    volume: Volume,
    models: Sequence[Trained],
    folder: Path,
    slices: range,
    options: Options = DEFAULT,
    listener: Listener | None = None,
) -> list[Path]:
    """Score some slices for the maps that `predict_files` writes into `folder`; return the parts.

    Maps that are whole already are left alone, and so are slices that an interrupted call finished.

    Parameters
    ----------
    volume
        The whole tomogram: its statistics, and the neighbours of a slice, are those of all of it.
    slices
        Which of its slices.

    Raises
    ------
    InputError, RunError
        As `predict_files` does.
    """
    listener = listener or Listener()
    volume, jobs = begun(volume, models, folder, options)
    waiting = [job for job in jobs if not job.is_done(options.overwrite)]
    maps = sum(len(job.maps) for job in waiting)
    machine.require_disk(folder, maps * len(slices) * int(np.prod(volume.shape[1:])))
    grey = normalisation(volume) if waiting else None
    for job in waiting:
        _write_parts(open_reader(volume, job.trained, options, grey), job, slices, listener)
    return [part_path(path, slices) for job in waiting for path in job.maps]


def _write_parts(reader: SliceReader, job: Job, slices: range, listener: Listener) -> None:
    scoring = scorer(job.trained, reader, job.options)
    scoring.listener = listener  # not before: what was adapted the joining task says
    volume = reader.volume
    shape = (len(slices), *volume.shape[1:])
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                files.create(part_path(path, slices), volume, np.uint8, shape, key=job.key(sidecar))
            )
            for path, sidecar in job.maps.items()
        ]
        finished = frozenset.intersection(*(writer.finished for writer in writers))
        left = [z for z in slices if z - slices.start not in finished]
        for number, (z, scores) in enumerate(score_slices(reader, scoring, left), start=1):
            for writer, score in zip(writers, scores, strict=True):
                writer[z - slices.start] = score
            listener.progress(number, len(left))
