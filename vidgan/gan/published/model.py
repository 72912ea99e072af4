"""What training by a published method leaves: one side to sample, or two that tell each other's frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vidgan.config import Recipe, TranslateSettings
from vidgan.errors import UsageError
from vidgan.gan.engine import require_torch
from vidgan.gan.model import LEARNT_A_PAIR, Model, Motion, Sampler, Translation, named, prefixed
from vidgan.gan.published.side import SIDES, Side, StackedSide
from vidgan.gan.published.sizes import stage_sizes
from vidgan.gan.pyramid import Size, size_of
from vidgan.gan.tones import match_tones, tone_quantiles
from vidgan.resample import resize, to_pixels, to_tensor


@dataclass(frozen=True)
class Published(Model):
    """sides: A, and B where there are two."""

    sides: Sequence[Side]

    @property
    def stages(self) -> int:
        return len(self.sides[0].levels)

    @property
    def grown(self) -> int:
        return self.sides[0].newest + 1

    def translation(
        self,
        recipe: Recipe,
        settings: TranslateSettings,
        device: torch.device,
        motion: Motion,
        engine: str = "torch",
    ) -> Translation:
        require_torch(engine, "looks of the published methods")
        if len(self.sides) != 2:
            raise UsageError(
                f"{recipe.name} learns one picture and translates none: vidgan sample LOOK -o SHEET.png"
            )
        return FixedNoiseTranslator(copied(self.sides, device), settings)

    def sampler(self, device: torch.device) -> Sampler:
        if len(self.sides) != 1:
            raise UsageError(LEARNT_A_PAIR)
        (side,) = copied(self.sides, device)

        @torch.inference_mode()
        def sample(size: Size | None, start: int, seed: int) -> Tensor:
            rng = torch.Generator().manual_seed(seed)  # on the CPU: every device draws the same
            return side.sample(size or size_of(side.real), start, rng).clamp(-1, 1)

        return sample

    def tensors(self) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for number, side in enumerate(self.sides):
            pixels = torch.from_numpy(to_pixels(side.levels[-1]))
            tensors |= prefixed(f"side_{number}", {"picture": pixels, **side.tensors()})
        return tensors

    def facts(self) -> dict[str, Any]:
        return {"sides": len(self.sides)}

    @classmethod
    def rebuilt(cls, recipe: Recipe, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "Published":
        states = [named(f"side_{number}", tensors) for number in range(facts["sides"])]
        pictures = [to_tensor(state["picture"].numpy()) for state in states]
        sides = new_sides(pictures, recipe)
        for side, state in zip(sides, states, strict=True):
            side.restore(state)
        return cls(sides)


class FixedNoiseTranslator:
    """Frames of one side's domain, told by the other's generator, with the same noise at every frame."""

    def __init__(self, sides: Sequence[Side], settings: TranslateSettings) -> None:
        self.source, self.teller = sides[::-1] if settings.reverse else sides
        self.settings = settings
        self.tones = tone_quantiles(self.source.levels[-1])

    @torch.inference_mode()
    def __call__(self, frame: Tensor, number: int | None = None) -> Tensor:
        """frame: (1, 3, H, W) in [-1, 1] -> the same shape and range, float32, in the look."""
        frame = match_tones(frame.to(self.source.device), self.tones, self.settings.match_tones)
        rng = torch.Generator().manual_seed(self.settings.noise_seed)
        amp = self.settings.noise_amp
        small = resize(frame, _as_small(size_of(frame), size_of(self.source.real))).clamp(-1, 1)
        if isinstance(self.source, StackedSide):
            small = self.source.inject(small, self._scale(), rng, amp)
        return resize(self.teller.translate(small, rng, amp), size_of(frame)).clamp(-1, 1)

    def _scale(self) -> int:
        """Where the frame is injected: at strength 0 into the newest scale, at 1 into the coarsest."""
        return round((1 - self.settings.strength) * self.source.newest)


def new_sides(pictures: Sequence[Tensor], recipe: Recipe) -> list[Side]:
    """pictures: (1, 3, H, W) in [-1, 1] each, one per domain."""
    all_sizes = stage_sizes([size_of(picture) for picture in pictures], recipe)
    with torch.random.fork_rng(devices=[]):  # first weights; the caller's random state stays its own
        torch.manual_seed(recipe.train.seed)
        return [
            SIDES[recipe.parts.hand_on]([resize(x, size).clamp(-1, 1) for size in sizes], recipe)
            for x, sizes in zip(pictures, all_sizes, strict=True)
        ]


def copied(sides: Sequence[Side], device: torch.device) -> Sequence[Side]:
    """The same sides on that device, as they stand: training goes on without them."""
    copies = new_sides([side.levels[-1].to(device) for side in sides], sides[0].recipe)
    for copy, side in zip(copies, sides, strict=True):
        copy.restore(side.tensors())
    return copies


def _as_small(size: Size, trained: Size) -> Size:
    """A frame's size with as many pixels as the picture that was trained on: methods know one size."""
    scale = (trained[0] * trained[1] / (size[0] * size[1])) ** 0.5
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
