"""2-D models of other programs: ONNX files and packages of bioimage.io, run by OpenVINO.

`.onnx` (+ `.json`), `.zip` or folder of bioimage.io -> Trained

It never trains one, and never runs code that comes with a model. `reading` finds what a path holds,
`package` reads the description of bioimage.io, `processing` what it wants done to images, `graph`
is the network.
"""

from seget.trained.foreign.card import GraphCard
from seget.trained.foreign.graph import Graph, GraphArchitecture, openvino, openvino_core
from seget.trained.foreign.reading import Foreign, is_foreign, load_foreign

__all__ = [
    "Foreign",
    "Graph",
    "GraphArchitecture",
    "GraphCard",
    "is_foreign",
    "load_foreign",
    "openvino",
    "openvino_core",
]
