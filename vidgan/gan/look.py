"""A trained look: one .safetensors file with both generators, the resolved recipe and a preview picture."""

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidgan.config import Recipe, TranslateSettings, dump_recipe, parse_recipe
from vidgan.errors import LookError, RecipeError
from vidgan.gan.crossing import Crossing
from vidgan.gan.device import autocast, choose_precision
from vidgan.gan.generator import Generator, draw_noise
from vidgan.gan.palette import PaletteMap
from vidgan.gan.pyramid import Ladder, shown_levels, size_of
from vidgan.gan.redraw import Redrawer
from vidgan.gan.schedule import Record
from vidgan.gan.tones import match_tones
from vidgan.gan.training import Trained
from vidgan.resample import resize

FORMAT = "vidgan-look-4"

# Convolutions see zeros beyond a picture's edge and draw a line along it: the edge is moved out of sight.
_MARGIN_PX = 16


@dataclass(frozen=True)
class Look:
    """What training made of a pair, ready to be applied to frames.

    to_b: from the clip's domain to the target's; to_a: back. preview: (H, W, 3) uint8, the
    representative frame in the look. rates: the record of its training, every iteration's
    learning rate, stage by stage; threads: how many each way had, for that record to be repeated.
    interrupted: the training was stopped before its end. pair_key: a hash of what it was trained on.
    """

    to_b: Crossing
    to_a: Crossing
    ladder: Ladder
    recipe: Recipe
    rates: tuple[tuple[float, ...], ...]
    threads: int = 1
    interrupted: bool = False
    pair_key: str = ""
    preview: np.ndarray | None = None

    @classmethod
    def of(cls, trained: Trained, recipe: Recipe) -> "Look":
        return cls(
            trained.to_b,
            trained.to_a,
            trained.ladder,
            recipe,
            trained.rates,
            trained.threads,
            trained.interrupted,
        )

    @property
    def steps(self) -> tuple[int, ...]:
        """Iterations of each stage."""
        return tuple(map(len, self.rates))

    @property
    def grown(self) -> int:
        """How many of the ladder's stages the generators have: all, unless this is a look in training."""
        return len(self.to_b.generator.stages)

    @property
    def record(self) -> Record:
        """What a training needs to repeat this look's."""
        return Record(self.rates, self.threads)

    def to(self, device: torch.device) -> "Look":
        return replace(self, to_b=self.to_b.to(device), to_a=self.to_a.to(device))


class Translator:
    """Applies a look to frames one by one, with the same noise at every frame.

    A look that is still in training has fewer stages than its ladder: what it makes at the size that
    it has reached is enlarged to the frame's.

    Noise belongs to a frame size, is drawn on the CPU and then moved: every device sees the same.
    """

    def __init__(self, look: Look, device: torch.device, settings: TranslateSettings | None = None) -> None:
        """settings: the recipe's own, or those of the look's where None."""
        settings = settings or look.recipe.translate
        self.look, self.device = look.to(device), device
        self.crossing = self.look.to_a if settings.reverse else self.look.to_b
        self.settings = settings
        self.precision = choose_precision(look.recipe.train.precision, device)
        self._noises: list[Tensor] = []

    @torch.inference_mode()
    def __call__(self, frame: Tensor) -> Tensor:
        """frame: (1, 3, H, W) in [-1, 1] -> the same shape and range, float32, in the look."""
        height, width = frame.shape[-2:]
        margin = min(_MARGIN_PX, height - 1, width - 1)
        exposed = match_tones(frame.to(self.device), self.crossing.tones, self.settings.match_tones)
        framed = F.pad(exposed, [margin] * 4, mode="reflect")
        result = resize(self._translate(framed), size_of(framed)).clamp(-1, 1)
        return result[..., margin : margin + height, margin : margin + width].contiguous()

    def _translate(self, frame: Tensor) -> Tensor:
        crossing, strength = self.crossing, self.settings.strength
        stages = len(crossing.generator.stages)
        told = crossing.palette(frame)
        if crossing.redrawer is not None:
            told = crossing.redrawer.redraw(told, self.look.ladder, strength)
        levels = self.look.ladder.pyramid(told)[:stages]
        shown = shown_levels(stages, strength)
        with autocast(self.device, self.precision):
            return crossing.generator(levels, shown, self._noise_for(levels))

    def _noise_for(self, levels: list[Tensor]) -> list[Tensor]:
        if not self._noises or self._noises[-1].shape[-2:] != levels[-1].shape[-2:]:
            rng = torch.Generator().manual_seed(self.settings.noise_seed)
            noises = draw_noise([size_of(level) for level in levels], rng)
            self._noises = [noise.to(self.device) * self.settings.noise_amp for noise in noises]
        return self._noises


def save_look(look: Look, path: Path) -> None:
    """Write a look to `path`; OSError where the disk refuses."""
    tensors = _tensors("to_b", look.to_b) | _tensors("to_a", look.to_a)
    tensors["rates"] = torch.tensor([rate for stage in look.rates for rate in stage], dtype=torch.float64)
    if look.preview is not None:
        tensors["preview_png"] = torch.frombuffer(bytearray(_png(look.preview)), dtype=torch.uint8)
    header = {
        "stages": look.ladder.stages,
        "factor": look.ladder.factor,
        "grown": look.grown,
        "steps": look.steps,
        "threads": look.threads,
        "interrupted": look.interrupted,
        "pair": look.pair_key,
    }
    metadata = {"format": FORMAT, "recipe": dump_recipe(look.recipe), "look": json.dumps(header)}
    path.write_bytes(save({key: x.detach().cpu().contiguous() for key, x in tensors.items()}, metadata))


def load_look(path: Path, device: torch.device | str = "cpu") -> Look:
    """Read a look; LookError where the file is not one. Nothing in it is ever unpickled."""
    if not path.is_file():
        raise LookError(f"{path} does not exist; train it with `vidgan train CLIP TARGET -o {path}`")
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise LookError(
            f"{path} is not a .safetensors file ({error}); expected a look that vidgan trained"
        ) from error
    if metadata.get("format") != FORMAT:
        raise LookError(f"{path} is not a look of this version of vidgan ({FORMAT}); train it again")
    return _rebuild(path, metadata, tensors).to(torch.device(device))


def _rebuild(path: Path, metadata: dict[str, str], tensors: dict[str, Tensor]) -> Look:
    try:
        recipe = parse_recipe(metadata["recipe"], where=f"the recipe in {path}")
        header = json.loads(metadata["look"])
        ladder = Ladder(header["stages"], header["factor"])
        to_b, to_a = (_crossing(_named(name, tensors), recipe, header["grown"]) for name in ("to_b", "to_a"))
        rates = tuple(tuple(stage.tolist()) for stage in tensors["rates"].cpu().split(header["steps"]))
        preview = _preview(tensors.get("preview_png"))
        told = header["threads"], header["interrupted"], header["pair"]
        return Look(to_b, to_a, ladder, recipe, rates, *told, preview)
    except (KeyError, TypeError, RuntimeError, ValueError, OSError, RecipeError) as error:
        raise LookError(f"{path} is damaged or of another version ({error}); train it again") from error


def _tensors(name: str, crossing: Crossing) -> dict[str, Tensor]:
    parts = {
        "tones": {"quantiles": crossing.tones},
        "palette": {"source": crossing.palette.source, "mapped": crossing.palette.mapped},
        "redrawer": {} if crossing.redrawer is None else crossing.redrawer.state_dict(),
        "generator": crossing.generator.state_dict(),
    }
    return {f"{name}.{part}.{key}": x for part, tensors in parts.items() for key, x in tensors.items()}


def _crossing(tensors: dict[str, Tensor], recipe: Recipe, stages: int) -> Crossing:
    with torch.random.fork_rng(devices=[]):  # first weights are drawn, only to be replaced
        generator = Generator(recipe.train.channels, recipe.train.blocks, stages)
        redrawer = Redrawer() if _named("redrawer", tensors) else None
    generator.load_state_dict(_named("generator", tensors))
    if redrawer is not None:
        redrawer.load_state_dict(_named("redrawer", tensors))
    palette = PaletteMap(tensors["palette.source"], tensors["palette.mapped"])
    return Crossing(tensors["tones.quantiles"], palette, redrawer, generator)


def _preview(png: Tensor | None) -> np.ndarray | None:
    return (
        None if png is None else np.array(Image.open(io.BytesIO(png.cpu().numpy().tobytes())).convert("RGB"))
    )


def _named(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
