import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vidgan.config import SmoothSettings
from vidgan.metrics import detail, e_warp
from vidgan.motion import DisFlow, FlowEstimator, Moment, Step, smooth
from vidgan.resample import blur, to_pixels, to_tensor


@dataclass(frozen=True)
class Picture:
    """A decoded frame as far as motion looks at it."""

    index: int
    pixels: NDArray


Pan = Callable[..., list[Picture]]


def window_of(frames: int, keep_detail: float = 1.0) -> SmoothSettings:
    return SmoothSettings(frames, sigma=2.0, source_tolerance=0.08, keep_detail=keep_detail)


@pytest.fixture
def pan(texture: Callable[..., NDArray[np.uint8]]) -> Pan:
    """A camera that moves right over one still scene, by whole pixels."""

    def make(count: int, step_px: int = 2, height: int = 48, width: int = 64) -> list[Picture]:
        scene = texture(height, width + step_px * count)
        return [Picture(i, scene[:, step_px * i : step_px * i + width].copy()) for i in range(count)]

    return make


def steadied(
    moments: Iterable[Moment],
    settings: SmoothSettings,
    start: int = 0,
    stop: int | None = None,
    cuts: tuple[int, ...] = (),
) -> Iterator[Moment]:
    return smooth(with_steps(moments, DisFlow("medium"), cuts), settings, start, stop)


def with_steps(
    moments: Iterable[Moment], estimator: FlowEstimator, cuts: tuple[int, ...] = ()
) -> Iterator[Moment]:
    before: NDArray | None = None
    for moment in moments:
        crosses = before is None or moment.index in cuts
        yield replace(moment, step=None if crosses else Step(before, moment.source, estimator))
        before = moment.source
        del moment


def translated(frames: Iterable[Picture], flicker: float = 0.0) -> list[Moment]:
    """The frames as their own translation, with noise of its own on each."""
    moments = []
    for frame in frames:
        noise = torch.randn(1, 3, 1, 1, generator=torch.Generator().manual_seed(frame.index))
        grain = torch.randn(
            1, 3, *frame.pixels.shape[:2], generator=torch.Generator().manual_seed(99 + frame.index)
        )
        shown = to_tensor(frame.pixels) / 2 + flicker * (noise + grain)
        moments.append(Moment(frame.index, frame.pixels, shown))
    return moments


def pictures(moments: Iterable[Moment]) -> list[NDArray]:
    return [to_pixels(moment.translated) for moment in moments]


def test_flow_is_measured_once_per_neighbour_and_never_across_a_cut(pan: Pan) -> None:
    asked = []

    def estimator(a: NDArray, b: NDArray) -> NDArray[np.float32]:
        asked.append((a.tobytes(), b.tobytes()))
        return np.zeros((*a.shape[:2], 2), np.float32)

    list(smooth(with_steps(translated(pan(5)), estimator, cuts=(3,)), window_of(2)))
    assert len(asked) == len(set(asked)) == 6


def test_no_motion_is_measured_for_what_is_steady(pan: Pan) -> None:
    def never(a: NDArray, b: NDArray) -> NDArray[np.float32]:
        raise AssertionError("measured")

    moments = [replace(moment, steady=moment.translated) for moment in translated(pan(4))]
    assert len(list(smooth(with_steps(moments, never), window_of(1)))) == 4


def stuck_texture(frames: Iterable[Picture]) -> list[Moment]:
    """A translation whose fine texture stays on the screen while the scene moves: the hard case."""
    noise = torch.randn(1, 3, 96, 128, generator=torch.Generator().manual_seed(0))
    texture = blur(noise, 0.6)
    return [Moment(f.index, f.pixels, to_tensor(f.pixels) / 2 + 0.3 * texture) for f in frames]


def test_flicker_falls_and_detail_stays(pan: Pan) -> None:
    moments = stuck_texture(pan(9, height=96, width=128))
    source = [moment.source for moment in moments]
    before = pictures(moments)
    blurred = pictures(steadied(moments, window_of(2, keep_detail=0)))
    kept = pictures(steadied(moments, window_of(2, keep_detail=1)))
    assert detail(blurred[4], before[4]) < 0.8
    assert detail(kept[4], before[4]) == pytest.approx(1, abs=0.05)
    assert e_warp(kept, source) < 0.5 * e_warp(before, source)


def test_a_lone_tint_that_flickers_is_evened_out(pan: Pan) -> None:
    moments = translated(pan(9), flicker=0.05)
    source = [moment.source for moment in moments]
    even = pictures(steadied(moments, window_of(2, keep_detail=0)))
    assert e_warp(even, source) < 0.35 * e_warp(pictures(moments), source)


def test_a_clean_pan_stays_as_crisp_as_it_was(pan: Pan) -> None:
    moments = translated(pan(7, height=96, width=128))
    smoothed = pictures(steadied(moments, window_of(2)))
    assert detail(smoothed[3], pictures(moments)[3]) == pytest.approx(1, abs=0.02)


def test_the_way_of_other_devices_gives_the_same_pictures(pan: Pan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off the CPU nothing goes through OpenCV; here torch alone is made to do it on the CPU."""
    moments = translated(pan(5), flicker=0.05)
    usual = list(steadied(moments, window_of(2)))
    monkeypatch.setattr("vidgan.resample._is_plain", lambda x: False)
    for a, b in zip(usual, steadied(moments, window_of(2)), strict=True):
        torch.testing.assert_close(a.translated, b.translated, atol=0.02, rtol=0)


def test_a_still_clip_comes_out_as_it_went_in(pan: Pan) -> None:
    moments = translated(pan(6, step_px=0))
    for before, after in zip(moments, steadied(moments, window_of(2)), strict=True):
        np.testing.assert_array_equal(to_pixels(after.translated), to_pixels(before.translated))


def test_everything_but_the_translation_passes_through(pan: Pan) -> None:
    moments = translated(pan(4))
    for before, after in zip(moments, steadied(moments, window_of(1)), strict=True):
        assert after.index == before.index
        assert after.source is before.source


@pytest.mark.parametrize("window", [1, 2, 3])
def test_a_range_alone_has_the_bits_of_the_whole(window: int, pan: Pan) -> None:
    frames, cuts, settings = pan(11), (4,), window_of(window)
    whole = list(steadied(translated(frames, flicker=0.1), settings, cuts=cuts))
    assert len(whole) == 11
    for start, stop in [(0, 3), (3, 6), (4, 5), (5, 11), (2, 9), (10, 11)]:
        margin = frames[max(0, start - window) : stop + window]
        part = list(steadied(translated(margin, flicker=0.1), settings, start, stop, cuts))
        assert [moment.index for moment in part] == list(range(start, stop))
        for moment in part:
            assert torch.equal(moment.translated, whole[moment.index].translated)


@pytest.mark.parametrize("cut", [1, 4, 7])
def test_nothing_crosses_a_cut(cut: int, pan: Pan) -> None:
    """The first shot is translated to black, the second to white; the sources look the same."""
    moments = [
        replace(moment, translated=torch.full((1, 3, 48, 64), -1.0 if moment.index < cut else 1.0))
        for moment in translated(pan(8, step_px=0))
    ]
    for moment in steadied(moments, window_of(3), cuts=(cut,)):
        assert (moment.translated == (-1 if moment.index < cut else 1)).all()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("window", [0, 1, 3])
def test_clips_shorter_than_the_window(count: int, window: int, pan: Pan) -> None:
    smoothed = list(steadied(translated(pan(count)), window_of(window)))
    assert [moment.index for moment in smoothed] == list(range(count))


def test_no_window_leaves_the_very_pictures(pan: Pan) -> None:
    moments = translated(pan(3))
    smoothed = list(steadied(moments, window_of(0)))
    assert all(a.translated is b.translated for a, b in zip(moments, smoothed, strict=True))


def test_only_the_window_is_held(pan: Pan) -> None:
    frames = translated(pan(12))
    drawn: list[weakref.ref] = []

    def watched() -> Iterator[Moment]:
        for frame in frames:
            moment = replace(frame, translated=frame.translated.clone())
            drawn.append(weakref.ref(moment.translated))
            yield moment
            del moment

    for index, _ in enumerate(steadied(watched(), window_of(2))):
        assert len(drawn) <= index + 3
        assert sum(tensor() is not None for tensor in drawn) <= 5


def test_where_sources_disagree_the_neighbours_do_not_count(pan: Pan) -> None:
    """A lamp goes on in the middle frame; its translation must not be mixed with the dark."""
    frames = [Picture(i, np.full((48, 64, 3), 250 if i == 2 else 20, np.uint8)) for i in range(5)]
    moments = translated(frames)
    for before, after in zip(moments, steadied(moments, window_of(2)), strict=True):
        if before.index == 2:
            torch.testing.assert_close(after.translated, before.translated, atol=0.01, rtol=0)


def test_deep_sources_odd_sizes_and_tensors_of_inference_mode() -> None:
    random = np.random.default_rng(0)
    frames = [Picture(i, random.integers(0, 65535, (37, 53, 3), dtype=np.uint16)) for i in range(3)]
    with torch.inference_mode():
        moments = translated(frames)
    smoothed = list(steadied(moments, window_of(1)))
    assert smoothed[1].translated.shape == (1, 3, 37, 53)
    assert smoothed[1].translated.dtype == torch.float32


def test_what_is_steady_is_left_alone(pan: Pan) -> None:
    moments = translated(pan(4), flicker=0.1)
    still = [replace(moment, steady=moment.translated) for moment in moments]
    for before, after in zip(still, steadied(still, window_of(1)), strict=True):
        torch.testing.assert_close(after.translated, before.translated, atol=1e-5, rtol=0)
    flickering = [replace(moment, steady=torch.zeros_like(moment.translated)) for moment in moments]
    for moment, told in zip(steadied(moments, window_of(1)), steadied(flickering, window_of(1)), strict=True):
        torch.testing.assert_close(told.translated, moment.translated, atol=0.02, rtol=0)
