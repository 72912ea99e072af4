"""What learns the rest: all of a look that is neither in its colours nor carried from the keyframe."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEAK = 0.1
_TRUNK = 16  # channels at full size; more are learnt no faster, and 24 take twice the time to render
MULTIPLE = 8
"""Sides of pictures are multiples of that: of three halvings."""
REACH = 72
"""Pixels beyond its own that a result's pixel may depend on; see the test."""


class Refiner(nn.Module):
    """A few convolutions at full size for what is fine, and a U-Net (Ronneberger et al. 2015) at half size.

    (B, inputs, H, W) -> (B, 4, H, W), to be added: see Guess. The last convolution starts at zero:
    before it has learnt anything, it adds nothing.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(_block(inputs, _TRUNK), _block(_TRUNK, _TRUNK))
        self.enter = nn.Sequential(_block(inputs, channels, 4, 2), _block(channels, channels))
        self.down = nn.Sequential(_block(channels, channels), _block(channels, channels))
        self.bottom = nn.Sequential(*[_block(channels, channels) for _ in range(3)])
        self.up = _block(2 * channels, channels)
        self.leave = nn.Sequential(_block(2 * channels, channels), _block(channels, channels))
        self.join = nn.Conv2d(channels, _TRUNK, 3, padding=1)
        self.finish = nn.Sequential(_block(_TRUNK, _TRUNK), nn.Conv2d(_TRUNK, 4, 3, padding=1))
        for parameter in self.finish[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, told: Tensor) -> Tensor:
        told = told.contiguous(memory_format=torch.channels_last)
        fine = self.enter(told)
        middle = self.down(F.avg_pool2d(fine, 2))
        coarse = self.bottom(F.avg_pool2d(middle, 2))
        x = self.up(torch.cat([_doubled(coarse), middle], 1))
        x = self.leave(torch.cat([_doubled(x), fine], 1))
        return self.finish(self.trunk(told) + _doubled(self.join(x)))


def to_multiple(x: Tensor) -> Tensor:
    """(B, C, H, W) with sides that are multiples of MULTIPLE, the border repeated outwards."""
    bottom, right = (-side % MULTIPLE for side in x.shape[-2:])
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x


def _block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=1)
    return nn.Sequential(convolution, nn.LeakyReLU(_LEAK, inplace=True))


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
