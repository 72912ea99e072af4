"""Recipes: frozen dataclasses and the TOML files that mirror them, key by key."""

import difflib
import json
import math
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import Field, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from vidgan.errors import RecipeError

DEFAULT_RECIPE = "balanced"

_LAMBDAS = ("adv", "cyc", "rec", "patch", "palette", "analogy", "penalty", "detail", "steady")
_LARGEST_SEED = 2**48
# What counts in our own training alone.
_OURS = [
    "window_px",
    "window_tries",
    "windows",
    "frames",
    "noise_softness",
    "texture_scale",
    "lambda_patch",
    "lambda_palette",
    "lambda_analogy",
    "lambda_steady",
    "patch_whitening",
    "projections",
    "free_share",
    "redraw_steps",
    "imitated_every",
    "generated_every",
    "arranged_every",
    "cycle_every",
    "reconstruct_every",
    "steady_every",
]
# What painted keyframes are trained by.
_PAINTED = (
    "seconds",
    "steps",
    "seed",
    "channels",
    "window_px",
    "windows",
    "frames",
    "critic_channels",
    "lambda_adv",
    "lambda_patch",
    "lambda_detail",
    "patch_px",
    "patch_whitening",
    "projections",
    "learning_rate",
    "decay",
    "decay_to",
    "precision",
)
_KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def _is_changed(settings: Any, field: Field) -> bool:
    return bool(getattr(settings, field.name) != field.default)


def _at_least(low: float, **values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise RecipeError(f"{name} = {value} is no limit; give a number of at least {low}")
        if value < low:
            raise RecipeError(f"{name} = {value} is too small; it must be at least {low}")


def _between(low: float, high: float, **values: float) -> None:
    for name, value in values.items():
        if not low <= value <= high:
            raise RecipeError(f"{name} = {value} is out of range; it must be {low} to {high}")


def _one_of(known: tuple[str, ...], **values: str) -> None:
    for name, value in values.items():
        if value not in known:
            raise RecipeError(f"{name} = {value!r} is unknown; known: {', '.join(known)}")


CODECS = (
    "auto",
    "h264",
    "h265-10bit",
    "prores422",
    "prores4444",
    "dnxhr",
    "ffv1",
    "av1",
    "vp9",
    "png",
    "exr",
)
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
CHROMAS = ("auto", "420", "422", "444", "rgb")


@dataclass(frozen=True)
class DecodeSettings:
    """How the clip is surveyed before anything is made of it."""

    cut_threshold: float = 3.0

    def __post_init__(self) -> None:
        _at_least(0.1, cut_threshold=self.cut_threshold)


@dataclass(frozen=True)
class FlowSettings:
    """Optical flow between neighbouring source frames."""

    backend: str = "dis"
    preset: str = "fast"
    max_side: int = 960
    refinements: int = 5

    def __post_init__(self) -> None:
        _one_of(("dis", "raft-small", "raft-large"), backend=self.backend)
        _one_of(("ultrafast", "fast", "brisk", "medium"), preset=self.preset)
        _at_least(64, max_side=self.max_side)
        _between(0, 50, refinements=self.refinements)


@dataclass(frozen=True)
class PartsSettings:
    """What the GAN is put together from: ours, or the parts of a published method (docs/methods.md)."""

    conditioning: str = "pyramid"
    hand_on: str = "features"
    ladder: str = "even"
    stages: int = 0
    max_px: int = 0
    trained_stages: int = 0
    lower_rate: float = 1.0
    batch_norm: bool = False
    widen_every: int = 0
    plain_stages: int = 0
    noise_rmse: float = 0.1
    leak: float = 0.05
    padding: str = "layers"
    critic_rate: float = 1.0
    critic_steps: int = 1
    generator_steps: int = 1

    def __post_init__(self) -> None:
        _one_of(("pyramid", "start", "none", "painted"), conditioning=self.conditioning)
        _one_of(("features", "pictures"), hand_on=self.hand_on)
        _one_of(("even", "logarithmic", "constant"), ladder=self.ladder)
        _one_of(("layers", "stages"), padding=self.padding)
        _between(0, 16, stages=self.stages, trained_stages=self.trained_stages, widen_every=self.widen_every)
        _at_least(0, plain_stages=self.plain_stages, noise_rmse=self.noise_rmse, max_px=self.max_px)
        _between(0, 1, lower_rate=self.lower_rate, leak=self.leak)
        _between(0.001, 100, critic_rate=self.critic_rate)
        _between(1, 10, critic_steps=self.critic_steps, generator_steps=self.generator_steps)
        if self.conditioning in ("pyramid", "painted"):
            others = [f.name for f in fields(self) if f.name != "conditioning"]
            self._refuse(f"conditioning = {self.conditioning!r}", *others)
        else:
            self._check_published()

    def _check_published(self) -> None:
        if self.ladder == "even":
            raise RecipeError("ladder = 'even' is for conditioning = 'pyramid'; give logarithmic or constant")
        if self.ladder == "constant":
            self._refuse("ladder = 'constant'", "stages")
        elif self.stages < 2:
            raise RecipeError(f"stages = {self.stages} is too small for a logarithmic ladder; give 2 or more")
        if self.hand_on == "features":
            self._refuse("hand_on = 'features'", "widen_every", "plain_stages")
        elif self.trained_stages != 1:
            raise RecipeError("where pictures are handed on only the newest stage trains: trained_stages = 1")
        else:
            self._refuse("hand_on = 'pictures'", "lower_rate")

    def _refuse(self, beside: str, *names: str) -> None:
        """What would count nothing beside that is not to be set."""
        changed = [f.name for f in fields(self) if f.name in names and _is_changed(self, f)]
        if changed:
            raise RecipeError(f"{', '.join(changed)}: not with {beside}; leave it out")


@dataclass(frozen=True)
class TrainSettings:
    """The cyclic multi-scale GAN and how it is trained on the representative pair."""

    seconds: float = 180.0
    steps: int = 0
    seed: int = 0
    texture_scale: float = 0.0
    coarsest_px: int = 27
    noise_softness: float = 0.85
    scale_factor: float = 2.1
    stage_growth: float = 1.7
    channels: int = 32
    blocks: int = 3
    critic_channels: int = 32
    window_px: int = 80
    window_tries: int = 8
    windows: int = 1
    frames: int = 0
    objective: str = "hinge"
    learning_rate: float = 1.5e-3
    decay: float = 0.4
    decay_to: float = 0.0
    lambda_adv: float = 0.8
    lambda_cyc: float = 5.0
    lambda_rec: float = 3.0
    lambda_patch: float = 12.0
    lambda_palette: float = 4.0
    lambda_analogy: float = 3.0
    lambda_penalty: float = 0.1
    lambda_detail: float = 0.0
    lambda_steady: float = 0.0
    patch_px: int = 7
    patch_whitening: float = 0.5
    projections: int = 48
    free_share: float = 0.75
    redraw_steps: int = 300
    imitated_every: int = 4
    generated_every: int = 8
    arranged_every: int = 2
    cycle_every: int = 4
    reconstruct_every: int = 4
    steady_every: int = 4
    precision: str = "auto"

    def __post_init__(self) -> None:
        _at_least(0, seconds=self.seconds, steps=self.steps, texture_scale=self.texture_scale)
        _at_least(1, channels=self.channels, blocks=self.blocks, critic_channels=self.critic_channels)
        _at_least(1, cycle_every=self.cycle_every, reconstruct_every=self.reconstruct_every)
        _at_least(1, steady_every=self.steady_every)
        _at_least(1, projections=self.projections, window_tries=self.window_tries)
        _at_least(0, generated_every=self.generated_every, arranged_every=self.arranged_every)
        _at_least(0, redraw_steps=self.redraw_steps, imitated_every=self.imitated_every)
        _at_least(0, learning_rate=self.learning_rate)
        _between(0, 14, frames=self.frames)
        _between(0, 4, noise_softness=self.noise_softness)
        _at_least(1, windows=self.windows)
        _at_least(0, **{f"lambda_{name}": getattr(self, f"lambda_{name}") for name in _LAMBDAS})
        _between(0, _LARGEST_SEED, seed=self.seed)
        _at_least(3, patch_px=self.patch_px)
        _at_least(2 * self.patch_px, coarsest_px=self.coarsest_px, window_px=self.window_px)
        _at_least(1.1, scale_factor=self.scale_factor)
        _at_least(1, stage_growth=self.stage_growth)
        _between(0.01, 1, decay=self.decay)
        _between(0, 1, decay_to=self.decay_to)
        _between(0, 1, free_share=self.free_share, patch_whitening=self.patch_whitening)
        _one_of(("auto", "fp32", "bf16"), precision=self.precision)
        _one_of(("hinge", "non-saturating", "wgan-gp"), objective=self.objective)
        if not self.seconds and not self.steps:
            raise RecipeError("seconds and steps are both 0; one of them must limit the training")

    def weights(self) -> dict[str, float]:
        """Each generator loss's weight, by the name under which it is reported."""
        return {
            "adversarial": self.lambda_adv,
            "cycle": self.lambda_cyc,
            "reconstruction": self.lambda_rec,
            "patch": self.lambda_patch,
            "palette": self.lambda_palette,
            "analogy": self.lambda_analogy,
            "analogous patches": self.lambda_patch,
            "unsteadiness": self.lambda_steady,
        }


@dataclass(frozen=True)
class TranslateSettings:
    """How a trained look is applied to a frame."""

    method: str = "gan"
    strength: float = 0.4
    match_tones: float = 1.0
    reverse: bool = False
    noise_amp: float = 0.85
    noise_seed: int = 0
    anchor_every: int = 16

    def __post_init__(self) -> None:
        _one_of(("gan", "none"), method=self.method)
        _between(0, 1, strength=self.strength, match_tones=self.match_tones)
        _between(0, 2, noise_amp=self.noise_amp)
        _between(0, _LARGEST_SEED, noise_seed=self.noise_seed)
        _between(0, 1000, anchor_every=self.anchor_every)


@dataclass(frozen=True)
class SmoothSettings:
    """The window along motion that steadies the result."""

    window: int = 2
    sigma: float = 2.0
    source_tolerance: float = 0.08
    keep_detail: float = 1.0

    def __post_init__(self) -> None:
        _between(0, 8, window=self.window)
        _at_least(0.01, sigma=self.sigma, source_tolerance=self.source_tolerance)
        _between(0, 1, keep_detail=self.keep_detail)


@dataclass(frozen=True)
class EncodeSettings:
    """What the result is written as."""

    codec: str = "auto"
    crf: int = 17
    preset: str = "medium"
    chroma: str = "auto"
    segment: int = 120

    def __post_init__(self) -> None:
        _between(1, 100_000, segment=self.segment)
        _one_of(CODECS, codec=self.codec)
        _one_of(PRESETS, preset=self.preset)
        _one_of(CHROMAS, chroma=self.chroma)
        _between(0, 63, crf=self.crf)


@dataclass(frozen=True)
class Recipe:
    """One pipeline: a section per stage, in the order in which a frame meets them."""

    name: str = DEFAULT_RECIPE
    about: str = ""
    decode: DecodeSettings = field(default_factory=DecodeSettings)
    flow: FlowSettings = field(default_factory=FlowSettings)
    parts: PartsSettings = field(default_factory=PartsSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    translate: TranslateSettings = field(default_factory=TranslateSettings)
    smooth: SmoothSettings = field(default_factory=SmoothSettings)
    encode: EncodeSettings = field(default_factory=EncodeSettings)

    def __post_init__(self) -> None:
        starts_coarsest = self.parts.conditioning == "start" and self.parts.hand_on == "features"
        if starts_coarsest and self.translate.strength != 1:
            raise RecipeError("where features are handed on from the coarsest picture, strength is always 1")
        if self.parts.conditioning == "painted":
            self._check_painted()
        elif self.train.lambda_detail:
            raise RecipeError("train.lambda_detail: only for painted keyframes; leave it out")
        elif self.parts.conditioning != "pyramid":
            self._check_published()

    def _check_painted(self) -> None:
        """A painted keyframe leaves less to be chosen; what would count nothing is not to be set."""
        for section, known in (("train", _PAINTED), ("translate", ("method",))):
            settings = getattr(self, section)
            changed = [f.name for f in fields(settings) if f.name not in known and _is_changed(settings, f)]
            if changed:
                raise RecipeError(f"{', '.join(changed)}: not for painted keyframes; leave it out")

    def _check_published(self) -> None:
        """Published methods know one game and whole pictures; what they do not know is not to be set."""
        if (self.train.objective, self.train.precision) != ("wgan-gp", "fp32"):
            raise RecipeError("published parts train by objective = 'wgan-gp' with precision = 'fp32'")
        changed = [f.name for f in fields(self.train) if f.name in _OURS and _is_changed(self.train, f)]
        if changed:
            raise RecipeError(f"{', '.join(changed)}: only with conditioning = 'pyramid'; leave it out")
        if self.translate.anchor_every != TranslateSettings.anchor_every:
            raise RecipeError(
                "translate.anchor_every: published methods keep their noise where it is; leave it out"
            )
        if self.parts.conditioning == "none" and self.train.lambda_cyc != TrainSettings.lambda_cyc:
            raise RecipeError("lambda_cyc: one picture has no cycle; leave it out")
        least = 2 * (self.train.blocks + 2) + 1
        if self.train.coarsest_px < least:
            raise RecipeError(f"coarsest_px: blocks = {self.train.blocks} leave nothing of it; give {least}")
        if self.parts.ladder == "logarithmic" and self.train.scale_factor != TrainSettings.scale_factor:
            raise RecipeError("scale_factor: a logarithmic ladder has parts.stages; leave it out")


def recipe_paths() -> dict[str, Path]:
    """The recipes that come with vidgan, by name: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    folder = next((f for f in (package / "pipelines", package.parent / "pipelines") if f.is_dir()), None)
    return {path.stem: path for path in sorted(folder.glob("*.toml"))} if folder else {}


def find_recipe(name: str) -> Path:
    """The file of a recipe, given as a known name or as a path to a .toml file."""
    if name.endswith(".toml"):
        if not Path(name).is_file():
            raise RecipeError(f"recipe {name} does not exist; copy one from `vidgan pipelines NAME` to start")
        return Path(name)
    known = recipe_paths()
    if name not in known:
        raise RecipeError(f"recipe {name!r} is unknown; {_meant(name, known)} A file's name ends in .toml")
    return known[name]


def load_recipe(name: str | Path = DEFAULT_RECIPE, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe by name or path and apply overrides such as "train.steps=400".

    Keys that are left out keep their defaults; unknown ones raise RecipeError and name the known.
    """
    path = find_recipe(str(name))
    recipe = parse_recipe(_read(path), name=path.stem, where=str(path))
    return override_recipe(recipe, overrides)


def override_recipe(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """The recipe with single values changed, each given as "section.key=value"."""
    changes: dict[str, dict[str, Any]] = {}
    for override in overrides:  # all at once: limits that depend on each other may change together
        section, name, value = _parse_override(override)
        changes.setdefault(section, {})[name] = value
    return _fill(recipe, changes, "the settings")


def parse_recipe(text: str, *, name: str = DEFAULT_RECIPE, where: str = "the recipe") -> Recipe:
    """A recipe from its TOML text; `where` names it in errors."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where} is not valid TOML: {error}") from error
    return _fill(Recipe(name=name), data, where)


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as TOML, every key of it: parse_recipe gives the same recipe back."""
    lines = [f"name = {json.dumps(recipe.name)}", f"about = {json.dumps(recipe.about)}"]
    for section, values in asdict(recipe).items():
        if isinstance(values, dict):
            lines += ["", f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors put a byte order mark before the text
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not a text that can be read ({error}); save it as UTF-8") from error


def _parse_override(override: str) -> tuple[str, str, Any]:
    key, equals, text = override.partition("=")
    section, dot, name = key.strip().partition(".")
    if not equals or not dot:
        raise RecipeError(f"--set {override} is not of the form section.key=value, such as train.seconds=60")
    try:
        return section, name, tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return section, name, text.strip()  # a bare word: --set encode.codec=ffv1


def _fill(settings: Any, data: dict[str, Any], where: str) -> Any:
    """A copy of the settings with `data` laid over it, sections within sections."""
    known = {f.name: getattr(settings, f.name) for f in fields(settings)}
    for key, value in data.items():
        if key not in known:
            raise RecipeError(f"{where}: unknown key {key!r}; {_meant(key, known)}")
        known[key] = _fill_one(known[key], value, where, key)
    try:
        return replace(settings, **{key: known[key] for key in data})
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from error


def _meant(given: str, known: Collection[str]) -> str:
    """The known name that is nearest, or all of them."""
    close = difflib.get_close_matches(given, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}."


def _fill_one(current: Any, value: Any, where: str, key: str) -> Any:
    if is_dataclass(current):
        if not isinstance(value, dict):
            raise RecipeError(f"{where}: {key} is a section, written [{key}]")
        return _fill(current, value, f"{where}, [{key}]")
    if isinstance(current, float) and type(value) is int:
        return float(value)
    if key == "chroma" and type(value) is int:
        return str(value)  # --set encode.chroma=420
    if type(value) is not type(current):
        raise RecipeError(f"{where}: {key} = {value!r} must be {_KINDS[type(current)]}")
    return value
