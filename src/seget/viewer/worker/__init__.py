"""The process that predicts a slice and proposes the next one, and who speaks with it.

requests -> answers, a JSON object a line

`client` is in the viewer's process and imports no torch; `__main__` is the other one.
"""

from seget.viewer.worker.client import Worker

__all__ = ["Worker"]
