"""Frames that do not decode: refused by name, or shown as the one before, at their own times, and told."""

from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import write_clip

import vidgan
from vidgan import Options
from vidgan.errors import MediaError
from vidgan.jobs.options import Watch
from vidgan.media import open_clip


def damaged(path: Path, *numbers: int, zeroed: bool = False) -> Path:
    """Packets of the pictures scrambled in the middle, or made of nothing but zeros."""
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    data = path.read_bytes()
    for number in numbers:
        old = packets[number]
        third = len(old) // 3
        middle = bytes(byte ^ 0x5A for byte in old[third : third + 24])
        data = data.replace(old, bytes(len(old)) if zeroed else old[:third] + middle + old[third + 24 :])
    path.write_bytes(data)
    return path


def intra(path: Path) -> Path:
    """Every frame by itself, so that damage stays where it is."""
    return write_clip(path, codec="ffv1", options={"level": "3", "slicecrc": "1"}, size=(64, 48))


def test_ffv1s_checksums_are_looked_at(tmp_path: Path) -> None:
    """FFmpeg shows the slice of the frame before and says nothing but in its log."""
    path = damaged(intra(tmp_path / "hurt.mkv"), 5, 8)
    with pytest.raises(MediaError, match=r"hurt\.mkv: frame 5 is damaged.*--allow-truncated"):
        list(open_clip(path).frames())
    clip = open_clip(path, allow_truncated=True)
    assert len(list(clip.frames())) == 12
    assert clip.losses() == ["2 frames (5, 8) damaged: shown as far as possible, and what is drawn from it"]
    whole = open_clip(intra(tmp_path / "whole.mkv"))
    assert len(list(whole.frames())) == 12
    assert whole.losses() == []


def test_what_does_not_decode_is_shown_as_the_frame_before_at_its_own_time(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mp4", options={"bf": "0", "g": "1", "crf": "10"})
    path = write_clip(tmp_path / "hole.mp4", options={"bf": "0", "g": "1", "crf": "10"})
    clip = open_clip(damaged(path, 4, 5, 9, zeroed=True), allow_truncated=True)
    frames, expected = list(clip.frames()), list(open_clip(whole).frames())
    assert [frame.pts for frame in frames] == [frame.pts for frame in expected]
    for number, frame in enumerate(frames):
        stand_in = {4: 3, 5: 3, 9: 8}.get(number, number)
        assert np.array_equal(frame.pixels, expected[stand_in].pixels)
    assert clip.losses() == ["3 frames (4-5, 9) did not decode: the frame before stands in for each"]
    for start, stop in [(4, 6), (5, 7), (9, 12)]:  # any range is that of the whole
        for got, want in zip(clip.frames(start, stop), frames[start:stop], strict=True):
            assert np.array_equal(got.pixels, want.pixels)


def test_a_render_tells_what_it_concealed_and_keeps_every_time(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "hole.mp4", options={"bf": "0", "g": "1", "crf": "10"}, audio=True)
    damaged(path, 6, zeroed=True)
    out = tmp_path / "out.mp4"
    with pytest.raises(MediaError, match="frame 6 does not decode"):
        vidgan.translate(path, None, out, pipeline="passthrough")
    assert not out.exists()
    notices: list[str] = []
    vidgan.translate(
        path, None, out, pipeline="passthrough", options=Options(allow_truncated=True),
        watch=Watch(notice=notices.append),
    )  # fmt: skip
    assert "frame 6 did not decode: the frame before stands in for each" in notices
    assert open_clip(out).timestamps == open_clip(path, allow_truncated=True).timestamps


def test_metadata_that_is_not_utf8_is_carried(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "latin.mkv", codec="ffv1", options={}, metadata={"title": "QQQQQQQQ"})
    path.write_bytes(path.read_bytes().replace(b"QQQQQQQQ", "Füße, ö".encode("latin-1") + b"!"))
    vidgan.translate(path, None, tmp_path / "out.mkv", pipeline="passthrough")
    assert "Füße, ö!".encode("latin-1") in (tmp_path / "out.mkv").read_bytes()
    assert vidgan.probe(path)["metadata"]["title"]
