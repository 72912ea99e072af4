from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_clips import VFR, packets, picture, translated, write_clip

from vidgan import config
from vidgan.errors import MediaError, OutputError, UsageError
from vidgan.media import CODECS, Frame, PictureWriter, codec_for, mux, open_clip
from vidgan.resample import eight_bit


@pytest.mark.parametrize("out", ["x.mp4", "x.mkv"])
@pytest.mark.parametrize(
    "time_base", [Fraction(1, 12800), Fraction(1001, 30000), Fraction(1, 90000), Fraction(1, 1000)]
)
def test_a_part_keeps_every_pts(tmp_path: Path, out: str, time_base: Fraction) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mp4"))
    info = clip.info.__class__(**{**clip.info.__dict__, "time_base": time_base})
    with PictureWriter(tmp_path / "p.nut", info, codec_for("auto", out, info)) as writer:
        for index, pts in enumerate(VFR):
            writer.write(Frame(index, pts, 1, time_base, picture(index)))
    got = sorted(pts * base for pts, base, _ in packets(tmp_path / "p.nut", "video"))
    # NUT has no times before 0: with B-frames, whose first dts is, all are moved up alike.
    assert [pts - got[0] for pts in got] == [(pts - VFR[0]) * time_base for pts in VFR]


def test_auto_follows_the_container(clip_path: Path) -> None:
    info = open_clip(clip_path).info
    assert [codec_for("auto", f"x{suffix}", info).name for suffix in (".mp4", ".MOV", ".m4v", ".mkv")] == [
        "h264",
        "h264",
        "h264",
        "ffv1",
    ]
    assert codec_for("h264", "x.mkv", info).name == "h264"
    with pytest.raises(
        OutputError, match=r"x\.mp4: ffv1 does not go into this container: name the output \.mkv"
    ):
        codec_for("ffv1", "x.mp4", info)
    with pytest.raises(UsageError, match="unknown codec 'h263': use auto, h264, h265-10bit"):
        codec_for("h263", "x.mp4", info)
    with pytest.raises(OutputError, match=r"x\.webp ends in \.webp, which is no known output"):
        codec_for("auto", "x.webp", info)
    assert ("auto", *CODECS) == config.CODECS


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (33, 17)])
def test_odd_sizes_are_stored_as_444_and_said(tmp_path: Path, size: tuple[int, int]) -> None:
    clip = open_clip(write_clip(tmp_path / "odd.mkv", codec="ffv1", pix_fmt="bgr0", options={}, size=size))
    codec = codec_for("auto", "x.mp4", clip.info)
    assert codec.pix_fmt == "yuv444p"
    assert "is odd" in codec.notices[0]
    mux(translated(clip, tmp_path, "x.mp4", [(0, 12)]), clip, tmp_path / "out.mp4")
    made = open_clip(tmp_path / "out.mp4")
    assert (made.info.width, made.info.height) == size
    assert abs(eight_bit(made.frame(5).pixels).astype(int) - eight_bit(clip.frame(5).pixels)).mean() < 2


def test_deep_sources_in_h264_are_noticed_and_by_default_kept(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "deep.mp4", pix_fmt="yuv420p10le"))
    assert "10-bit pictures become 8-bit h264" in codec_for("h264", "x.mp4", clip.info).notices[0]
    mux(translated(clip, tmp_path, "x.mp4", [(0, 12)]), clip, tmp_path / "out.mp4")
    assert open_clip(tmp_path / "out.mp4").info.bit_depth == 10
    mux(translated(clip, tmp_path, "x.mkv", [(0, 12)]), clip, tmp_path / "out.mkv")
    np.testing.assert_array_equal(
        eight_bit(open_clip(tmp_path / "out.mkv").frame(3).pixels), eight_bit(clip.frame(3).pixels)
    )


def test_crf_sets_the_quality(tmp_path: Path, clip_path: Path) -> None:
    clip = open_clip(clip_path)
    sizes = [translated(clip, tmp_path, "x.mp4", [(0, 12)], crf)[0].stat().st_size for crf in (10, 17, 40)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_aspect_is_kept(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "dv.mp4", aspect=Fraction(16, 15)))
    for out in ("out.mp4", "out.mkv", "out.mov"):
        assert mux(translated(clip, tmp_path, "x.mp4", [(0, 12)]), clip, tmp_path / out) == []
        assert open_clip(tmp_path / out).info.sample_aspect_ratio == Fraction(16, 15)
    (notice,) = mux(translated(clip, tmp_path, "x.mkv", [(0, 12)]), clip, tmp_path / "out.mkv")
    assert "pixels' shape 16:15" in notice


def test_a_turned_clip_comes_out_upright_without_a_flag(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "phone.mp4", rotation=-90))
    mux(translated(clip, tmp_path, "x.mp4", [(0, 12)]), clip, tmp_path / "out.mp4")
    made = open_clip(tmp_path / "out.mp4")
    assert (made.info.width, made.info.height, made.info.rotation) == (48, 64, 0)
    assert abs(eight_bit(made.frame(0).pixels).astype(int) - eight_bit(clip.frame(0).pixels)).mean() < 3


def test_a_failure_leaves_no_part(tmp_path: Path, clip_path: Path) -> None:
    info = open_clip(clip_path).info
    codec = codec_for("auto", "x.mp4", info)
    before = set(tmp_path.iterdir())

    def fail() -> None:
        with PictureWriter(tmp_path / "p.nut", info, codec) as writer:
            writer.write(Frame(0, 0, 1, info.time_base, picture(0)))
            raise RuntimeError("the model failed")

    with pytest.raises(RuntimeError, match="the model failed"):
        fail()
    with pytest.raises(ValueError, match="without frames"):
        PictureWriter(tmp_path / "p.nut", info, codec).close()
    writer = PictureWriter(tmp_path / "p.nut", info, codec)
    writer.abort()
    writer.abort()
    assert set(tmp_path.iterdir()) == before


def test_callers_mistakes_are_told(tmp_path: Path, clip_path: Path) -> None:
    info = open_clip(clip_path).info
    writer = PictureWriter(tmp_path / "p.nut", info, codec_for("auto", "x.mp4", info))
    with pytest.raises(ValueError, match=r"expected \(48, 64, 3\)"):
        writer.write(Frame(0, 0, 1, info.time_base, picture(0, 32, 48)))
    with pytest.raises(ValueError, match="float64"):
        writer.write(Frame(0, 0, 1, info.time_base, picture(0).astype(np.float64)))
    writer.write(Frame(0, 5, 1, info.time_base, picture(0)))
    with pytest.raises(ValueError, match="pts must rise: 5 after 5"):
        writer.write(Frame(1, 5, 1, info.time_base, picture(0)))
    writer.abort()


def test_parts_that_are_not_the_clips_frames_are_refused(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mp4", pts=VFR))
    first, second = translated(clip, tmp_path, "x.mp4", [(0, 5), (5, 12)])
    with pytest.raises(MediaError, match="the parts hold 5 of 12 frames"):
        mux([first], clip, tmp_path / "out.mp4")
    with pytest.raises(MediaError, match="is not timed like the clip's frame"):
        mux([second, first], clip, tmp_path / "out.mp4")
    other = tmp_path / "other.part"
    with PictureWriter(other, clip.info, codec_for("ffv1", "x.mkv", clip.info)) as writer:
        for frame in clip.frames(5, 12):
            writer.write(frame)
    with pytest.raises(MediaError, match="was encoded with other settings"):
        mux([first, other], clip, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
