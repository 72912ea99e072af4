from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import ffmpeg, ffmpeg_rgb, picture, write_clip

from vidgan.errors import MediaError, UsageError
from vidgan.media import open_clip
from vidgan.resample import eight_bit

VFR = (0, 100, 612, 1200, 2900, 3000, 3001, 4400, 5000, 6000, 6512, 9000)
OPEN_GOP = {"g": "4", "x264-params": "open-gop=1:bframes=3:b-adapt=0:scenecut=0", "crf": "10"}


def write_ts(path: Path) -> Path:
    return write_clip(
        path, options=OPEN_GOP, time_base=Fraction(1, 90000), pts=range(900, 900 + 24 * 3600, 3600)
    )


def write_raw_h264(path: Path) -> Path:
    return write_clip(path, options=OPEN_GOP)


CLIPS = {
    "b_frames.mp4": lambda path: write_clip(path, options={"g": "4", "bf": "3", "crf": "10"}),
    "open_gop.mp4": lambda path: write_clip(path, options=OPEN_GOP, pts=range(0, 24 * 512, 512)),
    "open_gop.mkv": lambda path: write_clip(path, options=OPEN_GOP, pts=range(0, 24 * 512, 512)),
    "vfr.mp4": lambda path: write_clip(path, pts=VFR),
    "late_start.mp4": lambda path: write_clip(path, pts=[7000 + pts for pts in VFR]),
    "stream.ts": write_ts,
    "raw.h264": write_raw_h264,
    "hevc.mp4": lambda path: write_clip(
        path,
        codec="libx265",
        options={"x265-params": "keyint=6:open-gop=1:log-level=none"},
        pts=range(0, 24 * 512, 512),
    ),
    "vp9.webm": lambda path: write_clip(path, codec="libvpx-vp9", options={"g": "6", "lag-in-frames": "8"}),
    "vp8.webm": lambda path: write_clip(
        path, codec="libvpx", options={"g": "6", "auto-alt-ref": "1", "lag-in-frames": "8"}
    ),
    "mpeg4.avi": lambda path: write_clip(
        path, codec="mpeg4", options={"g": "5", "bf": "2"}, time_base=Fraction(1, 25), pts=range(12)
    ),
    "frames.gif": lambda path: write_clip(
        path, codec="gif", pix_fmt="rgb8", options={}, time_base=Fraction(1, 100), pts=range(0, 48, 4)
    ),
}


def test_a_rate_counts_only_where_there_are_no_timestamps(tmp_path: Path) -> None:
    write_raw_h264(tmp_path / "raw.h264")
    assert open_clip(tmp_path / "raw.h264", rate=10).info.average_rate == 10
    CLIPS["vfr.mp4"](tmp_path / "vfr.mp4")
    told, plain = open_clip(tmp_path / "vfr.mp4", rate=10).info, open_clip(tmp_path / "vfr.mp4").info
    assert told.average_rate == plain.average_rate
    assert told.notices == ("the clip has timestamps of its own: the rate that was given is not used",)
    assert plain.notices == ()


@pytest.mark.parametrize("name", CLIPS)
def test_any_range_is_the_same_slice_of_a_full_decode(tmp_path: Path, name: str) -> None:
    clip = open_clip(CLIPS[name](tmp_path / name))
    whole = list(clip.frames())
    assert len(whole) == len(clip) in (12, 24)
    for start, stop in [(0, 1), (1, 2), (3, 9), (5, 12), (len(clip) - 1, len(clip)), (4, 4), (6, None)]:
        part = list(clip.frames(start, stop))
        expected = whole[start:stop]
        assert [(f.index, f.pts, f.duration) for f in part] == [
            (f.index, f.pts, f.duration) for f in expected
        ]
        for got, want in zip(part, expected, strict=True):
            np.testing.assert_array_equal(got.pixels, want.pixels)


@pytest.mark.parametrize("name", ["open_gop.mp4", "vfr.mp4", "hevc.mp4", "vp9.webm", "stream.ts"])
def test_frames_are_those_that_ffmpeg_decodes(tmp_path: Path, name: str) -> None:
    clip = open_clip(CLIPS[name](tmp_path / name))
    ours = np.stack([eight_bit(frame.pixels) for frame in clip.frames()])
    assert abs(ours.astype(int) - ffmpeg_rgb(clip.path, (64, 48))).max() <= 3  # another filter for chroma


def test_frames_carry_the_containers_exact_times(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "vfr.mp4", pts=VFR))
    assert clip.info.time_base == Fraction(1, 12800)
    assert clip.timestamps == VFR
    frames = list(clip.frames())
    assert [frame.pts for frame in frames] == list(VFR)
    assert [frame.duration for frame in frames[:-1]] == list(np.diff(VFR))
    assert frames[2].seconds == Fraction(612, 12800)


def test_a_late_start_is_kept(tmp_path: Path) -> None:
    clip = open_clip(CLIPS["late_start.mp4"](tmp_path / "late.mp4"))
    # mp4 stores a late start in whole milliseconds unless told otherwise; what the file says is what we say.
    assert clip.timestamps[0] / 12800 == pytest.approx(7000 / 12800, abs=0.001)
    assert list(np.diff(clip.timestamps)) == list(np.diff(VFR))


def test_several_readers_run_at_once_and_can_be_left_early(clip_path: Path) -> None:
    clip = open_clip(clip_path)
    first, second = clip.frames(2), clip.frames(7)
    assert [next(first).index, next(second).index, next(first).index] == [2, 7, 3]
    first.close()
    assert next(second).index == 8
    np.testing.assert_array_equal(eight_bit(clip.frame(8).pixels), eight_bit(list(clip.frames())[8].pixels))
    with pytest.raises(ValueError, match="outside a clip of 12"):
        clip.frames(3, 13)
    with pytest.raises(ValueError, match="outside"):
        clip.frame(12)


def test_one_frame_is_a_clip(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "one.mp4", pts=[0]))
    assert clip.info.frame_count == len(list(clip.frames())) == 1
    assert clip.info.duration_seconds == Fraction(1, 25)


def test_ten_bits_are_more_than_eight(tmp_path: Path) -> None:
    def ramp(index: int, width: int, height: int) -> np.ndarray:
        return np.repeat(np.linspace(0, 255, width)[None, :, None], height, 0).repeat(3, 2).astype(np.uint8)

    clip = open_clip(
        write_clip(
            tmp_path / "deep.mkv", codec="ffv1", pix_fmt="yuv444p10le", options={}, size=(512, 16), draw=ramp
        )
    )
    assert clip.info.bit_depth == 10
    pixels = clip.frame(0).pixels
    assert pixels.dtype == np.float32
    assert pixels.max() == pytest.approx(1, abs=0.005)
    assert len(np.unique(((pixels + 1) * 511.5).round())) == 256  # as many as were drawn, not on 8-bit steps
    assert abs(pixels * 127.5 + 0.5 - (pixels * 127.5 + 0.5).round()).max() > 0.1


def test_the_default_video_stream_is_used_and_said_and_another_can_be_chosen(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "two.mp4", video_streams=2)
    clip = open_clip(path)
    assert len(clip.info.video_streams) == 2
    assert clip.info.stream == 0
    assert "2 video streams; using 0 (choose with --stream)" in clip.info.notices
    other = open_clip(path, stream=1)
    assert other.info.notices == ()
    # Stream 1 is one picture ahead.
    assert abs(eight_bit(other.frame(3).pixels).astype(int) - picture(4)).mean() < 4
    assert abs(eight_bit(clip.frame(3).pixels).astype(int) - picture(3)).mean() < 4
    with pytest.raises(UsageError, match="no video stream 2: it has 2, counted from 0"):
        open_clip(path, stream=2)


def test_cover_art_is_no_video_stream(tmp_path: Path, clip_path: Path) -> None:
    from PIL import Image

    Image.fromarray(picture(0)).save(tmp_path / "cover.png")
    path = tmp_path / "covered.mp4"
    ffmpeg("-i", str(tmp_path / "cover.png"), "-i", str(clip_path), "-map", "0", "-map", "1", "-c", "copy",
           "-disposition:v:0", "attached_pic", str(path))  # fmt: skip
    clip = open_clip(path)
    assert len(clip.info.video_streams) == 1
    assert clip.info.codec == "h264"
    assert clip.info.frame_count == 12


@pytest.mark.parametrize(
    ("rotation", "mirrored"), [(0, True), (90, False), (90, True), (180, False), (-90, False), (-90, True)]
)
def test_convention_pixels_are_upright_as_players_show_them(
    tmp_path: Path, rotation: int, mirrored: bool
) -> None:
    path = write_clip(tmp_path / "phone.mp4", rotation=rotation, mirrored=mirrored, aspect=Fraction(4, 3))
    clip = open_clip(path)
    turned = abs(rotation) == 90
    assert (clip.info.width, clip.info.height) == ((48, 64) if turned else (64, 48))
    assert clip.info.sample_aspect_ratio == (Fraction(3, 4) if turned else Fraction(4, 3))
    shown = ffmpeg_rgb(path, (clip.info.width, clip.info.height))  # ffmpeg turns by itself
    ours = np.stack([eight_bit(frame.pixels) for frame in clip.frames()])
    assert abs(ours.astype(int) - shown).mean() < 2
    if rotation:
        assert "turned by" in clip.info.notices[0]


def test_a_phones_quarter_turn_is_named_clockwise(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "phone.mp4", rotation=-90))  # -90 counterclockwise
    assert clip.info.rotation == 90
    upright = np.rot90(picture(0), k=-1)
    assert abs(eight_bit(clip.frame(0).pixels).astype(int) - upright).mean() < 4


@pytest.mark.parametrize("name", ["fields.mp4", "fields.mkv", "fields.mpg", "fields.mov"])
def test_interlaced_is_deinterlaced_and_any_range_is_the_same(tmp_path: Path, name: str) -> None:
    """A bar that moves with every field: combed, it would be torn in every other row."""

    def bar(index: int, width: int, height: int) -> np.ndarray:
        shown = np.full((height, width, 3), 128, np.uint8)
        shown[:, 3 * index : 3 * index + 8] = 235
        return shown

    path = tmp_path / name
    codec = {"mpg": "mpeg2video", "mov": "prores_ks"}.get(path.suffix[1:], "libx264")
    pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    source = write_clip(
        tmp_path / "frames.mkv", codec="ffv1", options={}, size=(96, 64), pts=range(24), rate=Fraction(50),
        time_base=Fraction(1, 50), draw=bar,
    )  # fmt: skip
    ffmpeg("-i", str(source), "-vf", f"tinterlace=interleave_top,setfield=tff,format={pix_fmt}",
           "-c:v", codec, "-flags", "+ilme+ildct", "-q:v", "2", str(path))  # fmt: skip
    clip = open_clip(path)
    assert clip.info.field_order == "top"
    assert "interlaced, top field first: deinterlaced (bwdif)" in clip.info.notices[0]
    whole = list(clip.frames())
    assert len(whole) == len(clip) == 12
    for start, stop in [(0, 1), (3, 7), (11, 12), (5, 12)]:
        for got, want in zip(clip.frames(start, stop), whole[start:stop], strict=True):
            assert np.array_equal(got.pixels, want.pixels)
    rows = whole[5].pixels[8:56].mean(2)
    combed = np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean()
    assert combed < 0.02


def test_a_change_of_size_is_refused_where_it_happens(tmp_path: Path) -> None:
    for name, size in (("a.h264", (64, 48)), ("b.h264", (32, 48))):
        write_clip(tmp_path / name, size=size)
    both = tmp_path / "both.h264"
    both.write_bytes((tmp_path / "a.h264").read_bytes() + (tmp_path / "b.h264").read_bytes())
    clip = open_clip(both)
    with pytest.raises(MediaError, match=r"changes size at frame 12, from 64x48 to 32x48: split it there"):
        list(clip.frames())


def overwrite_packet(path: Path, number: int, change: Callable[[bytes], bytes]) -> Path:
    with av.open(str(path)) as container:
        old = [bytes(packet) for packet in container.demux(video=0) if packet.size][number]
    path.write_bytes(path.read_bytes().replace(old, change(old)))
    return path


def test_a_frame_that_does_not_decode_stops_the_job(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "hole.mp4", options={"bf": "0", "crf": "10"})
    clip = open_clip(overwrite_packet(path, 6, lambda old: bytes(len(old))))
    assert len(clip) == 12
    seen = []
    with pytest.raises(MediaError, match=r"hole\.mp4: frame 6 does not decode, though the file lists 12"):
        seen.extend(frame.index for frame in clip.frames())
    assert seen == [0, 1, 2, 3, 4, 5]
    with pytest.raises(MediaError, match="frame 6 does not decode"):
        clip.frame(6)


def test_a_damaged_frame_stops_the_job_unless_told_to_go_on(tmp_path: Path) -> None:
    def scramble(old: bytes) -> bytes:
        third = len(old) // 3
        return old[:third] + bytes(byte ^ 0x5A for byte in old[third : third + 20]) + old[third + 20 :]

    path = write_clip(tmp_path / "hurt.mp4", options={"bf": "0", "crf": "10"})
    clip = open_clip(overwrite_packet(path, 6, scramble))
    with pytest.raises(MediaError, match=r"hurt\.mp4: frame 6 is damaged"):
        list(clip.frames())
    assert len(list(open_clip(path, allow_truncated=True).frames())) == 12


@pytest.mark.parametrize(
    "name", ["clip:one.mp4", "frame_%03d.mp4", "größe – 日本.mp4", "with space 'quoted'.mp4"]
)
def test_odd_names_are_taken_literally(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "plain.mp4").rename(tmp_path / name)
    assert len(list(open_clip(name).frames())) == 12
