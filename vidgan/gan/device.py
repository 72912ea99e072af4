"""Where the networks run, and in which precision."""

import platform
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from vidgan.errors import DeviceError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """The torch device for `auto`, `cpu`, `cuda` (or `cuda:1`) or `mps`; DeviceError where it is absent."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    kind, _, number = name.partition(":")
    if kind not in available or (number and (kind != "cuda" or not number.isdecimal())):
        raise DeviceError(f"device {name!r} is unknown; known: {', '.join(DEVICES)}, and cuda:1 and so on")
    if not available[kind] or int(number or 0) >= max(1, torch.cuda.device_count()):
        raise DeviceError(f"device {name} was asked for, but torch sees none here; use --device auto or cpu")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The arithmetic's dtype for `auto`, `fp32` or `bf16`: auto is bf16 where the hardware has it."""
    if name == "auto":
        return torch.bfloat16 if _has_bf16(device) else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]


def autocast(device: torch.device, precision: torch.dtype) -> AbstractContextManager:
    """A context in which convolutions run in `precision`; nothing at all for fp32.

    Without torch's cache of weights in bf16: all threads share it, and two that train at once would take
    each other's, in whichever order they come.
    """
    if precision == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, precision, cache_enabled=False)


def uploaded(frame: Tensor, device: torch.device) -> Tensor:
    """The same on a device. To a GPU from pinned memory on a stream of its own: it travels while the frame
    before it is still being drawn, and only whoever draws with it waits for it. (Not run on a GPU yet.)
    """
    if device.type != "cuda":
        return frame.to(device)
    drawing, travelling = torch.cuda.current_stream(device), _upload_stream(device)
    with torch.cuda.stream(travelling):
        there = frame.pin_memory().to(device, non_blocking=True)
    drawing.wait_stream(travelling)
    there.record_stream(drawing)
    return there


@cache
def _upload_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and _cpu_gains_by_bf16()


@cache
def _cpu_gains_by_bf16() -> bool:
    """AVX-512 alone emulates bf16. Intel's AVX512-BF16 without AMX takes 1.5 times as long as fp32
    (benchmarks.md): it multiplies as many numbers a cycle either way, and bf16 has to be converted.
    """
    # torch has no public names for these questions yet.
    if torch.cpu._is_amx_tile_supported():
        return True
    return bool(torch.cpu._is_avx512_bf16_supported()) and not _is_intel()


def _is_intel() -> bool:
    with suppress(OSError):
        return "GenuineIntel" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    return "GenuineIntel" in platform.processor()
