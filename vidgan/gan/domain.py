"""One side of the pair: its pictures, the generator that makes more of them, the critic that judges."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.gan.arrangement import arrangement
from vidgan.gan.critic import Critic
from vidgan.gan.generator import Generator
from vidgan.gan.losses import patch_whitening
from vidgan.gan.neighbour import Neighbours
from vidgan.gan.palette import PaletteMap
from vidgan.gan.pyramid import Ladder
from vidgan.gan.redraw import Redrawer, Redrawing


class Domain:
    """pictures: (N, 3, H, W) in [-1, 1], the pair's own one first. The generator grows with use.

    levels: their pyramid. even: the pyramid of their arrangements, without texture. palette: takes the
    other domain's colours to this one's; redrawer: then redraws its layout; redrawing: what becomes of
    this domain's own pictures in the other. neighbours: its own picture and the next, where steadiness is
    trained. Whoever makes the pair fits these.
    """

    palette: PaletteMap
    neighbours: Neighbours | None = None
    redrawer: Redrawer | None = None
    redrawing: Redrawing | None = None

    def __init__(self, pictures: Tensor, ladder: Ladder, generator: Generator, critic: Critic) -> None:
        self.levels = ladder.pyramid(pictures)
        self.even = ladder.pyramid(torch.cat([arrangement(picture[None]) for picture in pictures]))
        self._shapings: dict[int, Tensor] = {}
        self.generator = generator.to(pictures.device).to(memory_format=torch.channels_last)
        self.critic = critic.to(pictures.device).to(memory_format=torch.channels_last)

    def patch_shaping(self, stage: int, settings: TrainSettings) -> Tensor:
        """How directions in patch space are shaped at that stage (losses.patch_whitening), measured once."""
        if stage not in self._shapings:
            level = self.levels[stage][:1]
            self._shapings[stage] = patch_whitening(level, settings.patch_px, settings.patch_whitening)
        return self._shapings[stage]

    def window(self, stage: int, side_px: int, rng: torch.Generator, count: int = 1) -> Tensor:
        """`count` random windows of at most side_px square at that stage's size: (count, 3, h, w)."""
        return _windows([self.levels[stage]], side_px, rng, count)[0]

    def window_and_even(
        self, stage: int, side_px: int, rng: torch.Generator, count: int = 1
    ) -> tuple[Tensor, Tensor]:
        """The same, and what the arrangement shows at the same places."""
        window, even = _windows([self.levels[stage], self.even[stage]], side_px, rng, count)
        return window, even

    def window_and_redrawing(
        self, stage: int, side_px: int, rng: torch.Generator, count: int = 1
    ) -> tuple[Tensor, Sequence[Tensor], Sequence[Tensor]]:
        """Random windows as above; at the same places, near and far, what redrawing adds, and its goals.

        Both are empty where nothing is redrawn, goals also where there are none (Redrawing.at).
        """
        added, goals = ((), ()) if self.redrawing is None else self.redrawing.at(stage)
        window, *others = _windows([self.levels[stage], *added, *goals], side_px, rng, count)
        return window, others[: len(added)], others[len(added) :]

    def window_like(
        self, fakes: Tensor, stage: int, side_px: int, rng: torch.Generator, tries: int
    ) -> Tensor:
        """For each fake the one of `tries` random windows each whose tones are nearest: (B, 3, h, w).

        A window deep inside a dark thing is held to the target's dark places, not to all it has:
        compared with any window, every part of the result would have to show a bit of everything.
        """
        if max(self.levels[stage].shape[-2:]) <= side_px or tries < 2:
            return self.window(stage, side_px, rng, len(fakes))
        candidates = self.window(stage, side_px, rng, tries * len(fakes))
        ours, theirs = _tone_profile(fakes.detach()), _tone_profile(candidates)
        distances = (ours[:, None] - theirs[None]).abs().mean((2, 3))  # (B, tries * B)
        return candidates[distances.argmin(1)]


def _windows(levels: Sequence[Tensor], side_px: int, rng: torch.Generator, count: int) -> list[Tensor]:
    """The same random windows of every one of `levels`, (N, 3, H, W) each, from any of the N pictures."""
    pictures, _, height, width = levels[0].shape
    h, w = min(height, side_px), min(width, side_px)
    which = _random_offsets(pictures - 1, count, rng) if pictures > 1 else [0] * count
    corners = list(
        zip(
            which,
            _random_offsets(height - h, count, rng),
            _random_offsets(width - w, count, rng),
            strict=True,
        )
    )
    return [
        torch.stack([x[n, :, top : top + h, left : left + w] for n, top, left in corners]) for x in levels
    ]


def _random_offsets(largest: int, count: int, rng: torch.Generator) -> list[int]:
    return torch.randint(0, largest + 1, (count,), generator=rng, device=rng.device).tolist()


def _tone_profile(windows: Tensor) -> Tensor:
    """(B, 3, h, w) -> (B, 3, 64): each channel's sorted means over an 8x8 grid."""
    return F.adaptive_avg_pool2d(windows, 8).flatten(2).sort(2).values
