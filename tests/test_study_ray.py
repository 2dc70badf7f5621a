"""Studies on a Ray cluster: two nodes of this computer, one of which dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ascua.study import Cache
from tests.support.stub_stages import total
from tests.support.tools import require_package

KILLED = """
import json, os, signal, sys
from pathlib import Path
from ray.cluster_utils import Cluster
from ascua.study import Cache, execute
from ascua.study.on_ray import OnRay
from tests.support.stub_stages import chain

folder, cells = Path(sys.argv[1]), int(sys.argv[2])
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
other = cluster.add_node(num_cpus=1)
engine = OnRay(cluster.address, None)
assert engine.slots == 2, engine.slots
cache, sums = Cache(str(folder / "cache")), {}
for ended in execute(chain(folder / "log", cells, seconds=0.5, depth=2), cache, engine):
    assert ended.failure is None, ended.failure
    sums[ended.cell.name] = ended.outcomes["sum"].values["total"]
    if len(sums) == 1:
        for processes in other.all_processes.values():
            for each in processes:
                os.kill(each.process.pid, signal.SIGKILL)
engine.close()
print(json.dumps(sums))
"""

SCALING = """
import json, sys, time
from pathlib import Path
from ray.cluster_utils import Cluster
from ascua.study import Cache, Cell, execute, stage
from ascua.study.on_ray import OnRay
from tests.support.stub_stages import spin

folder, nodes, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
for _ in range(nodes - 1):
    cluster.add_node(num_cpus=1)
engine, cache = OnRay(cluster.address, None), Cache(str(folder / f"cache{nodes}"))
cells = [Cell(str(n), {}, {"n": stage(spin, {"n": n, "cpu": seconds})}) for n in range(8)]
begin = time.monotonic()
spent = [e.outcomes["n"].cpu_seconds for e in execute(cells, cache, engine)]
print(json.dumps({"wall": time.monotonic() - begin, "cpu": sum(spent)}))
"""


def on_a_cluster(program: str, *arguments: object) -> Any:
    """What the `program` prints, in a process of its own."""
    require_package("ray")
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "RAY_USAGE_STATS_ENABLED": "0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], env=environment,
        capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_node_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    sums = on_a_cluster(KILLED, tmp_path, 4)
    assert sums == {f"cell{i}": total(i, 2) for i in range(4)}
    cache = Cache(str(tmp_path / "cache"))
    assert len(cache.sizes()) == 2 + 4
    assert all(cache.outcome(key) is not None for key in cache.sizes())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_nodes_take_half_the_time(tmp_path: Path) -> None:
    """Of stages as long as a short training: each begins a process, and imports."""
    one, two = (on_a_cluster(SCALING, tmp_path, nodes, 20) for nodes in (1, 2))
    busy = two["cpu"] / (2 * two["wall"])
    print(f"one node {one}, two nodes {two}, {busy:.3f} of the CPU time is the stages'")
    assert one["wall"] / (2 * two["wall"]) >= 0.9
    assert busy >= 0.9
