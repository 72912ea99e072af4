"""verify finds what is wrong: every result here was tampered with by the real ffmpeg."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from media_clips import ffmpeg, write_clip
from typer.testing import CliRunner

import vidgan
from vidgan.cli.program import app
from vidgan.errors import VerificationError
from vidgan.media import lost

AS_IT_IS = ("-map", "0", "-c", "copy")
AGAIN = ("-c:v", "libx264", "-crf", "10", "-c:a", "copy")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames with sound, tags, a title and a timecode."""
    folder = tmp_path_factory.mktemp("verify")
    plain = write_clip(folder / "plain.mp4", audio=True, colour=(1, 1, 1, 1))
    ffmpeg(
        "-i",
        str(plain),
        *AS_IT_IS,
        "-metadata",
        "title=Tiles",
        "-timecode",
        "01:00:00:00",
        str(folder / "clip.mov"),
    )
    return folder / "clip.mov"


def tampered(clip: Path, out: Path, *arguments: str) -> Path:
    ffmpeg("-i", str(clip), *arguments, str(out))
    return out


TAMPERINGS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "a frame is missing": ((*AGAIN, "-frames:v", "11"), {"frames", "duration"}),
    "half the rate": (("-vf", "fps=12.5", *AGAIN), {"frames", "timestamps"}),
    "a little slow": (
        ("-vf", "setpts=PTS*1.01", "-fps_mode", "passthrough", "-enc_time_base", "1:12800", *AGAIN),
        {"timestamps", "duration"},
    ),
    "no sound": ((*AS_IT_IS, "-an"), {"audio"}),
    "sound encoded again": (("-c:v", "copy", "-c:a", "aac"), {"audio"}),
    "sound late": (("-c:v", "copy", "-af", "adelay=100:all=1", "-c:a", "aac"), {"audio"}),
    "smaller": (("-vf", "scale=32:24", *AGAIN), {"size"}),
    "wide pixels": (("-vf", "setsar=4/3", *AGAIN), {"pixel aspect"}),
    "other primaries": (("-vf", "setparams=color_primaries=bt2020", *AGAIN), {"colour primaries"}),
    "other matrix": (("-vf", "setparams=colorspace=bt470bg", *AGAIN), {"colour matrix"}),
    "full range": (("-vf", "setparams=range=pc", *AGAIN), {"colour range"}),
    "another timecode": (
        (*AS_IT_IS[2:], "-map", "0:v", "-map", "0:a", "-timecode", "02:00:00:00"),
        {"timecode"},
    ),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_what_was_changed_is_named(clip: Path, tmp_path: Path, tampering: str) -> None:
    arguments, wrong = TAMPERINGS[tampering]
    out = tampered(clip, tmp_path / "out.mov", *arguments)
    assert wrong <= set(lost(vidgan.verify(clip, out)))


def test_sound_that_moved_is_told_in_milliseconds(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mov"
    ffmpeg(
        "-i",
        str(clip),
        "-itsoffset",
        "0.05",
        "-i",
        str(clip),
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-c",
        "copy",
        str(out),
    )
    checks = {check.name: check for check in vidgan.verify(clip, out)}
    moved = checks["audio to pictures"]
    assert moved.verdict == "LOST"
    assert float(moved.result.split()[0]) - float(moved.source.split()[0]) == pytest.approx(50, abs=1)
    assert checks["audio"].kept


def test_a_copy_keeps_everything(clip: Path, tmp_path: Path) -> None:
    out = tampered(clip, tmp_path / "out.mov", *AS_IT_IS[2:], "-map", "0:v", "-map", "0:a")
    assert all(check.kept for check in vidgan.verify(clip, out))


def test_the_command_prints_a_table_and_its_exit_code_tells(clip: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"})
    silent = tampered(clip, tmp_path / "silent.mov", *AS_IT_IS, "-an")
    shown = runner.invoke(app, ["verify", str(clip), str(silent)])
    assert shown.exit_code == 1
    assert [line.split()[-1] for line in shown.stdout.splitlines() if line.startswith("audio")] == ["LOST"]
    told = json.loads(runner.invoke(app, ["verify", str(clip), str(silent), "--json"]).stdout)
    assert told["verified"] is False
    assert {"name": "frames", "source": "12", "result": "12", "verdict": "kept"} in told["checks"]
    vidgan.translate(clip, None, tmp_path / "out.webm", pipeline="passthrough")
    within = ["verify", str(clip), str(tmp_path / "out.webm")]
    assert runner.invoke(app, within).exit_code == 0
    assert runner.invoke(app, [*within, "--strict"]).exit_code == 1  # AAC has no place in WebM


def test_a_render_that_loses_something_fails_and_says_what(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful: Callable[..., object] = lambda stream, source, sink, copied: None  # noqa: E731
    monkeypatch.setattr("vidgan.media.copying._add_copy", forgetful)
    with pytest.raises(VerificationError, match=r"does not keep the clip's audio: vidgan verify"):
        vidgan.translate(clip, None, tmp_path / "out.mov", pipeline="passthrough")
    assert (tmp_path / "out.mov").exists()
    vidgan.translate(
        clip, None, tmp_path / "more.mov", pipeline="passthrough", options=vidgan.Options(verify=False)
    )
