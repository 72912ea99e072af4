"""Adam, without the seconds that torch.optim takes to import torch's compiler when it is first built.

Measured on the 2-core machine of docs/benchmarks.md: 4 to 8 s before the first step, which is a
sixth of a draft's whole training. The rule itself is ten lines.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

LARGEST = 4.0
_MEMORY = 0.02


class Adam:
    """Kingma & Ba 2015, algorithm 1. `rate` may be changed between steps.

    largest: gradients are cut to so many times their usual length: one wild iteration out of a thousand
    would otherwise end a run. None: they are followed as they are.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        rate: float,
        betas: tuple[float, float] = (0.5, 0.99),
        epsilon: float = 1e-8,
        largest: float | None = LARGEST,
    ) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.rate, self.betas, self.epsilon, self.largest = rate, betas, epsilon, largest
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]
        self.steps = 0
        self.usual_length: Tensor | None = None

    @torch.no_grad()
    def follow(self, gradients: Sequence[Tensor | None]) -> None:
        """Move every parameter by its gradient; one that has none counts as standing still.

        All are left out where one is not finite.
        """
        pairs = zip(self.parameters, gradients, strict=True)
        filled = [torch.zeros_like(p) if g is None else g for p, g in pairs]
        length = torch.stack(torch._foreach_norm(filled)).norm()
        if not length.isfinite():
            return
        if self.largest is not None:
            filled = list(torch._foreach_mul(filled, self._cut(length, self.largest)))
        self._move(filled)

    def _cut(self, length: Tensor, largest: float) -> Tensor:
        usual = length if self.usual_length is None else self.usual_length
        cut = (largest * usual / length.clamp_min(1e-12)).clamp(max=1.0)
        self.usual_length = torch.lerp(usual, length * cut, _MEMORY)
        return cut

    def _move(self, gradients: list[Tensor]) -> None:
        self.steps += 1
        first, second = self.betas
        torch._foreach_lerp_(self.means, gradients, 1 - first)
        torch._foreach_mul_(self.squares, second)
        torch._foreach_addcmul_(self.squares, gradients, gradients, 1 - second)
        spread = torch._foreach_sqrt(self.squares)
        torch._foreach_div_(spread, (1 - second**self.steps) ** 0.5)
        torch._foreach_add_(spread, self.epsilon)
        torch._foreach_addcdiv_(self.parameters, self.means, spread, -self.rate / (1 - first**self.steps))

    def state(self) -> dict[str, Tensor]:
        """All that decides the next step besides the parameters, as tensors."""
        state = {f"mean.{i}": mean for i, mean in enumerate(self.means)}
        state |= {f"square.{i}": square for i, square in enumerate(self.squares)}
        state["steps"] = torch.tensor(self.steps)
        return state if self.usual_length is None else {**state, "usual_length": self.usual_length}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state() of the same parameters."""
        for i in range(len(self.parameters)):
            self.means[i].copy_(state[f"mean.{i}"])
            self.squares[i].copy_(state[f"square.{i}"])
        self.steps, self.usual_length = int(state["steps"]), state.get("usual_length")
