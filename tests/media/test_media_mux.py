import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import VFR, ffmpeg, packets, translated, write_clip

from vidgan.errors import MediaError
from vidgan.media import Clip, open_clip

from vidgan.media import mux  # isort: skip
from vidgan.resample import eight_bit


def passthrough(clip: Clip, out: Path, ranges: list[tuple[int, int]] | None = None, **part: int) -> list[str]:
    parts = translated(clip, out.parent, out.name, ranges or [(0, len(clip))])
    return mux(parts, clip, out, **part)


def starts_seconds(path: Path) -> dict[str, Fraction]:
    with av.open(str(path)) as container:
        return {s.type: s.start_time * s.time_base for s in container.streams if s.start_time is not None}


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("pts", [range(0, 12 * 512, 512), VFR], ids=["constant", "variable"])
def test_every_pts_and_the_end_are_kept(tmp_path: Path, suffix: str, pts: tuple[int, ...]) -> None:
    clip = open_clip(write_clip(tmp_path / f"clip{suffix}", pts=pts, audio=True))
    passthrough(clip, tmp_path / f"out{suffix}")
    made = open_clip(tmp_path / f"out{suffix}")
    assert [t * made.info.time_base for t in made.timestamps] == [
        t * clip.info.time_base for t in clip.timestamps
    ]
    assert made.end_pts * made.info.time_base == clip.end_pts * clip.info.time_base


def test_matroska_keeps_pts_to_the_millisecond(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mp4", pts=VFR))
    passthrough(clip, tmp_path / "out.mkv")
    made = open_clip(tmp_path / "out.mkv")
    assert [f.seconds for f in made.frames()] == [
        Fraction(round(t * clip.info.time_base * 1000), 1000) for t in clip.timestamps
    ]


def test_frames_closer_than_a_millisecond_stay_apart_in_matroska(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mp4", pts=[0, 512, 513, 514, 2048]))
    passthrough(clip, tmp_path / "out.mkv")
    made = open_clip(tmp_path / "out.mkv")
    assert made.timestamps == (0, 40, 41, 42, 160)
    assert made.info.notices == ()


def test_doubled_times_are_told_apart_by_counting(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mkv", pts=[0, 512, 513, 514, 2048], options={"bf": "0"}))
    assert clip.timestamps == (0, 40, 41, 42, 160)
    assert "doubled" in clip.info.notices[0]
    assert [frame.index for frame in clip.frames(1, 4)] == [1, 2, 3]


def test_matroska_in_and_mp4_out_keeps_the_milliseconds(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mkv", pts=VFR, audio=True))
    passthrough(clip, tmp_path / "out.mp4")
    made = open_clip(tmp_path / "out.mp4")
    assert [f.seconds for f in made.frames()] == [f.seconds for f in clip.frames()]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_is_copied_bit_for_bit_and_stays_in_place(tmp_path: Path, suffix: str) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mp4", audio=True))
    out = tmp_path / f"out{suffix}"
    moved = ["all streams start 22 ms later than in the source"] if suffix == ".mkv" else []
    assert passthrough(clip, out) == moved
    before, after = packets(clip.path, "audio"), packets(out, "audio")
    assert [data for _, _, data in before] == [data for _, _, data in after]
    video_shift = open_clip(out).frame(0).seconds - clip.frame(0).seconds
    shifts = [
        new * base - old * old_base for (old, old_base, _), (new, base, _) in zip(before, after, strict=True)
    ]
    # Matroska has no edit list for the encoder's delay before 0: everything moves up by the same 22 ms.
    assert video_shift == (Fraction(22, 1000) if suffix == ".mkv" else 0)
    assert all(abs(shift - video_shift) <= Fraction(1, 1000) for shift in shifts)
    if suffix != ".mkv":
        assert set(shifts) == {Fraction(0)}


@pytest.mark.parametrize("start_seconds", [0.25, 0.0104])
def test_late_sound_stays_late(tmp_path: Path, start_seconds: float) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mkv", audio=True, audio_start_seconds=start_seconds))
    passthrough(clip, tmp_path / "out.mp4")
    for kind in ("video", "audio"):
        before, after = packets(clip.path, kind), packets(tmp_path / "out.mp4", kind)
        assert after[0][0] * after[0][1] == before[0][0] * before[0][1]


def test_a_late_start_of_all_is_kept(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mkv", pts=[64010 + pts for pts in VFR]))
    assert clip.timestamps[0] == 5001
    passthrough(clip, tmp_path / "out.mp4")
    assert open_clip(tmp_path / "out.mp4").frame(0).seconds == Fraction(5001, 1000)


def test_a_transport_streams_clock_starts_at_zero(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4", audio=True)
    ffmpeg("-i", str(source), "-c", "copy", str(tmp_path / "clip.ts"))
    clip = open_clip(tmp_path / "clip.ts")
    assert clip.frame(0).seconds > 1
    passthrough(clip, tmp_path / "out.mp4")
    before, after = starts_seconds(clip.path), starts_seconds(tmp_path / "out.mp4")
    assert min(after.values()) == 0
    assert abs((after["video"] - after["audio"]) - (before["video"] - before["audio"])) < Fraction(1, 10000)
    made = open_clip(tmp_path / "out.mp4")
    assert np.diff(made.timestamps).tolist() == np.diff(clip.timestamps).tolist()


@pytest.mark.parametrize("pts", [range(0, 24 * 512, 512), [*VFR, *(9007 + p for p in VFR)]])
@pytest.mark.parametrize("out", ["out.mp4", "out.mkv"])
def test_joined_segments_show_the_same_frames_at_the_same_times(
    tmp_path: Path, out: str, pts: list[int]
) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mp4", pts=sorted(set(pts)), audio=True))
    count = len(clip)
    passthrough(clip, tmp_path / out, [(0, 1), (1, 9), (9, 10), (10, count)])
    made = open_clip(tmp_path / out)
    shift = made.frame(0).seconds - clip.frame(0).seconds
    limit = Fraction(1, 1000) if out.endswith("mkv") else 0
    for old, new in zip(clip.frames(), made.frames(), strict=True):
        assert abs(new.seconds - old.seconds - shift) <= limit
        assert abs(eight_bit(new.pixels).astype(int) - eight_bit(old.pixels)).mean() < 3
    ffmpeg("-xerror", "-i", str(tmp_path / out), "-f", "null", "-")  # decodes without a complaint


def test_a_sub_range_starts_at_zero_with_its_own_sound(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mp4", pts=range(0, 50 * 512, 512), audio=True))
    passthrough(clip, tmp_path / "out.mp4", [(10, 22), (22, 35)], start=10, stop=35)
    made = open_clip(tmp_path / "out.mp4")
    assert [t * made.info.time_base for t in made.timestamps] == [Fraction(i, 25) for i in range(25)]
    assert made.info.duration_seconds == 1
    before = {data: pts * base for pts, base, data in packets(clip.path, "audio")}
    after = [(pts * base, data) for pts, base, data in packets(tmp_path / "out.mp4", "audio")]
    frame = Fraction(1024, 48000)
    assert abs(len(after) - 1 / frame) <= 2
    for time, data in after:
        assert -frame < time < 1
        assert abs(time - (before[data] - Fraction(10, 25))) < Fraction(1, 48000)


def test_faststart_puts_the_index_first(tmp_path: Path, clip_path: Path) -> None:
    passthrough(open_clip(clip_path), tmp_path / "out.mp4")
    data, boxes, at = (tmp_path / "out.mp4").read_bytes(), [], 0
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        boxes.append(name)
        at += size
    assert boxes.index(b"moov") < boxes.index(b"mdat")


def write_rich(path: Path, source: Path, tmp_path: Path) -> Path:
    """Sound, subtitles, chapters, metadata that is not ASCII, a timecode."""
    (tmp_path / "s.srt").write_text("1\n00:00:00,100 --> 00:00:00,300\nhello\n")
    (tmp_path / "m.txt").write_text(
        ";FFMETADATA1\ntitle=Größe 日本\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=200\ntitle=one\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=200\nEND=480\ntitle=two\n"
    )
    subtitles = "mov_text" if path.suffix != ".mkv" else "subrip"
    timecode = ["-timecode", "01:02:03:04"] if path.suffix == ".mov" else []
    ffmpeg("-i", str(source), "-i", str(tmp_path / "s.srt"), "-i", str(tmp_path / "m.txt"),
           "-map", "0", "-map", "1", "-map_metadata", "2", "-map_chapters", "2", "-c", "copy",
           "-c:s", subtitles, "-metadata:s:a:0", "language=deu", *timecode, str(path))  # fmt: skip
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_subtitles_chapters_metadata_and_languages_are_kept(
    tmp_path: Path, clip_path: Path, suffix: str
) -> None:
    clip = open_clip(write_rich(tmp_path / f"rich{suffix}", clip_path, tmp_path))
    out = tmp_path / f"out{suffix}"
    assert all(notice.startswith("all streams start 21 ms later") for notice in passthrough(clip, out))
    with av.open(str(out)) as made:
        assert made.metadata["title"] == "Größe 日本"
        assert [c["metadata"]["title"] for c in made.chapters()] == ["one", "two"]
        seconds = [
            (float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"])) for c in made.chapters()
        ]
        assert np.allclose(seconds, [(0, 0.2), (0.2, 0.48)], atol=0.03)
        if suffix != ".mov":  # ffmpeg itself loses it there
            assert made.streams.audio[0].metadata["language"] == "deu"
    hello = [data for _, _, data in packets(out, "subtitle") if b"hello" in data]
    assert len(hello) == 1
    if suffix == ".mov":
        with av.open(str(out)) as made:
            timecodes = {s.metadata.get("timecode") for s in made.streams} | {made.metadata.get("timecode")}
            assert "01:02:03:04" in timecodes


def test_what_the_container_cannot_hold_is_said(tmp_path: Path, clip_path: Path) -> None:
    clip = open_clip(write_rich(tmp_path / "rich.mp4", clip_path, tmp_path))
    notices = passthrough(clip, tmp_path / "out.mkv")
    assert notices[1:] == ["matroska cannot hold the subtitle stream 2 (mov_text): left out"]
    assert len(packets(tmp_path / "out.mkv", "audio")) == len(packets(clip.path, "audio"))


def test_attachments_are_kept_in_matroska_and_noticed_in_mp4(tmp_path: Path, clip_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"not really a font")
    ffmpeg("-i", str(clip_path), "-c", "copy", "-attach", str(tmp_path / "font.ttf"),
           "-metadata:s:t", "mimetype=font/ttf", str(tmp_path / "clip.mkv"))  # fmt: skip
    clip = open_clip(tmp_path / "clip.mkv")
    assert not any("attachment" in notice for notice in passthrough(clip, tmp_path / "out.mkv"))
    with av.open(str(tmp_path / "out.mkv")) as made:
        (font,) = [stream for stream in made.streams if stream.type == "attachment"]
        assert (font.data, font.metadata["filename"]) == (b"not really a font", "font.ttf")
    (notice,) = passthrough(clip, tmp_path / "out.mp4")
    assert "mp4 cannot hold the attachment stream 2" in notice


def test_cover_art_is_kept_in_mp4(tmp_path: Path, clip_path: Path) -> None:
    ffmpeg("-i", str(clip_path), "-frames:v", "1", str(tmp_path / "cover.png"))
    ffmpeg("-i", str(clip_path), "-i", str(tmp_path / "cover.png"), "-map", "0", "-map", "1", "-c", "copy",
           "-disposition:v:1", "attached_pic", str(tmp_path / "covered.mp4"))  # fmt: skip
    clip = open_clip(tmp_path / "covered.mp4")
    assert passthrough(clip, tmp_path / "out.mp4") == []
    made = open_clip(tmp_path / "out.mp4")
    assert len(made) == 12
    assert any(stream.codec == "png" for stream in made.info.other_streams)
    assert "cover picture" in passthrough(clip, tmp_path / "out.mkv")[1]


def test_metadata_that_gets_lost_is_named(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mkv", metadata={"title": "kept", "SCENE_TAKE": "12b"}))
    assert passthrough(clip, tmp_path / "out.mkv") == []
    assert passthrough(clip, tmp_path / "out.mp4") == [
        "the container cannot hold the metadata SCENE_TAKE: left out"
    ]


def test_the_chosen_stream_gets_all_the_sound_and_the_other_is_noticed(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "two.mp4", video_streams=2, audio=True), stream=1)
    assert passthrough(clip, tmp_path / "out.mp4") == ["the other video streams are not in the output"]
    made = open_clip(tmp_path / "out.mp4")
    assert (len(made.info.video_streams), len(made.info.audio_streams)) == (1, 1)
    assert abs(eight_bit(made.frame(3).pixels).astype(int) - eight_bit(clip.frame(3).pixels)).mean() < 3


def test_a_truncated_clip_keeps_the_sound_that_is_there(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mp4",
        pts=range(0, 48 * 512, 512),
        audio=True,
        container_options={"movflags": "faststart"},
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    clip = open_clip(path, allow_truncated=True)
    passthrough(clip, tmp_path / "out.mp4")
    made = open_clip(tmp_path / "out.mp4")
    assert [f.seconds for f in made.frames()] == [f.seconds for f in clip.frames()]
    assert len(packets(tmp_path / "out.mp4", "audio")) >= 20


def test_a_failed_join_leaves_the_old_output_alone(tmp_path: Path, clip_path: Path) -> None:
    clip = open_clip(clip_path)
    parts = translated(clip, tmp_path, "x.mp4", [(0, 12)])
    (tmp_path / "out.mp4").write_bytes(b"the old one")
    parts[0].write_bytes(parts[0].read_bytes()[:-200])
    before = set(tmp_path.iterdir())
    with pytest.raises(MediaError):
        mux(parts, clip, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"the old one"
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["a:b.mp4", "x_%03d.mp4", "größe – 日本.mkv"])
def test_odd_output_names(
    tmp_path: Path, clip_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    passthrough(open_clip(clip_path), Path(name))
    assert (tmp_path / name).exists()
    assert len(open_clip(name)) == 12
