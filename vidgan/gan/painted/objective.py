"""How far a result is from its painting, as training and what is held out measure it."""

from torch import Tensor

_SQUARES = 6.0  # how much squared differences count beside absolute ones


def apart(result: Tensor, painting: Tensor, counts: Tensor) -> Tensor:
    """result, painting: (B, 3, H, W) in [-1, 1]; counts: (B, 1, H, W), where it is to be alike. Scalar >= 0.

    Absolute and squared differences: what is far off is to come first.
    """
    difference = result - painting
    each = difference.abs() + _SQUARES * difference.square()
    return (each * counts).sum() / (3 * counts.sum()).clamp_min(1.0)


def what_counts(result: Tensor, painting: Tensor, counts: Tensor) -> Tensor:
    """The painting, and the result itself where it does not count: there is nothing to learn from it."""
    return result.detach().lerp(painting, counts)
