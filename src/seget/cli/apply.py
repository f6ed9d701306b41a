"""The verbs that use models: predict, fuse, segment.

tomograms + models -> score maps -> labels

It never computes: it sorts arguments, shows progress, and goes on with the next tomogram where one
is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from seget.cli.learn import DeviceName
from seget.errors import InputError, RunError, in_words

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="TOMOGRAM... MODEL...",
        help="Tomograms (files, or folders of them) and models (run folders, or folders of runs).",
    ),
]
Out = Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder of outputs.")]
Window = Annotated[
    int | None,
    typer.Option(help="Edge in pixels of windows; the default is the largest that fit, or none."),
]
Views = Annotated[
    int,
    typer.Option(
        help="Average 4 or 8 mirrored and turned views: better, in 4 or 8 times the time."
    ),
]
Format = Annotated[str, typer.Option(help="Of score maps: mrc or zarr (OME-Zarr).")]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE", help="Memory to use at most, as 4G; the default is half of what is free."
    ),
]
EngineName = Annotated[
    str, typer.Option(help="auto, torch or openvino; auto takes OpenVINO on a processor.")
]
Precision = Annotated[
    str,
    typer.Option(
        help="auto, float32, bf16 or int8; auto takes bf16 where the device has it. int8 is "
        "quicker still on most processors, and coarser (docs/performance.md)."
    ),
]
Hash = Annotated[
    str,
    typer.Option(help="Tell tomograms apart by sixteen slices (sampled) or by all voxels (full)."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]


def _verb(name: str, teaches: str) -> Callable[..., None]:
    """Return a verb that does something for each tomogram; all of them take the same options."""

    def command(
        inputs: Inputs,
        out: Out,
        device: DeviceName = "auto",
        engine: EngineName = "auto",
        precision: Precision = "auto",
        window: Window = None,
        views: Views = 1,
        format: Format = "mrc",
        max_memory: Memory = None,
        hash: Hash = "sampled",
        overwrite: Overwrite = False,
    ) -> None:
        from seget.machine import parse_bytes
        from seget.prediction import Options

        if hash not in ("sampled", "full"):
            raise InputError(f"--hash {hash}: wanted sampled or full.")
        memory_bytes = parse_bytes(max_memory, "--max-memory") if max_memory else None
        options = Options(
            device=device,
            engine=engine,
            precision=precision,
            window_px=window,
            views=views,
            format=format,
            overwrite=overwrite,
            memory_bytes=memory_bytes,
            full_hash=hash == "full",
        )
        _each(name, inputs, out, options)

    command.__name__ = name
    command.__doc__ = teaches
    return command


predict = _verb(
    "predict",
    """Write a score map (0..127) a structure for each tomogram.

    A run that was interrupted goes on where it stopped. Of many tomograms a broken one is named at
    the end, and the others are done.

    \b
    seget predict tomogram.mrc runs/cell -o predicted
    seget predict a.mrc b.mrc runs/golgi runs/synapse -o predicted
    seget predict tomograms/ runs/cell -o predicted --max-memory 4G
    """,
)
segment = _verb(
    "segment",
    """Predict and fuse in one go: score maps, labels.mrc and labels.json.

    A run that was interrupted goes on where it stopped. Of many tomograms a broken one is named at
    the end, and the others are done.

    \b
    seget segment tomogram.mrc runs/cell -o segmented
    seget segment tomograms/ runs/cell -o segmented
    """,
)


def fuse(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The -o of seget predict.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="LABELS", help=".mrc or .zarr")],
    threshold: Annotated[
        list[str] | None,
        typer.Option(metavar="STRUCTURE=T", help="Replace a model's threshold (0 to 1)."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fuse the score maps of a tomogram into one label volume.

    A pixel takes the structure with the highest score above its threshold, else background.

    \b
    seget fuse predicted -o labels.mrc
    seget fuse predicted -o labels.mrc --threshold golgi=0.4
    """
    from seget.cli.progress import bar, say
    from seget.results import fuse_files

    with bar("fuse") as listener:
        fuse_files(folder, out, _thresholds(threshold or []), overwrite, listener)
    say(str(out))


def _each(verb: str, inputs: list[Path], out: Path, options: Any) -> None:
    """Predict or segment each tomogram; of several, go on past one that fails, and say so.

    Raises
    ------
    InputError, RunError, OSError
        It is the only tomogram, and it failed.
    """
    from seget import files
    from seget.cli.progress import bar, say
    from seget.prediction import predict_files, segment_files

    models, tomograms = _sorted(inputs)
    several = len(tomograms) > 1
    failed: list[str] = []
    for number, (name, path) in enumerate(tomograms.items(), start=1):
        text = f"{verb} {name}" + (f" ({number} of {len(tomograms)})" if several else "")
        try:
            with bar(text) as told:
                place = (files.read(path), models, out / name if several else out, options)
                written = (
                    predict_files(*place, told)
                    if verb == "predict"
                    else [segment_files(*place, told)]
                )
        except (InputError, RunError, OSError) as error:
            if not several:
                raise
            failed.append(in_words(error))
            say(f"seget: {failed[-1]}")
        else:
            for output in written:
                say(str(output))
    if failed:
        done = len(tomograms) - len(failed)
        say(f"{done} of {len(tomograms)} tomograms are done; {len(failed)} failed:")
        for sentence in failed:
            say(f"- {sentence}")
        raise SystemExit(1)


def _sorted(inputs: list[Path]) -> tuple[list[Any], dict[str, Path]]:
    """Sort arguments into models, which are loaded, and tomograms by name."""
    from seget import files
    from seget.trained import find_models, load

    models, tomograms = [], []
    for path in inputs:
        found = find_models(path)
        models += found
        tomograms += [] if found else files.find_tomograms(path)
    if not tomograms or not models:
        missing = "a tomogram" if models else "a model (a run folder of seget train)"
        raise InputError(
            f"{', '.join(map(str, inputs))}: wanted at least one tomogram and one model, "
            f"found no {missing.removeprefix('a ')}; name {missing}."
        )
    named: dict[str, Path] = {}
    for path in tomograms:
        name = files.title(path)
        if named.setdefault(name, path) is not path:
            raise InputError(f"two tomograms are named {name}; give them in two commands.")
    return [load(path) for path in models], named


def _thresholds(given: list[str]) -> dict[str, float]:
    chosen = {}
    for text in given:
        structure, _, number = text.partition("=")
        try:
            chosen[structure.strip()] = float(number)
        except ValueError:
            raise InputError(f"--threshold {text}: wanted STRUCTURE=T with T in 0 to 1.") from None
    return chosen
