"""MRC: reading, writing, saying what is wrong with a file, and mending a copy.

file -> Volume, Description or mended copy; Plan -> Writer

Fields and rules are those of the MRC2014 format (Cheng et al., J. Struct. Biol. 192, 2015) and of
IMOD's additions to it. It never flips or shifts what is stored.
"""

from seget.files.mrc.mending import mend
from seget.files.mrc.reading import SUFFIXES, describe, is_mrc, read
from seget.files.mrc.writing import MODE_OF, creating

__all__ = ["MODE_OF", "SUFFIXES", "creating", "describe", "is_mrc", "mend", "read"]
