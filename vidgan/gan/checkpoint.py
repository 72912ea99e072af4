"""A training run's whole state as tensors, so that an interrupted one goes on exactly where it stopped."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidgan.config import Recipe
from vidgan.errors import LookError
from vidgan.gan.schedule import Record
from vidgan.resample import to_pixels

FORMAT = "vidgan-training-3"


class Resumable(Protocol):
    """A training whose state can be taken out and put back."""

    device: torch.device

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]: ...

    def load(self, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None: ...


def save_checkpoint(trainer: Resumable, key: str, path: Path) -> None:
    """Write the state between two iterations; key: training_key of what is trained on."""
    tensors, header = trainer.state()
    header["device"] = trainer.device.type
    metadata = {"format": FORMAT, "key": key, "state": json.dumps(header)}
    copies = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    path.write_bytes(save(copies, metadata))


def load_checkpoint(trainer: Resumable, key: str, path: Path) -> None:
    """Bring a new trainer of the same pair and settings to that state; LookError if the file is another's."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise LookError(f"{path} cannot be read ({error}); delete it to train from the beginning") from error
    if (metadata.get("format"), metadata.get("key")) != (FORMAT, key):
        raise LookError(
            f"{path} is of another clip, target, recipe or version; give the same, or leave --resume out"
        )
    header = json.loads(metadata["state"])
    if header["device"] != trainer.device.type:
        raise LookError(
            f"{path} was trained on {header['device']}: go on there, with --device {header['device']}"
        )
    try:
        trainer.load(tensors, header)
    except (KeyError, RuntimeError, ValueError) as error:
        raise LookError(f"{path} is damaged ({error}); delete it to train from the beginning") from error


def training_key(pictures: Sequence[Tensor], recipe: Recipe, record: Record | None = None) -> str:
    """A hash of all that an interrupted run must share with the one that goes on.

    pictures: (3, H, W) in [-1, 1] each. They count by their 8-bit pixels: resampling differs between
    devices in the last bits.
    """
    settled = {"parts": asdict(recipe.parts), "train": asdict(recipe.train)}
    if recipe.train.lambda_steady:
        settled["flow"] = asdict(recipe.flow)  # the motion to the next frame is trained on
    digest = sha256(json.dumps(settled, sort_keys=True).encode())
    for picture in pictures:
        digest.update(to_pixels(picture).tobytes())
    if record is not None:
        digest.update(repr(record).encode())
    return digest.hexdigest()
