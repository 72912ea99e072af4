"""Things into things: a small network that has learnt from analogies what becomes of a picture's layout.

An analogy (analogy.py) takes a second and jumps from frame to frame. A network that imitates it takes
milliseconds, and follows the picture smoothly. What it makes of a frame is what the generator is told.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidgan.errors import Interrupted
from vidgan.gan import losses
from vidgan.gan.adam import Adam
from vidgan.gan.device import autocast
from vidgan.gan.generator import LEAK
from vidgan.gan.pyramid import Ladder, Size, size_of
from vidgan.resample import resize

_WIDTHS = (32, 48, 48, 48)  # of a U-Net (Ronneberger et al. 2015), finest first
_COLOURS = 32
_WINDOW_PX = 64
_RATE = 0.003
_PATCH_PX, _PROJECTIONS = 7, 32
_VOTE_WEIGHT = 0.1  # of the cross-entropy, which a pixel that is sure of the wrong colour still feels
_LIKE = 0.1  # colours that differ by less, in the range [-1, 1], share a pixel's vote
_MARGIN_PX = 6  # windows begin so far outside the picture: a frame's edge is no landmark
_NOISE = 0.05  # on what is shown, in the range [-1, 1]: other frames differ


class Redrawing:
    """What is to become of all of a domain's pictures."""

    def __init__(self, added: Sequence[Tensor], goals: Sequence[Tensor], sizes: Sequence[Size]) -> None:
        """added: what redrawing adds to the pictures in the other domain's colours, near to their layout
        and far from it. goals: the analogies that it imitates, likewise. (N, 3, h, w) each, small.
        sizes: of the domain's levels.
        """
        self.added, self.goals, self.sizes = added, goals, sizes
        self._stage = -1
        self._held: tuple[Sequence[Tensor], Sequence[Tensor]] = (), ()

    def at(self, stage: int) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Both at that level's size, near and far; no goals where the level is larger than they."""
        if stage != self._stage:
            size = self.sizes[stage]
            goals = [resize(goal, size).clamp(-1, 1) for goal in self.goals if _fits(size, size_of(goal))]
            self._stage, self._held = stage, ([resize(x, size) for x in self.added], goals)
        return self._held


class Redrawer(nn.Module):
    """A layout in the target's colours, (B, 3, H, W) in [-1, 1] -> two of the same shape, redrawn.

    Every pixel becomes a mean of colours that the target has: whatever it is shown, it invents none.
    """

    colours: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("colours", torch.zeros(_COLOURS, 3))
        downwards = [3, *_WIDTHS]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(downwards))
        upwards = _WIDTHS[::-1]
        self.up = nn.ModuleList(nn.Conv2d(a + b, b, 3, padding=1) for a, b in pairwise(upwards))
        self.tails = nn.ModuleList(nn.Conv2d(_WIDTHS[0], _COLOURS, 3, padding=1) for _ in range(2))

    @property
    def is_taught(self) -> bool:
        """Its colours come with the first lesson."""
        return bool(self.colours.any())

    def forward(self, mapped: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what stays near to the layout, and what goes far from it."""
        near, far = self.votes(mapped)
        return self.coloured(near), self.coloured(far)

    def votes(self, mapped: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of each pixel's colour, near and far: (B, n, H, W) each, n colours."""
        x = mapped.contiguous(memory_format=torch.channels_last)
        seen: list[Tensor] = []
        for conv in self.down:
            x = F.leaky_relu(conv(F.avg_pool2d(x, 2, ceil_mode=True) if seen else x), LEAK)
            seen.append(x)
        for conv, beside in zip(self.up, seen[-2::-1], strict=True):
            x = F.interpolate(x, size_of(beside), mode="bilinear", align_corners=False)
            x = F.leaky_relu(conv(torch.cat([x, beside], 1)), LEAK)
        near, far = (tail(x).float() for tail in self.tails)
        return near, far

    def coloured(self, votes: Tensor) -> Tensor:
        """(B, n, H, W) -> (B, 3, H, W): the mean of what every pixel votes for."""
        return F.conv2d(votes.softmax(1), self.colours.T[:, :, None, None])

    def votes_for(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, n, H, W): shares of the colours that are like each pixel's."""
        distances = torch.cdist(pictures.permute(0, 2, 3, 1), self.colours).square()  # (B, H, W, n)
        return (-distances / (2 * _LIKE**2)).softmax(-1).permute(0, 3, 1, 2)

    def redraw(self, mapped: Tensor, ladder: Ladder, strength: float) -> Tensor:
        """mapped: (B, 3, H, W), a whole frame in the target's colours -> what the generator is told of it."""
        share, far = how_redrawn(strength)
        if not share:
            return mapped
        small = at_redrawn_size(mapped, ladder)
        near, distant = self(small)
        layout = torch.lerp(near, distant, far)
        return (mapped + share * resize(layout - small, size_of(mapped))).clamp(-1, 1)


def how_redrawn(strength: float) -> tuple[float, float]:
    """How much of the layout is redrawn, 0..1, and from where, near 0 to far 1.

    Up to half strength the redrawing near to the layout comes in, then it gives way to the far one.
    """
    return min(1.0, 2 * strength), max(0.0, 2 * strength - 1)


def at_redrawn_size(mapped: Tensor, ladder: Ladder) -> Tensor:
    """Layouts are redrawn at the second stage's size: things have a shape there, and no texture yet."""
    return resize(mapped, ladder.sizes(size_of(mapped))[min(1, ladder.stages - 1)]).clamp(-1, 1)


def fit_redrawer(
    redrawer: Redrawer,
    mapped: Tensor,
    goals: tuple[Tensor, Tensor],
    steps: int,
    rng: torch.Generator,
    precision: torch.dtype = torch.float32,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Teach it to make goals, near and far, of what is mapped; (N, 3, H, W) each.

    Raises Interrupted where should_stop, asked at every step, says so.
    """
    redrawer.colours.copy_(_far_apart(torch.cat(goals)))
    parameters = list(redrawer.parameters())
    optimise = Adam(parameters, _RATE)
    patch_px = min(_PATCH_PX, _WINDOW_PX, *size_of(mapped))
    shaping = losses.patch_whitening(goals[0][:1], patch_px, 0.5)
    votes_for = [redrawer.votes_for(goal) for goal in goals]
    framed = [_framed(pictures) for pictures in (mapped, *goals, *votes_for)]
    for step in range(steps):
        go_on_unless(should_stop)
        shown, near, far, *votes = _window(framed, rng)
        shown = shown + _NOISE * torch.randn(shown.shape, generator=rng, device=rng.device)
        axes = losses.patch_projections(_PROJECTIONS, shaping, rng)
        with autocast(mapped.device, precision):
            cast = redrawer.votes(shown)
        made = [redrawer.coloured(each) for each in cast]
        terms = [_unlikeness(m, goal, axes) for m, goal in zip(made, (near, far), strict=True)]
        terms += [_VOTE_WEIGHT * F.cross_entropy(c, v) for c, v in zip(cast, votes, strict=True)]
        optimise.rate = _RATE * min(1.0, 2 * (1 - step / steps))
        optimise.follow(torch.autograd.grad(torch.stack(terms).sum(), parameters))


def go_on_unless(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Interrupted("stopped while the training was being prepared: nothing was changed.")


@torch.no_grad()
def what_is_added(redrawer: Redrawer, mapped: Tensor) -> tuple[Tensor, Tensor]:
    """What near and far redrawing add to (N, 3, h, w) of the redrawn size."""
    near, far = redrawer(mapped)
    return near - mapped, far - mapped


def _fits(size: Size, within: Size) -> bool:
    return size[0] <= within[0] and size[1] <= within[1]


def _unlikeness(made: Tensor, wanted: Tensor, axes: Tensor) -> Tensor:
    return losses.palette(made, wanted) + losses.patch_distribution(made, wanted, axes)


def _far_apart(pictures: Tensor) -> Tensor:
    """(_COLOURS, 3), the pictures' colours, each as far as can be from those before it."""
    pixels = pictures.permute(0, 2, 3, 1).reshape(-1, 3)
    chosen = [pixels.mean(0)]
    distances = pixels.new_full((len(pixels),), torch.inf)
    for _ in range(_COLOURS):
        distances = torch.minimum(distances, (pixels - chosen[-1]).square().sum(1))
        chosen.append(pixels[distances.argmax()])
    return torch.stack(chosen[1:])


def _framed(pictures: Tensor) -> Tensor:
    margin = min(_MARGIN_PX, *(side - 1 for side in size_of(pictures)))
    return F.pad(pictures, [margin] * 4, mode="reflect")


def _window(pictures: Sequence[Tensor], rng: torch.Generator) -> list[Tensor]:
    """The same random window of each, (1, 3, h, w)."""
    count, _, height, width = pictures[0].shape
    h, w = min(height, _WINDOW_PX), min(width, _WINDOW_PX)
    n, top, left = (
        int(torch.randint(0, most + 1, (1,), generator=rng, device=rng.device))
        for most in (count - 1, height - h, width - w)
    )
    return [x[n : n + 1, :, top : top + h, left : left + w] for x in pictures]
