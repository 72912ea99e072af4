from collections.abc import Callable
from pathlib import Path

import pytest


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
