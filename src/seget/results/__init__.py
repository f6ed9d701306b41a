"""What prediction leaves in a folder: score maps, labels, and what stands beside them.

folder <-> score maps + labels, each with a `.json` that says what it is

It never predicts and never imports torch, so that results can be read and judged where no model
runs. `score_maps` knows the maps' names and what stands beside them, `matching` whose they
are, `labels` fuses them; `legend` says what labels are, `conflicts` what was contested.
"""

from seget.results.labels import LABELS, Wishes, explain, fuse_files, read_labels
from seget.results.matching import match
from seget.results.score_maps import (
    Learnt,
    ScoreMap,
    Sidecar,
    find_score_maps,
    is_made,
    map_path,
    output_id,
    read_sidecar,
    update_sidecars,
    write_sidecar,
)

__all__ = [
    "LABELS",
    "Learnt",
    "ScoreMap",
    "Sidecar",
    "Wishes",
    "explain",
    "find_score_maps",
    "fuse_files",
    "is_made",
    "map_path",
    "match",
    "output_id",
    "read_labels",
    "read_sidecar",
    "update_sidecars",
    "write_sidecar",
]
