"""Noise finds its way back to where things stood; any range of a clip finds the same way."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vidgan.motion import Flow, Origin, first_needed, in_steps, origins

SIZE = (24, 32)


@dataclass(frozen=True)
class Picture:
    index: int
    pixels: NDArray


def shots(count: int, first: int = 0) -> list[Picture]:
    """Frames that only say which they are."""
    return [Picture(i, np.full((*SIZE, 3), i, np.uint8)) for i in range(first, first + count)]


def pan(px: float) -> Callable[[NDArray, NDArray], Flow]:
    """Everything moves right by so many pixels a frame."""

    def estimator(a: NDArray, b: NDArray) -> Flow:
        frames = float(b[0, 0, 0]) - float(a[0, 0, 0])
        return np.broadcast_to(np.array([px * frames, 0], np.float32), (*SIZE, 2)).copy()

    return estimator


def followed(
    pictures: list[Picture], px: float = 1.0, cuts: tuple[int, ...] = (), every: int = 4
) -> dict[int, tuple[Origin, ...]]:
    stepped = in_steps(pictures, pan(px), cuts)
    return {step.frame.index: found for step, found in origins(stepped, cuts, every)}


def test_things_are_followed_back_to_their_anchor() -> None:
    """2 px a frame to the right: three frames later what is at p stood 6 px to the left of it."""
    (origin,) = followed(shots(4), px=2.0)[3]
    assert origin.share == 1
    inside = origin.offset[..., 8:]  # what has come in at the left since begins anew
    torch.testing.assert_close(inside[:, 0], torch.full_like(inside[:, 0], -6.0))
    assert (origin.offset[..., :2] == 0).all()
    assert (origin.offset[:, 1] == 0).all()


def test_one_anchor_gives_way_to_the_next() -> None:
    found = followed(shots(13))
    assert [len(found[i]) for i in range(13)] == [1, 1, 1, 1, 1, 2, 2, 2, 1, 2, 2, 2, 1]
    for one in found.values():
        assert sum(origin.share**2 for origin in one) == pytest.approx(1)
    older = [found[i][0].share for i in (4, 5, 6, 7)]
    assert older[0] == 1
    assert all(a > b for a, b in pairwise(older))
    # The newer one of frame 7 is the older one of frame 8, one frame further back.
    assert float(found[7][1].offset[0, 0, 0, -1]) == -3
    assert float(found[8][0].offset[0, 0, 0, -1]) == -4


def test_a_cut_is_an_anchor_and_nothing_is_followed_across() -> None:
    found = followed(shots(12), cuts=(6,))
    assert len(found[6]) == 1
    assert (found[6][0].offset == 0).all()
    assert float(found[9][0].offset[0, 0, 0, -1]) == -3
    assert len(found[11]) == 2  # the second anchor of the shot is frame 10


@pytest.mark.parametrize("cuts", [(), (9,), (3, 4, 17)])
@pytest.mark.parametrize("every", [1, 4, 7])
def test_any_range_finds_the_origins_of_the_whole(cuts: tuple[int, ...], every: int) -> None:
    whole = followed(shots(24), 0.7, cuts, every)
    for index in range(24):
        first = first_needed(index, cuts, every)
        assert index - 2 * every < first <= index
        alone = followed(shots(index - first + 1, first), 0.7, cuts, every)[index]
        assert [origin.share for origin in alone] == [origin.share for origin in whole[index]]
        for a, b in zip(alone, whole[index], strict=True):
            assert torch.equal(a.offset, b.offset)


def test_what_comes_into_sight_begins_where_it_is() -> None:
    """The two ways disagree in the middle: that part was hidden."""

    def estimator(a: NDArray, b: NDArray) -> Flow:
        flow = np.full((*SIZE, 2), 1.0 if b[0, 0, 0] > a[0, 0, 0] else -1.0, np.float32)
        if b[0, 0, 0] < a[0, 0, 0]:
            flow[8:16, 12:20] = 9
        return flow

    stepped = list(origins(in_steps(shots(2), estimator), (), 8))
    offset = stepped[1][1][0].offset
    assert (offset[..., 8:16, 12:20] == 0).all()
    assert (offset[..., 2:6, 12:20] == -1).all()


def along(field: Callable[[NDArray, NDArray], tuple[NDArray, NDArray]]) -> NDArray:
    """The offset at the second frame of two, where things moved back by field(x, y)."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    back = np.stack(field(x - SIZE[1] / 2, y - SIZE[0] / 2), -1).astype(np.float32)

    def estimator(a: NDArray, b: NDArray) -> Flow:
        return back if b[0, 0, 0] < a[0, 0, 0] else -back

    (step, _), (_, found) = origins(in_steps(shots(2), estimator), (), 8)
    assert step.step is None
    return found[0].offset[0].numpy()


def test_what_is_stretched_too_far_begins_anew() -> None:
    middle = (slice(None), slice(8, 16), slice(12, 20))
    assert (along(lambda x, y: (-0.6 * x, 0 * y))[middle] == 0).all()
    assert (along(lambda x, y: (0.6 * y, 0.6 * x))[middle] == 0).all()  # sheared
    assert (along(lambda x, y: (-0.2 * x, 0 * y))[middle] != 0).any()


def test_what_only_turns_is_followed() -> None:
    """A quarter of a turn a second, at 24 frames: the offsets grow sideways, nothing is stretched."""
    offset = along(lambda x, y: (-0.07 * y, 0.07 * x))
    assert np.abs(offset[:, 8:16, 12:20]).max() > 0.1


def test_two_things_that_part_are_both_followed() -> None:
    """At the seam they are torn, not stretched."""
    offset = along(lambda x, y: (np.where(x < 0, 4.0, 1.0), 0 * y))
    row = offset[0, 12]
    assert (row[4:12] == 4).all()
    assert (row[17:30] == 1).all()


def test_a_flow_that_is_no_number_is_not_followed() -> None:
    offset = along(lambda x, y: (np.where(x == 0, np.nan, 1.0), 0 * y))
    assert np.isfinite(offset).all()
    assert (offset[0, :, 4:10] == 1).all()
