"""Precisions: what may be asked for, and that float32 is float32."""

from __future__ import annotations

import pytest
import torch

from seget.device import Device, choose_device
from seget.errors import InputError


def test_tf32_is_for_cuda() -> None:
    with pytest.raises(InputError, match="--precision tf32: it is for NVIDIA's GPUs"):
        choose_device("cpu", "tf32")


@pytest.mark.parametrize(
    ("device", "name"),
    [
        (Device(torch.device("cuda"), bf16=False), "float32"),
        (Device(torch.device("cuda"), bf16=False, tf32=True), "tf32"),
        (Device(torch.device("cuda"), bf16=True), "bf16"),
        (Device(torch.device("cpu"), bf16=True, int8=True), "int8"),
    ],
)
def test_a_precision_has_one_name(device: Device, name: str) -> None:
    assert device.precision == name


def test_float32_is_not_tf32_and_the_switch_is_put_back() -> None:
    conv = getattr(torch.backends.cudnn, "conv", None)
    if conv is None:
        pytest.skip("this torch has the old switch alone")
    before = conv.fp32_precision
    for tf32, wanted in ((False, "ieee"), (True, "tf32")):
        with Device(torch.device("cuda"), bf16=False, tf32=tf32).computing():
            assert conv.fp32_precision == wanted
        assert conv.fp32_precision == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="wants a CUDA device")
def test_cuda_computes_float32_in_float32() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 64, 64, 64, generator=generator)
    kernel = torch.randn(64, 64, 3, 3, generator=generator)
    exact = torch.nn.functional.conv2d(image.double(), kernel.double())
    errors = {}
    for precision in ("float32", "tf32"):
        device = choose_device("cuda", precision)
        with device.computing():
            got = torch.nn.functional.conv2d(image.to(device.torch), kernel.to(device.torch))
        errors[precision] = float((got.cpu().double() - exact).abs().max() / exact.abs().max())
    assert errors["float32"] < 1e-5 < errors["tf32"]
