"""The generator: features grown coarse to fine, each stage told what the source shows at its size."""

from collections.abc import Iterable, Sequence
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidgan.gan.pyramid import blended, faded

LEAK = 0.05
"""Slope of the LeakyReLU for negative values, as in ConSinGAN (Hinz et al. 2020)."""

BAND_ROWS = 64
"""Rows that a CPU works on at a time: 32, 64 and 128 were alike at 1280x720, 1.6 to 1.9 times as fast."""


class Stage(nn.Module):
    """One rung: inject the source level and noise, refine the features that come from below."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.inject = nn.Conv2d(3, channels, 3, padding=1)
        self.noise_gain = nn.Parameter(0.3 * torch.randn(1, channels, 1, 1))
        self.blocks = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(blocks))

    @property
    def reach(self) -> int:
        """Pixels beyond its own that a feature depends on, of the level and of the features below."""
        return 1 + len(self.blocks)

    def forward(self, level: Tensor, noise: Tensor, below: Tensor | None) -> Tensor:
        """level: (B, 3, H, W); noise: (B, 1, H, W); below: (B, C, H, W), or None at the coarsest."""
        x = self.inject(level)  # (B, 3, H, W) -> (B, C, H, W)
        x = x + (self.noise_gain * noise).to(x.dtype)  # in bf16 all the way: fp32 here would double every add
        if below is not None:
            x = x + below
        refined = x
        for conv in self.blocks:
            refined = F.leaky_relu(conv(refined), LEAK, inplace=True)
        return x + refined


class Generator(nn.Module):
    """Makes pictures of one domain out of a source pyramid in its colours, or out of noise alone.

    Stages hand on features, upsampled, with a residual around each stage (ConSinGAN, sec. 3; the
    thesis). Telling every stage the source pyramid's own level is ours: it holds the arrangement. So
    is what the network draws: only the difference from the shown source, so that it starts from a
    picture that is already right in the large.
    """

    def __init__(self, channels: int, blocks: int, stages: int = 1) -> None:
        super().__init__()
        self.stages = nn.ModuleList(Stage(channels, blocks) for _ in range(stages))
        self.tail = nn.Conv2d(channels, 3, 3, padding=1)

    def grow(self) -> None:
        """Add a stage that starts as a copy of the finest one (ConSinGAN, sec. 3.2)."""
        self.stages.append(deepcopy(self.stages[-1]))

    def forward(self, levels: Sequence[Tensor], shown: Sequence[float], noises: Sequence[Tensor]) -> Tensor:
        """levels: one (B, 3, h, w) in [-1, 1] per stage, coarsest first, and how much of each is shown.

        noises: one (B, 1, h, w) each. Returns (B, 3, H, W), of the last level's size, around [-1, 1]:
        whoever shows it, clamps it.
        """
        return self.difference(faded(levels, shown), noises) + blended(levels, shown)

    def difference(self, told: Sequence[Tensor], noises: Sequence[Tensor]) -> Tensor:
        """What is drawn on top of the shown source: (B, 3, H, W) float32 in [-1, 1].

        told: the levels, each as much as it is shown; noises: as in forward.
        """
        return self.picture(climb(self.stages, told, noises))

    def picture(self, features: Tensor) -> Tensor:
        """Features of the last stage, (B, C, H, W), to what is drawn, (B, 3, H, W) float32 in [-1, 1]."""
        return torch.tanh(self.tail(features)).float()

    @property
    def reach(self) -> int:
        """Pixels of the finest level beyond its own that a drawn pixel depends on."""
        finest = self.stages[-1]
        assert isinstance(finest, Stage)
        return finest.reach + 1


def climb(stages: Iterable[nn.Module], told: Sequence[Tensor], noises: Sequence[Tensor]) -> Tensor:
    """Features of the last of these stages, (B, C, H, W). told, noises: one a stage, coarsest first."""
    features: Tensor | None = None
    for stage, level, noise in zip(stages, told, noises, strict=True):
        if features is not None:
            features = F.interpolate(features, level.shape[-2:], mode="bilinear", align_corners=False)
        features = _run(stage, level, noise, features)
    assert features is not None
    return features


def _run(stage: nn.Module, level: Tensor, noise: Tensor, below: Tensor | None) -> Tensor:
    rendering_on_cpu = level.device.type == "cpu" and not torch.is_grad_enabled()
    if rendering_on_cpu and level.shape[-2] >= 2 * BAND_ROWS:
        return forward_in_bands(stage, level, noise, below)
    return stage(level, noise, below)


def forward_in_bands(stage: nn.Module, level: Tensor, noise: Tensor, below: Tensor | None) -> Tensor:
    """The same as stage(...), up to rounding, in bands of rows: their features stay in the processor's cache.

    Each band is cut with as many more rows as the convolutions reach, so that none sees a band's edge.
    """
    assert isinstance(stage, Stage)
    height, reach = level.shape[-2], stage.reach
    result: Tensor | None = None
    for top in range(0, height, BAND_ROWS):
        bottom = min(top + BAND_ROWS, height)
        start, stop = max(0, top - reach), min(height, bottom + reach)
        rows = slice(start, stop)
        band = stage(level[..., rows, :], noise[..., rows, :], None if below is None else below[..., rows, :])
        if result is None:
            shape = (*band.shape[:2], height, band.shape[-1])
            result = torch.empty(
                shape, dtype=band.dtype, device=band.device, memory_format=torch.channels_last
            )
        result[..., top:bottom, :] = band[..., top - start : bottom - start, :]
    assert result is not None
    return result
