"""Where the networks run, and in which precision."""

from contextlib import AbstractContextManager, nullcontext

import torch

from vidgan.errors import DeviceError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """The torch device for `auto`, `cpu`, `cuda` (or `cuda:1`) or `mps`; DeviceError where it is absent."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    kind = name.split(":")[0]
    if kind not in available:
        raise DeviceError(f"device {name!r} is unknown; known: {', '.join(DEVICES)}")
    if not available[kind]:
        raise DeviceError(f"device {name} was asked for, but torch sees none here; use --device auto or cpu")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The arithmetic's dtype for `auto`, `fp32` or `bf16`: auto is bf16 where the hardware has it."""
    if name == "auto":
        return torch.bfloat16 if _has_bf16(device) else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]


def autocast(device: torch.device, precision: torch.dtype) -> AbstractContextManager:
    """A context in which convolutions run in `precision`; nothing at all for fp32."""
    if precision == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, precision)


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False)
