"""Draws the settings of a phantom to learn from: more varied than reality is.

seed + shape -> Settings

It never simulates. A network that has seen cells of every voxel size, dose, stain, texture, blur
and section is more likely to take a real tomogram for one more of them (domain randomisation,
Tobin et al., IROS 2017). One half are tilt series, one quarter serial sections, one quarter block
faces as a FIB-SEM cuts them. Every setting is drawn for itself, from a range wider than life's: the
presets that were fitted to real pictures lie within.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np

from seget.phantom.crowd import RIBOSOMES_UM3
from seget.phantom.settings import SCENE_EDGE_NM, Picture, Settings, Specimen
from seget.phantom.structures import MEMBRANES, STRUCTURES

Random = np.random.Generator

VOXEL_NM = (1.5, 12.0)
TILTED_NM = (40.0, 250.0)  # thickness of a section that is tilted
SECTION_NM = (25.0, 60.0)  # thickness of a serial section
FACE_NM = (4.0, 15.0)  # thickness that an ion beam cuts off
DEEPEST_NM = 900.0
# For the sake of time: slices of a tilted section, ribosomes of the scene, and the area (um2)
# that at the default crowd would hold as many organelles.
MOST_SLICES, MOST_RIBOSOMES, MOST_CROWD_UM2 = 48, 20_000, 60.0
# Deviation of the noise, in units of density: a membrane's is 1, the texture's about 0.13.
NOISE = (0.01, 0.3)
# A dose d (electrons a nm2) leaves a noise of TILTED / (sqrt(d) voxel^2) in a tilt series of 60
# degrees, and of STRAIGHT / (sqrt(d) voxel thickness) in a straight image, all in nm.
TILTED, STRAIGHT = 100.0, 245.0


def randomised(
    seed: int,
    shape: tuple[int, int, int] = (12, 512, 512),
    structures: Sequence[str] = STRUCTURES,
) -> Settings:
    """Return settings drawn at random; the same seed gives the same.

    Parameters
    ----------
    seed
        Of the settings and of the cell.
    shape
        `(z, y, x)` voxels.
    structures
        Whose masks are wanted. A field smaller than the scene lies, in most cells, around one of
        them.
    """
    rng = np.random.default_rng([abs(seed), 8])
    kind = rng.choice(["tilted", "serial", "face"], p=[0.5, 0.25, 0.25])
    voxel_nm = min(_between(rng, *VOXEL_NM), DEEPEST_NM / shape[0])
    noise = _between(rng, *NOISE)
    picture = _finished(rng, voxel_nm)
    if kind == "tilted":
        picture, specimen = _tilted(rng, picture, voxel_nm, shape[0])
        dose = (TILTED / (noise * voxel_nm**2)) ** 2
    else:
        picture, specimen = _straight(rng, picture, voxel_nm, kind == "serial")
        thickness = min(picture.section_nm or voxel_nm, DEEPEST_NM / shape[0])
        picture = replace(picture, section_nm=thickness)
        dose = (STRAIGHT / (noise * voxel_nm * thickness)) ** 2
    focus = [name for name in structures if name != MEMBRANES and rng.random() < 0.8]
    settings = Settings(
        shape=shape,
        voxel_nm=voxel_nm,
        seed=seed,
        dose=dose,
        tilt=_tilt(rng),
        structures=tuple(structures),
        specimen=_stained(rng, specimen),
        picture=picture,
        focus=str(rng.choice(focus)) if focus else None,
    )
    return replace(settings, specimen=_crowded(rng, settings))


def _tilt(rng: Random) -> tuple[float, float, float]:
    """Draw a tilt series: about 40 to 75 degrees to each side, in steps of 1 to 3."""
    limit, off, step = rng.uniform([40, -5, 1], [75, 5, 3]).round(1).tolist()
    return off - limit, off + limit, step


def _tilted(
    rng: Random, picture: Picture, voxel_nm: float, slices: int
) -> tuple[Picture, Specimen]:
    """Draw the thickness of a section, and how the beam thins and the knife compresses it."""
    whole = min(ceil(_between(rng, *TILTED_NM) / voxel_nm), MOST_SLICES)
    buried = max(0, (whole - slices) // 2)
    thinnest = max(0.65, min(1.0, (slices + 2 * buried) * voxel_nm / DEEPEST_NM))
    kept = (rng.uniform(thinnest, 1.0), *_compressed(rng))
    jitter_nm = rng.uniform(0.0, 0.35) * voxel_nm
    return replace(picture, buried=buried, jitter_nm=jitter_nm), Specimen(kept=kept)


def _straight(
    rng: Random, picture: Picture, voxel_nm: float, serial: bool
) -> tuple[Picture, Specimen]:
    """Draw plain sections: serial ones, or block faces cut at most two pixels thick."""
    flicker, jitter_nm = _sometimes(rng, 0.5, 0.4), rng.uniform(0, 0.2) * voxel_nm
    picture = replace(picture, flicker=flicker, jitter_nm=jitter_nm)
    if serial:
        picture = replace(picture, section_nm=_between(rng, *SECTION_NM))
        return picture, Specimen(kept=(1.0, *_compressed(rng)))
    section_nm = min(_between(rng, *FACE_NM), 2 * voxel_nm)
    # An electron beam that scans the face counts pixel by pixel: no scintillator blurs its noise.
    detector = min(1.0, rng.uniform(0.3, 1.1))
    depth_nm = rng.uniform(0, 8)
    picture = replace(picture, section_nm=section_nm, defocus_nm=0.0)
    return replace(picture, depth_nm=depth_nm, detector=detector), Specimen()


def _compressed(rng: Random) -> tuple[float, float]:
    """Draw the share of its length that a section keeps along y and x: a knife moves along one."""
    kept = 1 - _sometimes(rng, 0.6, 0.25)
    return (kept, 1.0) if rng.random() < 0.5 else (1.0, kept)


def _stained(rng: Random, specimen: Specimen) -> Specimen:
    """Draw stain and texture, and whether the cell is one of a tissue."""
    return replace(
        specimen,
        texture=rng.uniform(0.3, 2.0),
        texture_scale=_between(rng, 0.6, 4.5),
        cytoplasm=rng.uniform(0.1, 0.6),
        stain_spread=rng.uniform(0.0, 0.4),
        unevenness=_between(rng, 0.2, 3.5),
        tissue_nm=_between(rng, 200, 900) if rng.random() < 0.5 else 0.0,
    )


def _crowded(rng: Random, settings: Settings) -> Specimen:
    """Draw how crowded the cell is."""
    depth, *edges = settings.extent_nm
    area_um2 = float(np.prod(np.maximum(edges, SCENE_EDGE_NM))) / 1e6
    tissue_nm, widest = settings.specimen.tissue_nm, max(edges)
    most = MOST_RIBOSOMES / (RIBOSOMES_UM3 * area_um2 * depth / 1000)
    return replace(
        settings.specimen,
        # Cells much smaller than the field take long, and are all alike.
        tissue_nm=max(widest / 15, tissue_nm) if tissue_nm > 0 else 0.0,
        crowd=min(_between(rng, 0.3, 3.0), MOST_CROWD_UM2 / area_um2),
        ribosomes=min(_between(rng, 0.1, 3.0), most),
    )


def _finished(rng: Random, voxel_nm: float) -> Picture:
    """Draw blur, noise that no dose explains, shading and contrast."""
    return Picture(
        defocus_nm=rng.uniform(0, 3000),
        jitter_nm=0.0,
        envelope_nm=max(_between(rng, 2.0, 10.0), voxel_nm * _between(rng, 0.3, 4.0)),
        smooth_px=_sometimes(rng, 0.4, 1.3),
        grain=_sometimes(rng, 0.5, 0.8),
        grain_px=_between(rng, 1.5, 30.0),
        shading=_sometimes(rng, 0.6, 0.8),
        clipped=_between(rng, 0.0005, 0.03),
        gamma=_between(rng, 0.6, 1.6),
        inverted=bool(rng.random() < 1 / 6),
    )


def _between(rng: Random, low: float, high: float) -> float:
    """Draw a number whose logarithm is as likely anywhere between two."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _sometimes(rng: Random, share: float, most: float) -> float:
    """Draw a number up to `most` in a share of all cases, otherwise 0."""
    return float(rng.uniform(0, most)) if rng.random() < share else 0.0
