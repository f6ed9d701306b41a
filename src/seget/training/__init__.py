"""Training: annotated slices in, a trained model out.

Dataset + Recipe -> Trained, and a run folder that can be taken up again

It never prints: progress goes to a listener. `loop` is the story, `steps` what an epoch does,
`gradients` what a step learns, `schedule` the rates and patience, `validation` the judge of
checkpoints, `run_folder` and `checkpoints` what is on disk, `interruption` how a run is stopped.
"""

from seget.training.checkpoints import kept_steps
from seget.training.epoch_loss import Diverged
from seget.training.loop import train
from seget.training.run_folder import Run, read_log
from seget.training.steps import measure_pace

__all__ = ["Diverged", "Run", "kept_steps", "measure_pace", "read_log", "train"]
