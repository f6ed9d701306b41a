"""From labels to nanometres: objects, surfaces, lengths, distances.

label volume -> Measurement; label volume + folder -> tables, numbered labels, summary.json

It never predicts, never imports torch, and never holds more of a volume than a slab or a block.
docs/measures.md has the definitions, and the errors measured on bodies that are known exactly.
"""

from seget.measurement.centre_line import CentreLine
from seget.measurement.distances import Nearest
from seget.measurement.folder import MEASURED_LABELS, SUMMARY, measure_files
from seget.measurement.measure import Measurement, Options, measured
from seget.measurement.mesh import Mesh
from seget.measurement.rows import Measured
from seget.measurement.structures import Structures, find_structures
from seget.measurement.tasks import Task, do, lost

__all__ = [
    "MEASURED_LABELS",
    "SUMMARY",
    "CentreLine",
    "Measured",
    "Measurement",
    "Mesh",
    "Nearest",
    "Options",
    "Structures",
    "Task",
    "do",
    "find_structures",
    "lost",
    "measure_files",
    "measured",
]
