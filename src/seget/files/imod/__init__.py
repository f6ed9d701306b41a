"""IMOD models (.mod), read and written without IMOD.

.mod <-> Model; label volume -> .mod; .mod + image -> masks or labels on the image's grid

The format: bio3d.colorado.edu/imod/doc/binspec.html. It never holds more than a slice of voxels,
and never draws a model on an image whose position relative to it is unknown.
"""

from seget.files.imod.masks import is_model, read_labels, read_mask, read_masks, write_labels
from seget.files.imod.model import (
    Contour,
    DrawnOn,
    ImodObject,
    Kind,
    Mesh,
    Model,
    model_on,
    object_names,
)
from seget.files.imod.reading import read
from seget.files.imod.writing import write

__all__ = [
    "Contour",
    "DrawnOn",
    "ImodObject",
    "Kind",
    "Mesh",
    "Model",
    "is_model",
    "model_on",
    "object_names",
    "read",
    "read_labels",
    "read_mask",
    "read_masks",
    "write",
    "write_labels",
]
