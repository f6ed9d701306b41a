"""model.safetensors: the tensors of a network, checked against what its network wants.

network <-> bytes of safetensors

It never loads a pickle, and never builds a network.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import safetensors
import torch
from safetensors import torch as safetensors_torch
from torch import Tensor, nn

from seget.errors import InputError
from seget.networks import Architecture
from seget.trained.card import read_bytes

# Ten times the size of our largest network.
MOST_WEIGHTS_BYTES = 2**30


def weights_bytes(network: nn.Module, *, half: bool = False) -> bytes:
    """Return a network's tensors as a safetensors file.

    Parameters
    ----------
    half
        Store the convolution kernels in float16: half the size. The statistics of batch
        normalisation stay as they are: their range is wider.
    """
    copies = {}  # copies, since safetensors refuses tensors that share memory
    for name, tensor in network.state_dict().items():
        kept = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        copies[name] = kept.half() if half and kept.ndim == 4 else kept
    return safetensors_torch.save(copies)


def weights_sha256(network: nn.Module) -> str:
    """Hash the weights as they are now: the hash of the file that `Trained.save` would write.

    The hash that a model carries is that of the file it was read from; a model in memory has none,
    and one that was trained further has other weights than its file.
    """
    return hashlib.sha256(weights_bytes(network)).hexdigest()


def read_weights(path: Path, sha256: str) -> bytes:
    """Return the file whose hash model.json states; raise InputError if it is another."""
    raw = read_bytes(path, MOST_WEIGHTS_BYTES, "copy the one beside model.json, or train again")
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise InputError(
            f"{path}: its checksum is not the one in model.json; the two are from different runs "
            "or the file is damaged: copy both again, or go on with `seget train --resume` where "
            "the run was stopped."
        )
    return raw


def tensors(
    path: Path, raw: bytes, architecture: Architecture, wanted: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Return the tensors in `raw`; their names, shapes and types must be as `wanted`.

    A kernel may be stored in float16, and what an earlier version did not have may be missing.
    """
    try:
        found = architecture.completed(safetensors_torch.load(raw), wanted)
        reason = _misfit(found, wanted)
    except (safetensors.SafetensorError, LookupError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
    if reason:
        raise InputError(f"{path}: not the weights of this model ({reason}); copy both again.")
    return found


def _misfit(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> str:
    """Say how tensors differ from the wanted ones, or are not finite; "" if they do not."""
    for name in sorted(found.keys() ^ wanted.keys()):
        return f"{name} is {'missing' if name in wanted else 'none of its tensors'}"
    for name, tensor in wanted.items():
        types = (tensor.dtype, torch.float16) if tensor.ndim == 4 else (tensor.dtype,)
        if found[name].shape != tensor.shape or found[name].dtype not in types:
            return f"{name} is {_words(found[name])}, wanted {_words(tensor)}"
        if not bool(found[name].isfinite().all()):
            return f"{name} is not finite"
    return ""


def _words(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} of {str(tensor.dtype).removeprefix('torch.')}"
