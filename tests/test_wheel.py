"""What is shipped runs: from a wheel, from an editable install, and from a bare checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import vidgan

CHECKOUT = Path(vidgan.__file__).parent.parent

pytestmark = pytest.mark.skipif(not (CHECKOUT / "pyproject.toml").exists(), reason="needs the checkout")


def run(*command: object, cwd: Path) -> str:
    """Run a program far from the checkout's paths; its standard output."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def copy_checkout(folder: Path) -> Path:
    """What git would clone, as far as the package and its build go."""
    for name in ("vidgan", "pipelines"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("cli.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, folder / name)
    return folder


def fresh_environment(folder: Path) -> Path:
    """A new environment without vidgan, in which the other packages of ours can be imported; its python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def install(wheel: Path, python: Path, cwd: Path) -> None:
    """By uv where it is at hand, as `make` does, else by pip; never from the network."""
    uv = Path(sys.executable).with_name("uv")
    installer = (
        [uv, "pip", "install", "--offline", "--no-cache", "--python", python]
        if uv.exists()
        else [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-compile"]
    )
    run(*installer, "--no-deps", wheel, cwd=cwd)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=checkout)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"vidgan", f"vidgan-{vidgan.__version__}.dist-info"}
    recipes = {f"vidgan/pipelines/{path.name}" for path in (CHECKOUT / "pipelines").glob("*.toml")}
    assert recipes <= set(names)
    assert "vidgan/py.typed" in names
    modules = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "vidgan").rglob("*.py")}
    assert modules <= set(names)


def test_a_wheel_in_a_fresh_environment_runs_with_its_own_recipes(wheel: Path, tmp_path: Path) -> None:
    python = fresh_environment(tmp_path / "venv")
    install(wheel, python, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    assert run(python, "-c", "import vidgan; print(vidgan.__file__)", cwd=elsewhere).strip() == str(
        site / "vidgan" / "__init__.py"
    )
    listed = run(python, "-m", "vidgan", "pipelines", cwd=elsewhere)
    assert all(path.stem in listed for path in (CHECKOUT / "pipelines").glob("*.toml"))
    draft = site / "vidgan" / "pipelines" / "draft.toml"
    draft.write_text("# the wheel's own\n" + draft.read_text(encoding="utf-8"), encoding="utf-8")
    shown = run(python, "-m", "vidgan", "pipelines", "draft", cwd=elsewhere)
    assert shown == draft.read_text(encoding="utf-8")
    program = python.with_name("vidgan")
    assert run(program, "--version", cwd=elsewhere).strip() == f"vidgan {vidgan.__version__}"
    assert run(program, "pipelines", "draft", cwd=elsewhere) == shown


def test_an_editable_install_finds_the_checkouts_recipes(checkout: Path, tmp_path: Path) -> None:
    """hatchling writes a .pth line, and copies the recipes as they were then: those must not count."""
    python = fresh_environment(tmp_path / "venv")
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    (site / "_editable_impl_vidgan.pth").write_text(f"{checkout}\n")
    (site / "vidgan" / "pipelines").mkdir(parents=True)
    (site / "vidgan" / "pipelines" / "draft.toml").write_text("# stale\n")
    shown = run(python, "-m", "vidgan", "pipelines", "draft", cwd=tmp_path)
    assert shown == (checkout / "pipelines" / "draft.toml").read_text(encoding="utf-8")
    where = run(python, "-c", "import vidgan.config as c; print(c.find_recipe('draft'))", cwd=tmp_path)
    assert Path(where.strip()) == checkout / "pipelines" / "draft.toml"


def test_a_bare_checkout_runs_from_anywhere(tmp_path: Path) -> None:
    bare = copy_checkout(tmp_path / "clone")
    draft = bare / "pipelines" / "draft.toml"
    draft.write_text("# of this clone\n" + draft.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    shown = run(sys.executable, bare / "cli.py", "pipelines", "draft", cwd=tmp_path / "elsewhere")
    assert shown == draft.read_text(encoding="utf-8")
