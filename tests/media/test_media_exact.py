"""passthrough brings back what it was given, by the real ffmpeg: the proof of a translation's own way."""

from pathlib import Path

import numpy as np
import pytest
from media_clips import ffmpeg, ffmpeg_rgb
from PIL import Image

import vidgan

SIZE = (96, 64)
# A moving test card with hard edges, saturated colours and grain, which is no kind source for 4:2:0.
CARD = "testsrc2=size=96x64:rate=25:duration=0.2,noise=alls=12:allf=t"
MATRICES = {
    "bt601": "smpte170m",
    "bt709": "bt709",
    "bt2020": "bt2020nc",
    "smpte240m": "smpte240m",
    "fcc": "fcc",
}
RANGES = {"limited": "tv", "full": "pc"}
# Known RGB: black, white, greys, the primaries and between.
BARS = np.array(
    [(0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0),
     (0, 255, 255), (255, 0, 255), (191, 191, 191), (200, 60, 30), (16, 100, 235)], np.uint8
)  # fmt: skip


def card(path: Path, pix_fmt: str, matrix: str = "bt709", colour_range: str = "limited") -> Path:
    converted = f"scale=out_color_matrix={matrix}:out_range={RANGES[colour_range]},format={pix_fmt}"
    tagged = f"setparams=colorspace={MATRICES[matrix]}:range={RANGES[colour_range]}"
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        CARD,
        "-vf",
        f"{converted},{tagged}",
        "-c:v",
        "ffv1",
        "-pix_fmt",
        pix_fmt,
        str(path),
    )
    return path


def stored(path: Path, pix_fmt: str) -> list[np.ndarray]:
    """The samples in the file as ffmpeg reads them: every plane, (N, h, w)."""
    raw = ffmpeg(
        "-i", str(path), "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", pix_fmt, "-"
    ).stdout
    values = np.frombuffer(raw, np.uint16 if "1" in pix_fmt[4:] else np.uint8)
    width, height = SIZE
    small = (
        width // 2 if "420" in pix_fmt or "422" in pix_fmt else width,
        height // 2 if "420" in pix_fmt else height,
    )
    sizes = [(width, height)] * (1 if "gray" in pix_fmt else 3)
    if "420" in pix_fmt or "422" in pix_fmt:
        sizes = [(width, height), small, small]
    frames = values.reshape(-1, sum(w * h for w, h in sizes)).astype(int)
    ends = np.cumsum([0, *(w * h for w, h in sizes)])
    return [frames[:, a:b].reshape(-1, h, w) for a, b, (w, h) in zip(ends, ends[1:], sizes, strict=False)]


def passed_through(source: Path, out: Path, *settings: str) -> Path:
    result = vidgan.translate(source, None, out, pipeline="passthrough", overrides=settings)
    assert result.verified is not None
    return out


@pytest.mark.parametrize("colour_range", RANGES)
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(
    "pix_fmt", ["yuv444p", "yuv444p10le", "yuv420p", "yuv420p10le", "yuv422p", "yuv422p10le"]
)
def test_every_sample_comes_back_through_ffv1(
    tmp_path: Path, pix_fmt: str, matrix: str, colour_range: str
) -> None:
    """Asked for is 1 value for 4:4:4, for 4:2:0 and 4:2:2 1 in luma on 99.9 % and 45 dB in chroma."""
    source = card(tmp_path / "card.mkv", pix_fmt, matrix, colour_range)
    out = passed_through(source, tmp_path / "out.mkv")
    for before, after in zip(stored(source, pix_fmt), stored(out, pix_fmt), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("pix_fmt", ["gbrp", "gbrp10le", "gbrp12le", "gray", "gray10le"])
def test_rgb_and_grey_come_back_through_ffv1(tmp_path: Path, pix_fmt: str) -> None:
    source = tmp_path / "card.mkv"
    kept = "bgr0" if pix_fmt == "gbrp" else pix_fmt  # FFV1's 8-bit RGB
    ffmpeg("-f", "lavfi", "-i", CARD, "-c:v", "ffv1", "-pix_fmt", kept, str(source))
    out = passed_through(source, tmp_path / "out.mkv")
    for before, after in zip(stored(source, pix_fmt), stored(out, pix_fmt), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("colour_range", RANGES)
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(("chroma", "tolerance"), [("444", 1), ("420", 2)])
def test_a_bar_of_known_rgb_comes_back_through_h264(
    tmp_path: Path, chroma: str, tolerance: int, matrix: str, colour_range: str
) -> None:
    """The bars are handed in as RGB; matrix and range are those of the clip that they come from."""
    bars = np.repeat(np.repeat(BARS, 32, 0)[None], 48, 0)
    Image.fromarray(bars).save(tmp_path / "bars.png")
    source = tmp_path / "bars.mkv"
    converted = f"scale=out_color_matrix={matrix}:out_range={RANGES[colour_range]},format=yuv444p16le"
    tagged = f"setparams=colorspace={MATRICES[matrix]}:range={RANGES[colour_range]}"
    ffmpeg("-loop", "1", "-i", str(tmp_path / "bars.png"), "-frames:v", "3", "-vf", f"{converted},{tagged}",
           "-c:v", "ffv1", str(source))  # fmt: skip
    settings = ("encode.codec=h264", f"encode.chroma={chroma}")
    out = passed_through(source, tmp_path / "out.mp4", *settings)
    shown = ffmpeg_rgb(out, (bars.shape[1], bars.shape[0]))
    inside = shown.reshape(len(shown), 48, len(BARS), 32, 3)[:, 8:-8, :, 10:-10].astype(int)  # off the edges
    worst = abs(inside - BARS[None, None, :, None].astype(int)).max()
    assert worst <= tolerance
