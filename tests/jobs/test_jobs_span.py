"""--start and --end: the part of a clip that is rendered, and how its frames are named."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vidgan
from vidgan import Options
from vidgan.config import load_recipe
from vidgan.errors import UsageError
from vidgan.jobs.options import Watch
from vidgan.jobs.source import chosen_span, cuts_within, frame_number, survey_clip
from vidgan.media import Clip, open_clip

Pictures = Callable[[Path], np.ndarray]


@pytest.fixture(scope="module")
def long_clip(write_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("span") / "clip.mkv", frames=20, codec="ffv1", options={})


def with_timecode(clip: Clip, timecode: str, rate: Fraction) -> Clip:
    clip.info = replace(clip.info, timecode=timecode, average_rate=rate)
    return clip


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        (None, None, (0, 20)),
        ("5", "9", (5, 9)),
        (5, None, (5, 20)),
        (None, "20", (0, 20)),
        ("00:00:00.200", "00:00:00.400", (5, 10)),
        ("0:00.21", "00:00:00.800", (5, 20)),
    ],
)
def test_a_span_is_named_by_frames_or_times(
    long_clip: Path, start: str | None, end: str | None, frames: tuple[int, int]
) -> None:
    assert chosen_span(open_clip(long_clip), Options(start=start, end=end)) == range(*frames)


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("9", "9", "leave no frame"),
        ("9", "3", "leave no frame"),
        ("20", None, "has no frame 20"),
        (None, "21", "has no frame 21"),
        ("noon", None, "neither a frame number nor a timecode"),
        ("00:00:00:05", None, "carries no timecode"),
    ],
)
def test_a_span_that_cannot_be_is_refused(
    long_clip: Path, start: str | None, end: str | None, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        chosen_span(open_clip(long_clip), Options(start=start, end=end))


def test_the_clips_own_timecode_counts_on(long_clip: Path) -> None:
    clip = with_timecode(open_clip(long_clip), "09:59:59:20", Fraction(25))
    assert frame_number(clip, "09:59:59:20") == 0
    assert frame_number(clip, "10:00:00:03") == 8
    with pytest.raises(UsageError, match="has no frame"):
        frame_number(clip, "10:00:01:00")
    with pytest.raises(UsageError, match="has no frame"):
        frame_number(clip, "09:00:00:00")
    with pytest.raises(UsageError, match="a second has 25"):
        frame_number(clip, "10:00:00:25")


def test_dropped_frame_numbers_are_not_counted(long_clip: Path) -> None:
    """29.97: after 00:00:59;29 comes 00:01:00;02, but after 00:09:59;29 comes 00:10:00;00."""
    clip = with_timecode(open_clip(long_clip), "00:00:59;25", Fraction(30000, 1001))
    assert frame_number(clip, "00:00:59;29") == 4
    assert frame_number(clip, "00:01:00;02") == 5
    clip = with_timecode(open_clip(long_clip), "00:09:59;25", Fraction(30000, 1001))
    assert frame_number(clip, "00:10:00;00") == 5


def test_a_span_of_a_look_is_that_of_the_whole(
    long_clip: Path, look: Path, tmp_path: Path, pictures: Pictures
) -> None:
    """Its first frame begins a shot, so that nothing outside the span counts."""
    still = ["smooth.window=0", "translate.anchor_every=0"]
    vidgan.render(long_clip, look, tmp_path / "whole.mkv", overrides=still)
    result = vidgan.render(
        long_clip, look, tmp_path / "part.mkv", overrides=still, options=Options(start=6, end="15")
    )
    assert result.frames == 9
    assert np.array_equal(pictures(tmp_path / "part.mkv"), pictures(tmp_path / "whole.mkv")[6:15])
    assert open_clip(tmp_path / "part.mkv").timestamps[0] == 0
    assert len(vidgan.verify(long_clip, tmp_path / "part.mkv", options=Options(start=6, end=15))) > 10


@pytest.mark.parametrize("span", [range(30), range(3, 25), range(7, 21), range(8, 9)])
@pytest.mark.parametrize("size", [1, 4, 30])
def test_cuts_that_are_looked_for_in_parts(tmp_path: Path, span: range, size: int) -> None:
    rng = np.random.default_rng(0)
    for shot in (range(7), range(7, 13), range(13, 21), range(21, 30)):
        picture = rng.integers(0, 256, (3, 4, 3), np.uint8).repeat(20, 0).repeat(20, 1)
        for number in shot:
            Image.fromarray(np.roll(picture, number, 1)).save(tmp_path / f"{number:02}.png")
    clip, recipe = open_clip(tmp_path), load_recipe("draft")
    whole = survey_clip(clip, recipe, Watch(), span).cuts
    parts = [range(start, min(start + size, span.stop)) for start in span[::size]]
    found = {cut for part in parts for cut in cuts_within(clip, recipe, span, part)}
    assert tuple(sorted(found)) == whole
    assert {cut for cut in (7, 13, 21) if cut in span} <= set(whole)


def test_numbered_pictures_keep_their_numbers(long_clip: Path, tmp_path: Path, pictures: Pictures) -> None:
    out = tmp_path / "frames" / "%03d.png"
    vidgan.translate(long_clip, None, out, pipeline="passthrough", options=Options(start=6, end=9))
    assert sorted(path.name for path in out.parent.glob("*.png")) == ["006.png", "007.png", "008.png"]
    assert np.array_equal(pictures(out), pictures(long_clip)[6:9])
    with pytest.raises(vidgan.VidganError, match="exists"):
        vidgan.translate(long_clip, None, out, pipeline="passthrough")
    options = Options(start=7, end=8, overwrite=True)
    vidgan.translate(long_clip, None, out, pipeline="passthrough", options=options)
    patched = sorted(path.name for path in out.parent.glob("*.png"))
    assert patched == ["006.png", "007.png", "008.png"]
    with pytest.raises(vidgan.VidganError, match="its own input"):
        vidgan.translate(out, None, out, pipeline="passthrough", options=Options(overwrite=True))
