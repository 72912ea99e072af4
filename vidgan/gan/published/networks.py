"""The published generators and critic, of 3x3 convolutions."""

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

    def __init__(self, inputs: int, outputs: int, layers: "Layers") -> None:
        norm = [nn.BatchNorm2d(outputs, track_running_stats=False)] if layers.batch_norm else []
        convolution = nn.Conv2d(inputs, outputs, 3, padding=layers.padding)
        super().__init__(convolution, *norm, nn.LeakyReLU(layers.leak, inplace=True))


@dataclass(frozen=True)
class Layers:
    """What a generator or critic is made of.

    leak: of the LeakyReLUs below zero. padding: 1 where every convolution keeps the size, 0 where it takes
    a pixel off at each edge.
    """

    channels: int
    blocks: int
    batch_norm: bool = False
    leak: float = 0.05
    padding: int = 1

    def head(self) -> ConvBlock:
        return ConvBlock(3, self.channels, self)

    def body(self) -> nn.Sequential:
        return nn.Sequential(*(ConvBlock(self.channels, self.channels, self) for _ in range(self.blocks)))

    def tail(self, outputs: int) -> nn.Conv2d:
        return nn.Conv2d(self.channels, outputs, 3, padding=self.padding)

    def margin(self, convolutions: int) -> int:
        """Pixels that so many convolutions take off at each edge."""
        return convolutions * (1 - self.padding)


class GrownGenerator(nn.Module):
    """One head and one tail; stages between them hand on features (Hinz et al. 2021; the thesis).

    From a picture at the coarsest size, or noise in its place, to one at the finest. What convolutions take
    off is made up for by upsampling as much larger, so that edges vary as the middle does (its code).
    """

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.channels = layers.channels
        self.edge, self.margin = layers.margin(1), layers.margin(layers.blocks)
        self.head, self.tail = layers.head(), layers.tail(3)
        self.stages = nn.ModuleList([layers.body()])
        self.apply(_draw_weights)

    def grow(self) -> None:
        """Add a stage that starts as a copy of the finest one."""
        self.stages.append(deepcopy(self.stages[-1]))

    def forward(self, start: Tensor, noises: Sequence[Tensor]) -> Tensor:
        """start: (B, 3, h, w) in [-1, 1], or noise.

        noises: for every further stage one (B, C, h + 2m, w + 2m), m being the margin, h x w its size.
        """
        x = self.head(_padded(start, self.edge))
        if self.margin:
            height, width = x.shape[-2:]
            x = _padded(_upsampled(x, (height + 2, width + 2)), self.margin - 1)
        x = self.stages[0](x)
        for stage, noise in zip(self.stages[1:], noises, strict=True):
            height, width = (side - 2 * self.margin for side in noise.shape[-2:])
            x = _upsampled(x, (height, width)) + stage(_upsampled(x, noise.shape[-2:]) + noise)
        return torch.tanh(self.tail(_padded(x, self.edge)))


class ScaleGenerator(nn.Module):
    """One scale of SinGAN's (Shaham et al. 2019, sec. 2.1): head, blocks, tail."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.body, self.tail = nn.Sequential(layers.head(), layers.body()), layers.tail(3)
        self.margin = layers.margin(layers.blocks + 2)
        self.apply(_draw_weights)

    def forward(self, picture: Tensor) -> Tensor:
        return torch.tanh(self.tail(self.body(_padded(picture, self.margin))))


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
    """A patch critic of head, blocks and tail, high for real: (B, 3, H, W) -> (B, 1, H - 2m, W - 2m).

    m: as many as it has convolutions, where they are not padded.
    """

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.body, self.tail = nn.Sequential(layers.head(), layers.body()), layers.tail(1)
        self.apply(_draw_weights)

    def forward(self, picture: Tensor) -> Tensor:
        return self.tail(self.body(picture))


def _padded(x: Tensor, pixels: int) -> Tensor:
    return F.pad(x, (pixels,) * 4) if pixels else x


def _upsampled(x: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(size) == tuple(x.shape[-2:]):
        return x
    return F.interpolate(x, tuple(size), mode="bicubic", align_corners=True)


def _draw_weights(module: nn.Module) -> None:
    """As all three codes do, after DCGAN (Radford et al. 2016)."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, _WEIGHT_STD)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, _WEIGHT_STD)


def widened(channels: int, index: int, every: int) -> int:
    """How wide the scale of that number is: twice as wide every so many scales, up to _MOST_CHANNELS."""
    return min(_MOST_CHANNELS, channels * 2 ** (index // every)) if every else channels
