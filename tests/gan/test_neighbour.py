"""Two neighbouring frames, window by window: the same things at places that the flow joins."""

from dataclasses import replace

import pytest
import torch
from tiny_pairs import CPU, TINY, pair, picture, weights

from vidgan.gan import losses
from vidgan.gan.neighbour import Neighbours, NextFrame
from vidgan.gan.pair import Pair
from vidgan.gan.pyramid import Ladder
from vidgan.gan.training import train_pair
from vidgan.resample import blur, warp

LADDER = Ladder(3, 0.5)


def smooth_picture(height: int = 120, width: int = 160) -> torch.Tensor:
    """Soft enough to be found again between pixels at every size."""
    soft = blur(picture(height, width, 3), 6.0)
    return (soft / soft.abs().max()).clamp(-1, 1)


def moved(frame: torch.Tensor, x: float, y: float) -> NextFrame:
    """The next frame of a camera that moves so that things go right by x and down by y."""
    flow = torch.tensor([x, y]).view(1, 2, 1, 1).expand(1, 2, *frame.shape[-2:]).contiguous()
    return NextFrame(warp(frame, -flow, sharp=True), flow, torch.ones_like(frame[:, :1]))


@pytest.mark.parametrize("motion", [(0.0, 0.0), (3.0, -2.0), (0.5, 1.25)])
@pytest.mark.parametrize("stage", [0, 1, 2])
def test_the_flow_joins_both_windows(motion: tuple[float, float], stage: int) -> None:
    frame = smooth_picture()
    neighbours = Neighbours(frame, moved(frame, *motion), LADDER)
    rng = torch.Generator().manual_seed(0)
    for _ in range(5):
        seen = neighbours.glimpse(stage, 60, rng)
        assert seen.here.shape == seen.there.shape
        assert float(seen.counts.mean()) > 0.05
        apart = losses.unsteadiness(seen.here, seen.there, seen.flow, seen.counts)
        assert float(apart) < 0.03
        assert float((seen.here - seen.there).abs().mean()) > float(apart)


def test_windows_are_shifted_by_fractions_too() -> None:
    frame = smooth_picture()
    neighbours, rng = Neighbours(frame, NextFrame.at_rest(frame), LADDER), torch.Generator().manual_seed(0)
    shifts = torch.stack([neighbours.glimpse(2, 60, rng).flow[0, :, 0, 0] for _ in range(40)])
    assert float(shifts.abs().max()) <= 4
    assert float(shifts.max()) > 2
    assert float(shifts.min()) < -2
    assert float((shifts - shifts.round()).abs().mean()) == pytest.approx(0.25, abs=0.06)


def test_what_is_hidden_or_near_an_edge_does_not_count() -> None:
    frame = smooth_picture()
    beside = replace(NextFrame.at_rest(frame), seen=torch.zeros_like(frame[:, :1]))
    hidden = Neighbours(frame, beside, LADDER).glimpse(2, 60, torch.Generator().manual_seed(0))
    assert float(hidden.counts.sum()) == 0
    assert losses.unsteadiness(hidden.here, -hidden.there, hidden.flow, hidden.counts) == 0
    open_view = Neighbours(frame, NextFrame.at_rest(frame), LADDER).glimpse(
        2, 60, torch.Generator().manual_seed(0)
    )
    assert float(open_view.counts[..., :8, :].sum()) == float(open_view.counts[..., -8:].sum()) == 0


def test_unsteadiness_by_hand() -> None:
    here, there = torch.zeros(1, 3, 4, 6), torch.zeros(1, 3, 4, 6)
    there[..., 3] = 0.6  # what stands at column 3 stood at column 2
    here[..., 2] = 0.6
    flow = torch.zeros(1, 2, 4, 6)
    flow[:, 0] = 1
    counts = torch.ones(1, 1, 4, 6)
    assert float(losses.unsteadiness(here, there, flow, counts)) == pytest.approx(0, abs=1e-6)
    assert float(losses.unsteadiness(here, there, 0 * flow, counts)) == pytest.approx(0.2)
    counts[..., 3] = 0
    assert float(losses.unsteadiness(here, there, 0 * flow, counts)) == pytest.approx(0.12)


def test_steadiness_is_trained_with_and_without_a_next_frame() -> None:
    settings = replace(TINY, lambda_steady=2.0, steady_every=1)
    plain, still = train_pair(pair(), TINY), train_pair(pair(), settings)
    frame = pair().a
    beside = NextFrame(picture(40, 52, 9), torch.ones(1, 2, 40, 52), torch.ones(1, 1, 40, 52))
    moving = train_pair(Pair(frame, pair().b, beside=beside), settings)
    found = [weights(trained) for trained in (plain, still, moving)]
    assert all(w.isfinite().all() for w in found)
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[1], found[2])
    assert frame.device == CPU


def test_a_next_frame_is_part_of_what_is_trained_on() -> None:
    beside = NextFrame.at_rest(picture(40, 52, 9))
    assert len(Pair(pair().a, pair().b, beside=beside).pictures) == len(pair().pictures) + 1
