"""TIFF: stacks in one file, and folders of .tif or .png slices.

file or folder -> Volume; Plan -> Writer

It never reads a stack as a whole, and never takes a printing resolution for a voxel size.
"""

from seget.files.tiff.folder import gaps, is_folder_of_slices, read_folder
from seget.files.tiff.numbering import natural_order
from seget.files.tiff.stack import SUFFIXES, creating, read

__all__ = [
    "SUFFIXES",
    "creating",
    "gaps",
    "is_folder_of_slices",
    "natural_order",
    "read",
    "read_folder",
]
