"""Training: annotated slices in, a trained model out.

Dataset + Recipe -> Trained, and a run folder that can be resumed

It never prints: progress goes to a listener. Begin reading at `loop`. `steps` takes the steps of an
epoch, `state` holds what changes, `gradients` computes loss and gradients of a batch, `epoch_loss`
averages the losses, `schedule` has learning rates and patience, `clock` says how much of a run is
over, `held_out` chooses slices that `validation` scores and `thresholds` are of, `alarm` says what
they do not show, `run_folder` and `checkpoints` are what is on disk, `initial_weights` is what it
begins from and `interpolation` goes back towards in the end, `best_model` is what is saved of it,
`refit` trains once more by what a run chose, `interruption` defers Ctrl-C to the end of a step. On
CUDA `stepper` has `device_patches` cut batches and `recording` replay steps. `ranks` are processes
that train together, with `synchronised` batch normalisation; `launch` starts them.
"""

from seget.training.checkpoints import kept_steps
from seget.training.epoch_loss import Diverged
from seget.training.initial_weights import misfit
from seget.training.loop import train
from seget.training.ranks import Ranks, are_several, joined
from seget.training.refit import refit, require_choices, validates
from seget.training.run_folder import Run, read_log, remove_run
from seget.training.steps import measure_pace

__all__ = [
    "Diverged",
    "Ranks",
    "Run",
    "are_several",
    "joined",
    "kept_steps",
    "measure_pace",
    "misfit",
    "read_log",
    "refit",
    "remove_run",
    "require_choices",
    "train",
    "validates",
]
