"""Batches, and what becomes of frames that memory does not hold."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vidgan.config import SmoothSettings
from vidgan.errors import DeviceError
from vidgan.gan.conditioned import Translator
from vidgan.gan.look import load_look
from vidgan.jobs.fitting import out_of_memory
from vidgan.jobs.rendering import estimator_for, rendered_frames
from vidgan.media import Clip, open_clip

CPU = torch.device("cpu")
Limit = Callable[[int, int], bool]
"""Frames at a time and a tile's side (0: in one piece) to whether memory holds that."""


@pytest.fixture(scope="module")
def ten_frames(write_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return open_clip(write_clip(tmp_path_factory.mktemp("fitting") / "clip.mp4", frames=10))


@pytest.fixture
def render(look: Path, ten_frames: Clip) -> Callable[..., list[np.ndarray]]:
    trained = load_look(look)
    settings = replace(trained.recipe.translate, anchor_every=2)

    def run(
        batch: int = 1,
        start: int = 0,
        stop: int | None = None,
        holds: Limit = lambda frames, tile: True,
        told: list[str] | None = None,
    ) -> list[np.ndarray]:
        translate = _Limited(trained.translation(CPU, settings), batch, holds)
        estimator = estimator_for(trained.recipe, CPU, None)
        notice = ([] if told is None else told).append
        still = SmoothSettings(window=1)
        frames = rendered_frames(ten_frames, translate, still, (5,), estimator, start, stop, notice=notice)
        return [one.frame.pixels for one in frames]

    return run


class _Limited:
    """A translator on a device that holds so much."""

    def __init__(self, translate: Translator, batch: int, holds: Limit) -> None:
        self.translate, self.batch, self.holds, self.tile_px = translate, batch, holds, 0
        self.anchor_every = translate.anchor_every

    def __call__(self, frame: torch.Tensor, number: int | None = None) -> torch.Tensor:
        return self.translate(frame, number)

    def across(self, frame: torch.Tensor, origins: Sequence = ()) -> torch.Tensor:
        return self.across_together([frame], [origins])

    def across_together(self, frames: Sequence[torch.Tensor], origins: Sequence) -> torch.Tensor:
        if not self.holds(len(frames), self.tile_px):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return self.translate.across_together(frames, origins)


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_batches_have_the_bits_of_single_frames(render: Callable[..., list[np.ndarray]]) -> None:
    assert same(render(batch=1), render(batch=4))


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (3, 4), (2, 7), (5, 10), (9, 10), (4, 4)])
def test_any_range_is_drawn_in_the_batches_of_the_whole(
    render: Callable[..., list[np.ndarray]], start: int, stop: int
) -> None:
    asked: set[int] = set()
    part = render(batch=4, start=start, stop=stop, holds=lambda frames, tile: not asked.add(frames))
    assert same(part, render(batch=1)[start:stop])
    assert asked <= {4, 2}  # two are left at the end of ten frames


def test_what_does_not_fit_is_drawn_fewer_at_a_time(render: Callable[..., list[np.ndarray]]) -> None:
    told: list[str] = []
    assert same(render(), render(batch=4, holds=lambda frames, tile: frames == 1, told=told))
    assert len(told) == 1
    assert "none is lost" in told[0]


def test_then_in_tiles(render: Callable[..., list[np.ndarray]]) -> None:
    told: list[str] = []
    few = render(batch=2, holds=lambda frames, tile: frames == 1 and 0 < tile <= 512, told=told)
    assert len(told) == 1
    assert len(few) == 10
    assert max(float(np.abs(a - b).max()) for a, b in zip(few, render(), strict=True)) < 0.02


def test_what_fits_in_no_way_is_an_error_that_says_what_to_do(
    render: Callable[..., list[np.ndarray]],
) -> None:
    with pytest.raises(DeviceError, match="--device cpu"):
        render(batch=2, holds=lambda frames, tile: False)


def test_errors_that_tell_of_memory() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60, dtype=torch.uint8)
    assert out_of_memory(raised.value)
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("shapes do not fit"))
    assert not out_of_memory(ValueError("out of memory"))
