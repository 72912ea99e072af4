"""Recipes: what an editor writes is what counts, and a slip is told by name."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from vidgan.config import (
    Recipe,
    TrainSettings,
    dump_recipe,
    find_recipe,
    load_recipe,
    override_recipe,
    parse_recipe,
    recipe_paths,
)
from vidgan.errors import RecipeError, UsageError

SHIPPED = sorted(recipe_paths())


def refusal(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, where="my.toml")
    message = str(caught.value)
    assert message.startswith("my.toml")
    assert "\n" not in message
    return message


PUBLISHED = '[parts]\nconditioning = "none"\nladder = "constant"'
ITS_GAME = 'objective = "wgan-gp"\nprecision = "fp32"'


def test_the_recipes_that_are_promised_are_there() -> None:
    assert {"draft", "balanced", "quality", "passthrough"} <= set(SHIPPED)
    assert {"thesis", "structural-analogy", "consingan", "singan"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_recipe_loads_under_its_name_and_says_what_it_is_for(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about


@pytest.mark.parametrize("name", SHIPPED)
def test_a_dumped_recipe_reads_back_the_same(name: str) -> None:
    recipe = load_recipe(name)
    assert parse_recipe(dump_recipe(recipe)) == recipe


def test_every_value_survives_the_round_trip() -> None:
    """Quotes, umlauts, small floats and whole floats are where a hand-made writer goes wrong."""
    recipe = override_recipe(
        replace(Recipe(), about='the "mosaic" \\ of Köln\n— 2'),
        [
            "train.learning_rate=1e-05",
            "train.seconds=90",
            "train.objective=wgan-gp",
            "smooth.window=0",
            "translate.strength=0.25",
            "translate.reverse=true",
        ],
    )
    again = parse_recipe(dump_recipe(recipe))
    assert again == recipe
    assert type(again.train.seconds) is float


@pytest.mark.parametrize("path", recipe_paths().values(), ids=SHIPPED)
def test_every_key_of_a_shipped_recipe_says_why(path: Path) -> None:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    keys = [(i, line) for i, line in enumerate(lines) if re.match(r"\w+\s*=", line)]
    assert keys
    bare = [
        line
        for i, line in keys
        if "#" not in line and not lines[i - 1].startswith("#") and not line.startswith("about")
    ]
    assert bare == []


def test_only_passthrough_does_not_translate() -> None:
    assert [name for name in SHIPPED if load_recipe(name).translate.method == "none"] == ["passthrough"]


def test_keys_that_are_left_out_keep_their_defaults() -> None:
    recipe = parse_recipe("[train]\nsteps = 7\n")
    assert recipe.train == replace(TrainSettings(), steps=7)
    assert recipe.encode == Recipe().encode


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[trian]\nsteps = 3", "unknown key 'trian'; did you mean 'train'?"),
        ("[lessons]\nsteps = 3", "unknown key 'lessons'; known: name, about, decode, flow, parts, train"),
        ("[train]\nstep = 3", "[train]: unknown key 'step'; did you mean 'steps'?"),
        ("steps = 3", "unknown key 'steps'; known: name, about, decode"),
        ("train = 3", "train is a section, written [train]"),
        ('[train]\nsteps = "many"', "steps = 'many' must be a whole number"),
        ("[train]\nsteps = 3.5", "steps = 3.5 must be a whole number"),
        ("[train]\nsteps = true", "steps = True must be a whole number"),
        ("[train]\nseconds = true", "seconds = True must be a number"),
        ("[train]\nseconds = [1]", "seconds = [1] must be a number"),
        ("[encode]\ncodec = 264", "codec = 264 must be a text"),
        ("name = 3", "name = 3 must be a text"),
        ('[encode]\ncodec = "h265"', "codec = 'h265' is unknown; known: auto, h264, h265-10bit"),
        ('[flow]\nbackend = "liteflow"', "known: dis, raft-small, raft-large"),
        ("[encode]\ncrf = 64", "crf = 64 is out of range; it must be 0 to 63"),
        ("[train]\nchannels = 0", "channels = 0 is too small; it must be at least 1"),
        ("[train]\nwindow_px = 13", "window_px = 13 is too small; it must be at least 14"),
        ("[train]\nlearning_rate = nan", "learning_rate = nan is no limit"),
        ("[train]\nseconds = inf", "seconds = inf is no limit; give a number of at least 0"),
        ("[train]\nwindows = 0", "windows = 0 is too small; it must be at least 1"),
        ("[train]\nwindow_tries = 0", "window_tries = 0 is too small; it must be at least 1"),
        ("[train]\nframes = -1", "frames = -1 is out of range; it must be 0 to 14"),
        ("[train]\nframes = true", "frames = True must be a whole number"),
        ("[train]\narranged_every = -1", "arranged_every = -1 is too small; it must be at least 0"),
        ("[train]\ncycle_every = 0", "cycle_every = 0 is too small; it must be at least 1"),
        ("[train]\nlambda_penalty = -0.1", "lambda_penalty = -0.1 is too small; it must be at least 0"),
        ('[train]\nobjective = "lsgan"', "known: hinge, non-saturating, wgan-gp"),
        ("[train]\ndecay = 0", "decay = 0.0 is out of range; it must be 0.01 to 1"),
        ("[translate]\nreverse = 1", "reverse = 1 must be true or false"),
        ("[translate]\nnoise_amp = 3", "noise_amp = 3.0 is out of range; it must be 0 to 2"),
        ("[train]\nseconds = 0\nsteps = 0", "one of them must limit the training"),
        ('[parts]\nhand_on = "tensors"', "known: features, pictures"),
        ("[parts]\nstages = 6\nbatch_norm = true", "stages, batch_norm: not with conditioning = 'pyramid'"),
        ('[parts]\nconditioning = "none"', "ladder = 'even' is for conditioning = 'pyramid'"),
        ('[parts]\nconditioning = "none"\nladder = "logarithmic"', "stages = 0 is too small"),
        (
            '[parts]\nconditioning = "none"\nladder = "constant"\nhand_on = "pictures"',
            "only the newest stage trains: trained_stages = 1",
        ),
        (
            '[parts]\nconditioning = "start"\nladder = "constant"\n[translate]\nstrength = 0.5',
            "strength is always 1",
        ),
        (
            '[parts]\nconditioning = "none"\nladder = "constant"',
            "train by objective = 'wgan-gp' with precision",
        ),
        (
            '[parts]\nconditioning = "none"\nladder = "constant"\nstages = 3',
            "stages: not with ladder = 'constant'",
        ),
        (f"{PUBLISHED}\n[train]\n{ITS_GAME}\nframes = 2", "frames: only with conditioning = 'pyramid'"),
        ("[train]\nlambda_detail = 1", "lambda_detail: only for painted keyframes"),
        (f"{PUBLISHED}\nwiden_every = 4", "widen_every: not with hand_on = 'features'"),
        ("[train\nsteps = 3", "is not valid TOML"),
        ("[train]\nsteps = 3\nsteps = 4", "is not valid TOML"),
    ],
)
def test_a_slip_is_refused_by_name(text: str, told: str) -> None:
    assert told in refusal(text)


def test_every_key_can_be_set_from_the_command_line() -> None:
    for section in fields(Recipe):
        settings = getattr(Recipe(), section.name)
        for key in fields(settings) if not isinstance(settings, str) else ():
            value = getattr(settings, key.name)
            value = str(value).lower() if isinstance(value, bool) else value
            assert override_recipe(Recipe(), [f"{section.name}.{key.name}={value}"]) == Recipe()


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("train.steps=400", "train", "steps", 400),
        ("train.seconds=30", "train", "seconds", 30.0),
        (" train.seconds = 7.5 ", "train", "seconds", 7.5),
        ("encode.codec=ffv1", "encode", "codec", "ffv1"),
        ('encode.codec="ffv1"', "encode", "codec", "ffv1"),
        ("train.objective=wgan-gp", "train", "objective", "wgan-gp"),
        ("train.frames=4", "train", "frames", 4),
        ("translate.reverse=true", "translate", "reverse", True),
    ],
)
def test_one_value_is_set(override: str, section: str, key: str, value: object) -> None:
    recipe = load_recipe("draft", [override])
    assert getattr(getattr(recipe, section), key) == value
    others = replace(recipe, **{section: getattr(load_recipe("draft"), section)})
    assert others == load_recipe("draft")


def test_the_last_of_several_wins_and_limits_are_checked_when_all_are_set() -> None:
    both = override_recipe(Recipe(), ["train.seconds=0", "train.steps=9", "train.steps=8"])
    assert (both.train.seconds, both.train.steps) == (0, 8)
    with pytest.raises(RecipeError, match="one of them must limit the training"):
        override_recipe(Recipe(), ["train.seconds=0", "train.steps=0"])


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("train.steps", "--set train.steps is not of the form section.key=value, such as train.seconds=60"),
        ("steps=4", "--set steps=4 is not of the form section.key=value"),
        ("train.=4", "unknown key ''"),
        ("train.stepz=4", "unknown key 'stepz'; did you mean 'steps'?"),
        ("train.xyz=4", "unknown key 'xyz'; known: seconds, steps"),
        ("tarin.steps=4", "unknown key 'tarin'; did you mean 'train'?"),
        ("train.steps=", "steps = '' must be a whole number"),
        ("train.steps=four", "steps = 'four' must be a whole number"),
        ("train.steps=-1", "steps = -1 is too small"),
        ("name.x=4", "name = {'x': 4} must be a text"),
        ("translate.reverse=yes", "reverse = 'yes' must be true or false"),
    ],
)
def test_a_bad_override_is_refused(override: str, told: str) -> None:
    with pytest.raises(RecipeError, match=r"^(--set|the settings)") as caught:
        override_recipe(Recipe(), [override])
    assert told in str(caught.value)


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("mosaic")
    assert str(caught.value).startswith("recipe 'mosaic' is unknown; known: ")
    assert all(name in str(caught.value) for name in SHIPPED)
    with pytest.raises(RecipeError, match=r"recipe 'drat' is unknown; did you mean 'draft'\?"):
        load_recipe("drat")


def test_an_editors_own_file_is_taken_by_its_path(tmp_path: Path) -> None:
    own = tmp_path / "mosaic.toml"
    own.write_text('about = "mine"\n[train]\nseconds = 12\n', encoding="utf-8")
    assert find_recipe(str(own)) == own
    assert load_recipe(str(own)).name == "mosaic"
    assert load_recipe(str(own), ["train.seed=5"]).train == replace(TrainSettings(), seconds=12.0, seed=5)


def test_a_file_that_is_not_there_or_not_text_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.toml does not exist"):
        load_recipe(str(tmp_path / "none.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00[train]")
    with pytest.raises(RecipeError, match=r"binary\.toml is not a text that can be read.*save it as UTF-8"):
        load_recipe(str(tmp_path / "binary.toml"))


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "notepad.toml").write_text("[train]\nseconds = 12\n", encoding="utf-8-sig")
    assert load_recipe(str(tmp_path / "notepad.toml")).train.seconds == 12


def test_errors_about_recipes_are_usage_errors() -> None:
    assert issubclass(RecipeError, UsageError)
    assert RecipeError.exit_code == 2


def test_the_default_recipe_is_what_a_recipe_without_keys_gives() -> None:
    assert Recipe().train == load_recipe("balanced").train
    assert Recipe().translate == load_recipe("balanced").translate
