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
from vidgan.gan.device import autocast, choose_precision
from vidgan.gan.generator import Generator, draw_noise
from vidgan.gan.palette import PaletteMap
from vidgan.gan.pyramid import Ladder, shown_levels, size_of
from vidgan.gan.redraw import Redrawer
from vidgan.gan.schedule import Record
from vidgan.gan.tones import match_tones
from vidgan.gan.training import Trained
from vidgan.resample import resize

FORMAT = "vidgan-look-3"

# Convolutions see zeros beyond a picture's edge and draw a line along it: the edge is moved out of sight.
_MARGIN_PX = 16


@dataclass(frozen=True)
class Look:
    """What training made of a pair, ready to be applied to frames.

    Each generator draws its domain's pictures and has the palette that leads there, and the redrawer
    where training had one. tones: of the pair's two pictures (tone_quantiles). preview: (H, W, 3)
    uint8, the representative frame in the look. rates: the record of its training, every iteration's
    learning rate, stage by stage; threads: how many each way had, for that record to be repeated.
    interrupted: the training was stopped before its end. pair_key: a hash of what it was trained on.
    """

    generator_a: Generator
    generator_b: Generator
    palette_a: PaletteMap
    palette_b: PaletteMap
    redrawer_a: Redrawer | None
    redrawer_b: Redrawer | None
    tones_a: Tensor
    tones_b: Tensor
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
            trained.generator_a,
            trained.generator_b,
            trained.palette_a,
            trained.palette_b,
            trained.redrawer_a,
            trained.redrawer_b,
            trained.tones_a,
            trained.tones_b,
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
    def record(self) -> Record:
        """What a training needs to repeat this look's."""
        return Record(self.rates, self.threads)

    def to(self, device: torch.device) -> "Look":
        for network in (self.generator_a, self.generator_b, self.redrawer_a, self.redrawer_b):
            if network is not None:
                network.to(device).to(memory_format=torch.channels_last)
        return replace(self, palette_a=self.palette_a.to(device), palette_b=self.palette_b.to(device))


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
        self.generator = self.look.generator_a if settings.reverse else self.look.generator_b
        self.palette = self.look.palette_a if settings.reverse else self.look.palette_b
        self.redrawer = self.look.redrawer_a if settings.reverse else self.look.redrawer_b
        self.tones = self.look.tones_b if settings.reverse else self.look.tones_a
        self.settings = settings
        self.precision = choose_precision(look.recipe.train.precision, device)
        self._noises: list[Tensor] = []

    @torch.inference_mode()
    def __call__(self, frame: Tensor) -> Tensor:
        """frame: (1, 3, H, W) in [-1, 1] -> the same shape and range, float32, in the look."""
        height, width = frame.shape[-2:]
        margin = min(_MARGIN_PX, height - 1, width - 1)
        exposed = match_tones(frame.to(self.device), self.tones, self.settings.match_tones)
        framed = F.pad(exposed, [margin] * 4, mode="reflect")
        result = resize(self._translate(framed), size_of(framed)).clamp(-1, 1)
        return result[..., margin : margin + height, margin : margin + width].contiguous()

    def _translate(self, frame: Tensor) -> Tensor:
        stages = len(self.generator.stages)
        told, strength = self.palette(frame), self.settings.strength
        if self.redrawer is not None:
            told = self.redrawer.redraw(told, self.look.ladder, strength)
        levels = self.look.ladder.pyramid(told)[:stages]
        shown = shown_levels(stages, strength)
        with autocast(self.device, self.precision):
            return self.generator(levels, shown, self._noise_for(levels))

    def _noise_for(self, levels: list[Tensor]) -> list[Tensor]:
        if not self._noises or self._noises[-1].shape[-2:] != levels[-1].shape[-2:]:
            rng = torch.Generator().manual_seed(self.settings.noise_seed)
            noises = draw_noise([size_of(level) for level in levels], rng)
            self._noises = [noise.to(self.device) * self.settings.noise_amp for noise in noises]
        return self._noises


def save_look(look: Look, path: Path) -> None:
    """Write a look to `path`; OSError where the disk refuses."""
    tensors = {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name in ("generator_a", "generator_b", "redrawer_a", "redrawer_b")
        if (network := getattr(look, name)) is not None
        for key, value in network.state_dict().items()
    }
    for name, palette in (("palette_a", look.palette_a), ("palette_b", look.palette_b)):
        tensors |= {f"{name}.source": palette.source.cpu(), f"{name}.mapped": palette.mapped.cpu()}
    tensors |= {"tones_a": look.tones_a.cpu(), "tones_b": look.tones_b.cpu()}
    tensors["rates"] = torch.tensor([rate for stage in look.rates for rate in stage], dtype=torch.float64)
    if look.preview is not None:
        tensors["preview_png"] = torch.frombuffer(bytearray(_png(look.preview)), dtype=torch.uint8)
    header = {
        "stages": look.ladder.stages,
        "factor": look.ladder.factor,
        "grown": len(look.generator_b.stages),
        "steps": look.steps,
        "threads": look.threads,
        "interrupted": look.interrupted,
        "pair": look.pair_key,
    }
    metadata = {"format": FORMAT, "recipe": dump_recipe(look.recipe), "look": json.dumps(header)}
    path.write_bytes(save({key: value.contiguous() for key, value in tensors.items()}, metadata))


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
        a, b = (
            _load_generator(name, tensors, recipe, header["grown"]) for name in ("generator_a", "generator_b")
        )
        to_a, to_b = (
            PaletteMap(tensors[f"{name}.source"], tensors[f"{name}.mapped"])
            for name in ("palette_a", "palette_b")
        )
        rates = tuple(tuple(stage.tolist()) for stage in tensors["rates"].cpu().split(header["steps"]))
        preview = _preview(tensors.get("preview_png"))
        told = header["threads"], header["interrupted"], header["pair"]
        redrawers = _load_redrawer("redrawer_a", tensors), _load_redrawer("redrawer_b", tensors)
        tones = tensors["tones_a"], tensors["tones_b"]
        return Look(a, b, to_a, to_b, *redrawers, *tones, ladder, recipe, rates, *told, preview)
    except (KeyError, TypeError, RuntimeError, ValueError, OSError, RecipeError) as error:
        raise LookError(f"{path} is damaged or of another version ({error}); train it again") from error


def _preview(png: Tensor | None) -> np.ndarray | None:
    return (
        None if png is None else np.array(Image.open(io.BytesIO(png.cpu().numpy().tobytes())).convert("RGB"))
    )


def _load_generator(name: str, tensors: dict[str, Tensor], recipe: Recipe, stages: int) -> Generator:
    with torch.random.fork_rng(devices=[]):  # first weights are drawn, only to be replaced
        generator = Generator(recipe.train.channels, recipe.train.blocks, stages)
    generator.load_state_dict(_named(name, tensors))
    return generator


def _load_redrawer(name: str, tensors: dict[str, Tensor]) -> Redrawer | None:
    state = _named(name, tensors)
    if not state:
        return None
    with torch.random.fork_rng(devices=[]):
        redrawer = Redrawer()
    redrawer.load_state_dict(state)
    return redrawer


def _named(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
