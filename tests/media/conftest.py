from pathlib import Path

import pytest
from media_clips import write_clip


@pytest.fixture
def clip_path(tmp_path: Path) -> Path:
    """A plain clip: 12 frames at 25 fps, B-frames, sound."""
    return write_clip(tmp_path / "clip.mp4", audio=True)
