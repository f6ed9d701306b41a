"""Draw docs/phantom.png: a slice through each structure of a phantom beside real tomograms.

    SEGET_DATA=/path/to/data python docs/phantom_picture.py

Above: crops of a phantom of 2.5 nm a voxel. Below: plastic-section tomograms of 2.5 nm a voxel with
microtubules (TARDIS test data, MIT, (c) 2022 R. Kiewisz and T. Bepler), from
$SEGET_DATA/et-microtubules/patches; without the folder that row is left out.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from seget import files
from seget.phantom import Settings, simulate

PICTURE = Path(__file__).with_name("phantom.png")
SETTINGS = Settings(shape=(32, 900, 900), voxel_nm=2.5, seed=0)
CROP_PX, ENLARGED, CAPTION_PX = 192, 2, 18
GREY = npt.NDArray[np.uint8]


def crop(image: GREY, mask: GREY) -> GREY:
    """Cut a square around the middle of a mask, from the slice where it is largest."""
    z = int(mask.sum(axis=(1, 2), dtype=np.int64).argmax())
    rows, columns = np.nonzero(mask[z])
    centre = len(rows) // 2
    y, x = (
        int(np.clip(at[centre] - CROP_PX // 2, 0, image.shape[1] - CROP_PX))
        for at in (rows, columns)
    )
    return image[z, y : y + CROP_PX, x : x + CROP_PX]


def tile(pixels: GREY, caption: str) -> GREY:
    """Enlarge a crop, pad it to a square and write below it what it is."""
    low, high = np.percentile(pixels, [0.5, 99.5])
    grey = np.clip((pixels - low) / max(high - low, 1) * 255, 0, 255).astype(np.uint8)
    edge = CROP_PX * ENLARGED
    enlarged = Image.fromarray(grey).resize((edge, edge), Image.Resampling.BICUBIC)
    canvas = Image.new("L", (edge, edge + CAPTION_PX), 255)
    canvas.paste(enlarged, (0, 0))
    ImageDraw.Draw(canvas).text((4, edge + 3), caption, fill=0)
    return np.asarray(canvas)


def real_tiles() -> list[GREY]:
    """Return tiles of the real tomograms, if they are there."""
    folder = Path(os.environ.get("SEGET_DATA", "")) / "et-microtubules" / "patches"
    names = ("0_0_30_47_25", "3_0_25_54_25", "4_0_55_98_25", "5_0_28_54_25")
    if not all((folder / f"{name}.tif").is_file() for name in names):
        return []
    tiles = []
    for name in names:
        volume = files.read(folder / f"{name}.tif")
        tiles.append(tile(volume.slice(volume.shape[0] // 2), f"real, {volume.shape[1]} px wide"))
    return tiles


def main() -> None:
    """Simulate, cut and write the picture."""
    phantom = simulate(SETTINGS)
    rows = [
        [
            tile(crop(phantom.tomogram.data, mask.data), f"simulated: {name}, {CROP_PX} px wide")
            for name, mask in phantom.masks.items()
        ]
    ]
    if real := real_tiles():
        rows.append([*real, np.full_like(real[0], 255)])
    Image.fromarray(np.vstack([np.hstack(row) for row in rows])).save(PICTURE)


if __name__ == "__main__":
    main()
