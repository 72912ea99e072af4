import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Cli = Callable[..., Result]


@pytest.fixture
def job(clip: Path, target: Path, look: Path, recipe: str, tmp_path: Path) -> Callable[[str], list[object]]:
    """The arguments of a whole job by command."""
    jobs: dict[str, list[object]] = {
        "translate": [clip, target, "-o", tmp_path / "out.mp4", "-p", recipe],
        "preview": [clip, target, "-o", tmp_path / "out.png", "-p", recipe],
        "train": [clip, target, "-o", tmp_path / "out.safetensors", "-p", recipe],
        "render": [clip, "-m", look, "-o", tmp_path / "out.mkv"],
    }
    return lambda command: [command, *jobs[command]]


@pytest.fixture
def refused(cli: Cli, tmp_path: Path) -> Callable[..., str]:
    """Run a command that must be refused; its message, once all else is as promised."""

    def run(*arguments: object, code: int = 1) -> str:
        before = listing(tmp_path)
        shown = cli(*arguments)
        *progress, error = shown.stderr.splitlines()
        assert error.startswith("error: ")
        assert (shown.exit_code, shown.stdout) == (code, "")
        assert not [line for line in progress if re.search("rror|Traceback|training", line)]
        assert "vidgan's own" not in error
        assert listing(tmp_path) == before
        return error.removeprefix("error: ")

    return run


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def translate(refused: Callable[..., str], recipe: str, target: Path, tmp_path: Path) -> Callable[..., str]:
    """Have `vidgan translate` refuse a clip, with a good target and output unless told."""

    def run(clip: Path, *options: object, out: Path | None = None, aim: Path = target, code: int = 1) -> str:
        return refused(
            "translate", clip, aim, "-o", out or tmp_path / "out.mp4", "-p", recipe, *options, code=code
        )

    return run
