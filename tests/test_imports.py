"""The house: imports run one way, heavy packages load late, each foreign library has one room."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import vidgan

PACKAGE = Path(vidgan.__file__).parent
HEAVY = ("torch", "cv2", "av", "torchvision", "scenedetect", "openvino", "ray")

# Each floor may use those below it; rooms on one floor do not use each other, but for metrics, which is
# built on the warps of resample, and stream, whose stages tell a meter how long they work.
FLOORS = (
    {"cli"},
    {"jobs"},
    {"gan", "motion", "media", "keyframes"},
    {"config", "stream", "metrics", "resample", "meter"},
    {"errors"},
)
NEIGHBOURS = {("metrics", "resample"), ("stream", "meter")}
# The front door: what anyone may have (the version), and what hands out the jobs on request.
DOOR = {"__init__", "__main__"}


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """vidgan/media/clip.py -> media, vidgan/config.py -> config."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Full names of all imports of a file, those inside functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively: the house imports by full names"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_used(path: Path) -> set[str]:
    parts = [name.split(".") for name in imported(path) if name.split(".")[0] == "vidgan"]
    known = {name for floor in FLOORS for name in floor}
    return {part[1] for part in parts if len(part) > 1 and part[1] in known}


def floor_of(name: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if name in floor)


def test_every_room_has_its_floor() -> None:
    known = {name for floor in FLOORS for name in floor}
    assert {room(path) for path in sources()} == known | DOOR


def test_imports_run_one_way() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {used}"
        for path in sources()
        if room(path) not in DOOR
        for used in rooms_used(path) - {room(path)}
        if floor_of(used) <= floor_of(room(path)) and (room(path), used) not in NEIGHBOURS
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("library", "owner"),
    [
        ("av", "media"),
        ("typer", "cli"),
        ("rich", "cli"),
        ("scenedetect", "keyframes"),
        ("openvino", "gan"),
    ],
)
def test_a_library_with_one_room(library: str, owner: str) -> None:
    users = {room(path) for path in sources() for name in imported(path) if name.split(".")[0] == library}
    if library == "av":
        users.discard("cli")  # doctor asks it which encoders there are
        asking = [
            path.name for path in (PACKAGE / "cli").glob("*.py") for name in imported(path) if name == "av"
        ]
        assert asking in ([], ["doctor.py"])
    assert users == {owner}


def loaded_by(program: str) -> set[str]:
    report = f"{program}\nimport sys; print(*sorted(m for m in {HEAVY} if m in sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_importing_the_package_is_light() -> None:
    assert loaded_by("import vidgan; vidgan.translate") >= {"torch", "av"}  # the test can fail
    assert loaded_by("import vidgan") == set()


@pytest.mark.parametrize(
    "arguments",
    ["--help", "--version", "translate --help", "pipelines", "translate c t -o o --dry-run"],
)
def test_what_needs_no_pictures_loads_no_heavy_package(arguments: str) -> None:
    program = f"""
import sys
from vidgan.cli.program import app
try:
    app({arguments.split()}, prog_name="vidgan")
except SystemExit as leaving:
    assert leaving.code == 0, leaving.code
"""
    assert loaded_by(program) == set()


def test_ray_has_one_corner_and_loads_when_a_cluster_is_asked_for() -> None:
    users = {path.name for path in sources() for name in imported(path) if name.split(".")[0] == "ray"}
    assert users == {"actors.py", "cluster.py", "cluster_engine.py", "crew.py", "nodes.py"}
    assert "ray" not in loaded_by("import vidgan; vidgan.batch")
