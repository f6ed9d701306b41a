"""OME-Zarr 0.4 and 0.5: images and labels, read at their finest level, written with coarser ones.

folder -> Volume, Legend; Plan -> Writer

The specifications: ngff.openmicroscopy.org/0.4 and /0.5. It never averages labels and never
guesses an axis. Zarr is imported when it is needed.
"""

from seget.files.ome_zarr.reading import SUFFIX, is_inside, is_zarr, read, read_legend
from seget.files.ome_zarr.writing import add_to_labels, creating, version_to_write

__all__ = [
    "SUFFIX",
    "add_to_labels",
    "creating",
    "is_inside",
    "is_zarr",
    "read",
    "read_legend",
    "version_to_write",
]
