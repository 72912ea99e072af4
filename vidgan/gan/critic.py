"""The patch discriminator: is every small neighbourhood one of this domain's?"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Critic(nn.Sequential):
    """Five 3x3 convolutions (an 11x11 patch), spectrally normalised (Miyato et al. 2018).

    (B, 3, H, W) in [-1, 1] -> (B, 1, H, W) scores: high where it looks real.
    """

    def __init__(self, channels: int, layers: int = 5) -> None:
        widths = [3, *[channels] * (layers - 1)]
        modules: list[nn.Module] = []
        for before, after in pairwise(widths):
            modules += [
                spectral_norm(nn.Conv2d(before, after, 3, padding=1)),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        super().__init__(*modules, spectral_norm(nn.Conv2d(channels, 1, 3, padding=1)))

    def forward(self, picture: Tensor) -> Tensor:
        return super().forward(picture)
