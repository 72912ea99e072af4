"""The sample media are what the README says, and the clip's exact flow is the truth about it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import av
import cv2
import numpy as np
import pytest

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
PAIRS = [(48, 47), (75, 76), (75, 79)]


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("samples_make", SAMPLES / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def decoded() -> list[np.ndarray]:
    with av.open(str(SAMPLES / "clip.mp4")) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def warp(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The picture looked up at x + flow(x)."""
    row, col = np.indices(flow.shape[:2], dtype=np.float32)
    x, y = col + flow[..., 0], row + flow[..., 1]
    return cv2.remap(picture.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def test_clip_is_four_seconds_of_tagged_video_with_sound(decoded):
    with av.open(str(SAMPLES / "clip.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        tags = video.codec_context
        assert (video.average_rate, tags.name, audio.codec_context.name) == (24, "h264", "aac")
        assert {int(tags.color_primaries), int(tags.color_trc), int(tags.colorspace)} == {1}
        sound = np.concatenate([block.to_ndarray() for block in container.decode(audio=0)], axis=1)
    assert len(decoded) == 96
    assert decoded[0].shape == (180, 320, 3)
    assert sound.shape[1] / 48000 == pytest.approx(4, abs=0.05)
    assert 0.02 < sound.std() < 0.5


def test_index_comes_before_the_pictures():
    head = (SAMPLES / "clip.mp4").read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")


def test_pictures_have_their_sizes():
    assert cv2.imread(str(SAMPLES / "target.png")).shape == (288, 384, 3)
    assert cv2.imread(str(SAMPLES / "keyframe_48.png")).shape == (180, 320, 3)


def test_committed_media_stay_small():
    media = [path for path in SAMPLES.iterdir() if path.suffix in (".mp4", ".png")]
    assert len(media) == 3
    assert sum(path.stat().st_size for path in media) <= 3_000_000


@pytest.mark.parametrize("t", [0, 48, 95])
def test_rendering_is_the_committed_clip(make, decoded, t):
    rendered = make.render(t)
    assert psnr(rendered, decoded[t]) > 30  # 4:2:0 chroma alone costs most of this
    assert psnr(luma(rendered), luma(decoded[t])) > 36


def luma(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.array([0.2126, 0.7152, 0.0722])


def test_encoding_does_not_shift_the_colours(make, decoded):
    shift = decoded[48].mean(axis=(0, 1)) - make.render(48).mean(axis=(0, 1))
    assert np.abs(shift).max() < 1.6


def test_rendering_repeats(make):
    first = make.render(31)
    assert (first.dtype, first.shape) == (np.uint8, (180, 320, 3))
    np.testing.assert_array_equal(make.render(31), first)


def test_keyframe_is_painted_over_its_own_frame(make):
    painted = cv2.imread(str(SAMPLES / "keyframe_48.png"))
    grey = [cv2.cvtColor(make.render(t), cv2.COLOR_RGB2GRAY).ravel() for t in (48, 20)]
    likeness = [np.corrcoef(g, cv2.cvtColor(painted, cv2.COLOR_BGR2GRAY).ravel())[0, 1] for g in grey]
    assert likeness[0] > 0.9
    assert likeness[0] > likeness[1] + 0.05


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_exact_flow_explains_what_is_visible(make, t, s):
    here, there, visible = make.render(t), make.render(s), make.exact_visible(t, s)
    along_flow = np.abs(warp(there, make.exact_flow(t, s)) - here)[visible].mean()
    standing_still = np.abs(there.astype(float) - here)[visible].mean()
    assert along_flow < 3.0
    assert along_flow < 0.5 * standing_still


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_exact_flow_goes_there_and_back(make, t, s):
    out, back, visible = make.exact_flow(t, s), make.exact_flow(s, t), make.exact_visible(t, s)
    gap_px = np.linalg.norm(out + warp(back, out), axis=-1)[visible]
    assert np.median(gap_px) < 0.002
    assert np.mean(gap_px < 0.1) > 0.93


def test_convention_exact_flow_points_from_t_to_s(make):
    """The balloon drifts right: forward in time its flow is positive in x, and backward negative."""
    middle = (60, 166)
    assert make.exact_flow(48, 49)[middle][0] == pytest.approx(-make.exact_flow(48, 47)[middle][0], abs=0.1)
    assert 1.5 < make.exact_flow(48, 49)[middle][0] < 2.5


def test_flow_to_the_same_frame_is_zero_and_all_is_visible(make):
    assert np.abs(make.exact_flow(48, 48)).max() < 1e-4
    assert make.exact_visible(48, 48).mean() > 0.995


def test_balloon_hides_what_it_comes_to_cover(make):
    """Four frames on, sky right of the balloon is covered; left of it everything stays in view."""
    visible = make.exact_visible(48, 52)
    assert not visible[58, 190:194].any()
    assert visible[58, 120:140].all()


def test_balloon_vanishes_behind_the_pine(make):
    """Four frames on, part of what shows right of centre is behind the trunk."""
    visible = make.exact_visible(75, 79)
    assert (~visible[40:80, 200:260]).sum() > 60
