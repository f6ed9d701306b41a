"""The records of IMOD's binary model format, and what their flags mean.

names and types of fields -> NumPy types of fixed length

It never reads or writes a byte. Everything in a model file is big-endian and in the order x, y, z.
A file is MAGIC, a HEADER and chunks, each with four letters in front. OBJT, CONT, MESH and IEOF
are as long as the fields below say; every other chunk states its length after its letters. The
specification, whose names of fields these are: bio3d.colorado.edu/imod/doc/binspec.html.
"""

from __future__ import annotations

import numpy as np

MAGIC = b"IMODV1.2"

HEADER = np.dtype(
    [
        ("name", "S128"),
        ("max", ">i4", 3),  # extent of the image in x, y, z
        ("objsize", ">i4"),  # objects that follow
        ("flags", ">u4"),
        ("drawmode", ">i4"),
        ("mousemode", ">i4"),
        ("levels", ">i4", 2),  # black and white on the screen
        ("offset", ">f4", 3),
        ("scale", ">f4", 3),  # the third is how much higher than wide a voxel is
        ("current", ">i4", 3),  # object, contour, point
        ("res", ">i4"),
        ("thresh", ">i4"),
        ("pixsize", ">f4"),
        ("units", ">i4"),  # power of ten of a metre; 0 for pixels
        ("csum", ">i4"),
        ("angles", ">f4", 3),
    ]
)
OBJT = np.dtype(
    [
        ("name", "S64"),
        ("extra", ">u4", 16),
        ("contsize", ">i4"),  # contours that follow
        ("flags", ">u4"),
        ("axis", ">i4"),
        ("drawmode", ">i4"),
        ("colour", ">f4", 3),  # red, green, blue, 0 to 1
        ("pdrawsize", ">i4"),  # radius of points in pixels
        ("symbol", "u1"),  # 1 for none
        ("symsize", "u1"),
        ("linewidth2", "u1"),
        ("linewidth", "u1"),
        ("linesty", "u1"),
        ("symflags", "u1"),
        ("sympad", "u1"),
        ("trans", "u1"),
        ("meshsize", ">i4"),  # meshes that follow
        ("surfsize", ">i4"),
    ]
)
CONT = np.dtype([("psize", ">i4"), ("flags", ">u4"), ("time", ">i4"), ("surf", ">i4")])
MESH = np.dtype(
    [("vsize", ">i4"), ("lsize", ">i4"), ("flag", ">u4"), ("time", ">i2"), ("surf", ">i2")]
)
MINX = np.dtype(
    [
        ("oscale", ">f4", 3),
        ("otrans", ">f4", 3),  # negative of the whole image's origin
        ("orot", ">f4", 3),
        ("cscale", ">f4", 3),  # voxel size in angstrom
        ("ctrans", ">f4", 3),  # of the part loaded: position = point * cscale - ctrans, angstrom
        ("crot", ">f4", 3),
    ]
)
IMAT = np.dtype(
    [
        ("ambient", "u1"),
        ("diffuse", "u1"),
        ("specular", "u1"),
        ("shininess", "u1"),
        ("rest", "V12"),
    ]
)
POINT = np.dtype(">f4")
INDEX = np.dtype(">i4")

MODEL_Z_FROM_MINUS_HALF = 1 << 10  # a whole z is the middle of a slice
MODEL_MATERIAL_BYTES = 1 << 13
MODEL_HAS_ORIGIN = 1 << 14  # otrans is valid
MODEL_HAS_ANGLES = 1 << 15  # crot is valid
MODEL_FLIPPED = 1 << 16  # drawn with y and z exchanged
MODEL_ROTATED = 1 << 17  # drawn on the image turned by 90 degrees about x

OBJECT_OPEN = 1 << 3
OBJECT_FILL = 1 << 8
OBJECT_SCATTERED = 1 << 9
OBJECT_MESH = 1 << 10
OBJECT_NO_LINE = 1 << 11
CONTOUR_OPEN = 1 << 3

# Words in the list of a mesh; other negative ones draw what is no triangle.
LIST_END = -1
POLYGON_END = -22
POLYGON_PAIRS = -23  # a normal and a vertex, each by its number, for every corner
POLYGON_VERTICES = -25  # a vertex for every corner, its normal is the one behind it

NM = -9  # of `units`
