"""Which tomograms a model learnt from, as its provenance tells.

provenance + Volume -> yes, no or unknown

It never opens a file: a tomogram is known by its fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seget.volume import Volume


def learnt_from(provenance: Mapping[str, Any], volume: Volume) -> bool | None:
    """Return whether slices of a volume taught a model; None where its provenance does not say.

    Of several models as one: whether any of them learnt from it.
    """
    if "models" in provenance:
        found = [learnt_from(one, volume) for one in provenance["models"]]
        return True if True in found else None if None in found else False
    if "data" not in provenance:
        return None
    taught = [one for one in provenance["data"] if one["train"]]
    # Its fingerprint is of some slices and all that decide: tomograms often have the same ones.
    decided = {tuple(one["train"] + one["validation"]) for one in taught}
    depth = volume.shape[0]
    known = {
        volume.fingerprint(slices=slices) for slices in decided if max(slices, default=0) < depth
    }
    return any(one["image"] in known for one in taught)
