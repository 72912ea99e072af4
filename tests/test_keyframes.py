from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidgan import keyframes
from vidgan.keyframes import CUT_MARGIN, Survey, find_cuts, survey


@dataclass(frozen=True)
class Picture:
    index: int
    pixels: NDArray


def scene(seed: int, height: int = 90, width: int = 160) -> NDArray[np.uint8]:
    """Blobs of colour, unlike those of any other seed."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 8)
    return np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def clip(*pictures: NDArray, first: int = 0) -> list[Picture]:
    return [Picture(first + i, pixels) for i, pixels in enumerate(pictures)]


def pan(seed: int, count: int, step_px: int = 2) -> list[NDArray]:
    wide = scene(seed, width=160 + step_px * count)
    return [wide[:, step_px * i : step_px * i + 160] for i in range(count)]


def grey(*levels: int) -> list[NDArray]:
    return [np.full((36, 64, 3), level, np.uint8) for level in levels]


@pytest.mark.parametrize("cut", [1, 2, 7, 13, 14])
def test_a_cut_is_found_at_the_very_frame_that_begins_the_shot(cut: int) -> None:
    frames = clip(*pan(1, cut), *pan(2, 15 - cut))
    assert survey(frames).cuts == (cut,)


def test_several_cuts_come_in_order() -> None:
    assert survey(clip(*pan(1, 9), *pan(2, 8), *pan(3, 10))).cuts == (9, 17)


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_cuts_of_parts_are_those_of_the_whole(size: int) -> None:
    """Short shots, flashes and noise among them."""
    rng = np.random.default_rng(0)
    pictures = [picture for seed in range(40) for picture in pan(seed, int(rng.integers(1, 9)), 3)]
    for flash in rng.choice(len(pictures), 6, replace=False):
        pictures[flash] = np.full_like(pictures[0], 255)
    pictures[60:75] = [rng.integers(0, 256, pictures[0].shape, np.uint8) for _ in range(15)]
    frames = clip(*pictures, first=100)
    whole = survey(frames).cuts
    assert len(whole) > 12
    parted: list[int] = []
    for start in range(0, len(frames), size):
        cuts = find_cuts(frames[max(0, start - CUT_MARGIN) : start + size + CUT_MARGIN])
        parted += [cut for cut in cuts if start <= cut - 100 < start + size]
    assert tuple(parted) == whole


@pytest.mark.parametrize("step_px", [0, 1, 4])
def test_a_pan_has_no_cut(step_px: int) -> None:
    assert survey(clip(*pan(1, 30, step_px))).cuts == ()


def test_a_slow_fade_has_no_cut() -> None:
    picture = scene(1)
    assert survey(clip(*[(picture * (i / 30)).astype(np.uint8) for i in range(10, 31)])).cuts == ()


def test_the_representative_frame_is_the_one_in_the_middle_of_the_others() -> None:
    assert survey(clip(*grey(0, 40, 60, 70, 90, 250))).representative in (2, 3)
    assert survey(clip(scene(1), *[scene(2)] * 3, scene(3))).representative == 1


def test_the_longest_shot_is_represented() -> None:
    found = survey(clip(*pan(1, 6), *pan(2, 20), *pan(3, 7)))
    assert 6 <= found.representative < 26


def test_indices_are_those_of_the_clip() -> None:
    found = survey(clip(*pan(1, 9), *pan(2, 12), first=100))
    assert found.cuts == (109,)
    assert 109 <= found.representative < 121
    assert found.frame_count == 21


@pytest.mark.parametrize("size", [(1, 1), (2, 500), (400, 3)])
def test_one_frame_of_any_size(size: tuple[int, int]) -> None:
    frames = clip(np.zeros((*size, 3), np.uint8))
    assert survey(frames) == Survey(representative=0, cuts=(), frame_count=1)


def test_deep_pixels_give_what_their_eight_bits_give() -> None:
    frames: Sequence[Picture] = clip(*pan(1, 7), *pan(2, 9))
    deep = [Picture(frame.index, frame.pixels.astype(np.uint16) * 257) for frame in frames]
    assert survey(deep) == survey(frames)


def test_a_long_clip_is_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyframes, "_MOST_DESCRIPTORS", 8)
    gallery = keyframes._Gallery()
    for i in range(100):
        gallery.add(i, np.full((9, 16, 3), i, np.uint8))
    kept = [index for index, _ in gallery._descriptors]
    assert len(kept) <= 8
    assert kept == list(range(0, 100, kept[1]))
    representative, varied = gallery.choose()
    assert 30 <= representative <= 70
    assert set(varied) < set(kept)


def test_varied_frames_are_each_as_unlike_those_before_as_the_clip_has() -> None:
    found = survey(clip(*grey(100, 100, 100, 130, 250)))
    assert found.representative == 0
    assert found.varied[:2] == (4, 3)


def test_every_shot_comes_before_a_second_frame_of_any() -> None:
    found = survey(clip(*pan(1, 12), *pan(2, 4), *pan(3, 4), first=100))
    shots = [(index - 100) // 4 if index >= 112 else 0 for index in (found.representative, *found.varied)]
    assert set(shots[:3]) == {0, 3, 4}


def test_varied_frames_are_a_few_others() -> None:
    found = survey(clip(*pan(1, 30)))
    assert found.representative not in found.varied
    assert len(set(found.varied)) == len(found.varied) == 16
    few = survey(clip(*pan(1, 5)))
    assert sorted([few.representative, *few.varied]) == [0, 1, 2, 3, 4]


def test_no_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="no frames"):
        survey([])
