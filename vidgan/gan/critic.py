"""The patch discriminator: is every small neighbourhood one of this domain's?"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEAK = 0.2
_SIZES = 2  # full and half: 11x11 patches see a joint, twice as wide ones how the tiles lie
_FIRST_ITERATIONS = 10  # of the power method, before the first weights are divided by what it finds

Weights = Sequence[tuple[Tensor, Tensor]]
"""One (weight, bias) per convolution, ready to use."""


class PatchCritic(nn.Module):
    """Five 3x3 convolutions (an 11x11 patch): (B, inputs, H, W) -> (B, 1, H, W) scores, high for real.

    With `spectral`, weights are divided by their largest singular value (Miyato et al. 2018). Torch's own
    spectral_norm does this anew at every call; here it is done once per update.
    """

    def __init__(self, channels: int, spectral: bool, layers: int = 5, inputs: int = 3) -> None:
        super().__init__()
        widths = [inputs, *[channels] * (layers - 1), 1]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths))
        self.spectral = spectral
        for index, width in enumerate(widths[1:]):
            self.register_buffer(f"left_{index}", F.normalize(torch.randn(width), dim=0))
        for _ in range(_FIRST_ITERATIONS):
            self.iterate()

    @torch.no_grad()
    def iterate(self) -> None:
        """One step of the power method, for every layer's largest singular value."""
        for index, conv in enumerate(self._layers()):
            matrix = conv.weight.flatten(1)  # (out, in * 9)
            left = self.get_buffer(f"left_{index}")
            left.copy_(F.normalize(matrix @ F.normalize(matrix.T @ left, dim=0), dim=0))

    def weights(self) -> Weights:
        """The weights as the scores see them."""
        return [
            (self._normalised(index, conv.weight), conv.get_parameter("bias"))
            for index, conv in enumerate(self._layers())
        ]

    def forward(self, picture: Tensor, weights: Weights | None = None) -> Tensor:
        x = picture.contiguous(memory_format=torch.channels_last)
        *inner, last = weights or self.weights()
        for weight, bias in inner:
            x = F.leaky_relu(F.conv2d(x, weight, bias, padding=1), _LEAK, inplace=True)
        return F.conv2d(x, *last, padding=1)

    def _layers(self) -> list[nn.Conv2d]:
        return [conv for conv in self.convs if isinstance(conv, nn.Conv2d)]

    def _normalised(self, index: int, weight: Tensor) -> Tensor:
        if not self.spectral:
            return weight
        matrix, left = weight.flatten(1), self.get_buffer(f"left_{index}").clone()
        with torch.no_grad():
            right = F.normalize(matrix.T @ left, dim=0)
        return weight / (left @ (matrix @ right))


class Critic(nn.Module):
    """Patch critics of the picture and of its half: what a texture is made of, and how it is laid."""

    def __init__(self, channels: int, spectral: bool = True) -> None:
        super().__init__()
        self.at_size = nn.ModuleList(PatchCritic(channels, spectral) for _ in range(_SIZES))

    def prepare(self) -> None:
        """Before an update: bring the spectral norms up to date."""
        for critic in self._critics():
            critic.iterate()

    def weights(self) -> list[Weights]:
        return [critic.weights() for critic in self._critics()]

    def forward(self, picture: Tensor, weights: Sequence[Weights] | None = None) -> list[Tensor]:
        """picture: (B, 3, H, W). Returns the scores at each size, (B, 1, H, W), (B, 1, H/2, W/2)."""
        scores = []
        for critic, ready in zip(self._critics(), weights or self.weights(), strict=True):
            scores.append(critic(picture, ready).float())
            picture = F.avg_pool2d(picture, 2, ceil_mode=True)
        return scores

    def _critics(self) -> list[PatchCritic]:
        return [critic for critic in self.at_size if isinstance(critic, PatchCritic)]
