from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import ffmpeg, ffmpeg_rgb, write_clip

from vidgan.errors import MediaError
from vidgan.media import Clip, ClipInfo, Colour, Frame, PictureWriter, codec_for, mux, open_clip
from vidgan.resample import eight_bit

ORANGE = (200, 60, 30)
TAGS = {  # primaries, transfer, matrix
    "bt601": (6, 6, 6),
    "bt601-625": (5, 6, 5),
    "bt709": (1, 1, 1),
    "bt2020": (9, 14, 9),
    "smpte240m": (7, 7, 7),
}


def info_for(colour: Colour, size: tuple[int, int] = (64, 48), bit_depth: int = 8) -> ClipInfo:
    return ClipInfo(
        path=Path("none"), kind="pictures", width=size[0], height=size[1],
        pix_fmt="rgb24" if bit_depth == 8 else "rgb48le",
        bit_depth=bit_depth, codec="png", time_base=Fraction(1, 25), average_rate=Fraction(25), colour=colour,
    )  # fmt: skip


def encode(
    path: Path, pictures: list[np.ndarray], info: ClipInfo, codec: str = "auto", suffix: str = ".mp4"
) -> Path:
    with PictureWriter(path, info, codec_for(codec, f"x{suffix}", info)) as writer:
        for index, pixels in enumerate(pictures):
            writer.write(Frame(index, index, 1, Fraction(1, 25), pixels))
    return path


def finished(path: Path, pictures: list[np.ndarray], colour: Colour, tmp_path: Path) -> Path:
    """Encode pictures with a colour's tags and mux them as a file of `path`'s kind."""

    class Made(Clip):
        def _read(self, start, stop):  # type: ignore[no-untyped-def]
            raise AssertionError("joining decodes no frame")

    bits = 8 if pictures[0].dtype == np.uint8 else 16
    info = info_for(colour, (pictures[0].shape[1], pictures[0].shape[0]), bits)
    part = encode(tmp_path / "part.nut", pictures, info, suffix=path.suffix)
    mux([part], Made(info, tuple(range(len(pictures))), len(pictures)), path)
    return path


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("tags", TAGS)
def test_a_solid_colour_comes_back_and_the_tags_with_it(tmp_path: Path, tags: str, full: bool) -> None:
    colour = Colour(*TAGS[tags], 2 if full else 1)
    path = finished(tmp_path / "solid.mp4", [np.full((48, 64, 3), ORANGE, np.uint8)] * 3, colour, tmp_path)
    clip = open_clip(path)
    assert clip.info.colour == colour
    for frame in clip.frames():
        assert abs(eight_bit(frame.pixels).astype(int) - ORANGE).max() <= 2
    # And what another program makes of it.
    assert abs(ffmpeg_rgb(path, (64, 48)).astype(int) - ORANGE).max() <= 2


def test_convention_untagged_is_bt601_limited_and_stays_untagged(tmp_path: Path) -> None:
    path = finished(tmp_path / "solid.mp4", [np.full((48, 64, 3), ORANGE, np.uint8)], Colour(), tmp_path)
    clip = open_clip(path)
    assert clip.info.colour == Colour()
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        stored = [int(np.frombuffer(plane, np.uint8)[0]) for plane in frame.planes]
    # Y = 16 + 219 (0.299 R + 0.587 G + 0.114 B), Cb and Cr likewise.
    assert stored == pytest.approx([101, 94, 192], abs=1)
    assert abs(eight_bit(clip.frame(0).pixels).astype(int) - ORANGE).max() <= 2


def test_pictures_become_bt709_and_say_so(tmp_path: Path) -> None:
    rgb = Colour(matrix=0, range=2)
    path = finished(tmp_path / "solid.mp4", [np.full((48, 64, 3), ORANGE, np.uint8)], rgb, tmp_path)
    assert open_clip(path).info.colour == Colour(1, 1, 1, 1)
    assert abs(ffmpeg_rgb(path, (64, 48)).astype(int) - ORANGE).max() <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ffv1_is_lossless_for_what_it_is_given(tmp_path: Path, dtype: type) -> None:
    largest = np.iinfo(dtype).max
    noise = np.random.default_rng(0).integers(0, largest + 1, (5, 33, 47, 3)).astype(dtype)
    path = finished(tmp_path / "noise.mkv", list(noise), Colour(9, 16, 9, 1), tmp_path)
    clip = open_clip(path)
    assert clip.info.bit_depth == (8 if dtype == np.uint8 else 16)
    for frame, expected in zip(clip.frames(), noise, strict=True):
        np.testing.assert_array_equal(((frame.pixels + 1) / 2 * largest).round(), expected)
    # RGB has no matrix and is full range; what the colours mean is kept.
    assert clip.info.colour == Colour(9, 16, 0, 2)


def test_chroma_stays_where_it_was(tmp_path: Path) -> None:
    """Decoding left-sited and encoding centred chroma moves it by half a pixel a generation."""
    source = open_clip(write_clip(tmp_path / "source.mp4", options={"crf": "0"}, size=(128, 96), pts=[0]))
    pixels = eight_bit(source.frame(0).pixels)
    for generation in range(6):
        path = tmp_path / f"{generation}.nut"
        encode(path, [pixels], source.info)
        pixels = eight_bit(open_clip(path).frame(0).pixels)
    assert abs(pixels.astype(int) - eight_bit(source.frame(0).pixels)).mean() < 1.5


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "options"),
    [
        ("yuv420p10le", "libx264", {"crf": "4"}),
        ("yuv422p10le", "prores_ks", {}),
        ("yuv444p12le", "ffv1", {}),
        ("gbrp10le", "ffv1", {}),
        ("gray", "ffv1", {}),
        ("yuvj420p", "mjpeg", {"q": "1"}),
    ],
)
def test_other_pixel_formats_decode_as_ffmpeg_decodes_them(
    tmp_path: Path, pix_fmt: str, codec: str, options: dict[str, str]
) -> None:
    path = tmp_path / ("clip.mov" if codec == "prores_ks" else "clip.mkv")
    clip = open_clip(write_clip(path, pix_fmt=pix_fmt, codec=codec, options=options))
    ours = np.stack([eight_bit(frame.pixels) for frame in clip.frames()])
    assert abs(ours.astype(int) - ffmpeg_rgb(path, (64, 48))).mean() < 1.5


def test_alpha_comes_with_the_frame(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mp4")
    ffmpeg("-i", str(source), "-vf", "format=yuva444p10le,colorchannelmixer=aa=0.25", "-c:v", "prores_ks",
           "-pix_fmt", "yuva444p10le", str(tmp_path / "alpha.mov"))  # fmt: skip
    clip = open_clip(tmp_path / "alpha.mov")
    assert clip.info.alpha
    assert clip.info.notices == ()
    frame = clip.frame(0)
    assert frame.pixels.shape == (48, 64, 3)
    assert frame.alpha == pytest.approx(np.full((48, 64), 0.25), abs=0.004)
    assert open_clip(source).frame(0).alpha is None


def test_a_matrix_that_cannot_be_undone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="ictcp matrix, which cannot be converted"):
        open_clip(write_clip(tmp_path / "ictcp.mp4", colour=(9, 16, 14, 1)))
