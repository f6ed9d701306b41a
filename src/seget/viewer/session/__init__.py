"""What is drawn on a tomogram, kept in a folder, and what is run on it; without Qt and napari.

strokes, accepted predictions -> SESSION/dataset.toml + masks; a button -> a command line

`drawing` holds the labels in memory, `folder` keeps them, `session` is both; `runs` begins and
follows trainings, `commands` are what a shell would be told. It never imports torch.
"""

from seget.viewer.session.drawing import Drawing
from seget.viewer.session.opening import open_session, session_folder
from seget.viewer.session.session import Session
from seget.viewer.session.structures import Structure

__all__ = ["Drawing", "Session", "Structure", "open_session", "session_folder"]
