"""Who the nodes of a Ray cluster are: asked before any work, and of those that join later."""

import secrets
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vidgan.config import Recipe
from vidgan.errors import DeviceError, OutputError, UsageError
from vidgan.gan.device import choose_device
from vidgan.jobs.batch.plan import Execution, Plan
from vidgan.jobs.facts import Facts, differences, machine_facts, program_facts
from vidgan.media.output import disk_errors

REMEDY = "pip install 'vidgan[cluster]'"
_KNOCK_SECONDS, _PATIENCE_SECONDS = 10.0, 300.0
MIXED = "machines of several kinds"
"""What a fact is where nodes differ in it."""


def own_kind() -> Facts:
    """What this machine is, as far as it decides about bits; told of the default recipe's precision."""
    return machine_facts(choose_device("auto"), Recipe())


def kind_of_nodes(plan: Plan, allow_mixed: bool) -> Facts:
    """What all nodes are; raises UsageError, OutputError or DeviceError for one that cannot take part."""
    token = plan.folder / f".shared.{secrets.token_hex(4)}"
    with disk_errors(token):
        token.write_text(token.name, encoding="utf-8")
    try:
        asked = {name: _asked(node, token, plan) for name, node in _nodes(plan.execution).items()}
        ends = time.monotonic() + _PATIENCE_SECONDS
        answered = {name: _answered(question, ends) for name, question in asked.items()}
    finally:
        token.unlink(missing_ok=True)
    told = {name: answer for name, answer in answered.items() if answer is not None}
    if not told:
        raise DeviceError("no node of the cluster answers: see `ray status`, and start the batch again.")
    blind = [name for name, (sees, _) in told.items() if not sees]
    if blind:
        raise OutputError(
            f"node {blind[0]} does not see {plan.folder.absolute()}: all nodes need the same folder at the "
            "same place (a shared disk)."
        )
    (first, (_, kind)), *others = told.items()
    _check_program(told)
    for name, (_, other) in others:
        changed = differences(kind, other)
        if changed and not allow_mixed:
            raise DeviceError(
                f"frames of the nodes {first} and {name} would differ: {'; '.join(changed)}. "
                "Use nodes of one kind, or pass --allow-mixed."
            )
    if allow_mixed:  # whoever joins later
        return {**dict.fromkeys(kind, MIXED), **program_facts(kind)}
    return kind


def unlike(kind: Facts, node: Facts, allow_mixed: bool) -> list[str]:
    """What keeps a node that joins later from working with those that were asked, in words."""
    if allow_mixed:
        kind, node = program_facts(kind), program_facts(node)
    return differences(kind, node)


def _check_program(told: Mapping[str, tuple[bool, Facts]]) -> None:
    """What is sent to nodes is understood by the same vidgan alone."""
    here = program_facts(own_kind())
    for name, (_, kind) in told.items():
        changed = differences(here, program_facts(kind))
        if changed:
            raise DeviceError(
                f"node {name} has another vidgan than this machine: {'; '.join(changed)}. "
                "Install the same one on all of them."
            )


def _nodes(execution: Execution) -> Mapping[str, str]:
    """Ray's names of the nodes that can work, by what people call them."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    able = [
        node
        for node in alive
        if node["Resources"].get("CPU", 0) >= execution.cpus
        and node["Resources"].get("GPU", 0) >= execution.gpus
    ]
    if not able:
        raise UsageError(
            f"no node of the cluster has {execution.cpus:g} CPUs and {execution.gpus:g} GPUs: "
            "ask for less of each actor under [execution] in the job file, or start larger nodes."
        )
    return {f"{n['NodeManagerHostname']}:{n['NodeManagerPort']}": n["NodeID"] for n in able}


def _asked(node: str, token: Path, plan: Plan) -> Any:
    """A reference to what it will answer."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node, soft=False)
    ask = ray.remote(_answer).options(
        num_cpus=0, num_gpus=plan.execution.gpus, scheduling_strategy=there, max_retries=2
    )
    return ask.remote(token.absolute())


def _answered(question: Any, ends: float) -> tuple[bool, Facts] | None:
    """Whether it sees the token, and what it is; None where it has gone meanwhile, or has no time for it."""
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        sees, kind = ray.get(question, timeout=max(0.0, ends - time.monotonic()))
    except RayTaskError as error:
        said = str(error).strip().splitlines()[-1]
        raise DeviceError(
            f"a node of the cluster cannot run vidgan ({said}): install the same version there, {REMEDY}."
        ) from error
    except RayError:
        return None
    return sees, kind


def _answer(token: Path) -> tuple[bool, Facts]:
    return token.is_file() and token.read_text(encoding="utf-8") == token.name, own_kind()


def answers(host: str, port: int) -> bool:
    """Whether anybody does there."""
    with suppress(OSError):
        socket.create_connection((host, port), _KNOCK_SECONDS).close()
        return True
    return False
