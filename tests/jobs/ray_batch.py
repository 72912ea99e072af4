"""A batch on a small Ray cluster of this machine, in a process of its own: what Ray leaves goes with it.

Usage: ray_batch.py JOBS.toml OUT.json [kill-worker]
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    from ray.cluster_utils import Cluster

    jobs, told, *how = sys.argv[1:]
    try:
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes(timeout=120)
    except Exception as error:  # a machine that Ray itself does not start on
        Path(told).write_text(json.dumps({"no_cluster": f"{type(error).__name__}: {error}"}))
        return
    try:
        command = [sys.executable, "-m", "vidgan", "batch", jobs, "--cluster", cluster.address]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        killed = how == ["kill-worker"] and kill_one(Path(jobs).parent)
        out, err = running.communicate(timeout=450)
        Path(told).write_text(
            json.dumps({"rc": running.returncode, "out": out, "err": err, "killed": killed})
        )
    finally:
        cluster.shutdown()


def kill_one(folder: Path) -> bool:
    """An actor, once the first segment is in a journal."""
    ends = time.monotonic() + 400
    while time.monotonic() < ends:
        if any(folder.glob("*.work/journal/*.json")) and (found := actors()):
            os.kill(found[0], signal.SIGKILL)
            return True
        time.sleep(0.02)
    return False


def actors() -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if name.startswith(b"ray::_Actor"):
            found.append(int(process.name))
    return found


if __name__ == "__main__":
    main()
