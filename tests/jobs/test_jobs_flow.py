"""The picture of a motion: right hue, right length, black where nothing is known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.utils import flow_to_image

import vidgan
from vidgan import Watch
from vidgan.errors import UsageError
from vidgan.jobs.flow import coloured
from vidgan.media import open_clip, read_picture
from vidgan.resample import eight_bit

WIDTH = 96


def pan(index: int, width: int, height: int) -> np.ndarray:
    """A scene that goes right by 3 px a frame; behind frame 5 another one."""
    scene = np.random.default_rng(index // 6).integers(0, 255, (height // 8, 40, 3), dtype=np.uint8)
    whole = np.kron(scene, np.ones((8, 8, 1), np.uint8))
    return np.roll(whole, 3 * index, 1)[:height, 100 : 100 + width]


@pytest.fixture
def panning(write_clip: Callable[..., Path], tmp_path: Path) -> Path:
    return write_clip(tmp_path / "pan.mp4", frames=10, size=(WIDTH, 64), draw=pan)


def test_a_frame_stands_beside_its_motion(panning: Path, tmp_path: Path) -> None:
    out = tmp_path / "flow.png"
    shown = vidgan.flow(panning, out, at=1)
    picture = read_picture(out)
    assert picture.shape == (64, 2 * WIDTH, 3)
    assert np.array_equal(picture[:, :WIDTH], eight_bit(open_clip(panning).frame(1).pixels))
    assert (shown.frame, shown.to) == (1, 2)
    assert shown.mean_px == pytest.approx(3, abs=0.5)
    assert shown.longest_px < 8
    assert shown.hidden < 0.2
    right = flow_to_image(torch.tensor([1.0, 0.0]).view(2, 1, 1))[:, 0, 0].numpy()
    middle = picture[20:44, WIDTH + 30 : WIDTH + 60].reshape(-1, 3).mean(0)
    assert np.argmin(middle) == np.argmin(right)  # of the hue that the wheel has for rightwards


def test_backwards_and_further(panning: Path, tmp_path: Path) -> None:
    back = vidgan.flow(panning, tmp_path / "back.png", at=4, to=3)
    far = vidgan.flow(panning, tmp_path / "far.png", at=0, to=4)
    assert back.mean_px == pytest.approx(3, abs=0.5)
    assert far.mean_px == pytest.approx(12, abs=1.5)
    assert far.hidden > back.hidden


def test_what_is_hidden_is_black() -> None:
    flow, seen = torch.ones(1, 2, 4, 6), torch.ones(1, 1, 4, 6, dtype=torch.bool)
    seen[..., :2] = False
    picture = coloured(flow, seen)
    assert picture.dtype == np.uint8
    assert (picture[:, :2] == 0).all()
    assert (picture[:, 2:].max(-1) > 0).all()


def test_a_cut_is_told(panning: Path, tmp_path: Path) -> None:
    notices: list[str] = []
    vidgan.flow(panning, tmp_path / "cut.png", at=5, watch=Watch(notice=notices.append))
    assert any("a cut lies between them" in notice for notice in notices)


@pytest.mark.parametrize(
    ("at", "to", "message"),
    [
        ("9", None, "is the last"),
        ("3", "3", "nothing moves"),
        ("40", None, "has no frame 40"),
        ("0", "10", "has no frame 10"),
    ],
)
def test_frames_that_cannot_be(panning: Path, tmp_path: Path, at: str, to: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        vidgan.flow(panning, tmp_path / "flow.png", at=at, to=to)
    assert not (tmp_path / "flow.png").exists()


def test_frames_too_far_apart(write_clip: Callable[..., Path], tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "long.mp4", frames=20)
    with pytest.raises(UsageError, match="18 frames apart: flow is shown over at most 16"):
        vidgan.flow(clip, tmp_path / "flow.png", at=0, to=18)
