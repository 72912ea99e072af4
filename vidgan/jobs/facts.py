"""All that a render's bits depend on, by name: parts made under other facts are never mixed."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import cv2
import torch

from vidgan import __version__
from vidgan.config import Recipe
from vidgan.errors import MediaError
from vidgan.gan.device import choose_precision
from vidgan.gan.engine import engine_in_words
from vidgan.jobs.matte import Matte
from vidgan.jobs.options import Options
from vidgan.media import Clip, Codec
from vidgan.media.container import ffmpeg_version
from vidgan.media.digest import file_sha256

Facts = Mapping[str, str]

_LIBRARIES = ("numpy", "opencv-python-headless", "av")
_PROGRAM = ("vidgan's version", "vidgan's code")
_SHOWN = 24  # characters of a value; more is a hash


def facts_of(
    job: str,
    clip: Clip,
    span: range,
    recipe: Recipe,
    codec: Codec,
    options: Options,
    device: torch.device,
    *,
    matte: Matte | None = None,
    inputs: Mapping[str, str | Path] | None = None,
    words: Mapping[str, object] | None = None,
    contents: "Contents | None" = None,
) -> Facts:
    """job: "render" or "translate". inputs: more files by what they are; words: more that was asked for.
    contents: what is known of files already.

    Left out is what changes no pixel: paths, threads, what is written beside the output; and whether damage
    is carried on with, which changes no frame that is whole.
    """
    contents = contents or Contents()
    facts = {"the kind of job": job, "the clip": contents.of_clip(clip)}
    facts |= {
        "--stream": str(clip.info.stream),
        "the frame rate": str(clip.info.average_rate),
        "the span": f"{span.start}-{span.stop}",
    }
    facts |= {f"the recipe's {name}": value for name, value in _flat(recipe).items()}
    facts |= {"the codec": f"{codec.name} {codec.pix_fmt} {dict(codec.options)}"}
    if matte is not None:
        facts |= {"the matte": contents.of_clip(matte.clip), "--feather": f"{matte.feather:g}"}
    if options.raft_weights is not None:
        inputs = {**(inputs or {}), "RAFT's weights": options.raft_weights}
    facts |= {name: contents.of(Path(path)) for name, path in (inputs or {}).items()}
    facts |= {name: str(value) for name, value in (words or {}).items()}
    drawn = recipe.parts.conditioning == "pyramid" and recipe.translate.method != "none"
    facts |= {"--engine": engine_in_words(options.engine if drawn else "torch", device)}
    return facts | dict(machine_facts(device, recipe))


def machine_facts(device: torch.device, recipe: Recipe) -> Facts:
    """Versions, device, precision and instruction sets: AVX2 and AVX-512 round differently."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    precision = str(choose_precision(recipe.train.precision, device)).removeprefix("torch.")
    return {
        **dict(zip(_PROGRAM, (__version__, _code()), strict=True)),
        **{f"the version of {library}": version(library) for library in _LIBRARIES},
        "the version of torch": " ".join([torch.__version__, *_cudnn(device)]),
        "FFmpeg's version": ffmpeg_version(),
        "the device": f"{name} {precision}",
        "the processor": platform.machine(),
        "the processor's instructions": _instructions(),
    }


def program_facts(facts: Facts) -> Facts:
    """Of machine_facts what vidgan itself is."""
    return {name: told for name, told in facts.items() if name in _PROGRAM}


def key_of(facts: Facts) -> str:
    """One hash of them all."""
    return sha256(json.dumps(dict(facts), sort_keys=True).encode()).hexdigest()


def differences(before: Facts, now: Facts) -> list[str]:
    """What has changed, in words, the user's own doing first."""
    changed = [name for name in {**now, **before} if before.get(name) != now.get(name)]
    return [_told(name, before.get(name), now.get(name)) for name in changed]


class Contents:
    """Hashes of files, by their paths, sizes and times: of a film that many look at, it is taken once.

    known: what another process had found; it may be kept as JSON.
    """

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self.known = dict(known or {})

    def of(self, path: Path) -> str:
        """Of a file. Raises MediaError where it cannot be read."""
        return self._of([path], path)

    def of_clip(self, clip: Clip) -> str:
        """A hash of every byte that is read of it."""
        return self._of(clip.files, clip.path)

    def _of(self, files: Sequence[Path], name: Path) -> str:
        try:
            told = [[str(file.absolute()), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
            key = sha256(json.dumps(told).encode()).hexdigest()
            if key not in self.known:
                self.known[key] = file_sha256(*files)
            return self.known[key]
        except OSError as error:
            raise MediaError(f"{name} cannot be read ({error.strerror}): check it.") from error


def _flat(recipe: Recipe) -> Facts:
    sections = {name: part for name, part in asdict(recipe).items() if isinstance(part, dict)}
    return {f"{s}.{key}": str(value) for s, part in sections.items() for key, value in part.items()}


def _told(name: str, before: str | None, now: str | None) -> str:
    if before is None or now is None or max(len(before), len(now)) > _SHOWN:
        return name
    return f"{name} ({before}, now {now})"


@cache
def _code() -> str:
    """Of a checkout, which changes between versions."""
    package = Path(__file__).parent.parent
    return file_sha256(*sorted(package.rglob("*.py")))


def _cudnn(device: torch.device) -> list[str]:
    return [f"cuDNN {torch.backends.cudnn.version()}"] if device.type == "cuda" else []


@cache
def _instructions() -> str:
    known = torch.backends.cpu.get_cpu_capability(), *cv2.getCPUFeaturesLine().split()
    has_bf16, has_amx = torch.cpu._is_avx512_bf16_supported(), torch.cpu._is_amx_tile_supported()
    return " ".join([*known, *(["bf16"] if has_bf16 else []), *(["amx"] if has_amx else [])])
