"""Training batches: the patches of a dataset, by step.

Dataset + structures + Recipe + seed -> step number -> Batch

A batch depends on the seed and the step alone.
"""

from __future__ import annotations

from seget.samples.batch import Batch, PatchPlace, Plan
from seget.samples.samples import Samples

__all__ = ["Batch", "PatchPlace", "Plan", "Samples"]
