"""The whole state of one of our training runs, as tensors and plain values."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vidgan.gan.best import Best
from vidgan.gan.model import named, prefixed
from vidgan.gan.watch import Health

if TYPE_CHECKING:
    from vidgan.gan.training import Trainer

State = dict[str, Tensor]


def tensors_of(trainer: "Trainer") -> State:
    tensors = trainer.weights()
    tensors |= prefixed("best", trainer.best.weights)
    tensors |= prefixed("adam.generators", trainer.optimise_generators.state())
    tensors["rng"] = trainer.rng.get_state()
    for number, way in enumerate(trainer.ways):
        tensors |= prefixed(f"critic.{number}", way.target.critic.state_dict())
        tensors |= prefixed(f"adam.critic.{number}", way.optimise_critic.state())
        if way.target.redrawer is not None:
            tensors |= prefixed(f"redrawer.{number}", way.target.redrawer.state_dict())
        tensors |= prefixed(f"running.{number}", way.running)
        tensors[f"rng.{number}"], tensors[f"lead.{number}"] = way.rng.get_state(), way.lead
    for stage, rates in enumerate(trainer.schedule.rates):
        tensors[f"rates.{stage}"] = torch.tensor(rates, dtype=torch.float64)
    return tensors


def header_of(trainer: "Trainer") -> dict[str, Any]:
    return {
        "stage": trainer.stage,
        "threads": trainer.threads,
        "schedule": trainer.schedule.state(),
        "settling": [settling.values for settling in trainer.settling],
        "against_collapse": [(way.hold, way.push) for way in trainer.ways],
        "findings": trainer.findings,
        "best": {"penalty": trainer.best.penalty, "health": [asdict(h) for h in trainer.best.health]},
    }


def restore(trainer: "Trainer", tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    def part(name: str) -> State:
        return {key: value.to(trainer.device) for key, value in named(name, tensors).items()}

    for stage in range(header["stage"] + 1):
        trainer.enter(stage)
    trainer.load_weights(dict(tensors))
    trainer.optimise_generators.load(part("adam.generators"))
    trainer.rng.set_state(tensors["rng"])
    for number, way in enumerate(trainer.ways):
        way.target.critic.load_state_dict(part(f"critic.{number}"))
        way.optimise_critic.load(part(f"adam.critic.{number}"))
        if way.target.redrawer is not None:
            way.target.redrawer.load_state_dict(part(f"redrawer.{number}"))
        way.running = part(f"running.{number}")
        way.rng.set_state(tensors[f"rng.{number}"])
        way.lead = tensors[f"lead.{number}"].to(trainer.device)
        way.hold, way.push = header["against_collapse"][number]
        trainer.settling[number].values = header["settling"][number]
    rates = [tensors[f"rates.{stage}"].tolist() for stage in range(trainer.ladder.stages)]
    trainer.schedule.load(header["schedule"], rates)
    trainer.threads_before = header["threads"]
    trainer.findings = Counter(header["findings"])
    health = tuple(Health(**h) for h in header["best"]["health"])
    trainer.best = Best(header["best"]["penalty"], part("best"), health)
