"""Predicts: runs a tomogram through a trained model, slice by slice.

Volume + Trained -> scores 0..127, slice by slice or in memory

It never writes a file. The sigmoid is applied here (in the engine) and nowhere else in the package.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seget.device import Device, choose_device
from seget.errors import InputError
from seget.listener import Listener
from seget.normalisation import Normalisation
from seget.prediction.adaptation import adapted
from seget.prediction.engine import Engine, Scores, TorchEngine
from seget.prediction.on_device import can_score_on_device, score_on_device
from seget.prediction.openvino_engine import OpenVinoEngine
from seget.prediction.plan import SMALLEST_WINDOW_PX
from seget.prediction.quantisation import WINDOW_PX, WINDOWS, require_nncf
from seget.prediction.sampling import sample_windows
from seget.prediction.scorer import Effort, Scorer
from seget.slices import SliceReader
from seget.threads import ahead
from seget.trained import Trained, learnt_from
from seget.trained.foreign import Graph
from seget.volume import Volume

ENGINES = ("auto", "torch", "openvino")


@dataclass(frozen=True)
class Options:
    """How to predict, and what to do with outputs that exist.

    Attributes
    ----------
    device
        `auto`, `cpu`, `cuda` or `mps`.
    window_px, views, memory_bytes
        As `Effort` has them.
    format
        Of score maps: `mrc` or `zarr`.
    overwrite
        Replace outputs that another command made.
    full_hash
        Identify the tomogram by a hash of all voxels, not of sixteen slices.
    engine
        `torch`, `openvino`, or `auto`: OpenVINO on a processor, torch elsewhere.
    precision
        `float32`, `bf16`, `int8`, or `auto`: bf16 where the hardware supports it.
    invert
        Invert the contrast, for a tomogram that is white where the training data are black.
    rescale
        Resample a tomogram of another pixel size to the model's.
    adapt
        Adapt the network's statistics to the tomogram (`adaptation`); None: if it is known not to
        have learnt from it.
    """

    device: str = "auto"
    window_px: int | None = None
    views: int = 1
    format: str = "mrc"
    overwrite: bool = False
    memory_bytes: int | None = None
    full_hash: bool = False
    engine: str = "auto"
    precision: str = "auto"
    invert: bool = False
    rescale: bool = True
    adapt: bool | None = None

    def __post_init__(self) -> None:
        if self.format not in ("mrc", "zarr"):
            raise InputError(f"--format {self.format}: wanted mrc or zarr.")
        if self.engine not in ENGINES:
            raise InputError(f"--engine {self.engine}: wanted {', '.join(ENGINES)}.")
        if self.views not in (1, 4, 8):
            raise InputError(f"--views {self.views}: wanted 1, 4 or 8.")
        if self.window_px is not None and self.window_px < SMALLEST_WINDOW_PX:
            raise InputError(
                f"--window {self.window_px}: wanted at least {SMALLEST_WINDOW_PX} pixels."
            )


DEFAULT = Options()


def resolved(options: Options, trained: Trained, volume: Volume) -> Options:
    """Return the options with `adapt` decided for a model and a volume."""
    if options.adapt is not None:
        return options
    return replace(options, adapt=learnt_from(trained.provenance, volume) is False)


def open_reader(
    volume: Volume, trained: Trained, options: Options, grey: Normalisation | None = None
) -> SliceReader:
    """Return the reader of a volume for a model.

    Parameters
    ----------
    grey
        The volume's normalisation, if it was measured before.

    Raises
    ------
    InputError
        The volume is empty, or its pixel size is too far from the model's.
    """
    pixel_nm, slice_nm = (trained.pixel_nm, trained.slice_nm) if options.rescale else (None, None)
    return SliceReader.of(
        volume,
        pixel_nm,
        trained.recipe.context,
        slice_nm=slice_nm,
        invert=options.invert,
        grey=grey,
    )


def scorer(
    trained: Trained, reader: SliceReader, options: Options, listener: Listener | None = None
) -> Scorer:
    """Return a scorer for the slices of a reader: device, engine and windows by the options.

    Raises
    ------
    InputError
        The device, the network or the installed libraries do not support the options.
    """
    listener = listener or Listener()
    device = choose_device(options.device, options.precision)
    own = trained
    if resolved(options, trained, reader.volume).adapt:
        own = adapted(trained, reader, device, options.memory_bytes, listener)
    effort = Effort(options.window_px, options.views, options.memory_bytes)
    engine = choose_engine(own, device, options.engine, reader)
    made = Scorer.of(engine, own.architecture, effort)
    return replace(made, listener=listener, adapted=own is not trained)


def choose_engine(
    trained: Trained, device: Device, name: str = "auto", reader: SliceReader | None = None
) -> Engine:
    """Return the engine of that name with a model loaded; "auto" is the fastest on the device.

    Parameters
    ----------
    reader
        Of the volume to predict, on which int8 is calibrated.

    Raises
    ------
    InputError
        OpenVINO is asked for on a GPU or for a network that is no graph, or int8 of an engine or a
        network that has none.
    """
    if name == "openvino" and device.torch.type != "cpu":
        raise InputError("--engine openvino: it runs on a processor; give --device cpu, too.")
    if isinstance(trained.network, Graph):
        return TorchEngine(trained.network, device)  # which calls OpenVINO by itself
    is_graph = trained.architecture.is_graph and trained.architecture.describes(trained.network)
    if name == "openvino" and not trained.architecture.is_graph:
        raise InputError(
            f"--engine openvino: {trained.architecture.title} has operations that OpenVINO does "
            "not know; leave out --engine."
        )
    if name == "auto":
        name = "openvino" if is_graph and device.torch.type == "cpu" else "torch"
    if name == "torch":
        if device.int8:
            raise InputError(
                "--precision int8: OpenVINO alone computes in it, and a network with pooling "
                "indices (SegNet) is not for OpenVINO; leave out --precision, or --engine torch."
            )
        return TorchEngine(trained.scoring_network, device)
    if not device.int8:
        return OpenVinoEngine(trained.scoring_network, device, trained.weights_sha256)
    require_nncf()
    assert reader is not None, "int8 is calibrated on a volume"
    samples = sample_windows(reader, WINDOWS, WINDOW_PX)
    return OpenVinoEngine(trained.scoring_network, device, trained.weights_sha256, samples)


def score_slices(
    reader: SliceReader, scorer: Scorer, slices: Sequence[int]
) -> Iterator[tuple[int, Scores]]:
    """Yield (z, scores `(k, y, x)` on the volume's own grid) for the slices asked for.

    Two threads work ahead: one scores the next slice, one reads the slice after it.
    """
    if can_score_on_device(reader, scorer):
        return score_on_device(reader, scorer, slices)
    read = ((z, reader.read(z)) for z in slices)
    return ahead((z, reader.restore(z, scorer.scores(pixels))) for z, pixels in ahead(read))


def predict(
    volume: Volume,
    trained: Trained,
    options: Options = DEFAULT,
    listener: Listener | None = None,
) -> dict[str, Volume]:
    """Return the score maps of a volume in memory: structure -> Volume of 0..127.

    Parameters
    ----------
    volume
        `(z, y, x)` tomogram of any type of number.
    trained
        One model, of one structure or several.
    listener
        Is told how the volume is read, and the number of slices done.

    Raises
    ------
    InputError
        The volume is empty, or its pixel size is too far from the model's.
    """
    listener = listener or Listener()
    reader = open_reader(volume, trained, options)
    for sentence in reader.notes():
        listener.note(f"{volume.name}: {sentence}")
    depth = volume.shape[0]
    maps = {s: np.empty(volume.shape, np.uint8) for s in trained.structures}
    scoring = scorer(trained, reader, options, listener)
    for z, scores in score_slices(reader, scoring, range(depth)):
        for structure, score in zip(trained.structures, scores, strict=True):
            maps[structure][z] = score
        listener.progress(z + 1, depth)
    return {s: volume.on_same_grid(data, f"{volume.name}__{s}") for s, data in maps.items()}
