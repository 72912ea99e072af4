"""A training run's whole state as tensors, so that an interrupted one goes on exactly where it stopped."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidgan.config import TrainSettings
from vidgan.errors import LookError
from vidgan.gan.pair import Pair
from vidgan.gan.schedule import Record
from vidgan.gan.training import Best, Trainer
from vidgan.gan.watch import Health
from vidgan.resample import to_pixels

FORMAT = "vidgan-training-2"

State = dict[str, Tensor]


def save_checkpoint(trainer: Trainer, key: str, path: Path) -> None:
    """Write the state between two iterations; key: training_key of what is trained on."""
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in _tensors(trainer).items()}
    path.write_bytes(save(tensors, {"format": FORMAT, "key": key, "state": json.dumps(_header(trainer))}))


def load_checkpoint(trainer: Trainer, key: str, path: Path) -> None:
    """Bring a new trainer of the same pair and settings to that state; LookError if the file is another's."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise LookError(f"{path} cannot be read ({error}); delete it to train from the beginning") from error
    if (metadata.get("format"), metadata.get("key")) != (FORMAT, key):
        raise LookError(
            f"{path} is of another clip, target, recipe or version; give the same, or leave --resume out"
        )
    header = json.loads(metadata["state"])
    if header["device"] != trainer.device.type:
        raise LookError(
            f"{path} was trained on {header['device']}: go on there, with --device {header['device']}"
        )
    try:
        _restore(trainer, tensors, header)
    except (KeyError, RuntimeError, ValueError) as error:
        raise LookError(f"{path} is damaged ({error}); delete it to train from the beginning") from error


def training_key(pair: Pair, settings: TrainSettings, record: Record | None = None) -> str:
    """A hash of all that an interrupted run must share with the one that goes on.

    Pictures count by their 8-bit pixels: resampling differs between devices in the last bits.
    """
    digest = sha256(json.dumps(asdict(settings), sort_keys=True).encode())
    for picture in (*pair.a, *pair.b, *(frame for frames in pair.held_out for frame in frames)):
        digest.update(to_pixels(picture).tobytes())
    if record is not None:
        digest.update(repr(record).encode())
    return digest.hexdigest()


def _tensors(trainer: Trainer) -> State:
    tensors = trainer.weights()
    tensors |= _prefixed("best", trainer.best.weights)
    tensors |= _prefixed("adam.generators", trainer.optimise_generators.state())
    tensors["rng"] = trainer.rng.get_state()
    for number, way in enumerate(trainer.ways):
        tensors |= _prefixed(f"critic.{number}", way.target.critic.state_dict())
        tensors |= _prefixed(f"adam.critic.{number}", way.optimise_critic.state())
        if way.target.redrawer is not None:
            tensors |= _prefixed(f"redrawer.{number}", way.target.redrawer.state_dict())
        tensors |= _prefixed(f"running.{number}", way.running)
        tensors[f"rng.{number}"], tensors[f"lead.{number}"] = way.rng.get_state(), way.lead
    for stage, rates in enumerate(trainer.schedule.rates):
        tensors[f"rates.{stage}"] = torch.tensor(rates, dtype=torch.float64)
    return tensors


def _header(trainer: Trainer) -> dict[str, Any]:
    return {
        "stage": trainer.stage,
        "threads": trainer.threads,
        "device": trainer.device.type,
        "schedule": trainer.schedule.state(),
        "settling": [settling.values for settling in trainer.settling],
        "against_collapse": [(way.hold, way.push) for way in trainer.ways],
        "findings": trainer.findings,
        "best": {"penalty": trainer.best.penalty, "health": [asdict(h) for h in trainer.best.health]},
    }


def _restore(trainer: Trainer, tensors: State, header: Mapping[str, Any]) -> None:
    for stage in range(header["stage"] + 1):
        trainer.enter(stage)
    trainer.load_weights(tensors)
    trainer.optimise_generators.load(_unprefixed("adam.generators", tensors, trainer.device))
    trainer.rng.set_state(tensors["rng"])
    for number, way in enumerate(trainer.ways):
        way.target.critic.load_state_dict(_unprefixed(f"critic.{number}", tensors, trainer.device))
        way.optimise_critic.load(_unprefixed(f"adam.critic.{number}", tensors, trainer.device))
        if way.target.redrawer is not None:
            way.target.redrawer.load_state_dict(_unprefixed(f"redrawer.{number}", tensors, trainer.device))
        way.running = _unprefixed(f"running.{number}", tensors, trainer.device)
        way.rng.set_state(tensors[f"rng.{number}"])
        way.lead = tensors[f"lead.{number}"].to(trainer.device)
        way.hold, way.push = header["against_collapse"][number]
        trainer.settling[number].values = header["settling"][number]
    rates = [tensors[f"rates.{stage}"].tolist() for stage in range(trainer.ladder.stages)]
    trainer.schedule.load(header["schedule"], rates)
    trainer.threads_before = header["threads"]
    trainer.findings = Counter(header["findings"])
    health = tuple(Health(**h) for h in header["best"]["health"])
    trainer.best = Best(header["best"]["penalty"], _unprefixed("best", tensors, trainer.device), health)


def _prefixed(prefix: str, state: Mapping[str, Tensor]) -> State:
    return {f"{prefix}/{name}": value for name, value in state.items()}


def _unprefixed(prefix: str, tensors: Mapping[str, Tensor], device: torch.device) -> State:
    start = f"{prefix}/"
    return {k.removeprefix(start): v.to(device) for k, v in tensors.items() if k.startswith(start)}
