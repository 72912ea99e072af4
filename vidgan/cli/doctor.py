"""vidgan doctor: versions, devices, codecs: what will run where."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.console import Console

from vidgan import __version__
from vidgan.cli import arguments as a
from vidgan.cli.show import print_json
from vidgan.config import recipe_paths

EXAMPLE = "Example: vidgan doctor --json"

_PACKAGES = (
    "torch", "torchvision", "opencv-python-headless", "av", "numpy", "pillow", "safetensors",
    "scenedetect-headless",
)  # fmt: skip


def command(json: a.Json = False) -> None:
    """Say which versions, devices and codecs this machine has, and what a job would run on."""
    found = _examine()
    if json:
        print_json(found)
        return
    console = Console(highlight=False)
    for name, value in found.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        console.print(f"[bold]{name:>22}[/bold]  {shown}")


def _examine() -> dict[str, Any]:
    return {
        "vidgan": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        **{package: _version(package) for package in _PACKAGES},
        **_devices(),
        "encoders": _encoders(),
        "recipes": list(recipe_paths()),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing: install vidgan again"


def _devices() -> dict[str, Any]:
    import torch

    from vidgan.gan.device import choose_device, choose_precision
    from vidgan.gan.engine import REMEDY, has_openvino

    device = choose_device("auto")
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "device": str(device),
        "precision": str(choose_precision("auto", device)).removeprefix("torch."),
        "cuda devices": names or "none",
        "cpu threads": torch.get_num_threads(),
        "engine on a cpu": "openvino" if has_openvino() else f"torch; {REMEDY} may be faster",
    }


def _encoders() -> list[str]:
    import av

    return [name for name in ("libx264", "ffv1") if name in av.codecs_available]
