"""One side of the pair: its picture, the generator that makes more of it, the critic that judges."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan.critic import Critic
from vidgan.gan.generator import Generator
from vidgan.gan.losses import patch_whitening
from vidgan.gan.pyramid import Ladder


class Domain:
    """picture: (1, 3, H, W) in [-1, 1]. Levels are its pyramid, the generator and critic grow with use."""

    def __init__(self, picture: Tensor, ladder: Ladder, generator: Generator, critic: Critic) -> None:
        self.levels = ladder.pyramid(picture)
        self._shapings: dict[int, Tensor] = {}
        self.generator = generator.to(picture.device).to(memory_format=torch.channels_last)
        self.critic = critic.to(picture.device).to(memory_format=torch.channels_last)

    def patch_shaping(self, stage: int, settings: TrainSettings) -> Tensor:
        """How directions in patch space are shaped at that stage (losses.patch_whitening), measured once."""
        if stage not in self._shapings:
            level = self.levels[stage]
            self._shapings[stage] = patch_whitening(level, settings.patch_px, settings.patch_whitening)
        return self._shapings[stage]

    def window(self, stage: int, side_px: int, rng: torch.Generator, count: int = 1) -> Tensor:
        """`count` random windows of at most side_px square at that stage's size: (count, 3, h, w)."""
        level = self.levels[stage]
        height, width = min(level.shape[-2], side_px), min(level.shape[-1], side_px)
        tops = _random_offsets(level.shape[-2] - height, count, rng)
        lefts = _random_offsets(level.shape[-1] - width, count, rng)
        return torch.cat(
            [level[..., y : y + height, x : x + width] for y, x in zip(tops, lefts, strict=True)]
        )

    def window_like(self, fake: Tensor, stage: int, side_px: int, rng: torch.Generator, tries: int) -> Tensor:
        """Of `tries` random windows, the one whose tones are nearest to `fake`'s: (1, 3, h, w).

        A window deep inside a dark thing is held to the target's dark places, not to all it has:
        compared with any window, every part of the result would have to show a bit of everything.
        """
        if max(self.levels[stage].shape[-2:]) <= side_px or tries < 2:
            return self.window(stage, side_px, rng)
        candidates = self.window(stage, side_px, rng, tries)
        distance = (_tone_profile(candidates) - _tone_profile(fake.detach())).abs().mean((1, 2))
        return candidates[distance.argmin()][None]


def _random_offsets(largest: int, count: int, rng: torch.Generator) -> list[int]:
    return torch.randint(0, largest + 1, (count,), generator=rng, device=rng.device).tolist()


def _tone_profile(windows: Tensor) -> Tensor:
    """(B, 3, h, w) -> (B, 3, 64): each channel's sorted means over an 8x8 grid."""
    return F.adaptive_avg_pool2d(windows, 8).flatten(2).sort(2).values
