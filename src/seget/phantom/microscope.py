"""A simulated electron microscope: the tilt series of a plastic section, and its reconstruction.

density (z, y, x) -> tilt series -> weighted back-projection (z, y, x)

It never knows what is in the section. All randomness comes from the seed, and the result does not
depend on the number of threads.

What is modelled, in the order of the electrons: Beer-Lambert absorption along the tilted path,
the lens (envelope, and the phase contrast of a small defocus), a residual misalignment of every
image, shot noise (the images share the dose equally), the blur of the detector's scintillator,
which acts on signal and noise, the logarithm, and the weighted back-projection of `backprojection`.

What is approximated: the lens acts linearly on the intensity, with one defocus for all of a tilted
image and no spherical aberration; the section neither shrinks nor warps; magnification and
rotation are perfect; u, not the detector's s = u cos t, is sampled, which is exact up to the
cut-off of the radial filter; outside the field the specimen is its own mirror image.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.special import ndtr
from scipy.stats import poisson

from seget.errors import InputError
from seget.phantom.backprojection import Floats, Rays, Waves

# Attenuation a nanometre: of stain at density 1 (a well-stained membrane) and of bare resin. A
# section of 200 nm then lets through half of the beam, a 15 nm gold bead (density 20) a sixth.
STAIN_PER_NM, RESIN_PER_NM = 0.006, 0.0025

WAVELENGTH_NM = 0.00197  # electrons of 300 kV
AMPLITUDE_CONTRAST = 0.5  # heavy metal behind a small aperture: far more than in ice
ENVELOPE_NM = 4.0  # chromatic blur of a thick section: at one cycle in 4 nm, 1/e is left
DETECTOR_AT_NYQUIST = 0.3  # what a scintillator transmits at half a cycle a pixel
QUANTUM_EFFICIENCY = 0.15  # share of the electrons whose shot noise equals the detector's

ROWS = 32  # y rows of a chunk: few enough for the cache, and for BLAS to start no threads
BORDER = 16  # rows by which both ends of y are padded (mirrored) before filtering
MOST_THREADS = 8  # each holds a tenth of a gigabyte at the paper's size


@dataclass(frozen=True)
class Microscope:
    """Settings of a tilt series: geometry, dose and imperfections.

    Attributes
    ----------
    voxel_nm
        Edge of a voxel and of a detector pixel in nm.
    tilt
        First and last angle and the step between images, in degrees; the tilt axis is y. None for
        one straight image, as `plain` takes them.
    dose
        Electrons per nm^2 that all images of the series share; `math.inf` for no noise.
    seed
        Seed of shot noise and misalignment.
    defocus_nm
        Underfocus in nm, the same everywhere; 0 leaves amplitude contrast only.
    jitter_nm
        Standard deviation of an image's misalignment in x and in y, in nm.
    envelope_nm
        Blur of the lens: at one cycle in that many nm, 1/e is left.
    detector
        What the detector transmits of signal and noise at half a cycle a pixel: a scintillator
        blurs, where a beam counts pixel by pixel (1) nothing does.
    """

    voxel_nm: float
    tilt: tuple[float, float, float] | None = (-60.0, 60.0, 1.5)
    dose: float = 200_000.0
    seed: int = 0
    defocus_nm: float = 1000.0
    jitter_nm: float = 0.8
    envelope_nm: float = ENVELOPE_NM
    detector: float = DETECTOR_AT_NYQUIST

    def __post_init__(self) -> None:
        first, last, step = self.tilt or (-1, 1, 1)
        if not (-80 <= first < last <= 80 and 0 < step <= last - first):
            raise InputError(
                f"microscope: the tilt series {first:g},{last:g},{step:g} was asked for, angles "
                "from -80 to 80 degrees in a positive step are wanted; try -60,60,1.5."
            )
        if not (0 < self.voxel_nm < np.inf and self.dose > 0):
            raise InputError(
                f"microscope: a voxel of {self.voxel_nm:g} nm and a dose of {self.dose:g} electrons"
                " a nm^2 were asked for, numbers above 0 are wanted; give positive ones."
            )
        if not 0 < self.detector <= 1:
            raise InputError(
                f"microscope: a detector that transmits {self.detector:g} at half a cycle a pixel "
                "was asked for, above 0 and up to 1 is wanted; give 0.3 for a scintillator."
            )
        if not 0 <= self.jitter_nm < np.inf:
            raise InputError(
                f"microscope: a misalignment of {self.jitter_nm:g} nm was asked for, a deviation "
                "of 0 or more is wanted; give 0 for perfect alignment."
            )

    @property
    def angles_deg(self) -> tuple[float, ...]:
        """Angle of every image in degrees; the last step that does not fit is left out."""
        if self.tilt is None:
            return (0.0,)
        first, last, step = self.tilt
        count = int((last - first) / step + 1e-6) + 1
        return tuple(first + step * number for number in range(count))

    def electrons(self, angle_deg: float) -> float:
        """Electrons counted in a pixel `(y, u)` of an image where there is no specimen."""
        share = self.dose / len(self.angles_deg) * QUANTUM_EFFICIENCY
        # The pixel is one voxel wide in u, so cos t voxels wide where the electrons arrive.
        return share * self.voxel_nm**2 * float(np.cos(np.deg2rad(angle_deg)))


def image(
    density: npt.NDArray[np.floating],
    microscope: Microscope,
    *,
    threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Floats:
    """Return the reconstruction of a section from its simulated tilt series.

    Parameters
    ----------
    density
        `(z, y, x)` stain, 1 for a well-stained membrane, 0 for resin; about 20 for gold. What is
        not in the array, below and above along z, is vacuum.
    threads
        Number of threads, by default one a core and at most eight. It does not change the result.
    progress
        Called now and then, from the calling thread, with the share that is done, up to 1.

    Returns
    -------
    `(z, y, x)` float32 in units of density, dense is positive. The mean is about 0: the ramp filter
    removes nearly all of the constant part.
    """
    depth, height, width = density.shape
    angles = microscope.angles_deg
    rays = Rays(angles, depth, width)
    series = np.empty((len(angles), height, rays.ring), dtype=np.float32)
    result = np.empty(density.shape, dtype=np.float32)

    def project(rows: slice) -> None:
        series[:, rows] = rays.project(density[:, rows])

    def record(number: int) -> None:
        expose(series[number], microscope, number, depth)

    def back_project(rows: slice) -> None:
        result[:, rows] = rays.back_project(series[:, rows])

    chunks = [slice(y, min(y + ROWS, height)) for y in range(0, height, ROWS)]
    stages = [
        [partial(project, rows) for rows in chunks],
        [partial(record, number) for number in range(len(angles))],
        [partial(back_project, rows) for rows in chunks],
    ]
    _work_through(stages, threads, progress)
    return result


def expose(projection: Floats, microscope: Microscope, number: int, depth: float) -> None:
    """Record image `number`: replace, in place, the ideal projection by the measured one.

    Parameters
    ----------
    projection
        `(y, u)` density summed along the rays, as `Rays.project` gives it.
    depth
        Thickness of the section in voxels.
    """
    rng = np.random.default_rng([microscope.seed, number])
    angle = microscope.angles_deg[number] if microscope.tilt else 0.0
    # Path of the tilted beam through one layer of voxels, nm.
    slant = microscope.voxel_nm / float(np.cos(np.deg2rad(angle)))
    resin = np.float32(np.exp(-RESIN_PER_NM * slant * depth))
    optical = np.float32(STAIN_PER_NM * slant)

    frequencies = _Frequencies(projection.shape, microscope.voxel_nm, angle)
    arriving = frequencies.filtered(
        np.exp(-optical * projection), _lens(frequencies, microscope, rng)
    )
    # Fresnel fringes beside gold could make the intensity negative: clip at a thousandth.
    np.maximum(arriving, 1e-3, out=arriving)
    beam = microscope.electrons(angle) * float(resin)
    if np.isfinite(beam):
        arriving = _counted(arriving * np.float32(beam), rng) / np.float32(beam)
    recorded = frequencies.filtered(arriving, _detector(frequencies, microscope.detector))
    # Clip at one electron before the logarithm.
    np.maximum(recorded, max(1e-3, 1 / beam), out=recorded)
    projection[:] = np.log(recorded) / -optical


class _Frequencies:
    """The frequencies of an image `(y, u)`, in cycles a nm, and filtering by them."""

    def __init__(self, shape: tuple[int, ...], voxel_nm: float, angle_deg: float) -> None:
        self.rows, self.columns = shape
        self.extended = int(fft.next_fast_len(self.rows + 2 * BORDER, real=True))
        self.voxel_nm = voxel_nm
        self.y: Floats = np.fft.fftfreq(self.extended, voxel_nm)[:, None].astype(np.float32)
        # The detector sees u foreshortened, s = u cos t: its frequencies are that much higher.
        foreshortened = voxel_nm * float(np.cos(np.deg2rad(angle_deg)))
        self.s: Floats = np.fft.rfftfreq(self.columns, foreshortened)[None].astype(np.float32)

    def filtered(self, picture: Floats, transfer: npt.NDArray[np.inexact]) -> Floats:
        """Return `(y, u)` times a transfer function: y is padded mirrored, u is periodic."""
        after = self.extended - self.rows - BORDER
        padded = np.pad(picture, ((BORDER, after), (0, 0)), mode="symmetric")
        waves = fft.rfft2(padded)
        waves *= transfer
        passed: Floats = fft.irfft2(waves, s=padded.shape)[BORDER : BORDER + self.rows]
        return passed


def _lens(frequencies: _Frequencies, microscope: Microscope, rng: np.random.Generator) -> Waves:
    """Transfer function of envelope, amplitude and phase contrast, and a random shift."""
    square = frequencies.y**2 + frequencies.s**2
    envelope = np.exp(-square * np.float32(microscope.envelope_nm**2))
    turn = np.float32(np.pi * WAVELENGTH_NM * microscope.defocus_nm) * square
    phase_contrast = np.float32(np.sqrt(1 - AMPLITUDE_CONTRAST**2) / AMPLITUDE_CONTRAST)
    contrast = np.cos(turn) + phase_contrast * np.sin(turn)
    shift = rng.normal(0, microscope.jitter_nm, size=2).astype(np.float32)
    cycles = frequencies.y * shift[0] + frequencies.s * shift[1]
    transfer: Waves = envelope * contrast * np.exp(np.complex64(-2j * np.pi) * cycles)
    return transfer


def _detector(frequencies: _Frequencies, at_nyquist: float) -> Floats:
    """Transfer function of the detector's blur."""
    square = (frequencies.y**2 + frequencies.s**2) * np.float32((2 * frequencies.voxel_nm) ** 2)
    transfer: Floats = np.exp(np.float32(np.log(at_nyquist)) * square)
    return transfer


def _counted(expected: Floats, rng: np.random.Generator) -> Floats:
    """Return Poisson counts of expected numbers of electrons.

    One normal deviate a pixel, whatever is expected there. A generator of Poisson numbers rejects
    some of its draws: how one pixel is rounded would decide the noise of all after it.
    """
    deviates = rng.standard_normal(expected.shape, dtype=np.float32)
    few = expected < 50  # from there on a normal deviate is as good
    counts = deviates * np.sqrt(expected)
    counts += expected
    # The count of which as large a share of the counts is below as of normal deviates.
    counts[few] = poisson.ppf(ndtr(deviates[few].astype(np.float64)), expected[few])
    return counts


def _work_through(
    stages: Sequence[Sequence[Callable[[], None]]],
    threads: int | None,
    progress: Callable[[float], None] | None,
) -> None:
    """Run the steps of a stage in parallel, and the stages one after the other."""
    total, done = sum(map(len, stages)), 0
    with ThreadPoolExecutor(threads or min(os.cpu_count() or 1, MOST_THREADS)) as pool:
        for stage in stages:
            for _ in pool.map(lambda step: step(), stage):
                done += 1
                if progress:
                    progress(done / total)
