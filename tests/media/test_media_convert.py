"""Between stored samples and float RGB: nothing is lost on the way there and back."""

import subprocess
import sys
from itertools import product

import av
import numpy as np
import pytest

from vidgan.media.chroma import enlarge, fewer_columns, fewer_rows
from vidgan.media.colour import Colour
from vidgan.media.convert import FromRGB, ToRGB
from vidgan.media.planes import layout_of, plain_format, planes

MATRICES = {"bt709": 1, "untagged": 2, "fcc": 4, "bt601": 6, "smpte240m": 7, "ycgco": 8, "bt2020": 9}
FORMATS = (
    *("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p", "yuvj420p", "nv12", "uyvy422"),
    *("yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv444p12le", "yuv444p16le", "yuva444p10le"),
    *(
        "gray",
        "gray10le",
        "gbrp",
        "gbrp10le",
        "gbrp16le",
        "gbrap",
        "gbrpf32le",
        "rgb24",
        "bgr0",
        "rgba",
        "ya8",
    ),
)


def noise(pix_fmt: str, size: tuple[int, int]) -> av.VideoFrame:
    """Every sample a format can hold, also colours that RGB has no place for."""
    random, layout = np.random.default_rng(0), layout_of(plain_format(pix_fmt))
    frame = av.VideoFrame(*size, layout.name)
    for plane in planes(frame):
        if layout.floating:
            plane[:] = random.random(plane.shape, np.float32) * 3 - 1
        else:
            plane[:] = random.integers(0, layout.largest + 1, plane.shape)
    return frame if layout.name == pix_fmt else frame.reformat(format=pix_fmt)


def samples(frame: av.VideoFrame) -> list[np.ndarray]:
    plain = plain_format(frame.format.name)
    shown = frame if frame.format.name == plain else frame.reformat(format=plain)
    return [plane.astype(float).copy() for plane in planes(shown)]


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_every_sample_comes_back_by_every_matrix_and_range(pix_fmt: str) -> None:
    # swscale packs and unpacks by blocks, and leaves the last columns of other widths to chance.
    frame = noise(pix_fmt, (38, 24) if pix_fmt == plain_format(pix_fmt) else (64, 24))
    for matrix, colour_range in product(MATRICES.values(), (1, 2)):
        colour = Colour(matrix=matrix, range=colour_range)
        back = FromRGB(colour, pix_fmt)(*ToRGB(colour)(frame))
        assert back.format.name == pix_fmt
        for old, new in zip(samples(frame), samples(back), strict=True):
            assert abs(new - old).max() <= (3e-7 if pix_fmt.endswith("f32le") else 0)


@pytest.mark.parametrize("size", [(37, 23), (1, 1), (2, 3), (33, 16), (4099, 35), (4098, 161)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p10le", "yuv410p", "yuv440p"])
def test_odd_sizes_come_back(pix_fmt: str, size: tuple[int, int]) -> None:
    frame, colour = noise(pix_fmt, size), Colour(matrix=1)
    back = FromRGB(colour, pix_fmt)(*ToRGB(colour)(frame))
    for old, new in zip(samples(frame), samples(back), strict=True):
        assert np.array_equal(old, new)


def test_convention_white_is_one_and_black_minus_one_in_either_range() -> None:
    for colour_range, black, white in ((1, 16, 235), (2, 0, 255)):
        frame = av.VideoFrame(4, 4, "yuv444p")
        for plane, value in zip(planes(frame), (white, 128, 128), strict=True):
            plane[:] = value
        planes(frame)[0][0] = black
        pixels, alpha = ToRGB(Colour(matrix=1, range=colour_range))(frame)
        assert alpha is None
        assert pixels[0] == pytest.approx(-1, abs=1e-6)
        assert pixels[1:] == pytest.approx(1, abs=1e-6)


def test_brighter_than_white_stays_so() -> None:
    frame = av.VideoFrame(4, 4, "yuv444p10le")
    for plane, value in zip(planes(frame), (1019, 512, 512), strict=True):
        plane[:] = value
    pixels, _ = ToRGB(Colour(matrix=9, range=1))(frame)
    assert pixels.min() > 1.16


def test_what_comes_down_is_low_passed() -> None:
    """Stripes of a pixel are beyond what halved chroma can say: they become even, not other stripes."""
    stripes = np.tile(np.array([[0, 1], [0, 1]], np.float32), (16, 16))
    assert np.ptp(fewer_columns(fewer_rows(stripes, 1), 1)[4:-4, 4:-4]) < 1e-6


def test_a_ramp_goes_up_as_a_ramp() -> None:
    ramp = np.arange(16, dtype=np.float32)[None].repeat(8, 0)
    tall, wide = np.empty((32, 16), np.float32), np.empty((16, 32), np.float32)
    enlarge(ramp, slice(0, 16), (16, 32), (1, 1), False, wide)
    assert wide[5, 8:24] == pytest.approx(np.arange(8, 24) / 2)  # samples lie on even columns
    enlarge(np.ascontiguousarray(ramp[:, :16].T), slice(0, 32), (32, 16), (1, 1), True, tall)
    assert tall[4:12, 5] == pytest.approx(np.arange(4, 12) / 2 - 0.25)  # and between rows


def test_the_bits_do_not_depend_on_threads() -> None:
    program = (
        "import hashlib, sys; sys.path.insert(0, 'tests/media')\n"
        "from test_media_convert import noise; from vidgan.media.colour import Colour\n"
        "from vidgan.media.convert import ToRGB\n"
        "pixels, _ = ToRGB(Colour(matrix=1))(noise('yuv420p', (1030, 770)))\n"
        "print(hashlib.sha256(pixels.tobytes()).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for threads in ("1", "2", "7")
    }
    assert len(hashes) == 1
