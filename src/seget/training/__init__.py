"""Training: annotated slices in, a trained model out.

Dataset + Recipe -> Trained, and a run folder that can be taken up again

It never prints: progress goes to a listener. `loop` is the story, `schedule` the rates and
patience, `validation` the judge of checkpoints, `run_folder` what is on disk.
"""

from seget.training.loop import Listener, Run, train
from seget.training.run_folder import read_log

__all__ = ["Listener", "Run", "read_log", "train"]
