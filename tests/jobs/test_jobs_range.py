"""Any range of frames, rendered alone, has the bits of the whole: what resuming and farms will stand on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vidgan.config import SmoothSettings
from vidgan.gan.look import load_look
from vidgan.jobs.rendering import Rendered, estimator_for, rendered_frames, source_frames
from vidgan.media import open_clip

CUTS = (5,)


@pytest.fixture(scope="module")
def render(
    write_clip: Callable[..., Path], look: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., list[Rendered]]:
    clip = open_clip(write_clip(tmp_path_factory.mktemp("range") / "clip.mp4", frames=10))
    trained = load_look(look)
    translate = trained.translation(torch.device("cpu"))

    def run(start: int = 0, stop: int | None = None, window: int = 2) -> list[Rendered]:
        estimator = estimator_for(trained.recipe, torch.device("cpu"), None)
        settings = SmoothSettings(window=window)
        return list(rendered_frames(clip, translate, settings, CUTS, estimator, start, stop))

    return run


@pytest.fixture(scope="module")
def whole(render: Callable[..., list[Rendered]]) -> list[Rendered]:
    return render()


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 4), (2, 5), (4, 6), (5, 10), (9, 10), (3, 3)])
def test_a_range_is_a_slice_of_the_whole(
    render: Callable[..., list[Rendered]], whole: list[Rendered], start: int, stop: int
) -> None:
    part = render(start, stop)
    assert [(r.frame.index, r.frame.pts) for r in part] == [
        (r.frame.index, r.frame.pts) for r in whole[start:stop]
    ]
    for alone, within in zip(part, whole[start:stop], strict=True):
        assert np.array_equal(alone.frame.pixels, within.frame.pixels)
        assert np.array_equal(alone.source, within.source)


def test_segments_of_any_length_join_into_the_whole(
    render: Callable[..., list[Rendered]], whole: list[Rendered]
) -> None:
    joined = [r for start, stop in ((0, 3), (3, 4), (4, 9), (9, 10)) for r in render(start, stop)]
    assert np.array_equal(
        np.stack([r.frame.pixels for r in joined]), np.stack([r.frame.pixels for r in whole])
    )


def test_smoothing_does_something(render: Callable[..., list[Rendered]], whole: list[Rendered]) -> None:
    """Else the tests above would hold for a window of 0 alone."""
    still = render(window=0)
    assert any(not np.array_equal(a.frame.pixels, b.frame.pixels) for a, b in zip(still, whole, strict=True))


def test_the_frames_as_they_are_come_with_their_times(
    write_clip: Callable[..., Path], tmp_path: Path
) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mp4"))
    part = list(source_frames(clip, 2, 5))
    assert [r.frame.pts for r in part] == list(clip.timestamps[2:5])
    assert all(r.source is r.frame.pixels for r in part)
