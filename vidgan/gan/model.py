"""What training leaves and frames are put through, whichever method made it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidgan.config import Recipe, TranslateSettings
from vidgan.gan.noise import Origin
from vidgan.gan.pyramid import Size


class Translation(Protocol):
    """One frame's way into the look, the same for the same frame."""

    def __call__(self, frame: Tensor, number: int | None = None) -> Tensor:
        """frame: (1, 3, H, W) in [-1, 1] -> the same shape and range, float32. number: where it stands."""
        ...


class Drawn(NamedTuple):
    """picture: (1, 3, H, W) in [-1, 1], a frame in the look. steady: the same without what may flicker."""

    picture: Tensor
    steady: Tensor


@runtime_checkable
class InTwoSteps(Protocol):
    """A Translation that can be divided, so that one frame's first step runs beside another's second."""

    def prepare(self, frame: Tensor, number: int | None = None) -> Any:
        """What a frame is told, from its pixels and its place."""
        ...

    def finish(self, prepared: Any) -> Drawn:
        """The frame in the look."""
        ...


@runtime_checkable
class NoiseDriven(Protocol):
    """A Translation that draws texture from noise, which can move with what it lies on."""

    @property
    def anchor_every(self) -> int:
        """Frames from anchor to anchor that noise is carried from; 0: it stays where it is on the screen."""
        ...

    def across(self, frame: Tensor, origins: Sequence[Origin]) -> Tensor:
        """As Translation, with the noise that belongs to the frame's origins."""
        ...


@runtime_checkable
class InBatches(NoiseDriven, Protocol):
    """A NoiseDriven that takes several frames at a time, and makes do with less memory.

    batch: how many at most. tile_px: side of the tiles that they are drawn in; 0: as it sees fit.
    """

    batch: int
    tile_px: int

    def across_together(self, frames: Sequence[Tensor], origins: Sequence[Sequence[Origin]]) -> Tensor:
        """Frames of one size, (1, 3, H, W) each with its origins, to (B, 3, H, W)."""
        ...


Motion = Callable[[NDArray, NDArray], NDArray]
"""Pixels a, b (H, W, 3) to the flow from a to b, (H, W, 2) in pixels: motion.FlowEstimator."""


def at_rest(a: NDArray, b: NDArray) -> NDArray:
    """The Motion of a world in which nothing moves."""
    return np.zeros((*a.shape[:2], 2), np.float32)


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
    def translation(
        self,
        recipe: Recipe,
        settings: TranslateSettings,
        device: torch.device,
        motion: Motion,
        engine: str = "torch",
    ) -> Translation:
        """Ready to be applied on that device; recipe: what it was trained by. motion: for its use alone.

        engine: one of gan.engine's. UsageError or DeviceError where it cannot be had for this.
        """

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
