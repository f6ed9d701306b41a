"""What is to be written of a tomogram: a job a model, with all that decides its score maps.

Volume + models + options -> Jobs: paths of score maps and what stands beside them

It never scores and never writes a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seget import files
from seget.normalisation import NAME as NORMALISATION
from seget.prediction import parts
from seget.prediction.adaptation import SHARE
from seget.prediction.predict import Options, resolved
from seget.results import Learnt, Sidecar, is_made, map_path, output_id, read_sidecar
from seget.trained import Trained, slices_learnt, weights_sha256
from seget.volume import Volume


@dataclass(frozen=True)
class Job:
    """The score maps of one model, written in one pass over the tomogram.

    Attributes
    ----------
    options
        How to predict, with `adapt` decided.
    maps
        Path of each score map -> its sidecar, the JSON file that is written beside it.
    stamp
        Size and time of the tomogram's file when the run began; None for a volume in memory.
    """

    trained: Trained
    options: Options
    maps: dict[Path, Sidecar]
    stamp: files.Stamp | None

    def key(self, sidecar: Sidecar) -> str:
        """Return the key of a map's journal: the same key, the same voxels.

        The stamp is part of it: the fingerprint reads sixteen slices, and would miss that another
        slice of the file was changed between a kill and the next run.
        """
        return output_id(sidecar.id, self.stamp.parts if self.stamp else None)

    def is_done(self, overwrite: bool) -> bool:
        """Whether all maps exist, made by this same command.

        Raises
        ------
        InputError
            A map exists that another command made, and `overwrite` is False.
        """
        if overwrite:
            return False
        # Every map is checked, not up to the first missing one: refuse now, not after the work.
        made = [self._is_made(path, sidecar) for path, sidecar in self.maps.items()]
        return all(made)

    def drop_journals(self) -> None:
        """Remove journals and parts of the maps, once maps and sidecars are complete."""
        for path in self.maps:
            files.drop_journal(path)
            parts.drop(path)

    def _is_made(self, path: Path, sidecar: Sidecar) -> bool:
        differs = "input, model or settings differ"
        return is_made(
            path, self.key(sidecar), lambda json: read_sidecar(json).id == sidecar.id, differs
        )


def planned(
    volume: Volume,
    models: Sequence[Trained],
    folder: Path,
    options: Options,
    stamp: files.Stamp | None,
) -> list[Job]:
    """Return a job for each model: its score maps and their sidecars."""
    fingerprint = volume.fingerprint(options.full_hash)
    jobs, order = [], 0
    for trained in models:
        own = resolved(options, trained, volume)
        weights = weights_sha256(trained.network)
        model = trained.weights_sha256 or weights
        made_by = _made_by(volume, fingerprint, trained, model, own)
        learnt = slices_learnt(trained.provenance, volume, trained.structures)
        neighbours = "neighbours", trained.slice_nm if options.rescale else None
        maps = {}
        for output, structure in enumerate(trained.structures):
            path = map_path(folder, volume.name, structure, f".{options.format}")
            maps[path] = Sidecar(
                structure=structure,
                threshold=trained.thresholds.get(structure, 0.5),
                order=order,
                model=model,
                learnt=Learnt(**learnt[structure]) if structure in learnt else None,
                validation=trained.validation.get(structure),
                calibrated=structure in trained.calibration,
                id=output_id(
                    fingerprint,
                    sorted({model, weights}),
                    trained.architecture,
                    output,
                    options.views,
                    options.engine,
                    options.precision,
                    trained.pixel_nm if options.rescale else None,
                    options.invert,
                    NORMALISATION,
                    # Maps of models without a calibration, neighbours or adaptation keep their id.
                    *filter(None, [trained.calibration.get(structure)]),
                    *([neighbours] if trained.recipe.context else []),
                    *(["adapted", SHARE] if own.adapt else []),
                ),
                made_by=made_by,
            )
            order += 1
        jobs.append(Job(trained, own, maps, stamp))
    return jobs


def _made_by(
    volume: Volume, fingerprint: str, trained: Trained, model: str, options: Options
) -> dict[str, object]:
    return {
        "command": "predict",
        "tomogram": str(volume.path or volume.name),
        "tomogram_sha256": fingerprint,
        "tomogram_hash": "full" if options.full_hash else "sampled",
        # Part of the fingerprint: who compares another file's with it needs it.
        "voxel_size_nm": volume.voxel_size_nm,
        "model_sha256": model,
        "network": trained.architecture.name,
        "recipe": trained.recipe.name,
        "views": options.views,
        "invert": options.invert,
        "versions": files.provenance.versions("torch", "openvino"),
    }
