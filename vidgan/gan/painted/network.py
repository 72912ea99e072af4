"""What learns the rest: all of a look that is neither in its colours nor carried from the keyframe."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEAK = 0.1
_SQUARE = 2  # pixels to a side that become channels: a quarter of the work
_SHARP = 16  # channels at full size
MULTIPLE = 8
"""Sides of pictures are multiples of that: of its squares, and of two halvings."""
REACH = 64
"""Pixels beyond its own that a result's pixel may depend on; see the test."""


class Refiner(nn.Module):
    """A U-Net (Ronneberger et al. 2015) at half size, and two convolutions at full size for what is finest.

    (B, inputs, H, W) -> (B, 3, H, W), to be added. The last convolutions start at zero: before it has learnt
    anything, it adds nothing.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        fine, middle, coarse = channels, channels * 3 // 2, channels * 2
        self.enter = nn.Sequential(_block(inputs, fine, 4, 2), _block(fine, fine))
        self.down = nn.Sequential(_block(fine, middle), _block(middle, middle))
        self.bottom = nn.Sequential(_block(middle, coarse), _block(coarse, coarse), _block(coarse, coarse))
        self.up = _block(coarse + middle, fine)
        self.leave = nn.Sequential(_block(fine + fine, fine), _block(fine, fine))
        self.tail = nn.Conv2d(fine, 3 * _SQUARE**2, 3, padding=1)
        self.sharp, self.sharp_tail = _block(inputs, _SHARP), nn.Conv2d(_SHARP, 3, 3, padding=1)
        for parameter in (*self.tail.parameters(), *self.sharp_tail.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, told: Tensor) -> Tensor:
        told = told.contiguous(memory_format=torch.channels_last)
        fine = self.enter(told)
        middle = self.down(F.avg_pool2d(fine, 2))
        coarse = self.bottom(F.avg_pool2d(middle, 2))
        x = self.up(torch.cat([_doubled(coarse), middle], 1))
        x = self.leave(torch.cat([_doubled(x), fine], 1))
        sharp = self.sharp_tail(self.sharp(told))
        return F.pixel_shuffle(self.tail(x), _SQUARE) + sharp


def to_multiple(x: Tensor) -> Tensor:
    """(B, C, H, W) with sides that are multiples of MULTIPLE, the border repeated outwards."""
    bottom, right = (-side % MULTIPLE for side in x.shape[-2:])
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x


def _block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=1)
    return nn.Sequential(convolution, nn.LeakyReLU(_LEAK, inplace=True))


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
