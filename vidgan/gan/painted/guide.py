"""What the keyframe says of another frame: its painting brought there along optical flow, and how surely."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vidgan.resample import surroundings, warp

_TOLERANCE = 0.12  # difference of two pictures, of a range of 2, at which half of the trust and more is gone
_STEEPNESS = 2  # 4 is crisper where strokes are half trusted, and flickers more
_NEIGHBOURHOOD = 2  # pixels to each side over which they are compared
_SPARSE, _ROUNDS, _LEAST = 8, 8, 1e-3
_LIKE_PX = 2.0  # how far a place may move otherwise than the whole, and still count half
_CONTRAST = 0.015  # of a pixel with those around it, of a range of 2, in what counts as even
_MISS_PX = 1.4  # how far the way there and back may end from home


@dataclass(frozen=True)
class Guidance:
    """carried: (B, 3, H, W), the keyframe's painting, in place. trust: (B, 1, H, W) in [0, 1].

    whole: (1, 2, H, W), the motion of the whole picture, in pixels.
    """

    carried: Tensor
    trust: Tensor
    whole: Tensor


def guidance(
    frame: Tensor, keyframe: Tensor, painting: Tensor, worth: Tensor, there: Tensor, back: Tensor
) -> Guidance:
    """frame, keyframe, painting: (1, 3, H, W) in [-1, 1]; worth: (1, 1, H, W), Anchor.worth.

    there: the flow from the frame to the keyframe, (1, 2, H, W) in pixels; back: the other way. Where that is
    lost, which it is in even areas beside what moves, the motion of the whole picture is tried.
    """
    sure = agreement(frame, warp(keyframe, there)) * comes_home(there, back) * _inside(there)
    first, trust = warp(painting, there, sharp=True), sure * warp(worth, there)
    whole = whole_motion(there, sure)
    fits = agreement(frame, warp(keyframe, whole)) * _inside(whole) * evenness(frame) * (1 - sure)
    second, more = warp(painting, whole, sharp=True), fits * warp(worth, whole)
    total = trust + more
    share = more / total.clamp_min(1e-6)
    return Guidance(torch.lerp(first, second, share), total, whole)


def evenness(frame: Tensor) -> Tensor:
    """(1, 1, H, W) in [0, 1]: where a picture has nothing that a flow could hold on to."""
    contrast = (frame - surroundings(frame, 1)).abs().mean(1, keepdim=True)
    return torch.exp(-((surroundings(contrast, _NEIGHBOURHOOD) / _CONTRAST) ** 2))


def whole_motion(flow: Tensor, sure: Tensor) -> Tensor:
    """(1, 2, H, W): the affine motion that most of a flow follows, where it is sure of itself."""
    height, width = flow.shape[-2:]
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height, device=flow.device),
        torch.linspace(-1, 1, width, device=flow.device),
        indexing="ij",
    )
    places = torch.stack([torch.ones_like(x), x, y], -1)  # (H, W, 3)
    rows = places[::_SPARSE, ::_SPARSE].reshape(-1, 3)
    moves = flow[0, :, ::_SPARSE, ::_SPARSE].flatten(1).T
    weights = trusted = sure[0, 0, ::_SPARSE, ::_SPARSE].flatten()
    motion = rows.new_zeros(3, 2)
    still = _LEAST * torch.eye(3, device=flow.device)
    for _ in range(_ROUNDS):
        weighted = rows * weights[:, None]
        motion = torch.linalg.solve(rows.T @ weighted + still, weighted.T @ moves)
        miss = (moves - rows @ motion).square().sum(1)
        weights = trusted / (1 + miss / _LIKE_PX**2)
    return (places @ motion).permute(2, 0, 1)[None]


def agreement(frame: Tensor, carried: Tensor) -> Tensor:
    """(B, 1, H, W) in [0, 1]: how alike two pictures are, place by place."""
    difference = (frame - carried).abs().mean(1, keepdim=True)
    return torch.exp(-((surroundings(difference, _NEIGHBOURHOOD) / _TOLERANCE) ** _STEEPNESS))


def comes_home(there: Tensor, back: Tensor) -> Tensor:
    """(1, 1, H, W) in [0, 1]: whether the way there and back ends where it began."""
    miss = there + warp(back, there)
    return torch.exp(-((miss.square().sum(1, keepdim=True) / _MISS_PX**2) ** (_STEEPNESS / 2)))


def _inside(flow: Tensor) -> Tensor:
    height, width = flow.shape[-2:]
    x = flow[:, :1] + torch.arange(width, device=flow.device)
    y = flow[:, 1:] + torch.arange(height, device=flow.device)[:, None]
    return ((x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)).float()
