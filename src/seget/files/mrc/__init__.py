"""MRC: reading, writing, saying what is wrong with a file, and mending a copy.

file -> Volume, Description or mended copy; Plan -> Writer

The format is MRC2014 (Cheng et al., J. Struct. Biol. 192:146, 2015) with IMOD's additions
(bio3d.colorado.edu/imod/doc/mrc_format.txt). It never shifts what is stored,
and turns rows around only where IMOD does.
"""

from seget.files.mrc.mending import mend
from seget.files.mrc.reading import SUFFIXES, describe, is_mrc, read
from seget.files.mrc.stacks import has_rows_from_above, may_be_stack, why_stack
from seget.files.mrc.writing import MODE_OF, creating

__all__ = [
    "MODE_OF",
    "SUFFIXES",
    "creating",
    "describe",
    "has_rows_from_above",
    "is_mrc",
    "may_be_stack",
    "mend",
    "read",
    "why_stack",
]
