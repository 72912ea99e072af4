"""What is kept of a training: the weights that did best."""

from dataclasses import dataclass, field

from torch import Tensor

from vidgan.gan.watch import Health


@dataclass
class Best:
    """The weights that did best on held-out frames."""

    penalty: float = float("inf")
    weights: dict[str, Tensor] = field(default_factory=dict)
    health: tuple[Health, ...] = ()
