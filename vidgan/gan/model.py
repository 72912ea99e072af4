"""What training leaves and frames are put through, whichever method made it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from vidgan.config import Recipe, TranslateSettings
from vidgan.gan.pyramid import Size

Translation = Callable[[Tensor], Tensor]
"""(1, 3, H, W) in [-1, 1] -> the same shape and range, float32, in the look; the same for the same frame."""


LEARNT_A_PAIR = "a look of a clip and a target is rendered: vidgan render CLIP -m LOOK -o OUT"


Sampler = Callable[[Size | None, int, int], Tensor]
"""size, start, seed -> a fresh picture, (1, 3, H, W) in [-1, 1], of that size or its own.

Stages before `start` show the picture that was learnt; the same seed gives the same.
"""


class Model(ABC):
    """The networks of a look, with all that belongs to them."""

    @property
    @abstractmethod
    def stages(self) -> int:
        """How many stages there are when training is done."""

    @property
    @abstractmethod
    def grown(self) -> int:
        """How many its generators have: all, unless it is still in training."""

    @abstractmethod
    def translation(self, recipe: Recipe, settings: TranslateSettings, device: torch.device) -> Translation:
        """Ready to be applied on that device; recipe: what it was trained by."""

    @abstractmethod
    def sampler(self, device: torch.device) -> Sampler:
        """Ready to draw on that device. UsageError where a pair was learnt."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """All of it that is numbers, for a file."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """The rest, as plain values."""

    @classmethod
    @abstractmethod
    def rebuilt(cls, recipe: Recipe, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "Model":
        """The same model out of tensors() and facts().

        KeyError, TypeError or RuntimeError where they do not fit.
        """


def named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of the tensors whose names begin with "prefix.", without it."""
    start = f"{prefix}."
    return {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The other way round."""
    return {f"{prefix}.{key}": value for key, value in tensors.items()}
