"""A trained look: one .safetensors file with the model, the resolved recipe and a preview picture."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidgan.config import Recipe, TranslateSettings, dump_recipe, parse_recipe
from vidgan.errors import LookError, RecipeError
from vidgan.gan.conditioned import Conditioned
from vidgan.gan.model import Model, Motion, Translation, at_rest, named, prefixed
from vidgan.gan.painted.model import Painted
from vidgan.gan.published.model import Published
from vidgan.gan.schedule import Record
from vidgan.gan.training import Trained

FORMAT = "vidgan-look-6"
MODELS: dict[str, type[Model]] = {
    "pyramid": Conditioned,
    "start": Published,
    "none": Published,
    "painted": Painted,
}
"""By what the generators are told (PartsSettings.conditioning)."""


@dataclass(frozen=True)
class Look:
    """What training made of a pair, ready to be applied to frames.

    preview: (H, W, 3) uint8, the representative frame in the look. rates: the record of its training,
    every iteration's learning rate, stage by stage; threads: how many each way had, for that record to be
    repeated. interrupted: the training was stopped before its end. pair_key: a hash of what it was
    trained on.
    """

    model: Model
    recipe: Recipe
    rates: tuple[tuple[float, ...], ...]
    threads: int = 1
    interrupted: bool = False
    pair_key: str = ""
    preview: np.ndarray | None = None

    @classmethod
    def of(cls, trained: Trained, recipe: Recipe) -> "Look":
        return cls(trained.model, recipe, trained.rates, trained.threads, trained.interrupted)

    @property
    def steps(self) -> tuple[int, ...]:
        """Iterations of each stage."""
        return tuple(map(len, self.rates))

    @property
    def record(self) -> Record:
        """What a training needs to repeat this look's."""
        return Record(self.rates, self.threads)

    def translation(
        self,
        device: torch.device,
        settings: TranslateSettings | None = None,
        motion: Motion = at_rest,
        engine: str = "torch",
    ) -> Translation:
        """Ready to be applied to frames. settings: the recipe's own where None. motion: to its keyframes.

        engine: one of gan.engine's. UsageError or DeviceError where it cannot be had for this look.
        """
        return self.model.translation(self.recipe, settings or self.recipe.translate, device, motion, engine)


def save_look(look: Look, path: Path) -> None:
    """Write a look to `path`; OSError where the disk refuses."""
    tensors = prefixed("model", look.model.tensors())
    tensors["rates"] = torch.tensor([rate for stage in look.rates for rate in stage], dtype=torch.float64)
    if look.preview is not None:
        tensors["preview_png"] = torch.frombuffer(bytearray(_png(look.preview)), dtype=torch.uint8)
    header = {
        "model": look.model.facts(),
        "steps": look.steps,
        "threads": look.threads,
        "interrupted": look.interrupted,
        "pair": look.pair_key,
    }
    metadata = {"format": FORMAT, "recipe": dump_recipe(look.recipe), "look": json.dumps(header)}
    path.write_bytes(save({key: x.detach().cpu().contiguous() for key, x in tensors.items()}, metadata))


def load_look(path: Path) -> Look:
    """Read a look, onto the CPU; LookError where the file is not one. Nothing in it is ever unpickled."""
    if path.is_dir():
        raise LookError(f"{path} is a folder; give the .safetensors file of a look")
    if not path.is_file():
        raise LookError(f"{path} does not exist; train it with `vidgan train CLIP TARGET -o {path}`")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise LookError(
            f"{path} is not a .safetensors file ({error}); expected a look that vidgan trained"
        ) from error
    if metadata.get("format") != FORMAT:
        raise LookError(f"{path} is not a look of this version of vidgan ({FORMAT}); train it again")
    return _rebuild(path, metadata, tensors)


def _rebuild(path: Path, metadata: dict[str, str], tensors: dict[str, Tensor]) -> Look:
    try:
        recipe = parse_recipe(metadata["recipe"], where=f"the recipe in {path}")
        header = json.loads(metadata["look"])
        kind = MODELS[recipe.parts.conditioning]
        model = kind.rebuilt(recipe, header["model"], named("model", tensors))
        rates = tuple(tuple(stage.tolist()) for stage in tensors["rates"].cpu().split(header["steps"]))
        preview = _preview(tensors.get("preview_png"))
        return Look(model, recipe, rates, header["threads"], header["interrupted"], header["pair"], preview)
    except (KeyError, TypeError, RuntimeError, ValueError, OSError, RecipeError) as error:
        raise LookError(f"{path} is damaged or of another version ({error}); train it again") from error


def _preview(png: Tensor | None) -> np.ndarray | None:
    return (
        None if png is None else np.array(Image.open(io.BytesIO(png.cpu().numpy().tobytes())).convert("RGB"))
    )


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
