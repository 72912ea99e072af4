"""A colour table, fitted in closed form: what a look does to colours alone, wherever they stand."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

_NODES = 17  # a side; 33 fit no better and are farther from the truth between the colours that were seen
_SMOOTHNESS = 1e-4  # of second differences between nodes, beside a mean weight of 1 for the pixels
_PRIOR = 1e-6  # towards the affine map, for colours that nobody saw
_IDENTITY = 1e-3  # how much the affine map keeps to the identity, for one that is fitted to few colours
_MOST_PIXELS = 60_000


class ColourTable:
    """nodes: (n, n, n, 3) in [-1, 1], the colour at red, green, blue of the node."""

    def __init__(self, nodes: Tensor) -> None:
        self.nodes = nodes

    def to(self, device: torch.device) -> "ColourTable":
        return ColourTable(self.nodes.to(device))

    def __call__(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> the same, trilinear between nodes."""
        grid = picture.permute(0, 2, 3, 1)[:, None].flip(-1)  # the last axis of the nodes comes first
        volume = self.nodes.permute(3, 0, 1, 2)[None].expand(len(picture), -1, -1, -1, -1)
        looked_up = F.grid_sample(volume, grid, align_corners=True, padding_mode="border")
        return looked_up[:, :, 0]


def fit_colour_table(source: Tensor, painted: Tensor, weights: Tensor) -> ColourTable:
    """Least squares over pixels, with smoothness between nodes.

    source, painted: (N, 3) in [-1, 1]; weights: (N,) of at least 0, not all of them 0. The difference from an
    affine map is what is fitted: colours that nobody saw follow that.
    """
    source, painted, weights = _at_most(source, painted, weights)
    weights = weights / weights.mean()
    affine = _fit_affine(source, painted, weights)
    corners, shares = _corners(source)
    roots = (weights * (_NODES**3 / len(weights))).sqrt()[:, None]
    left = (painted - _affine(source, affine)) * roots
    shares = shares * roots
    normal = _normal_matrix(corners, shares) + _SMOOTHNESS * _roughness()
    normal.diagonal().add_(_PRIOR)
    right = torch.zeros(_NODES**3, 3, dtype=torch.float64)
    right.index_add_(0, corners.flatten(), (shares[..., None] * left[:, None]).reshape(-1, 3).double())
    solved = torch.cholesky_solve(right, torch.linalg.cholesky(normal)).float()
    return ColourTable((_affine(_grid(), affine) + solved).reshape(_NODES, _NODES, _NODES, 3).clamp(-1, 1))


def _at_most(source: Tensor, painted: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """_MOST_PIXELS of those that count, scattered evenly."""
    counting = weights.cpu().nonzero()[:, 0]
    if len(counting) > _MOST_PIXELS:
        order = torch.randperm(len(counting), generator=torch.Generator().manual_seed(0))
        counting = counting[order[:_MOST_PIXELS]].sort().values
    return source.cpu()[counting], painted.cpu()[counting], weights.cpu()[counting]


def _fit_affine(source: Tensor, painted: Tensor, weights: Tensor) -> Tensor:
    """(4, 3): a matrix, and below it what is added."""
    rows = torch.cat([source, torch.ones(len(source), 1)], 1).double()
    weighted = rows * weights[:, None] / len(source)
    change = torch.linalg.solve(
        rows.T @ weighted + _IDENTITY * torch.eye(4), weighted.T @ (painted - source).double()
    )
    return (change + torch.eye(4, 3)).float()


def _affine(colours: Tensor, matrix: Tensor) -> Tensor:
    return colours @ matrix[:3] + matrix[3]


def _grid() -> Tensor:
    axis = torch.linspace(-1, 1, _NODES)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)


def _corners(colours: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 8) numbers of the nodes around each colour, and how much each of them counts."""
    place = ((colours + 1) / 2 * (_NODES - 1)).clamp(0, _NODES - 1)
    low = place.floor().clamp(max=_NODES - 2)
    beyond = place - low
    numbers, shares = [], []
    for corner in range(8):
        step = torch.tensor([corner >> 2 & 1, corner >> 1 & 1, corner & 1])
        red, green, blue = (low.long() + step).unbind(1)
        numbers.append((red * _NODES + green) * _NODES + blue)
        shares.append(torch.where(step.bool(), beyond, 1 - beyond).prod(1))
    return torch.stack(numbers, 1), torch.stack(shares, 1)


def _normal_matrix(corners: Tensor, shares: Tensor) -> Tensor:
    count = _NODES**3
    matrix = torch.zeros(count * count, dtype=torch.float64)
    for one in range(8):
        for other in range(8):
            product = (shares[:, one] * shares[:, other]).double()
            matrix.index_add_(0, corners[:, one] * count + corners[:, other], product)
    return matrix.reshape(count, count)


@lru_cache(1)
def _roughness() -> Tensor:
    """Squared second differences along each axis, as a matrix over the nodes."""
    eye = torch.eye(_NODES, dtype=torch.float64)
    second = eye[2:] - 2 * eye[1:-1] + eye[:-2]
    one = second.T @ second
    return (
        torch.kron(torch.kron(one, eye), eye)
        + torch.kron(torch.kron(eye, one), eye)
        + torch.kron(torch.kron(eye, eye), one)
    )
