"""Files that promise more than they hold. FFmpeg reads them without an error and without a flag."""

from fractions import Fraction
from pathlib import Path

import pytest
from media_clips import ffmpeg, write_clip

from vidgan.errors import TruncatedError
from vidgan.media import open_clip

FRAMES = 48
PTS = range(0, FRAMES * 512, 512)


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def faststart_mp4(path: Path, **changes: object) -> Path:
    return write_clip(path, pts=PTS, container_options={"movflags": "faststart"}, **changes)


def truncated(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    if name.endswith(("mp4", "mov")):
        return cut(faststart_mp4(path, audio=True), 0.5)
    return cut(write_clip(path, pts=PTS, audio=True), 0.5)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv"])
def test_a_truncated_file_is_refused_with_the_number_of_frames_that_decode(tmp_path: Path, name: str) -> None:
    path = truncated(tmp_path, name)
    with pytest.raises(TruncatedError) as caught:
        open_clip(path)
    clip = open_clip(path, allow_truncated=True)
    found = len(clip)
    assert 10 < found < 40
    assert str(caught.value) == (
        f"{path} is truncated: {found} of {FRAMES} frames decode. "
        "Re-export it, or pass --allow-truncated to render what there is."
    )
    assert clip.info.missing_frames == FRAMES - found
    assert f"truncated: {FRAMES - found} frames are missing, {found} decode" in clip.info.notices


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_what_decodes_keeps_its_time_and_all_of_it_decodes(tmp_path: Path, name: str) -> None:
    clip = open_clip(truncated(tmp_path, name), allow_truncated=True)
    seconds = [frame.seconds for frame in clip.frames()]
    assert seconds == [Fraction(i, 25) for i in range(len(clip))]
    middle = len(clip) // 2
    assert [frame.index for frame in clip.frames(middle)] == list(range(middle, len(clip)))


def test_a_frame_that_is_only_half_there_counts_as_missing(tmp_path: Path) -> None:
    path = faststart_mp4(tmp_path / "clip.mp4", options={"bf": "0", "crf": "10"})
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TruncatedError, match="47 of 48 frames decode"):
        open_clip(path)
    assert len(list(open_clip(path, allow_truncated=True).frames())) == 47


def test_an_mp4_without_its_index_says_so(tmp_path: Path) -> None:
    path = cut(write_clip(tmp_path / "clip.mp4", pts=PTS), 0.5)  # not faststart: the index was at the end
    with pytest.raises(TruncatedError, match=r"clip\.mp4 is cut off before its index"):
        open_clip(path, allow_truncated=True)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv", "clip.ts", "clip.avi", "clip.webm"])
def test_healthy_files_are_not_suspected(tmp_path: Path, name: str) -> None:
    codec = {"avi": "mpeg4", "webm": "libvpx-vp9"}.get(name[-3:].lstrip("."), "libx264")
    codec = "libvpx-vp9" if name.endswith("webm") else codec
    changes: dict[str, object] = (
        {"pts": range(24), "time_base": Fraction(1, 25)} if name.endswith("avi") else {}
    )
    clip = open_clip(write_clip(tmp_path / name, codec=codec, options={}, **changes))
    assert clip.info.missing_frames == 0


@pytest.mark.parametrize("arguments", [("-ss", "0.7"), ("-t", "0.9"), ("-ss", "0.5", "-t", "0.7")])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_trimmed_without_re_encoding_is_not_truncated(
    tmp_path: Path, arguments: tuple[str, ...], suffix: str
) -> None:
    """Editors cut by edit lists: frames outside the window are in the file and are not shown."""
    source = write_clip(tmp_path / "whole.mp4", pts=PTS, audio=True)
    path = tmp_path / f"trimmed{suffix}"
    ffmpeg(*arguments, "-i", str(source), "-c", "copy", str(path))
    clip = open_clip(path)
    assert clip.info.missing_frames == 0
    assert len(list(clip.frames())) == len(clip) > 5


def test_a_late_video_in_matroska_is_not_truncated(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "late.mkv", pts=[64000 + pts for pts in PTS])
    assert open_clip(path).info.missing_frames == 0


def test_fragmented_mp4_reads_whole(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "fragmented.mp4", pts=PTS, container_options={"movflags": "frag_keyframe+empty_moov"}
    )
    clip = open_clip(path)
    assert len(clip) == len(list(clip.frames())) == FRAMES
