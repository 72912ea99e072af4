"""An output is whole or not there: refused before the work, or cleaned up after a failure."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from media_clips import translated, write_clip

from vidgan.errors import OutputError
from vidgan.media import check_output, open_clip


def refused(out: Path, *inputs: Path, overwrite: bool = False) -> str:
    before = sorted(out.parent.iterdir()) if out.parent.is_dir() else []
    with pytest.raises(OutputError) as caught:
        check_output(out, inputs, overwrite=overwrite)
    assert (sorted(out.parent.iterdir()) if out.parent.is_dir() else []) == before
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_a_good_output_passes_and_nothing_is_left(tmp_path: Path, clip_path: Path) -> None:
    check_output(tmp_path / "out.mp4", [clip_path], overwrite=False)
    check_output(tmp_path / "OUT.MKV", [clip_path], overwrite=False)
    assert list(tmp_path.iterdir()) == [clip_path]


def test_a_missing_folder(tmp_path: Path) -> None:
    assert "the folder" in refused(tmp_path / "none" / "out.mp4")


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is a file, a folder was expected" in refused(tmp_path / "file" / "out.mp4")


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").mkdir()
    assert "is a folder: name a file in it" in refused(tmp_path / "out.mp4")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody can write to")
def test_a_folder_that_cannot_be_written_to() -> None:
    with pytest.raises(OutputError, match=r"^/proc/sys cannot be written to .*: choose another folder\.$"):
        check_output("/proc/sys/out.mp4", [], overwrite=False)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("out.xyz", "ends in .xyz, which is no known output"),
        ("out", "has no ending"),
        ("out.png", "ends in .png, which is no known output"),
    ],
)
def test_an_unknown_ending(tmp_path: Path, name: str, told: str) -> None:
    endings = ".mp4, .m4v, .mov, .mkv, .webm, .mxf, or a numbered sequence such as frames/%05d.png or .exr"
    assert refused(tmp_path / name).endswith(f"{name} {told}: use {endings}.")


def test_a_folder_is_no_output(tmp_path: Path) -> None:
    assert "is a folder: name a file in it, e.g." in refused(tmp_path)


def test_the_output_is_the_input(tmp_path: Path, clip_path: Path) -> None:
    assert "is also the input" in refused(clip_path, clip_path, overwrite=True)
    (tmp_path / "alias.mp4").symlink_to(clip_path)
    assert "is also the input" in refused(tmp_path / "alias.mp4", clip_path, overwrite=True)
    (tmp_path / "hard.mp4").hardlink_to(clip_path)
    assert "is also the input" in refused(tmp_path / "hard.mp4", clip_path, overwrite=True)


def test_an_existing_output(tmp_path: Path, clip_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"precious")
    assert "exists: name another output, or pass --overwrite" in refused(tmp_path / "out.mp4", clip_path)
    check_output(tmp_path / "out.mp4", [clip_path], overwrite=True)
    assert (tmp_path / "out.mp4").read_bytes() == b"precious"


def test_next_to_no_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=5 * 2**20))
    assert "(5 MiB free)" in refused(tmp_path / "out.mp4")


# A real fault: the kernel refuses to let a file grow past RLIMIT_FSIZE (EFBIG, like a full disk's ENOSPC).
LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from vidgan.errors import OutputError
from vidgan.media import Frame, PictureWriter, codec_for, mux, open_clip, write_picture
folder, what, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
clip = open_clip(folder / "clip.mp4")
noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    if what == "part":
        with PictureWriter(folder / "new.part", clip.info, codec_for("ffv1", "x.mkv", clip.info)) as writer:
            for index in range(200):
                writer.write(Frame(index, index * 512, 512, clip.info.time_base, noise))
    elif what == "picture":
        write_picture(folder / "new.png", noise)
    else:
        mux([folder / "0-12.part"], clip, folder / f"new{what}")
except OutputError as error:
    print(error)
else:
    print("written")
"""


def run_limited(folder: Path, what: str, limit: int) -> str:
    command = [sys.executable, "-W", "error", "-c", LIMITED, str(folder), what, str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit on file sizes")
@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("part", 60_000),
        ("part", 10),
        (".mp4", 4000),
        (".mp4", 40),
        (".mov", 4000),
        (".mkv", 4000),
        ("picture", 3000),
    ],
)
def test_a_disk_that_fills_up(tmp_path: Path, what: str, limit: int) -> None:
    clip = open_clip(write_clip(tmp_path / "clip.mp4", audio=True))
    translated(clip, tmp_path, "x.mp4", [(0, 12)])
    before = sorted(path.name for path in tmp_path.iterdir())
    message = run_limited(tmp_path, what, limit)
    assert message.startswith("no space left to write ")
    assert message.endswith("free some, or choose an output on another disk.")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit on file sizes")
def test_the_last_bytes_count_too(tmp_path: Path) -> None:
    """Each size short of the whole fails, the whole succeeds: also where only closing writes the rest."""
    clip = open_clip(write_clip(tmp_path / "clip.mp4", audio=True))
    translated(clip, tmp_path, "x.mp4", [(0, 12)])
    assert run_limited(tmp_path, ".mp4", 10**6) == "written"
    size = (tmp_path / "new.mp4").stat().st_size
    (tmp_path / "new.mp4").unlink()
    assert run_limited(tmp_path, ".mp4", size - 1).startswith("no space left")
    assert not (tmp_path / "new.mp4").exists()
    assert run_limited(tmp_path, ".mp4", size) == "written"
