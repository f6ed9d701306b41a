"""A measurement as a folder: tables, numbered labels, and what other programs open.

label volume + folder -> tables (.csv), labels.measured.mrc, outputs, summary.json

It never measures. summary.json is written last: where it is, all is there.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from seget import files
from seget.errors import InputError
from seget.listener import Listener
from seget.measurement import outputs
from seget.measurement.measure import Measurement, Options, measured
from seget.measurement.report import write_report
from seget.measurement.rows import distances_csv, lines_csv, objects_csv
from seget.measurement.summary import summary
from seget.results import output_id
from seget.volume import Volume

SUMMARY = "summary.json"
MEASURED_LABELS = "labels.measured.mrc"
MOST_IDS = 65535  # that the whole numbers of an MRC file hold


def measure_files(
    volume: Volume,
    out: Path,
    options: Options | None = None,
    overwrite: bool = False,
    listener: Listener | None = None,
) -> dict[str, Any]:
    """Measure a label volume and write what was found into a folder.

    Parameters
    ----------
    volume
        Labels, as `files.read` opens them.
    out
        The folder; it is made.
    options
        What to measure, and how.
    overwrite
        Replace a measurement of other labels or options.
    listener
        Is told sentences, parts and progress.

    Returns
    -------
    What summary.json holds.

    Raises
    ------
    InputError
        The labels cannot be measured, or `out` holds another measurement.
    """
    options = options or Options()
    listener = listener or Listener()
    key = output_id(volume.fingerprint(full=True), volume.origin_nm, asdict(options))
    tomogram = files.read(options.tomogram) if options.tomogram else None  # fails now, not later
    made = None if overwrite else _made(out, key)
    if made is not None:
        listener.note(f"{out}: holds this measurement already.")
        return made
    with files.only_one(out), measured(volume, options, out, listener) as found:
        (out / SUMMARY).unlink(missing_ok=True)
        said = {**summary(found), "options": asdict(options), "id": key}
        said["made_by"] = files.provenance.stamped({"command": "measure"})
        _write_tables(out, found)
        _write_outputs(out, found, options)
        write_report(out, found, said, tomogram)
        files.write_json(out / SUMMARY, said)
    return said


def _write_tables(out: Path, found: Measurement) -> None:
    """Write the tables, and the ids that they name."""
    _write_ids(out / MEASURED_LABELS, found)
    files.write_text(out / "objects.csv", objects_csv(found.objects))
    files.write_text(out / "distances.csv", distances_csv(found.objects, found.nearest))
    files.write_text(out / "centre_lines.csv", lines_csv(found.objects, found.origin_nm))


def _write_outputs(out: Path, found: Measurement, options: Options) -> None:
    """Write what other programs open."""
    outputs.write_particles(out, found, options.spacing_nm, options.unbinned_nm)
    outputs.write_picks(out, found, options.spacing_nm)
    if options.meshes is not None:
        outputs.write_meshes(out, found, options.meshes)
        outputs.write_models(out, found)
        tomogram = Path(options.tomogram) if options.tomogram else None
        outputs.write_view(out, MEASURED_LABELS, tomogram)


def _made(out: Path, key: str) -> dict[str, Any] | None:
    """Return what was measured before by the same command; None if nothing was."""
    made = files.read_json(out / SUMMARY)
    if not isinstance(made, dict):
        return None
    if made.get("id") != key:
        raise InputError(
            f"{out / SUMMARY}: is of other labels or options; give --overwrite, or another -o."
        )
    return made


def _write_ids(path: Path, found: Measurement) -> None:
    """Write the number of every object into its voxels, in the smallest type that holds all."""
    count = len(found.objects)
    if count > MOST_IDS:
        raise InputError(
            f"{path}: there are {count} objects and an MRC file holds the numbers of {MOST_IDS}; "
            "give --smallest-nm3 to leave more of the small ones out."
        )
    # Bytes above 127 and words above 32767 are read as negative by some programs.
    kinds = {127: np.uint8, 32767: np.int16, MOST_IDS: np.uint16}
    dtype = next(np.dtype(kind) for most, kind in kinds.items() if count <= most)
    names = {one.number: f"{one.structure} {one.number}" for one in found.objects}
    colours = {one.number: found.structures.colours[one.structure] for one in found.objects}
    legend = files.Legend(names, colours)
    with files.create(path, like=found.volume, dtype=dtype, legend=legend) as writer:
        for first, slab in found.ids.slabs():
            for z, plane in enumerate(slab, start=first):
                writer[z] = plane.astype(dtype)
