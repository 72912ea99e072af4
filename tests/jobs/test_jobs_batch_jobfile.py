"""Job files: what an editor writes is what is done, and a slip is told with its line before any work."""

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from vidgan.config import recipe_paths
from vidgan.errors import LookError, MediaError, OutputError, RecipeError, UsageError, VidganError
from vidgan.gan.look import load_look
from vidgan.jobs.batch.clips import CLIP_ENDINGS
from vidgan.jobs.batch.folder import jobs_of_folder
from vidgan.jobs.batch.jobfile import read_jobs
from vidgan.jobs.batch.plan import AsItIs, Execution, Plan, Trained, Training
from vidgan.jobs.batch.where import KeyPath, lines_of

FILES = {
    "footage": (
        "a.mp4",
        "b.MOV",
        "c.avi",
        "take[1].mp4",
        "raw.bin",
        "notes.txt",
        "a.mp4.recipe.toml",
        "x.wav",
    ),
    "footage/night": ("d.mkv", ".hidden.mp4"),
    "footage/night/deep": ("e.mp4",),
    "plates/day.v2": ("0001.png", "0002.png"),
    "numbered": ("shot_0001.png", "shot_0002.png"),
    "numbers": ("01.png",),
    "empty": ("readme.txt",),
    "": ("mosaic.png", "goose.png", "painted.png", "mask.png", "matte.mov"),
}
MOSAIC = '[looks.mosaic]\ntarget = "mosaic.png"\n'
GOOSE = '[looks.goose]\ntarget = "goose.png"\n'
JOB = '[[jobs]]\nclip = "footage/a.mp4"\n'
LOOK = 'look = "mosaic"\n'
# Of a job's own.
OWN = 'target = "goose.png"\n'
PAINTED = 'keyframes = ["1=painted.png"]\n'
AS_IT_IS = 'recipe = "passthrough"\n'
SHARED = f"{MOSAIC}{JOB}{LOOK}\n"
"""A whole file; what is added stands in line 7 and behind."""

Read = Callable[..., Plan]
Refused = Callable[..., str]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Files that are there and hold nothing: nothing of them is read."""
    for folder, names in FILES.items():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            (tmp_path / folder / name).touch()
    return tmp_path


@pytest.fixture
def read(world: Path) -> Read:
    def read(text: str, out: Path | None = None) -> Plan:
        (world / "shots.toml").write_text(text, encoding="utf-8")
        return read_jobs(world / "shots.toml", out)

    return read


@pytest.fixture
def refused(read: Read) -> Refused:
    """The message behind the place. line: where it must say that the slip is, None for the file alone."""

    def refused(text: str, line: int | None, kind: type[VidganError] = UsageError) -> str:
        with pytest.raises(VidganError) as caught:
            read(text)
        message = str(caught.value)
        assert type(caught.value) is kind, message
        assert "\n" not in message
        place = "shots.toml" if line is None else f"shots.toml, line {line}: "
        assert message.startswith(place), message
        return message.removeprefix(place)

    return refused


def clips_named(plan: Plan) -> list[str]:
    return [job.clip.name for job in plan.jobs]


def outs_below(plan: Plan, folder: Path) -> list[str]:
    return [str(job.out.relative_to(folder)) for job in plan.jobs]


# What is asked for is what is planned.

WHOLE = """\
[defaults]
recipe = "balanced"
set = ["train.seconds=120", "decode.cut_threshold=4", "smooth.window=1"]
out = "done/{name}-{look}{ext}"
report = true
[execution]
jobs = 2
device = "cpu"
engine = "torch"
cpus = 2
gpus = 0.5
[looks.mosaic]
target = "mosaic.png"
clip = "footage/c.avi"
frame = 48
recipe = "draft"
set = ["train.seconds=9"]
[looks.goose]
target = "goose.png"
frame = "00:00:02.000"
[[jobs]]
clip = "footage/*.mp4"
looks = ["mosaic", "goose"]
start = 12
end = "00:00:09.5"
strength = 0.5
codec = "prores422"
crf = 12
set = ["encode.preset=fast"]
matte = "matte.mov"
feather = 2.5
stream = 1
rate = "30000/1001"
allow_truncated = true
verify = false
[[jobs]]
clip = "footage/b.MOV"
look = "goose"
report = false
"""


def test_the_trainings_of_a_whole_file(read: Read, world: Path) -> None:
    plan = read(WHOLE)
    assert plan.folder == world / "shots.batch"
    assert plan.execution == Execution(jobs=2, device="cpu", engine="torch", cpus=2.0, gpus=0.5)
    settings = ("train.seconds=120", "decode.cut_threshold=4")
    mosaic = Training(
        name="mosaic",
        clip=world / "footage/c.avi",
        target=world / "mosaic.png",
        frame="48",
        pipeline="draft",
        overrides=(*settings, "train.seconds=9"),
    )
    goose = Training(
        name="goose",
        clip=world / "footage/a.mp4",
        target=world / "goose.png",
        frame="00:00:02.000",
        pipeline="balanced",
        overrides=settings,
    )
    assert plan.trainings == [mosaic, goose]
    assert [look.place for look in plan.trainings] == ["shots.toml, line 12", "shots.toml, line 18"]


def test_the_jobs_of_a_whole_file(read: Read, world: Path) -> None:
    plan = read(WHOLE)
    assert outs_below(plan, world / "done") == [
        "a-mosaic.mp4",
        "a-goose.mp4",
        "take[1]-mosaic.mp4",
        "take[1]-goose.mp4",
        "b-goose.MOV",
    ]
    first, last = plan.jobs[0], plan.jobs[-1]
    short = ("translate.strength=0.5", "encode.codec=prores422", "encode.crf=12")
    assert first.overrides == ("decode.cut_threshold=4", "smooth.window=1", "encode.preset=fast", *short)
    assert (first.matte, first.feather) == (world / "matte.mov", 2.5)
    assert (first.start, first.end) == ("12", "00:00:09.5")
    assert (first.stream, first.rate) == (1, Fraction(30000, 1001))
    assert (first.allow_truncated, first.report, first.verify) == (True, True, False)
    assert (last.allow_truncated, last.report, last.verify) == (False, False, True)
    assert last.overrides == ("decode.cut_threshold=4", "smooth.window=1")
    assert (first.place, last.place) == ("shots.toml, line 21", "shots.toml, line 36")


def test_a_relative_job_file_gives_relative_paths(
    read: Read, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(SHARED)
    monkeypatch.chdir(world)
    plan = read_jobs(Path("shots.toml"))
    assert (plan.folder, plan.jobs[0].clip) == (Path("shots.batch"), Path("footage/a.mp4"))
    assert plan.jobs[0].out == Path("a-mosaic.mp4")


def test_outputs_go_where_the_caller_says(read: Read, world: Path) -> None:
    plan = read(SHARED + 'out = "new/{name}{ext}"', world / "elsewhere")
    assert plan.jobs[0].out == world / "elsewhere/new/a.mp4"
    assert plan.folder == world / "elsewhere/shots.batch"
    assert not (world / "elsewhere").exists()
    plan = read(f'{SHARED}out = "{world / "there/x.mov"}"', world / "elsewhere")
    assert plan.jobs[0].out == world / "there/x.mov"


def test_a_byte_order_mark_is_no_key(world: Path) -> None:
    (world / "shots.toml").write_text(SHARED, encoding="utf-8-sig")
    assert len(read_jobs(world / "shots.toml").jobs) == 1


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ('"footage/a.mp4"', ["a.mp4"]),
        ('"footage/*.mp4"', ["a.mp4", "take[1].mp4"]),
        ('"footage/*"', ["a.mp4", "b.MOV", "c.avi", "take[1].mp4"]),
        ('"footage/**"', ["a.mp4", "b.MOV", "c.avi", "d.mkv", "e.mp4", "take[1].mp4"]),
        ('"footage/**/*.mp4"', ["a.mp4", "e.mp4", "take[1].mp4"]),
        ('"footage/[ab].*"', ["a.mp4", "b.MOV"]),
        ('"footage/take[1].mp4"', ["take[1].mp4"]),
        ('["footage/night/**", "footage/*.mp4"]', ["d.mkv", "e.mp4", "a.mp4", "take[1].mp4"]),
        ('["footage/c.avi", "footage/*.mp4"]', ["c.avi", "a.mp4", "take[1].mp4"]),
        ('["footage/a.mp4", "./empty/../footage/a.mp4", "footage/a*"]', ["a.mp4"]),
        ('"footage/raw.bin"', ["raw.bin"]),
        ('"plates/*"', ["day.v2"]),
        ('"numbered/shot_%04d.png"', ["shot_%04d.png"]),
        ('"mosaic.png"', ["mosaic.png"]),
        ('["~/c.avi", "~/*.mp4"]', ["c.avi", "a.mp4", "take[1].mp4"]),
    ],
)
def test_which_clips_are_meant(
    read: Read, world: Path, monkeypatch: pytest.MonkeyPatch, clip: str, expected: list[str]
) -> None:
    monkeypatch.setenv("HOME", str(world / "footage"))
    plan = read(f'{MOSAIC}[[jobs]]\nclip = {clip}\n{LOOK}out = "~/../done/{{number}}.mov"\n')
    by_name = clips_named(plan)
    assert by_name == expected if "**" not in clip else sorted(by_name) == sorted(expected)
    assert plan.jobs[0].out.resolve() == world / "done/001.mov"


@pytest.mark.parametrize(
    ("clip", "found"),
    [
        ("footage/*.mxf", "nothing"),
        ("footage/*.MP4", "nothing"),
        ("nowhere/**/*", "nothing"),
        ("footage/*.t[xo]*", "no clip, only such as footage/a.mp4.recipe.toml"),
        ("shots.batch/*", "no clip, only such as shots.batch/sheets"),
        ("**/*.work/**", "no clip, only such as done/x.mov.work/"),
    ],
)
def test_a_pattern_that_matches_no_clip(refused: Refused, world: Path, clip: str, found: str) -> None:
    for left in ("shots.batch/sheets/1.png", "done/x.mov.work/1.mkv"):  # by jobs before
        (world / left).parent.mkdir(parents=True)
        (world / left).touch()
    message = refused(f'{MOSAIC}[[jobs]]\nclip = ["footage/a.mp4",\n"{clip}"]\n{LOOK}', 5)
    assert message.startswith(f"{world / clip} matches {found}: check folder and pattern; clips end")


def test_which_endings_are_clips() -> None:
    assert {".mp4", ".mov", ".mts", ".y4m", ".h265"} <= CLIP_ENDINGS
    assert not {".txt", ".wav", ".toml", ".png", ".json"} & CLIP_ENDINGS


@pytest.mark.parametrize(
    ("clip", "out", "expected"),
    [
        ("footage/a.mp4", "{name}-{look}{ext}", "a-mosaic.mp4"),
        ("footage/b.MOV", "{name}{ext}", "b.MOV"),
        ("footage/c.avi", "{name}{ext}", "c.mov"),
        ("footage/raw.bin", "{look}/{name}{ext}", "mosaic/raw.mov"),
        ("plates/day.v2", "{name}{ext}", "day.v2.mov"),
        ("numbered/shot_%04d.png", "{name}{ext}", "shot.mov"),
        ("numbers/%02d.png", "{name}{ext}", "numbers.mov"),
        ("goose.png", "{name}{ext}", "goose.mov"),
        ("footage/a.mp4", "{number}.mkv", "001.mkv"),
        ("footage/a.mp4", "frames/{name}/%05d.png", "frames/a/%05d.png"),
        ("footage/a.mp4", "frames/{number}_%04d.exr", "frames/001_%04d.exr"),
    ],
)
def test_what_outputs_are_called(read: Read, world: Path, clip: str, out: str, expected: str) -> None:
    assert outs_below(read(f'{MOSAIC}[[jobs]]\nclip = "{clip}"\n{LOOK}out = "{out}"\n'), world) == [expected]


def test_numbers_count_all_jobs_of_the_batch(read: Read, world: Path) -> None:
    text = '[defaults]\nout = "{number}.mov"\nlooks = ["mosaic", "goose"]\n' + MOSAIC + GOOSE
    plan = read(text + '[[jobs]]\nclip = "footage/*.mp4"\n[[jobs]]\nclip = "footage/c.avi"\n')
    assert outs_below(plan, world) == [f"{number:03d}.mov" for number in range(1, 7)]


# Looks: shared, of a job's own, ready, none.


def test_a_shared_look_is_trained_on_the_first_clip_that_gets_it(read: Read) -> None:
    two = '[[jobs]]\nclip = "footage/c.avi"\nlook = "goose"\n[[jobs]]\nclip = "footage/*.mp4"\n'
    plan = read(MOSAIC + GOOSE + two + 'looks = ["goose", "mosaic"]\n')
    assert [(look.name, look.clip.name) for look in plan.trainings] == [
        ("goose", "c.avi"),
        ("mosaic", "a.mp4"),
    ]
    assert len(list(plan.jobs_of(plan.trainings[0]))) == 3


def test_a_look_of_its_own_is_trained_for_every_clip(read: Read, world: Path) -> None:
    plan = read(f'[[jobs]]\nclip = "footage/*.mp4"\n{OWN}frame = 3\nrecipe = "draft"\n')
    assert outs_below(plan, world) == ["a-goose.mp4", "take[1]-goose.mp4"]
    assert [look.name for look in plan.trainings] == ["goose@a", "goose@take[1]"]
    assert [look.clip for look in plan.trainings] == [job.clip for job in plan.jobs]
    assert {(look.frame, look.pipeline) for look in plan.trainings} == {("3", "draft")}


def test_its_own_settings_train_it_and_render_it(read: Read) -> None:
    defaults = '[defaults]\nset = ["train.seconds=5", "smooth.window=1"]\n'
    plan = read(f'{defaults}{JOB}{OWN}set = ["train.seed=1", "encode.preset=fast"]\ncrf = 3\n')
    assert plan.trainings[0].overrides == ("train.seconds=5", "train.seed=1")
    assert plan.jobs[0].overrides == ("smooth.window=1", "encode.preset=fast", "encode.crf=3")


def test_settings_of_a_look_win_over_the_defaults_where_it_is_rendered(read: Read) -> None:
    defaults = '[defaults]\nset = ["smooth.window=1"]\n'
    plan = read(f'{defaults}{MOSAIC}set = ["smooth.window=3"]\n{JOB}{LOOK}')
    assert plan.trainings[0].overrides == ()
    assert plan.jobs[0].overrides == ("smooth.window=1", "smooth.window=3")


def test_the_nearer_wins_also_where_it_is_written_short(read: Read) -> None:
    defaults = "[defaults]\ncrf = 1\nstrength = 0.1\n"
    look = f'{MOSAIC}set = ["translate.strength=0.2"]\n'
    plan = read(f'{defaults}{look}{JOB}{LOOK}set = ["encode.crf=2"]\n')
    assert plan.jobs[0].overrides == (
        "translate.strength=0.1",
        "encode.crf=1",
        "translate.strength=0.2",
        "encode.crf=2",
    )
    assert plan.trainings[0].overrides == ("translate.strength=0.2",)


def test_keyframes_and_masks(read: Read, world: Path) -> None:
    keys = 'keyframes = ["0=painted.png", "00:00:01.5=goose.png"]\nmasks = ["0=mask.png"]\n'
    for text in (f"{JOB}{keys}", f'[looks.painted]\n{keys}{JOB}look = "painted"\n'):
        plan = read(text)
        look = plan.trainings[0]
        assert look.keyframes == (f"0={world / 'painted.png'}", f"00:00:01.5={world / 'goose.png'}")
        assert look.masks == (f"0={world / 'mask.png'}",)
        assert (look.target, look.pipeline) == (None, "keyframe")
        assert outs_below(plan, world) == ["a-painted.mp4"]


def test_names_of_different_trainings_differ_on_any_disk(read: Read, world: Path) -> None:
    (world / "other").mkdir()
    for name in ("A.mkv", "goose.jpg"):
        (world / "other" / name).touch()
    out = 'out = "done/{number}.mov"\n'
    again = f"{JOB}start = 2\n{OWN}{out}"
    other = f'[[jobs]]\nclip = ["other/A.mkv", "footage/a.mp4"]\ntarget = "other/goose.jpg"\n{out}'
    plan = read(f"{JOB}{OWN}{out}{again}{other}")
    assert [look.name for look in plan.trainings] == ["goose@a", "goose@A-2", "goose@a-3"]
    assert len(plan.jobs) == 4


def test_a_ready_look(read: Read, world: Path, look: Path) -> None:
    defaults = '[defaults]\nset = ["train.seconds=5", "smooth.window=2"]\nrecipe = "quality"\n'
    shared = (
        f'[looks.tiles]\nmodel = "{look}"\n[[jobs]]\nclip = "footage/*.mp4"\nlook = "tiles"\nstrength = 1\n'
    )
    own = f'[[jobs]]\nclip = "footage/c.avi"\nmodel = "{look}"\nset = ["encode.codec=ffv1"]\n'
    plan = read(defaults + shared + own)
    assert [job.look for job in plan.jobs] == [Trained("tiles", look)] * 2 + [Trained("look", look)]
    assert plan.trainings == []
    assert plan.jobs[0].overrides == ("smooth.window=2", "translate.strength=1")
    assert plan.jobs[2].overrides == ("smooth.window=2", "encode.codec=ffv1")
    assert outs_below(plan, world)[2] == "c-look.mov"


def test_a_ready_look_is_read_once(read: Read, look: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path] = []
    monkeypatch.setattr("vidgan.gan.look.load_look", lambda path: loaded.append(path) or load_look(path))
    read(f'[[jobs]]\nclip = "footage/*"\nmodel = "{look}"\n')
    assert loaded == [look]


def test_a_recipe_of_ones_own_lies_beside_the_job_file(read: Read, world: Path) -> None:
    (world / "mine.toml").write_text("[train]\nseconds = 3\n")
    assert read(f'[defaults]\nrecipe = "mine.toml"\n{SHARED}').trainings[0].pipeline == str(
        world / "mine.toml"
    )
    (world / "mine.toml").write_text('[translate]\nmethod = "none"\n')
    plan = read(f'{JOB}recipe = "mine.toml"\n')
    assert plan.jobs[0].look == AsItIs(str(world / "mine.toml"))
    assert outs_below(plan, world) == ["a-mine.mp4"]


@pytest.mark.parametrize(
    "text",
    [
        f"{JOB}{AS_IT_IS}",
        f"[defaults]\n{AS_IT_IS}{JOB}",
        f'[defaults]\n{OWN}matte = "matte.mov"\nreport = true\nstrength = 1\n{JOB}{AS_IT_IS}',
    ],
)
def test_a_recipe_that_does_not_translate_needs_no_look(read: Read, world: Path, text: str) -> None:
    plan = read(text + 'crf = 3\nset = ["encode.preset=fast"]\n')
    assert plan.jobs[0].look == AsItIs("passthrough")
    assert plan.jobs[0].overrides == ("encode.preset=fast", "encode.crf=3")
    assert (plan.jobs[0].matte, plan.jobs[0].report) == (None, False)
    assert outs_below(plan, world) == ["a-passthrough.mp4"]


def test_defaults_hold_where_a_job_says_nothing(read: Read) -> None:
    defaults = f'[defaults]\nclip = "footage/c.avi"\n{OWN}masks = ["1=mask.png"]\nstart = 3\nfeather = 1\n'
    jobs = f'[[jobs]]\n{LOOK}[[jobs]]\n{PAINTED}matte = "matte.mov"\nstart = 1\n'
    plan = read(f"{defaults}{MOSAIC}{jobs}")
    assert [job.look.name for job in plan.jobs] == ["mosaic", "painted@c"]
    assert plan.trainings[1].masks == ()
    assert [(job.start, job.feather) for job in plan.jobs] == [("3", None), ("1", 1)]


@pytest.mark.parametrize(("written", "meant"), [("00:00:01.5", "00:00:01.500000"), ("07:32:00", "07:32:00")])
def test_a_timecode_without_quotes_is_a_time_of_toml(read: Read, written: str, meant: str) -> None:
    assert read(f"{SHARED}start = {written}").jobs[0].start == meant


@pytest.mark.parametrize(
    ("rate", "expected"),
    [("25", Fraction(25)), ("23.976", Fraction(23976, 1000)), ('"30000/1001"', Fraction(30000, 1001))],
)
def test_rates(read: Read, rate: str, expected: Fraction) -> None:
    assert read(f"{SHARED}rate = {rate}").jobs[0].rate == expected


# What is wrong is told, where, and what to do.


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("[[jobs]]\nclip = a.mp4\n", 2, "not valid TOML (Invalid value): correct this line"),
        ("[[jobs]\nclip = 1\n", 1, "not valid TOML"),
        ('[[jobs]]\nclip = ["a"\n\n', 2, "not valid TOML (Unclosed array)"),
        ('[looks.a]\ntarget = "a"\n[looks.b]\n[looks.a]\n', 4, "not valid TOML (Cannot declare"),
        ('[[jobs]]\nclip = "C:\\Clips\\a.mp4"\n', 2, "paths with \\ in 'single' ones"),
        ("", None, " has no jobs: write [[jobs]]"),
        (MOSAIC, None, " has no jobs: write [[jobs]]"),
        ("jobs = []\n", None, " has no jobs: write [[jobs]]"),
        ('\n[jobs]\nclip = "a"\n', 2, "write [[jobs]] above each"),
        ("\njobs = [3]\n", 2, "write [[jobs]] and its keys below"),
        (f"\n[[defaults]]\n{JOB}", 2, "'defaults' must be a table: write [defaults]"),
        (f'looks = ["a"]\n{JOB}', 1, "'looks' must be a table: write [looks]"),
        (f'[looks]\n\nmosaic = "a.png"\n{JOB}', 3, "'mosaic' must be a table: write [looks.mosaic]"),
        (f"{JOB}[[job]]\n", 3, "unknown table or key 'job': did you mean 'jobs'? known: defaults, exec"),
        (f'# mine\nrecipe = "x"\n{JOB}', 2, "unknown table or key 'recipe': known: defaults, execution"),
        (f"{JOB}\ntagret = 1\n", 4, "'tagret' in [[jobs]]: did you mean 'target'? known: clip, look"),
        (f"{JOB}zzz = 1\n", 3, "unknown key 'zzz' in [[jobs]]: known: clip, look"),
        (f"[defaults]\nallow-truncated = true\n{JOB}", 2, "did you mean 'allow_truncated'?"),
        (f"[execution]\ncpu = 1\n{JOB}", 2, "in [execution]: did you mean 'cpus'? known: jobs, device"),
        (f"{MOSAIC}out = 1\n{JOB}", 3, "unknown key 'out' in [looks.mosaic]: known: target, keyframes"),
        (f'[looks."a/b"]\n{OWN}{JOB}', 1, "'a/b' cannot name a look: take letters"),
        (f"{MOSAIC}[looks.Mosaic]\n{JOB}", 3, "differ in case alone: rename one"),
    ],
)
def test_a_file_that_is_put_together_wrongly(
    refused: Refused, text: str, line: int | None, remedy: str
) -> None:
    assert remedy in refused(text, line)


A_MOMENT = 'must be a frame number from 0 or a timecode: 48 or "00:00:02.000"'
A_CLIP = "must be a path or a pattern in quotes, or a list of them"
PAINTINGS = 'must be a list of "FRAME=PICTURE": ["48=painted.png"]'
A_RATE = 'must be a frame rate: 25, 23.976 or "30000/1001"'


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("clip = 3", f"clip = 3 in [[jobs]] {A_CLIP}"),
        ("clip = []", A_CLIP),
        ('clip = ""', A_CLIP),
        ('clip = "footage\\new.mp4"', A_CLIP),
        ('clip = ["a.mp4", 3]', f'clip = ["a.mp4", 3] in [[jobs]] {A_CLIP}'),
        ("look = true", "look = true in [[jobs]] must be the name of one of [looks]"),
        ('looks = "mosaic"', 'must be a list of names of [looks], at least one: ["mosaic", "goose"]'),
        ("looks = []", "at least one"),
        ("target = 1", 'must be the path of a picture in quotes: "mosaic.png"'),
        ('keyframes = ["painted.png"]', PAINTINGS),
        ('keyframes = ["-1=painted.png"]', PAINTINGS),
        ('keyframes = ["soon=painted.png"]', PAINTINGS),
        ("keyframes = []", PAINTINGS),
        ('masks = "48=mask.png"', 'must be a list of "FRAME=PICTURE": ["48=mask.png"]'),
        ("model = 1", "must be the path of a trained look"),
        ("recipe = 1", "must be the name of a recipe, or the path of one"),
        ('set = "train.seconds=1"', 'must be a list of "section.key=value": ["train.seconds=120"]'),
        ('set = ["seconds=1"]', 'must be a list of "section.key=value"'),
        ("out = 1", "must be a path in quotes"),
        ("matte = 1", "must be the path of a clip, a folder or a picture"),
        ("feather = -1", "must be a width in pixels from 0 to 1000"),
        ("feather = 1001.0", "must be a width in pixels from 0 to 1000"),
        ("frame = -1", f"frame = -1 in [[jobs]] {A_MOMENT}"),
        ("start = -1", A_MOMENT),
        ("end = 1.5", A_MOMENT),
        ('start = "soon"', A_MOMENT),
        ("stream = -1", "must be a whole number from 0"),
        ("stream = true", "must be a whole number from 0"),
        ('rate = "fast"', A_RATE),
        ("rate = 0", A_RATE),
        ("rate = true", A_RATE),
        ('rate = "1/0"', A_RATE),
        ("rate = inf", A_RATE),
        ("allow_truncated = 1", "allow_truncated = 1 in [[jobs]] must be true or false"),
        ('report = "yes"', "must be true or false"),
        ("verify = 0", "must be true or false"),
        ("strength = 1.5", "must be a number from 0 to 1"),
        ("strength = nan", "must be a number from 0 to 1"),
        ('strength = "1"', "must be a number from 0 to 1"),
        ("codec = 264", 'must be the name of a codec in quotes: "prores422"'),
        ("crf = 17.5", "must be a whole number from 0 to 63"),
        ("crf = 64", "must be a whole number from 0 to 63"),
    ],
)
def test_a_value_of_the_wrong_kind(refused: Refused, written: str, remedy: str) -> None:
    assert remedy in refused(f"# shots\n[[jobs]]\n\n{written}\n", 4)
    assert remedy.replace("[[jobs]]", "[defaults]") in refused(f"[defaults]\n{written}\n{JOB}", 2)


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("jobs = 0", "jobs = 0 in [execution] must be a whole number of at least 1: 2"),
        ("jobs = 1.5", "a whole number of at least 1"),
        ("device = 0", "must be a device in quotes"),
        ("engine = false", "must be an engine in quotes"),
        ("cpus = 0", "must be a number above 0"),
        ("cpus = -1.0", "must be a number above 0"),
        ("gpus = -0.5", "must be a number of at least 0: 0.5"),
        ("gpus = inf", "must be a number of at least 0"),
    ],
)
def test_a_wrong_way_to_carry_it_out(refused: Refused, written: str, remedy: str) -> None:
    assert remedy in refused(f"{SHARED}[execution]\n{written}\n", 8)


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        (f"{MOSAIC}\n[[jobs]]\n{LOOK}", 4, "[[jobs]] has no clip: give clip ="),
        (f"{MOSAIC}\n{JOB}", 4, "[[jobs]] has no look: give look = (one of [looks]), target ="),
        (f"{SHARED}{OWN}", 7, "look and target in [[jobs]] each say what the look is: keep one"),
        (f'{SHARED}looks = ["mosaic"]', 7, "look and looks in [[jobs]] each say"),
        (f'{JOB}{OWN}model = "x"', 4, "target and model in [[jobs]] each say"),
        (f"[defaults]\n{LOOK}{OWN}{JOB}", 3, "look and target in [[jobs]] each say"),
        (f'{MOSAIC}model = "x"\n{JOB}{LOOK}', 3, "target and model in [looks.mosaic] each say"),
        (f"[looks.mosaic]\nframe = 1\n{JOB}{LOOK}", 1, "[looks.mosaic] has no picture: give target"),
        (f'{JOB}{OWN}masks = ["1=mask.png"]', 4, "masks say which part of a keyframe counts: give keyf"),
        (f'{MOSAIC}masks = ["1=mask.png"]\n{JOB}{LOOK}', 3, "give keyframes too"),
        (f"{JOB}frame = 1\n{PAINTED}", 3, "keyframes name their frames themselves: leave frame out"),
        (f'{JOB}keyframes = ["1=painted.png",\n"1=goose.png"]', 4, "keyframes name frame 1 twice"),
        (f'{MOSAIC}{JOB}look = "mosiac"', 5, "unknown look 'mosiac': did you mean 'mosaic'? known: mos"),
        (f'{MOSAIC}{JOB}looks = ["mosaic",\n"zzz"]', 6, "unknown look 'zzz': known: mosaic; or write a"),
        (f"{JOB}{LOOK}", 3, "the file has none; or write a table [looks.mosaic]"),
        (f"{MOSAIC}{GOOSE}{JOB}{LOOK}", 3, "no job uses the look 'goose': give look = 'goose' to a job"),
        (f'{MOSAIC}{JOB}looks = ["mosaic",\n"mosaic"]', 6, "looks name 'mosaic' twice: leave one out"),
        (f'{SHARED}recipe = "draft"', 7, "belongs to the look: write it into [looks.mosaic], or leave"),
        (f"{SHARED}frame = 3", 7, "frame belongs to the look: write it into [looks.mosaic]"),
        (f'{SHARED}masks = ["1=mask.png"]', 7, "masks belongs to the look: write it into [looks.mosaic]"),
        (f'{SHARED}set = ["encode.crf=3",\n"train.seed=1"]', 8, "train.seed is settled when a look is"),
        (f'{SHARED}crf = 3\nset = ["encode.crf=4"]', 8, "crf and encode.crf say the same: leave one of them"),
        (f'{SHARED}set = ["parts.leak=0.1"]', 7, "write it into set of [looks.mosaic], or leave it out"),
        (f'{SHARED}set = ["translate.method=none"]', 7, "leave translate.method out"),
        (f"{SHARED}feather = 2", 7, "feather softens a matte: give matte too"),
        (f"{SHARED}end = 3\nstart = 3", 7, "start = 3 and end = 3 leave no frame: give a later end"),
        (f"{SHARED}{AS_IT_IS}", 5, "the recipe passthrough does not translate: leave look or recipe"),
        (f"{JOB}{OWN}{AS_IT_IS}", 3, "the recipe passthrough does not translate: leave target out"),
        (f"[defaults]\n{AS_IT_IS}{JOB}{OWN}", 5, "leave target out, or choose another recipe"),
        (f"[defaults]\n{AS_IT_IS}{SHARED}", 4, "the recipe passthrough does not translate: choose one"),
        (f'{JOB}{AS_IT_IS}matte = "matte.mov"', 4, "does not translate: leave matte out"),
        (f"{JOB}{AS_IT_IS}report = true", 4, "does not translate: leave report out"),
        (f"{JOB}{AS_IT_IS}frame = 1", 4, "does not translate: leave frame out"),
        (f'{JOB}{AS_IT_IS}set = ["train.seed=1"]', 4, "nothing is trained here, leave it out"),
        (f'{JOB}{OWN}recipe = "keyframe"', 4, "is for painted keyframes: give keyframes = [...]"),
        (f'{JOB}{PAINTED}recipe = "draft"', 4, 'not from keyframes: give recipe = "keyframe" beside'),
        (f'[defaults]\nrecipe = "draft"\n{JOB}{PAINTED}', 5, 'give recipe = "keyframe" beside them'),
        (f'{JOB}{OWN}recipe = "singan"', 4, "learns one picture and translates none: choose another"),
    ],
)
def test_what_does_not_go_together(refused: Refused, text: str, line: int, remedy: str) -> None:
    assert remedy in refused(text, line)


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        (f'[defaults]\nrecipe = "ballanced"\n{SHARED}', 2, "unknown; did you mean 'balanced'?"),
        (f'{MOSAIC}recipe = "mine.toml"\n{JOB}{LOOK}', 3, "mine.toml does not exist; copy one"),
        (f'[defaults]\nset = [\n"train.seed=1",\n"train.secs=1"]\n{SHARED}', 4, "unknown key 'secs'"),
        (f'{MOSAIC}set = ["train.seconds=long"]\n{JOB}{LOOK}', 3, "must be a number"),
        (f'{MOSAIC}set = ["trian.seconds=1"]\n{JOB}{LOOK}', 3, "did you mean 'train'?"),
        (f'{MOSAIC}set = ["train.steps=0",\n"train.seconds=0"]\n{JOB}{LOOK}', 4, "are both 0"),
        (f'{JOB}{OWN}set = ["train.seed=-1"]', 4, "seed = -1 is out of range"),
        (f'{JOB}{OWN}set = ["train.patch_px=15",\n"train.coarsest_px=29"]', 4, "coarsest_px = 27 is too"),
        (f'{SHARED}set = ["smooth.window=99"]', 7, "window = 99 is out of range; it must be 0 to 8"),
        (f'{SHARED}codec = "h266"', 7, "codec = 'h266' is unknown; known: auto, h264"),
        (f"{JOB}{PAINTED}strength = 0.5", 4, "not for painted keyframes; leave it out"),
    ],
)
def test_a_recipe_that_is_none(refused: Refused, text: str, line: int, remedy: str) -> None:
    assert remedy in refused(text, line, RecipeError)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (f'{MOSAIC}[[jobs]]\nclip = "x.mp4"\n{LOOK}', 4, "the clip {}/x.mp4 does not exist: check its"),
        (f'{MOSAIC}[[jobs]]\nclip = [\n"empty/../footage/a.mp4",\n"x.mp4"]\n{LOOK}', 6, "the clip {}/x.mp4"),
        (f'{MOSAIC}[[jobs]]\nclip = "x/%04d.png"\n{LOOK}', 4, "the clip {}/x/%04d.png does not exist"),
        (f'{MOSAIC}[[jobs]]\nclip = "empty"\n{LOOK}', 4, "for the clips in it write {}/empty/*"),
        (f'{MOSAIC}[[jobs]]\nclip = "dead/*.mp4"\n{LOOK}', 4, "the clip {}/dead/z.mp4 does not exist"),
        (f'{MOSAIC}clip = "x.mp4"\n{JOB}{LOOK}', 3, "the clip {}/x.mp4 does not exist"),
        (f'[looks.mosaic]\ntarget = "x.png"\n{JOB}{LOOK}', 2, "the target {}/x.png does not exist"),
        (f'{JOB}target = "empty"\n', 3, "the target {}/empty is a folder: give a picture in it"),
        (f'{JOB}keyframes = ["1=painted.png",\n"2=x.png"]\n', 4, "the keyframe {}/x.png does not exist"),
        (f'{JOB}{PAINTED}masks = ["1=x.png"]\n', 4, "the mask {}/x.png does not exist"),
        (f'{SHARED}matte = "x.mov"\n', 7, "the matte {}/x.mov does not exist"),
    ],
)
def test_what_is_not_there(refused: Refused, world: Path, text: str, line: int, what: str) -> None:
    (world / "dead").mkdir()
    (world / "dead/z.mp4").symlink_to(world / "gone.mp4")
    assert what.format(world) in refused(text, line, MediaError)


def test_a_model_that_is_not_there_or_no_look(refused: Refused, world: Path) -> None:
    model, table = world / "x.safetensors", f'[looks.mosaic]\nmodel = "x.safetensors"\n{JOB}{LOOK}'
    assert f"{model} does not exist; train it with" in refused(table, 2, LookError)
    model.write_bytes(b"no look")
    assert f"{model} is not a .safetensors file" in refused(table, 2, LookError)
    save_file({"x": torch.zeros(1)}, model, {"format": "vidgan-look-1"})
    assert f"{model} is not a look of this version of vidgan" in refused(table, 2, LookError)
    assert f"{model} is not a look" in refused(f'{JOB}model = "x.safetensors"\n', 3, LookError)


@pytest.mark.parametrize(
    ("own", "kind", "remedy"),
    [
        ('recipe = "draft"', UsageError, "recipe was settled when the look was trained: leave it out"),
        ("frame = 1", UsageError, "frame was settled when the look was trained: leave it out"),
        ('set = ["train.seed=1"]', UsageError, "train.seed is settled when a look is trained: train the"),
        ('set = ["translate.method=none"]', UsageError, "leave translate.method out"),
        ('set = ["smooth.window=9"]', RecipeError, "window = 9 is out of range"),
    ],
)
def test_what_a_ready_look_does_not_take(
    refused: Refused, look: Path, own: str, kind: type[VidganError], remedy: str
) -> None:
    assert remedy in refused(f'{JOB}model = "{look}"\n{own}\n', 4, kind)


@pytest.mark.parametrize("own", ['recipe = "draft"', 'clip = "footage/a.mp4"', 'set = ["smooth.window=1"]'])
def test_what_a_ready_look_does_not_take_in_its_table(refused: Refused, look: Path, own: str) -> None:
    message = refused(f'[looks.mosaic]\nmodel = "{look}"\n{own}\n{JOB}{LOOK}', 3)
    assert "was settled when the look was trained: leave it out" in message


# Outputs.


@pytest.mark.parametrize(
    ("out", "kind", "remedy"),
    [
        (
            "{nmae}.mov",
            UsageError,
            "{nmae} in {nmae}.mov is no placeholder; known: {name}, {look}, {ex",
        ),
        ("{name.mov", UsageError, "{ in {name.mov is no placeholder; known: {name}"),
        ("{}.mov", UsageError, "is no placeholder"),
        ("{name}.avi", OutputError, "a.avi ends in .avi, which is no known output: use .mp4"),
        ("{name}", OutputError, "has no ending: use .mp4"),
        ("{name}.png", OutputError, "or a numbered sequence such as frames/%05d.png"),
        ("empty.mov", UsageError, "empty.mov is a folder: name a file in it"),
        ("goose.png/{name}.mov", UsageError, "goose.png, which is no folder: name another"),
        ("goose.png/{name}/%04d.png", UsageError, "goose.png, which is no folder: name another"),
    ],
)
def test_an_output_that_cannot_be(
    refused: Refused, world: Path, out: str, kind: type[VidganError], remedy: str
) -> None:
    (world / "empty.mov").mkdir()
    assert remedy in refused(f'{SHARED}out = "{out}"', 7, kind)
    assert remedy in refused(f'[defaults]\nout = "{out}"\n{SHARED}', 2, kind)


@pytest.mark.parametrize(
    ("first", "second"),
    [("done.mov", "done.mov"), ("done.mov", "./empty/../done.mov"), ("f/%04d.png", "f/%05d.png")],
)
def test_two_jobs_with_one_output(refused: Refused, world: Path, first: str, second: str) -> None:
    another = f'[[jobs]]\nclip = "footage/c.avi"\n{LOOK}out = "{second}"\n'
    message = refused(f'{SHARED}out = "{first}"\n{another}', 8)
    assert message.startswith(f"{world}/footage/c.avi in mosaic and {world}/footage/a.mp4 in mosaic")
    assert "(shots.toml, line 3) would both be written to" in message
    assert f"{world / second}: tell them apart by {{name}}, {{look}} or {{number}} in out" in message


def test_numbered_pictures_in_two_folders_are_two_outputs(read: Read) -> None:
    plan = read(f'{MOSAIC}[[jobs]]\nclip = "footage/*.mp4"\n{LOOK}out = "frames/{{name}}/%05d.png"\n')
    assert len(plan.jobs) == 2


@pytest.mark.parametrize(
    ("out", "clip"),
    [
        ("footage/a.mp4", "footage/c.avi"),
        ("footage/night/d.mkv", "footage/night/d.mkv"),
        ("real.mov", "link.mov"),
        ("matte.mov", "footage/c.avi"),
        ("plates/day.v2/x%04d.png", "plates/day.v2"),
        ("numbered/shot_%03d.png", "numbered/shot_%04d.png"),
        ("numbers/%02d.png", "numbers/01.png"),
    ],
)
def test_an_output_that_is_an_input(refused: Refused, world: Path, out: str, clip: str) -> None:
    (world / "real.mov").touch()
    (world / "link.mov").symlink_to(world / "real.mov")
    another = f'[[jobs]]\nclip = "{clip}"\n{LOOK}out = "another.mov"\n'
    message = refused(f'{SHARED}matte = "matte.mov"\nout = "{out}"\n{another}', 3)
    assert message.startswith(
        f"the output {world / out} of {world}/footage/a.mp4 is also an input of the batch"
    )
    assert 'give out = "done/{name}-{look}{ext}" or another place' in message


def test_an_output_where_a_look_is_trained(refused: Refused) -> None:
    message = refused(f'{MOSAIC}clip = "footage/night/d.mkv"\n{JOB}{LOOK}out = "footage/night/d.mkv"\n', 4)
    assert "is also an input of the batch" in message


@pytest.mark.parametrize(
    ("clip", "out"),
    [
        ("*/*.mp4", "x/{name}-new.mp4"),
        ("footage/*.mp4", "footage/{name}-new.mp4"),
        ("**/*.mp4", "done/{number}.mp4"),
        ("foot*/**", "footage/done/{number}/%04d.png"),
    ],
)
def test_an_output_that_would_be_a_clip_the_next_time(
    refused: Refused, world: Path, clip: str, out: str
) -> None:
    message = refused(f'{MOSAIC}[[jobs]]\nclip = "{clip}"\n{LOOK}out = "{out}"\n', 3)
    assert f"would be taken for a clip by {world / clip} the next time: give out = " in message


@pytest.mark.parametrize(
    ("clip", "out"),
    [
        ("footage/*.mp4", "footage/done/{name}.mp4"),
        ("footage/*.mp4", "footage/{name}.mkv"),
        ("footage/*.mp4", "{name}.mp4"),
        ("footage/**/?.mp4", "footage/x/{name}-new.mp4"),
        ("footage/*", "done/{name}/%04d.png"),
    ],
)
def test_a_file_describes_the_same_batch_when_it_goes_on(read: Read, clip: str, out: str) -> None:
    text = f'{MOSAIC}[[jobs]]\nclip = "{clip}"\n{LOOK}out = "{out}"\n'
    plan = read(text)
    for job in plan.jobs:
        job.out.parent.mkdir(parents=True, exist_ok=True)
        Path(str(job.out).replace("%04d", "0001")).touch()
    assert read(text) == plan


# Where it stands.

TRICKY = r'''# [[jobs]] in a comment
[defaults] # and [execution] behind one
set = [ # a list
    "train.seed=1",   # "[[jobs]]"

    "train.steps=2" ]
out = """
[[jobs]]
clip = "no" \
""" # ends here
'a.b' = 1
"quo\"ted" . sub = 2

[looks]
mosaic = { target = "[looks.x] # no", frame = 1, set = ["a", "b"] }
goose.target = 'C:\goose.png'
goose.deep.er = {}
[looks.'the third']
target = <<<
[[jobs]]
'>>>
empty = []
nested = [[1, 2], [
  3], {a = 1, b = [ {c = 2},
  {d = 1979-05-27 07:32:00} ]}]
[[jobs]]
clip = "a" # [[jobs]]
  [jobs.more]
  x = """five: """""
  [[jobs.parts]]
  y = ""
  [[jobs.parts]]
  y = """"""
[[ jobs ]]
  clip="b"
  [[jobs.parts]]
  y = 1e3
[ execution . sub ]
z = true'''.replace("<<<", "'''").replace(">>>", "'''")


def paths_of(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Of every key and element in it."""
    if not isinstance(value, dict | list):
        return
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        yield from paths_of(child, (*path, key))


def test_every_key_and_element_has_its_line() -> None:
    lines, text = lines_of(TRICKY), TRICKY.splitlines()
    assert set(lines) == set(paths_of(tomllib.loads(TRICKY)))
    expected: dict[KeyPath, str] = {
        ("defaults", "set", 1): '    "train.steps=2" ]',
        ("defaults", "out"): 'out = """',
        ("defaults", "a.b"): "'a.b' = 1",
        ("defaults", 'quo"ted', "sub"): r'"quo\"ted" . sub = 2',
        ("looks", "mosaic", "frame"): 'mosaic = { target = "[looks.x] # no", frame = 1, set = ["a", "b"] }',
        ("looks", "goose", "target"): r"goose.target = 'C:\goose.png'",
        ("looks", "the third"): "[looks.'the third']",
        ("looks", "the third", "nested", 2, "b", 1, "d"): "  {d = 1979-05-27 07:32:00} ]}]",
        ("jobs", 0, "clip"): 'clip = "a" # [[jobs]]',
        ("jobs", 0, "more", "x"): '  x = """five: """""',
        ("jobs", 0, "parts", 1, "y"): '  y = """"""',
        ("jobs", 1): "[[ jobs ]]",
        ("jobs", 1, "parts", 0, "y"): "  y = 1e3",
        ("execution", "sub", "z"): "z = true",
    }
    assert {path: text[lines[path] - 1] for path in expected} == expected


@pytest.mark.parametrize("path", recipe_paths().values(), ids=recipe_paths())
def test_every_key_of_a_recipe_has_its_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines, written = lines_of(text), text.splitlines()
    for section, key in (path for path in paths_of(tomllib.loads(text)) if len(path) == 2):
        assert written[lines[section, key] - 1].startswith(f"{key} = ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('# [[jobs]]\n[defaults]\nout = """\\\n[[jobs]]\\\ntagret = 1"""\n[[jobs]]\n# x\ntagret = 1\n', 8),
        ("[[jobs]]\nclip = [\n  'a', # [[jobs]]\n  'b',\n]\n[[jobs]]\n\n[[jobs]]\ntagret = 1\n", 9),
        ('jobs = [{clip = "a"}, {clip = "b"},\n{tagret = "x"}]\n', 2),
        ('[looks]\ngoose = {target = "goose.png"}\nmosaic = {tagret = "x"}\n[[jobs]]\n', 3),
        ("[defaults]\r\nset = []\r\n\r\n[[jobs]]\r\ntagret = 1\r\n", 5),
    ],
)
def test_a_slip_is_told_with_its_own_line(refused: Refused, text: str, line: int) -> None:
    assert "unknown key 'tagret'" in refused(text, line)


# The file itself.


def test_a_job_file_that_is_none(world: Path) -> None:
    (world / "latin.toml").write_bytes("[[jobs]]\n# Köln".encode("latin-1"))
    for name, remedy in {
        "nothing.toml": "nothing.toml does not exist: check the name of the job file",
        "footage": f"give a job file, or vidgan batch {world}/footage TARGET -o OUTFOLDER",
        "latin.toml": "is no text: give a job file (save it as UTF-8) or a folder of clips; one clip alone: "
        "vidgan translate CLIP TARGET -o OUT",
    }.items():
        with pytest.raises(UsageError) as caught:
            read_jobs(world / name)
        assert str(caught.value).startswith(str(world / name))
        assert str(caught.value).endswith(remedy)


def test_reading_a_batch_loads_no_torch(read: Read, world: Path) -> None:
    read(SHARED)
    program = (
        "import sys, pathlib, vidgan.jobs.batch.folder\nfrom vidgan.jobs.batch.jobfile import read_jobs\n"
        f"read_jobs(pathlib.Path({str(world / 'shots.toml')!r}))\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# The clips of a folder.


def of_folder(world: Path, **given: Any) -> Plan:
    asked = {"folder": world / "footage", "out": world / "done", "target": None, "model": None}
    return jobs_of_folder(**{**asked, "pipeline": None, "overrides": (), **given})


def test_a_folder_in_the_look_of_a_target(world: Path) -> None:
    (world / "footage/plate").mkdir()
    (world / "footage/plate/1.png").touch()
    settings, target = ("train.seconds=5", "encode.crf=3"), world / "goose.png"
    plan = of_folder(world, target=target, pipeline="draft", overrides=settings)
    assert plan.folder == world / "done/vidgan.batch"
    assert clips_named(plan) == ["a.mp4", "b.MOV", "c.avi", "plate", "take[1].mp4"]
    assert outs_below(plan, world / "done") == ["a.mp4", "b.MOV", "c.mov", "plate.mov", "take[1].mp4"]
    first = world / "footage/a.mp4"
    assert plan.trainings == [Training("goose", first, target, pipeline="draft", overrides=settings[:1])]
    assert {job.overrides for job in plan.jobs} == {("encode.crf=3",)}
    assert {plan.trainings[0].place, *(job.place for job in plan.jobs)} == {"FOLDER"}
    assert plan.execution == Execution()


def test_a_folder_in_a_ready_look_or_as_it_is(world: Path, look: Path) -> None:
    plan = of_folder(world, model=look, overrides=["smooth.window=1"])
    assert {(job.look, job.overrides) for job in plan.jobs} == {(Trained("look", look), ("smooth.window=1",))}
    plan = of_folder(world, pipeline="passthrough", overrides=["encode.crf=1"])
    assert {(job.look, job.overrides) for job in plan.jobs} == {(AsItIs("passthrough"), ("encode.crf=1",))}


def test_results_among_the_clips_are_no_clips(world: Path) -> None:
    out = world / "footage/out"
    out.mkdir()
    (out / "sheet.png").touch()
    assert "out" not in clips_named(of_folder(world, out=out, target=world / "goose.png"))


@pytest.mark.parametrize(
    ("given", "kind", "remedy"),
    [
        ({"folder": "nowhere"}, MediaError, "nowhere is no folder: give one with clips in it"),
        ({"folder": "footage/a.mp4"}, MediaError, "a.mp4 is no folder"),
        ({"folder": "empty"}, UsageError, "empty holds no clips: they end in .mp4"),
        ({"folder": "plates/day.v2"}, UsageError, "if it is one itself: vidgan translate"),
        ({"out": "footage/../footage"}, UsageError, "holds the clips themselves: give another folder"),
        ({"out": "goose.png"}, UsageError, "goose.png, which is no folder: name another"),
        ({"target": "x.png"}, MediaError, "x.png does not exist"),
        ({"model": "look.safetensors"}, UsageError, "leave one of them out"),
        ({"target": None}, UsageError, "no look: give a target picture, a trained look, or the recipe"),
        ({"target": None, "model": "x.safetensors"}, LookError, "x.safetensors does not exist"),
        ({"target": None, "model": "x", "pipeline": "draft"}, UsageError, "leave the recipe draft out"),
        ({"pipeline": "passthrough"}, UsageError, "does not translate: leave"),
        ({"pipeline": "drafd"}, RecipeError, "did you mean 'draft'?"),
        ({"pipeline": "keyframe"}, UsageError, "is for painted keyframes"),
        ({"overrides": ["train.secs=1"]}, RecipeError, "unknown key 'secs'"),
        ({"overrides": ["seconds"]}, RecipeError, "--set seconds is not of the form section.key=value"),
    ],
)
def test_a_folder_that_cannot_be(
    world: Path, given: dict[str, Any], kind: type[VidganError], remedy: str
) -> None:
    named = {key: world / given[key] for key in ("folder", "out", "target", "model") if given.get(key)}
    with pytest.raises(VidganError) as caught:
        of_folder(world, **{"target": world / "goose.png", **given, **named})
    assert type(caught.value) is kind
    assert str(caught.value).startswith("FOLDER: ")
    assert remedy in str(caught.value)


def test_clips_of_a_folder_that_would_get_one_name(world: Path) -> None:
    (world / "footage/c.ts").touch()
    with pytest.raises(UsageError) as caught:
        of_folder(world, target=world / "goose.png")
    assert "c.ts in goose and" in str(caught.value)
    assert "c.avi in goose (FOLDER) would both be written to" in str(caught.value)
    assert "or rename one" in str(caught.value)


def test_a_ready_look_of_a_folder_keeps_its_training(world: Path, look: Path) -> None:
    with pytest.raises(UsageError, match=r"FOLDER: train\.seed is settled when a look is trained: train the"):
        of_folder(world, model=look, overrides=["train.seed=1"])
