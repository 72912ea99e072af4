"""Adam, without the seconds that torch.optim takes to import torch's compiler when it is first built.

Measured on the 2-core machine of docs/benchmarks.md: 4 to 8 s before the first step, which is a
sixth of a draft's whole training. The rule itself is ten lines.
"""

from collections.abc import Iterable

import torch
from torch import nn


class Adam:
    """Kingma & Ba 2015, algorithm 1. `rate` may be changed between steps."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        rate: float,
        betas: tuple[float, float] = (0.5, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters: list[torch.Tensor] = list(parameters)
        self.rate, self.betas, self.epsilon = rate, betas, epsilon
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]
        self.steps = 0

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient; one that has none counts as standing still."""
        self.steps += 1
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        first, second = self.betas
        torch._foreach_lerp_(self.means, gradients, 1 - first)
        torch._foreach_mul_(self.squares, second)
        torch._foreach_addcmul_(self.squares, gradients, gradients, 1 - second)
        spread = torch._foreach_sqrt(self.squares)
        torch._foreach_div_(spread, (1 - second**self.steps) ** 0.5)
        torch._foreach_add_(spread, self.epsilon)
        torch._foreach_addcdiv_(self.parameters, self.means, spread, -self.rate / (1 - first**self.steps))
