"""The published generators and critic. All are of 3x3 convolutions that keep the size."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MOST_CHANNELS = 128
_WEIGHT_STD = 0.02


class ConvBlock(nn.Sequential):
    """Convolution, batch norm if asked for, LeakyReLU. A batch is one picture: it is its own statistic."""

    def __init__(self, inputs: int, outputs: int, batch_norm: bool, leak: float) -> None:
        norm = [nn.BatchNorm2d(outputs, track_running_stats=False)] if batch_norm else []
        super().__init__(nn.Conv2d(inputs, outputs, 3, padding=1), *norm, nn.LeakyReLU(leak, inplace=True))


@dataclass(frozen=True)
class Layers:
    """What a generator or critic is made of. leak: of the LeakyReLUs below zero."""

    channels: int
    blocks: int
    batch_norm: bool = False
    leak: float = 0.05

    def head(self) -> ConvBlock:
        return ConvBlock(3, self.channels, self.batch_norm, self.leak)

    def body(self) -> nn.Sequential:
        one = (
            ConvBlock(self.channels, self.channels, self.batch_norm, self.leak) for _ in range(self.blocks)
        )
        return nn.Sequential(*one)

    def tail(self, outputs: int) -> nn.Conv2d:
        return nn.Conv2d(self.channels, outputs, 3, padding=1)


class GrownGenerator(nn.Module):
    """One head and one tail; stages between them hand on features (Hinz et al. 2021; the thesis).

    From a picture at the coarsest size, or noise in its place, to one at the finest.
    """

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.channels = layers.channels
        self.head, self.tail = layers.head(), layers.tail(3)
        self.stages = nn.ModuleList([layers.body()])
        self.apply(_draw_weights)

    def grow(self) -> None:
        """Add a stage that starts as a copy of the finest one."""
        self.stages.append(deepcopy(self.stages[-1]))

    def forward(self, start: Tensor, noises: Sequence[Tensor]) -> Tensor:
        """start: (B, 3, h, w) in [-1, 1], or noise. noises: one (B, C, h, w) for every further stage."""
        x = self.stages[0](self.head(start))
        for stage, noise in zip(self.stages[1:], noises, strict=True):
            x = F.interpolate(x, noise.shape[-2:], mode="bicubic", align_corners=True)
            x = x + stage(x + noise)
        return torch.tanh(self.tail(x))


class ScaleGenerator(nn.Module):
    """One scale of SinGAN's (Shaham et al. 2019, sec. 2.1): head, blocks, tail."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.body, self.tail = nn.Sequential(layers.head(), layers.body()), layers.tail(3)
        self.apply(_draw_weights)

    def forward(self, picture: Tensor) -> Tensor:
        return torch.tanh(self.tail(self.body(picture)))


class StackedGenerator(nn.Module):
    """One generator for every scale; pictures are handed on (ibid.; structural-analogy, Benaim et al. 2020).

    plain: scales from this one on draw the picture itself, those below what is to be added to it.
    """

    def __init__(self, layers: Layers, widen_every: int, plain: int) -> None:
        super().__init__()
        self.layers, self.widen_every, self.plain = layers, widen_every, plain
        self.scales = nn.ModuleList()
        self.grow()

    def grow(self) -> None:
        """Add a scale; where it is as wide as the one below, it starts with that one's weights."""
        index = len(self.scales)
        width = widened(self.layers.channels, index, self.widen_every)
        scale = ScaleGenerator(replace(self.layers, channels=width))
        if index and width == widened(self.layers.channels, index - 1, self.widen_every):
            scale.load_state_dict(self.scales[-1].state_dict())
        self.scales.append(scale)

    def draw(self, index: int, below: Tensor, noise: Tensor) -> Tensor:
        """One scale. below: (B, 3, h, w), the picture handed on at this size; noise: (B, 3, h, w).

        What comes out may leave [-1, 1]: what is handed on or shown is clamped, what is judged is not.
        """
        drawn = self.scales[index](below + noise)
        return drawn if index >= self.plain else below + drawn


class PlainCritic(nn.Module):
    """A patch critic of head, blocks and tail: (B, 3, H, W) -> (B, 1, H, W), high for real."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.body, self.tail = nn.Sequential(layers.head(), layers.body()), layers.tail(1)
        self.apply(_draw_weights)

    def forward(self, picture: Tensor) -> Tensor:
        return self.tail(self.body(picture))


def _draw_weights(module: nn.Module) -> None:
    """As all three codes do, after DCGAN (Radford et al. 2016)."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, _WEIGHT_STD)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, _WEIGHT_STD)


def widened(channels: int, index: int, every: int) -> int:
    """How wide the scale of that number is: twice as wide every so many scales, up to _MOST_CHANNELS."""
    return min(_MOST_CHANNELS, channels * 2 ** (index // every)) if every else channels
