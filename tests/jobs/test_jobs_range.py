"""Any range of frames, rendered alone, has the bits of the whole: what resuming and farms will stand on."""

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vidgan.config import SmoothSettings, load_recipe
from vidgan.gan.engine import has_openvino
from vidgan.gan.look import load_look
from vidgan.gan.model import Translation
from vidgan.gan.painted.anchor import Anchor, Keyframe
from vidgan.gan.painted.guess import inputs_for
from vidgan.gan.painted.model import Painted
from vidgan.gan.painted.network import Refiner
from vidgan.jobs.rendering import AsItIs, Rendered, estimator_for, rendered_frames
from vidgan.media import Clip, Frame, open_clip
from vidgan.resample import eight_bit, to_tensor

CPU = torch.device("cpu")
CUTS = (5,)


def painted(clip: Clip) -> Translation:
    """Two keyframes, before and behind the cut, one more, and a network that adds something."""
    keys = []
    for number, shift in ((1, 40), (6, 90), (9, 20)):
        frame = eight_bit(clip.frame(number).pixels)
        whole = torch.ones(1, 1, *frame.shape[:2])
        look = to_tensor(frame[..., ::-1] // 2 + np.uint8(shift))
        keys.append(Anchor.fitted(Keyframe(number, to_tensor(frame), look, whole)))
    torch.manual_seed(0)
    refiner = Refiner(inputs_for(3), 8)
    for parameter in refiner.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    recipe = load_recipe("keyframe", ["train.channels=8"])
    motion = estimator_for(recipe, CPU, None)
    return Painted(keys, refiner, CUTS).translation(recipe, recipe.translate, CPU, motion)


@pytest.fixture(scope="module", params=["of a target", "of a target, by OpenVINO", "of keyframes"])
def render(
    write_clip: Callable[..., Path],
    look: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Callable[..., list[Rendered]]:
    clip = open_clip(write_clip(tmp_path_factory.mktemp("range") / "clip.mp4", frames=10))
    trained = load_look(look)
    carried = replace(trained.recipe.translate, anchor_every=2)
    if "OpenVINO" in request.param and not has_openvino():
        pytest.skip("openvino is not installed")
    engine = "openvino" if "OpenVINO" in request.param else "torch"
    of_target = "of a target" in request.param
    translate = trained.translation(CPU, carried, engine=engine) if of_target else painted(clip)

    def run(start: int = 0, stop: int | None = None, window: int = 2) -> list[Rendered]:
        estimator = estimator_for(trained.recipe, CPU, None)
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


@pytest.mark.parametrize(
    ("start", "stop", "read"),
    [(0, 3, (0, 5)), (2, 5, (0, 5)), (4, 6, (0, 8)), (5, 7, (5, 9)), (8, 9, (5, 10)), (5, 10, (5, 10))],
)
def test_nothing_is_read_beyond_the_shots_of_a_range(
    render: Callable[..., list[Rendered]],
    monkeypatch: pytest.MonkeyPatch,
    start: int,
    stop: int,
    read: tuple[int, int],
) -> None:
    """Smoothing asks for two frames to either side."""
    asked: list[tuple[int, int]] = []
    frames = Clip.frames

    def watched(clip: Clip, first: int, last: int) -> Generator[Frame]:
        asked.append((first, last))
        return frames(clip, first, last)

    monkeypatch.setattr(Clip, "frames", watched)
    render(start, stop)
    (found,) = asked
    assert found[1] == read[1]
    assert read[0] <= found[0] <= start


def test_smoothing_does_something(render: Callable[..., list[Rendered]], whole: list[Rendered]) -> None:
    """Else the tests above would hold for a window of 0 alone."""
    still = render(window=0)
    assert any(not np.array_equal(a.frame.pixels, b.frame.pixels) for a, b in zip(still, whole, strict=True))


def test_random_ranges_in_any_order_have_the_bits_of_the_whole(
    render: Callable[..., list[Rendered]], whole: list[Rendered]
) -> None:
    random = np.random.default_rng(0)
    for _ in range(12):
        start, stop = sorted(random.choice(11, 2, replace=False).tolist())
        for alone, within in zip(render(start, stop), whole[start:stop], strict=True):
            assert np.array_equal(alone.frame.pixels, within.frame.pixels)


def test_noise_is_carried(look: Path, write_clip: Callable[..., Path], tmp_path: Path) -> None:
    """Else ranges would agree without it."""
    clip = open_clip(write_clip(tmp_path / "clip.mp4", frames=4))
    trained = load_look(look)
    shown = []
    for every in (0, 8):
        translate = trained.translation(
            CPU, replace(trained.recipe.translate, anchor_every=every, noise_amp=1.0)
        )
        estimator = estimator_for(trained.recipe, CPU, None)
        shown.append(
            [
                r.frame.pixels
                for r in rendered_frames(clip, translate, SmoothSettings(window=0), (), estimator)
            ]
        )
    fixed, carried = shown
    assert np.abs(fixed[0].astype(int) - carried[0]).max() <= 1
    assert not np.array_equal(fixed[3], carried[3])


def test_what_fails_in_a_second_step_is_raised(write_clip: Callable[..., Path], tmp_path: Path) -> None:
    """And nobody waits for the first step's thread."""

    class Broken:
        def prepare(self, frame: torch.Tensor, number: int | None = None) -> torch.Tensor:
            return frame

        def finish(self, prepared: torch.Tensor) -> torch.Tensor:
            raise FloatingPointError("broken")

    clip = open_clip(write_clip(tmp_path / "clip.mp4"))
    estimator = estimator_for(load_recipe("keyframe"), CPU, None)
    with pytest.raises(FloatingPointError, match="broken"):
        list(rendered_frames(clip, Broken(), SmoothSettings(window=0), (), estimator))


def test_the_frames_as_they_are_come_with_their_times(
    write_clip: Callable[..., Path], tmp_path: Path
) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mp4"))
    estimator = estimator_for(load_recipe("passthrough"), CPU, None)
    part = list(rendered_frames(clip, AsItIs(), SmoothSettings(window=0), (), estimator, 2, 5))
    assert [r.frame.pts for r in part] == list(clip.timestamps[2:5])
    assert all(np.abs(r.source - r.frame.pixels).max() < 1e-6 for r in part)
