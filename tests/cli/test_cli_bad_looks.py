"""Files that are no look, damaged or hostile: refused, and nothing in them is run."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

Refused = Callable[..., str]


@pytest.mark.parametrize("command", ["render", "preview"])
@pytest.mark.parametrize(
    "kind",
    [
        "missing",
        "text",
        "empty",
        "cut",
        "pickle",
        "checkpoint",
        "other weights",
        "other recipe",
        "rubbish recipe",
    ],
)
def test_what_is_no_look(
    refused: Refused, clip: Path, look: Path, tmp_path: Path, command: str, kind: str
) -> None:
    model = write_look(tmp_path / "look.safetensors", look, kind)
    message = refused(
        command, clip, "-m", model, "-o", tmp_path / ("a.mp4" if command == "render" else "a.png")
    )
    assert str(model) in message
    assert re.search(r"train it|expected a look that vidgan trained", message)


def test_a_folder_as_look(refused: Refused, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "looks.safetensors").mkdir()
    message = refused("render", clip, "-m", tmp_path / "looks.safetensors", "-o", tmp_path / "out.mp4")
    assert message.endswith("looks.safetensors is a folder; give the .safetensors file of a look")


def test_a_looks_frame_is_not_chosen_again(refused: Refused, clip: Path, look: Path, tmp_path: Path) -> None:
    message = refused("preview", clip, "-m", look, "--frame", 3, "-o", tmp_path / "a.png", code=2)
    assert message.startswith("a trained model has its frame already: leave --frame out")


def write_look(path: Path, look: Path, kind: str) -> Path:
    data = look.read_bytes()
    if kind == "text":
        path.write_text("not a look\n" * 50)
    elif kind == "empty":
        path.touch()
    elif kind == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb(path.with_name("exploded"))))
    elif kind == "checkpoint":
        torch.save({"weights": torch.zeros(3)}, path)
    elif kind == "other weights":
        save_file({"weights": torch.zeros(3)}, path)
    elif kind == "other recipe":
        path.write_bytes(data.replace(b"channels = 8", b"channels = 9", 1))
    elif kind == "rubbish recipe":
        path.write_bytes(data.replace(b"channels = 8", b"chan#els = 8", 1))
    return path


class Bomb:
    """What happens when it is unpickled can be seen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")
