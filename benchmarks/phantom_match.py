"""How far the phantom's pictures are from real ones: background, grain, tubes and membranes.

    SEGET_DATA=/path/to/data python benchmarks/phantom_match.py [--figure docs/phantom_match.png]

Measures three kinds of real picture, and of each the phantom's preset that stands for it (`real`,
`real-serial`, `real-face`) beside the clean one: tilt series of plastic sections
(et-microtubules), serial sections (vnc), block faces of a FIB-SEM (epfl). Prints a Markdown table
and writes build/phantom_match.json. With --figure it draws the curves; grey values are shown of the
phantom and of et-microtubules alone.

Background is what lies outside all masks and BORDER_NM from them. Its power spectrum is that of
windows which are nearly all background, as a share of the variance. A profile is the mean grey
value against the distance from the middle lines of a mask, in deviations of the background.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from seget import files
from seget.phantom import ALL_STRUCTURES, PRESETS, Settings, simulate

Array = npt.NDArray[Any]

DATA = Path(os.environ.get("SEGET_DATA", ""))
BUILD = Path("build")
PATCHES = ("0_0_30_47_25", "3_0_25_54_25", "4_0_55_98_25", "5_0_28_54_25")
# Cells without a nucleus: chromatin has no mask, and is no background.
SEEDS = (5, 6, 8)
BORDER_NM = 12.0
FARTHEST_NM, STEP_NM = 60.0, 2.5
FINE = 0.25  # cycles a pixel from which on the spectrum counts as grain


@dataclass(frozen=True)
class Sample:
    """A picture, dense is dark, its background and the mask whose profile is measured."""

    image: Array
    background: Array
    drawn: Array
    voxel_nm: float

    @property
    def density(self) -> Array:
        """Grey values, dense positive, in deviations of the background and from its mean."""
        inside = self.image[self.background]
        return np.asarray((inside.mean() - self.image) / inside.std(), dtype=np.float32)


@dataclass(frozen=True)
class Kind:
    """A kind of picture: its name, the preset that stands for it, what is profiled, the window."""

    name: str
    preset: str
    profiled: str
    window_px: int


KINDS = (
    Kind("et-microtubules", "real", "microtubules", 32),
    Kind("vnc", "real-serial", "membranes", 64),
    Kind("epfl", "real-face", "membranes", 64),
)


def real(kind: str) -> Iterator[Sample]:
    """Read the samples of one kind of real picture."""
    if kind == "et-microtubules":
        for name in PATCHES:
            folder = DATA / kind / "patches"
            tubes = _read(folder / f"{name}_mask.tif") > 0
            yield _sample(_read(folder / f"{name}.tif"), [tubes], tubes, 2.5)
        return
    if kind == "vnc":
        box = (slice(None), slice(128, 896), slice(128, 896))
        names = ("membrane", "mitochondria", "glia", "synapse")
        masks = {name: _read(DATA / kind / f"{name}.mrc")[box] > 0 for name in names}
        image, membrane, voxel_nm = _read(DATA / kind / "tomogram.mrc")[box], "membrane", 4.6
    else:
        names = ("membranes", "mitochondria", "psd", "vesicles", "mito_boundaries", "axon")
        masks = {name: _read(DATA / kind / f"train_{name}.mrc.gz")[:20] > 0 for name in names}
        image, membrane, voxel_nm = _read(DATA / kind / "train_tomogram.mrc")[:20], "membranes", 5.0
    yield _sample(image, list(masks.values()), masks[membrane], voxel_nm)


def simulated(settings: Settings, profiled: str) -> Iterator[Sample]:
    """Simulate cells of some settings."""
    for seed in SEEDS:
        # In a small field membranes are everywhere, microtubules are not.
        focus = "microtubules" if profiled == "microtubules" else settings.focus
        made = simulate(replace(settings, seed=seed, structures=ALL_STRUCTURES, focus=focus))
        masks = {name: mask.data > 0 for name, mask in made.masks.items()}
        ribosomes = masks.pop("ribosomes")  # nobody draws them, so they are background
        drawn = masks[profiled] & ~ribosomes
        yield _sample(made.tomogram.data, list(masks.values()), drawn, settings.voxel_nm)


def measured(samples: list[Sample], window_px: int) -> dict[str, Any]:
    """Measure some samples of one kind: curves, and the numbers of the table."""
    spectra = [spectrum(sample, window_px) for sample in samples]
    profiles = [profile(sample) for sample in samples]
    power, line = np.mean(spectra, axis=0), np.nanmean(profiles, axis=0)
    cycles = np.arange(len(power)) / window_px
    # Each ring of frequencies holds about as many as it is long.
    weight = cycles * power
    beyond = line[line.argmax() :] < line.max() / 2
    return {
        "cycles_px": cycles.tolist(),
        "power": (power / weight.sum()).tolist(),
        "profile": line.tolist(),
        "contrast": float(line.max()),
        "width_nm": float(2 * STEP_NM * (line.argmax() + beyond.argmax() - 0.5)),
        "fine_share": float(weight[cycles >= FINE].sum() / weight.sum()),
        "next_pixel": float(np.mean([neighbours(sample, 2) for sample in samples])),
        "next_slice": float(np.mean([neighbours(sample, 0) for sample in samples])),
    }


def spectrum(sample: Sample, window_px: int) -> Array:
    """Power of the background against frequency, up to half a cycle a pixel."""
    density = np.where(sample.background, sample.density, 0)
    hann = np.hanning(window_px)
    taper = np.outer(hann, hann)
    rings = np.hypot(*np.meshgrid(*[np.fft.fftfreq(window_px)] * 2, indexing="ij"))
    rings = np.rint(rings * window_px).astype(int)
    total, count = np.zeros((window_px, window_px)), 0
    step = window_px // 2
    for z, picture in enumerate(density):
        for y in range(0, picture.shape[0] - window_px + 1, step):
            for x in range(0, picture.shape[1] - window_px + 1, step):
                cut = (slice(y, y + window_px), slice(x, x + window_px))
                inside = sample.background[z][cut]
                if inside.mean() < 0.9:
                    continue
                piece = np.where(inside, picture[cut] - picture[cut][inside].mean(), 0)
                total += np.abs(np.fft.fft2(piece * taper)) ** 2
                count += 1
    sums = np.bincount(rings.ravel(), total.ravel()) / np.bincount(rings.ravel())
    sums = sums[1 : window_px // 2 + 1] / max(count, 1)
    return np.concatenate([[0.0], sums / sums.sum()])


def profile(sample: Sample) -> Array:
    """Mean density against the distance from the middle lines of the mask, in deviations."""
    density, bins = sample.density, int(FARTHEST_NM / STEP_NM)
    sums, counts = np.zeros(bins), np.zeros(bins)
    for picture, mask, background in zip(density, sample.drawn, sample.background, strict=True):
        if not mask.any():
            continue
        depth = ndimage.distance_transform_edt(mask)
        ridge = mask & (depth >= ndimage.maximum_filter(depth, 3))
        far = ndimage.distance_transform_edt(~ridge) * sample.voxel_nm / STEP_NM
        # Beside the mask only background counts: what else is there has a contrast of its own.
        seen = (mask | background) & (far < bins - 0.5)
        place = np.rint(far[seen]).astype(int)
        sums += np.bincount(place, picture[seen], bins)
        counts += np.bincount(place, minlength=bins)
    at = np.arange(bins)
    found = counts > 0
    return np.interp(at, at[found], (sums / np.maximum(counts, 1))[found])


def neighbours(sample: Sample, axis: int) -> float:
    """Correlation of a background voxel with the next one along an axis."""
    ahead = [slice(None)] * 3
    behind = [slice(None)] * 3
    ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
    here, there = tuple(ahead), tuple(behind)
    both = sample.background[here] & sample.background[there]
    density = sample.density
    return float(np.corrcoef(density[here][both], density[there][both])[0, 1])


def pictures(samples: list[Sample]) -> Array:
    """Put the middle slices of up to four samples side by side, each as wide as 150 nm of it."""
    from PIL import Image

    tiles = []
    for sample in samples[:4]:
        slice_ = sample.image[len(sample.image) // 2]
        edge = min(round(150 / sample.voxel_nm), *slice_.shape)
        # Around the profiled mask, if it is in this slice.
        at = np.argwhere(sample.drawn[len(sample.image) // 2])
        middle = np.median(at, axis=0) if len(at) else np.array(slice_.shape) / 2
        y, x = (
            int(np.clip(m - edge // 2, 0, n - edge))
            for m, n in zip(middle, slice_.shape, strict=True)
        )
        piece = slice_[y : y + edge, x : x + edge]
        low, high = np.percentile(piece, [0.5, 99.5])
        grey = np.clip((piece - low) / max(high - low, 1) * 255, 0, 255).astype(np.uint8)
        tiles.append(np.asarray(Image.fromarray(grey).resize((240, 240), Image.Resampling.BICUBIC)))
    return np.hstack(tiles)


def table(kinds: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return the Markdown table of the numbers."""
    columns = {
        "contrast": "contrast", "width_nm": "width, nm", "fine_share": "fine share",
        "next_pixel": "next pixel", "next_slice": "next slice",
    }  # fmt: skip
    lines = [f"| picture | {' | '.join(columns.values())} |", "|---" * (len(columns) + 1) + "|"]
    for rows in kinds.values():
        for name, row in rows.items():
            lines.append(f"| {name} | {' | '.join(f'{row[key]:.2f}' for key in columns)} |")
    return "\n".join(lines)


def draw(path: Path, kinds: dict[str, dict[str, dict[str, Any]]], shown: dict[str, Array]) -> None:
    """Draw the curves, and pictures of what may be shown."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("agg")
    figure = plt.figure(figsize=(11, 7 + 2.1 * len(shown)), layout="constrained")
    grid = figure.add_gridspec(2 + len(shown), len(kinds), height_ratios=[3, 3, *[2] * len(shown)])
    for column, (kind, rows) in enumerate(kinds.items()):
        above, below = (figure.add_subplot(grid[row, column]) for row in (0, 1))
        for (name, row), style in zip(rows.items(), ("k-", "C3-", "C0:"), strict=True):
            above.semilogy(row["cycles_px"][1:], row["power"][1:], style, label=name)
            below.plot(np.arange(len(row["profile"])) * STEP_NM, row["profile"], style, label=name)
        above.set(
            title=kind, xlabel="cycles a pixel", ylabel="power of the background", ylim=(1e-4, 30)
        )
        profiled = next(k.profiled for k in KINDS if k.name == kind)
        below.set(xlabel=f"nm from the middle of {profiled}", ylabel="background's deviations")
        below.legend(frameon=False)
    for row, (name, picture) in enumerate(shown.items(), start=2):
        axes = figure.add_subplot(grid[row, :])
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes.set_title(name, loc="left", fontsize=9)
        axes.axis("off")
    figure.savefig(path, dpi=80)


def main() -> None:
    """Measure, print the table, write the numbers and, if asked, the figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--figure", type=Path, help="Where to draw the curves.")
    arguments = parser.parse_args()
    kinds: dict[str, dict[str, dict[str, Any]]] = {}
    shown: dict[str, Array] = {}
    for kind in KINDS:
        match = PRESETS[kind.preset]
        clean = Settings(match.shape, match.voxel_nm)
        rows = {
            f"{kind.name}, real": list(real(kind.name)),
            f"phantom, {kind.preset}": list(simulated(match, kind.profiled)),
            "phantom, clean": list(simulated(clean, kind.profiled)),
        }
        kinds[kind.name] = {name: measured(row, kind.window_px) for name, row in rows.items()}
        if kind.name == "et-microtubules":  # the others' grey values are not for showing
            shown = {f"{name}, 150 nm wide": pictures(row) for name, row in rows.items()}
    print(table(kinds))
    BUILD.mkdir(exist_ok=True)
    (BUILD / "phantom_match.json").write_text(json.dumps(kinds, indent=1))
    if arguments.figure:
        draw(arguments.figure, kinds, shown)


def _read(path: Path) -> Array:
    return np.asarray(files.read(path).data)


def _sample(image: Array, masks: list[Array], drawn: Array, voxel_nm: float) -> Sample:
    taken = np.logical_or.reduce(masks)
    reach = BORDER_NM / voxel_nm
    far = [ndimage.distance_transform_edt(~mask) > reach for mask in taken]
    return Sample(image.astype(np.float32), np.array(far), drawn, voxel_nm)


if __name__ == "__main__":
    main()
