"""What shows how steady a result is: the motion as a picture, the report of a render."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from vidgan.media import read_picture

Cli = Callable[..., Result]


def test_the_motion_is_shown(cli: Cli, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "flow.png"
    shown = cli("flow", str(clip), "--at", "2", "-o", str(out))
    assert shown.exit_code == 0, shown.output
    assert "from frame 2 to 3" in shown.stdout
    assert "of the frame, in black" in shown.stdout
    assert read_picture(out).shape == (40, 2 * 48, 3)
    again = cli("flow", str(clip), "--at", "2", "-o", str(out))
    assert again.exit_code == 1
    assert "exists" in again.stderr


def test_programs_get_the_motion_as_json(cli: Cli, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "flow.png"
    shown = cli("flow", str(clip), "--at", "3", "--to", "1", "-o", str(out), "--json")
    found = json.loads(shown.stdout)
    assert (found["frame"], found["to"], found["out"]) == (3, 1, str(out))
    assert 0 <= found["hidden"] <= 1


def test_a_render_names_what_flickers_most(cli: Cli, clip: Path, look: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    shown = cli("render", str(clip), "-m", str(look), "-o", str(out), "--report")
    assert shown.exit_code == 0, shown.output
    assert "flickers most" in shown.stdout
    report = json.loads((tmp_path / "out.mp4.report.json").read_text())
    assert f"frame {report['worst'][0]} at " in shown.stdout


def test_passthrough_has_nothing_to_report(cli: Cli, clip: Path, tmp_path: Path) -> None:
    refused = cli("translate", str(clip), "-o", str(tmp_path / "out.mp4"), "-p", "passthrough", "--report")
    assert refused.exit_code == 2
    assert "leave --report out" in refused.stderr
