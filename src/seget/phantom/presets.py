"""Settings of phantoms that have a name.

name -> Settings

It never draws anything: `randomisation` does.
"""

from __future__ import annotations

from seget.phantom.settings import Picture, Settings, Specimen

PRESETS: dict[str, Settings] = {
    "small": Settings(),
    # The size of the paper's tomograms (Cell Image Library, P1694).
    "paper": Settings(shape=(76, 2048, 2048), voxel_nm=2.255),
    # Three that were fitted to the background, grain and contrast of real pictures by random search
    # (benchmarks/phantom_match.py measures how near they came): tilt series of plastic sections,
    "real": Settings(
        shape=(24, 512, 512),
        voxel_nm=2.5,
        dose=26_000.0,
        specimen=Specimen(texture=1.5, texture_scale=0.685, unevenness=3.0, cytoplasm=0.31),
        picture=Picture(buried=18, envelope_nm=5.1, smooth_px=1.0, grain=0.34, grain_px=3.1),
    ),
    # serial sections of nerve tissue,
    "real-serial": Settings(
        shape=(12, 512, 512),
        voxel_nm=4.6,
        dose=1_560.0,
        specimen=Specimen(
            ribosomes=1.39,
            texture=1.02,
            texture_scale=2.57,
            unevenness=2.1,
            cytoplasm=0.32,
            tissue_nm=450.0,
        ),
        picture=Picture(
            section_nm=50.0,
            envelope_nm=9.7,
            smooth_px=0.57,
            grain=0.39,
            grain_px=2.3,
            jitter_nm=0.13,
        ),
    ),
    # and block faces of nerve tissue in a FIB-SEM.
    "real-face": Settings(
        shape=(12, 512, 512),
        voxel_nm=5.0,
        dose=74_000.0,
        specimen=Specimen(
            ribosomes=0.44,
            texture=1.16,
            texture_scale=3.9,
            unevenness=0.32,
            cytoplasm=0.5,
            tissue_nm=450.0,
        ),
        picture=Picture(
            section_nm=5.0,
            depth_nm=5.0,
            defocus_nm=0.0,
            envelope_nm=16.7,
            detector=1.0,
            grain=0.023,
            grain_px=26.0,
            jitter_nm=0.47,
        ),
    ),
}
