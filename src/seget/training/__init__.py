"""Training: annotated slices in, a trained model out.

Dataset + Recipe -> Trained, and a run folder that can be taken up again

It never prints: progress goes to a listener. `loop` is the story, `steps` what an epoch
does, `schedule` the rates and patience, `validation` the judge of checkpoints, `run_folder` what is
on disk.
"""

from seget.training.listener import Listener
from seget.training.loop import Run, train
from seget.training.run_folder import read_log
from seget.training.steps import measure_pace

__all__ = ["Listener", "Run", "measure_pace", "read_log", "train"]
