"""The report of a render: every frame's flicker beside its source's, the worst named."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import vidgan
from vidgan import Options
from vidgan.errors import OutputError
from vidgan.jobs.rendering import Rendered
from vidgan.jobs.report import FlickerReport, report_beside
from vidgan.media import Frame


def scene(seed: int = 0) -> np.ndarray:
    tiles = np.random.default_rng(seed).integers(0, 255, (8, 12, 3), dtype=np.uint8)
    return np.kron(tiles, np.ones((8, 8, 1), np.uint8))


def rendered(results: list[np.ndarray], sources: list[np.ndarray]) -> list[Rendered]:
    return [
        Rendered(Frame(i, 512 * i, 512, Fraction(1, 12800), result), source)
        for i, (result, source) in enumerate(zip(results, sources, strict=True))
    ]


def measured(
    results: list[np.ndarray], sources: list[np.ndarray], cuts: tuple[int, ...] = ()
) -> FlickerReport:
    report = FlickerReport(cuts)
    frames = rendered(results, sources)
    assert list(report.watched(frame for frame in frames)) == frames
    return report


def test_the_frame_that_flickers_is_named() -> None:
    sources = [scene()] * 6
    results = [255 - source for source in sources]
    results[3] = results[3] // 2
    report = measured(results, sources)
    assert [one.frame for one in report.worst()] == [3, 4]
    assert "frame 3 at 0.12 s" in str(report.worst()[0])
    found = report.as_json()
    assert [one["frame"] for one in found["frames"]] == list(range(6))
    assert found["frames"][0]["e_warp"] is None
    assert found["frames"][1]["e_warp"] == 0
    assert found["frames"][3]["relative"] > 100


def test_seconds_count_from_the_clips_first_frame() -> None:
    """As timecodes do, whatever pts the clip begins with."""
    report = FlickerReport((), first_pts=512)
    assert len(list(report.watched(one for one in rendered([scene()] * 3, [scene()] * 3)[1:]))) == 2
    assert [one.seconds for one in report.frames] == [0, 0.04]


def test_a_cut_is_no_flicker() -> None:
    sources = [scene(0)] * 3 + [scene(1)] * 3
    report = measured([255 - source for source in sources], sources, cuts=(3,))
    assert report.worst() == []
    assert report.frames[3].e_warp is None


def test_deep_frames_are_measured_alike() -> None:
    sources = [scene()] * 3
    results = [scene(), scene() // 2, scene()]
    deep = [picture.astype(np.uint16) * 257 for picture in results]
    plain, wide = (measured(r, sources) for r in (results, deep))
    assert [one.e_warp for one in plain.frames] == [one.e_warp for one in wide.frames]


def test_one_frame_has_nothing_to_report() -> None:
    found = measured([scene()], [scene()]).as_json()
    assert found["worst"] == []
    assert found["mean"]["e_warp"] is None


def test_it_lies_beside_the_output(clip: Path, look: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    result = vidgan.render(clip, look, out, options=Options(report=True))
    assert result.report == report_beside(out)
    found = json.loads(result.report.read_text())
    assert len(found["frames"]) == result.frames
    assert len(result.worst) == len(found["worst"])


def test_no_report_unless_asked_for(clip: Path, look: Path, tmp_path: Path) -> None:
    result = vidgan.render(clip, look, tmp_path / "out.mp4")
    assert result.report is None
    assert not report_beside(tmp_path / "out.mp4").exists()


def test_a_report_that_exists_is_kept(
    clip: Path, look: Path, tmp_path: Path, names: Callable[[Path], list[str]]
) -> None:
    mine = report_beside(tmp_path / "out.mp4")
    mine.write_text("mine")
    with pytest.raises(OutputError, match=r"out.mp4.report.json exists"):
        vidgan.render(clip, look, tmp_path / "out.mp4", options=Options(report=True))
    assert names(tmp_path) == ["out.mp4.report.json"]
