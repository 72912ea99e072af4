"""Outputs that cannot be written, or must not be: refused before anything is lost."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]
WriteClip = Callable[..., Path]


def test_a_missing_output_folder(translate: Refused, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.mp4"
    assert translate(clip, out=out) == (
        f"{out}: the folder {tmp_path / 'new'} does not exist: create it, or choose another."
    )


@pytest.mark.skipif(not Path("/proc/sys").is_dir(), reason="needs a folder that nobody can write to")
def test_an_unwritable_output_folder(translate: Refused, clip: Path) -> None:
    message = translate(clip, out=Path("/proc/sys/out.mp4"))
    assert re.match(r"/proc/sys cannot be written to .*: choose another folder\.", message)


def test_a_folder_as_output(translate: Refused, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").mkdir()
    assert "is a folder: name a file in it" in translate(clip, "--overwrite", out=tmp_path / "out.mp4")


@pytest.mark.parametrize("name", ["out", "out.xyz", "out.png"])
def test_an_output_of_no_known_kind(translate: Refused, clip: Path, tmp_path: Path, name: str) -> None:
    assert ": use .mp4, .m4v, .mov, .mkv, .webm, .mxf, or a numbered" in translate(clip, out=tmp_path / name)


def test_a_codec_that_the_output_cannot_hold(translate: Refused, clip: Path) -> None:
    message = translate(clip, "--codec", "ffv1")
    assert re.match(r".*out\.mp4: ffv1 does not go into this container: name the output \.mkv\.", message)


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["plain", "with --overwrite"])
def test_the_output_is_the_input(
    translate: Refused, write_clip: WriteClip, tmp_path: Path, overwrite: list[str]
) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    (tmp_path / "link.mp4").symlink_to(clip)
    for out in (clip, tmp_path / "link.mp4"):
        assert translate(clip, *overwrite, out=out) == f"{out} is also the input: name another output."


def test_the_sheet_is_an_input_or_the_output(
    refused: Refused, translate: Refused, clip: Path, recipe: str, target: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "tiles.png"
    picture.write_bytes(target.read_bytes())
    message = translate(clip, "--sheet", picture, "--overwrite", aim=picture)
    assert message == f"{picture} is also the input: name another output."


def test_a_sheet_that_cannot_be_written(translate: Refused, clip: Path, tmp_path: Path) -> None:
    assert "does not exist: create it" in translate(clip, "--sheet", tmp_path / "new" / "sheet.png")
    assert "no known output: use .png" in translate(clip, "--sheet", tmp_path / "sheet.tiff")


def test_a_preview_or_look_over_an_input(refused: Refused, clip: Path, recipe: str, target: Path) -> None:
    message = refused("preview", clip, target, "-o", target, "-p", recipe, "--overwrite")
    assert message == f"{target} is also the input: name another output."


def test_a_look_as_the_output_of_its_own_render(
    refused: Refused, clip: Path, look: Path, tmp_path: Path
) -> None:
    own = tmp_path / "look.mp4"
    own.write_bytes(look.read_bytes())
    message = refused("render", clip, "-m", own, "-o", own, "--overwrite")
    assert message == f"{own} is also the input: name another output."


LIMITED = """
import resource, sys
import vidgan.jobs.translate
from vidgan.cli.program import app
resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))
app(sys.argv[1:], prog_name="vidgan")
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on file sizes")
def test_no_space(clip: Path, tmp_path: Path) -> None:
    arguments = ["translate", str(clip), "-o", str(tmp_path / "out.mkv"), "-p", "passthrough"]
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", LIMITED, *arguments], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(r"error: no space left to write .*: free some, or ", done.stderr.splitlines()[-1])
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_all_but_full(
    translate: Refused, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 2**20

    monkeypatch.setattr("vidgan.media.output.shutil.disk_usage", lambda folder: Usage)
    message = translate(clip)
    assert message == (
        f"no space left to write {tmp_path / 'out.mp4'} (1 MiB free): free some, or choose another disk."
    )
