"""Where a network runs, and in which precision.

names that a user gives ("cpu", "bf16") -> Device

It never runs a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from seget import machine
from seget.errors import InputError

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "tf32", "bf16", "int8")
MOST_THREADS = 8  # more would only wait for Python's global interpreter lock
# How CUDA, cuDNN and cuBLAS say that they could not allocate; the last where a convolution finds no
# room for its workspace.
NO_MEMORY = (
    "out of memory",
    "ALLOC_FAILED",
    "ALLOCATION_FAILED",
    "unable to find an engine to execute this computation",
)
AMPERE = (8, 0)  # the first compute capability of CUDA with bf16


@dataclass(frozen=True)
class Device:
    """Where a network runs and in which precision.

    Attributes
    ----------
    torch
        As torch names it.
    bf16
        Whether it computes in bfloat16. `auto` says so only where the hardware does: emulated it is
        slower than float32.
    int8
        Whether convolutions compute in integers of 8 bits, and the rest as `bf16` says.
    tf32
        Whether CUDA rounds what enters a convolution of float32 numbers to 10 bits of mantissa.
    """

    torch: torch.device
    bf16: bool
    int8: bool = False
    tf32: bool = False

    @property
    def precision(self) -> str:
        """Its name as the option `--precision` takes it."""
        names = {"int8": self.int8, "bf16": self.bf16, "tf32": self.tf32, "float32": True}
        return next(name for name, is_it in names.items() if is_it)

    @property
    def idle_cores(self) -> int:
        """Threads that may prepare what comes next: one where the processor computes itself."""
        if self.torch.type == "cpu":
            return 1
        return max(1, min(MOST_THREADS, torch.get_num_threads() - 1))

    def free_bytes(self) -> int:
        """Return the memory that is free on the device."""
        if self.torch.type == "cuda":
            return int(torch.cuda.mem_get_info(self.torch)[0])
        return machine.free_memory_bytes()

    def take(self, tensor: Tensor) -> Tensor:
        """Return a tensor of the processor on the device, without waiting for the device's work."""
        if self.torch.type == "cuda" and tensor.device.type == "cpu":
            tensor = tensor.pin_memory()  # from other memory CUDA copies after all work is done
        return tensor.to(self.torch, non_blocking=True)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Let CUDA compute float32 convolutions in float32, unless the precision is tf32.

        By default torch computes them in TF32. The setting is one of the whole process.
        """
        if self.torch.type != "cuda" or self.bf16:
            yield
            return
        # Torch warns of its old switch where there is the new one.
        cudnn: Any = torch.backends.cudnn
        new = hasattr(cudnn, "conv")
        where, name = (cudnn.conv, "fp32_precision") if new else (cudnn, "allow_tf32")
        before = getattr(where, name)
        setattr(where, name, ("tf32" if self.tf32 else "ieee") if new else self.tf32)
        try:
            yield
        finally:
            setattr(where, name, before)

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which the network is called."""
        if self.bf16:
            return torch.autocast(self.torch.type, dtype=torch.bfloat16)
        return nullcontext()


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's memory ran out: torch's own, or a library's."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)


def choose_device(name: str = "auto", precision: str = "auto") -> Device:
    """Return the device for a name out of `DEVICES`, in a precision out of `PRECISIONS`.

    `auto` is a CUDA device where there is one, else the processor. `mps`, the GPU of a Mac, is
    taken only when it is asked for: nobody has tried it yet.

    Raises
    ------
    InputError
        A name is none of these, there is no such device here, or it does not compute so.
    """
    if precision not in PRECISIONS:
        raise InputError(f"--precision {precision}: wanted {', '.join(PRECISIONS)}.")
    found = _device(name)
    if precision == "int8":
        if found.torch.type != "cpu":
            raise InputError("--precision int8: it is for processors; give --device cpu, too.")
        return replace(found, int8=True)
    if precision == "tf32":
        if found.torch.type != "cuda":
            raise InputError("--precision tf32: it is for NVIDIA's GPUs; give float32 or auto.")
        return replace(found, bf16=False, tf32=True)
    return found if precision == "auto" else replace(found, bf16=precision == "bf16")


def _device(name: str) -> Device:
    if name not in DEVICES:
        raise InputError(f"--device {name}: wanted auto, cpu, cuda or mps.")
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise InputError("--device mps: torch finds no GPU of a Mac here; use --device cpu.")
        return Device(torch.device("mps"), bf16=False)
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no CUDA device here; use --device cpu.")
    if name != "cpu" and torch.cuda.is_available():
        # torch calls bf16 supported where it is emulated, too.
        native = torch.version.hip is not None or torch.cuda.get_device_capability() >= AMPERE
        return Device(torch.device("cuda"), native)
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return Device(torch.device("cpu"), bool(supported()))
