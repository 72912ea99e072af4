"""What training on painted keyframes leaves."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vidgan.config import Recipe, TranslateSettings
from vidgan.errors import UsageError
from vidgan.gan.device import autocast, choose_precision
from vidgan.gan.engine import require_torch
from vidgan.gan.model import LEARNT_A_PAIR, Drawn, Model, Motion, Sampler, named, prefixed
from vidgan.gan.painted.anchor import Anchor, likeness
from vidgan.gan.painted.guess import TRUST, Guess, Guesser, inputs_for
from vidgan.gan.painted.network import REACH, Refiner, to_multiple
from vidgan.gan.pyramid import Size, size_of
from vidgan.gan.tiles import spans

STAGES = 2
"""Colours and what is carried, then the network."""
_NOTHING_PAINTED = 0.01
_TILE_PX = 1024
_MOST_PIXELS = 3_000_000  # in one piece; what is larger is rendered tile by tile


@dataclass(frozen=True)
class Painted(Model):
    """anchors: the keyframes, in the clip's order. refiner: None where it is better to add nothing.

    cuts: the frames of that clip that begin a shot. stage: how far its training came.
    """

    anchors: Sequence[Anchor]
    refiner: Refiner | None
    cuts: Sequence[int] = ()
    stage: int = STAGES

    @property
    def stages(self) -> int:
        return STAGES

    @property
    def grown(self) -> int:
        return self.stage

    def translation(
        self,
        recipe: Recipe,
        settings: TranslateSettings,
        device: torch.device,
        motion: Motion,
        engine: str = "torch",
    ) -> "PaintedTranslator":
        require_torch(engine, "looks of painted keyframes")
        return PaintedTranslator(self, recipe.train.precision, device, motion)

    def sampler(self, device: torch.device) -> Sampler:
        raise UsageError(LEARNT_A_PAIR)

    def tensors(self) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for index, anchor in enumerate(self.anchors):
            tensors |= prefixed(f"anchor_{index}", anchor.tensors())
        return tensors | prefixed("refiner", {} if self.refiner is None else self.refiner.state_dict())

    def facts(self) -> dict[str, Any]:
        numbers = [anchor.number for anchor in self.anchors]
        return {"numbers": numbers, "cuts": list(self.cuts), "refined": self.refiner is not None}

    @classmethod
    def rebuilt(cls, recipe: Recipe, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "Painted":
        anchors = [
            Anchor.rebuilt(number, named(f"anchor_{index}", tensors))
            for index, number in enumerate(facts["numbers"])
        ]
        if not facts["refined"]:
            return cls(anchors, None, facts["cuts"])
        with torch.random.fork_rng(devices=[]):  # first weights are drawn, only to be replaced
            refiner = Refiner(inputs_for(len(anchors)), recipe.train.channels)
        refiner.load_state_dict(named("refiner", tensors))
        return cls(anchors, refiner, facts["cuts"])


class PaintedTranslator:
    """Frames in the keyframes' look. A frame's result depends on it and its place alone."""

    def __init__(self, model: Painted, precision: str, device: torch.device, motion: Motion) -> None:
        self.anchors, self.cuts, self.device, self.motion = model.anchors, model.cuts, device, motion
        self.precision = choose_precision(precision, device)
        self.refiner = None
        if model.refiner is not None:
            self.refiner = model.refiner.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.likeness = likeness(model.anchors)
        self._guessers: dict[Size, Guesser] = {}
        self._choosing = threading.Lock()

    @torch.inference_mode()
    def __call__(self, frame: Tensor, number: int | None = None) -> Tensor:
        """frame: (1, 3, H, W) in [-1, 1] -> the same shape and range, float32, in the look."""
        return self.finish(self.prepare(frame, number)).picture

    @torch.inference_mode()
    def certainty(self, frame: Tensor, number: int | None = None) -> float:
        """How much (0 to 1) of what is painted finds its place in a frame; the rest is the network's."""
        carried = float(self.prepare(frame, number).told[:, TRUST].mean())
        painted = max(float(worth.mean()) for worth in self._guessers[size_of(frame)].worth)
        return min(1.0, carried / painted) if painted > _NOTHING_PAINTED else 1.0

    @torch.inference_mode()
    def prepare(self, frame: Tensor, number: int | None = None) -> Guess:
        """(1, 3, H, W) in [-1, 1] -> what is known of its look without the network."""
        return self._guesser(size_of(frame))(frame.to(self.device), number)

    def _guesser(self, size: Size) -> Guesser:
        with self._choosing:
            if size not in self._guessers:
                anchors = [anchor.at(size, self.device) for anchor in self.anchors]
                self._guessers = {size: Guesser(anchors, self.likeness, self.motion, self.cuts)}
            return self._guessers[size]

    @torch.inference_mode()
    def finish(self, prepared: Guess) -> Drawn:
        """The guess and what the network adds; steady: without what is borrowed."""
        if self.refiner is None:
            picture = prepared.picture.clamp(-1, 1)
            return Drawn(picture, picture)
        added = added_by(self.refiner, prepared.told, self.device, self.precision)
        foretold = prepared.foretold(added)
        return Drawn((foretold + prepared.lent(added)).clamp(-1, 1), foretold.clamp(-1, 1))


def added_by(
    refiner: Refiner,
    told: Tensor,
    device: torch.device,
    precision: torch.dtype,
    most_pixels: int = _MOST_PIXELS,
    tile_px: int = _TILE_PX,
) -> Tensor:
    """(1, N, H, W) -> (1, 4, H, W) float32; tile by tile where it has more pixels, with the same bits."""
    height, width = size_of(told)
    whole = to_multiple(told)
    if height * width <= most_pixels:
        with autocast(device, precision):
            return refiner(whole).float()[..., :height, :width]
    rows = []
    for top, y, bottom in spans(whole.shape[-2], tile_px, REACH):
        row = []
        for left, x, right in spans(whole.shape[-1], tile_px, REACH):
            side = tile_px + 2 * REACH
            with autocast(device, precision):
                drawn = refiner(whole[..., y : y + side, x : x + side]).float()
            row.append(drawn[..., top - y : bottom - y, left - x : right - x])
        rows.append(torch.cat(row, -1))
    return torch.cat(rows, -2)[..., :height, :width]
