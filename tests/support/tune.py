"""Measures what kernels cost on the emulators, and writes the plan's tables: `make tune`.

Each sample is an operator by itself in a firmware of many. A kernel's cost is a sum over its terms,
how often parts of it run, with the least squares of the relative errors and no part below zero.
What BUILD holds is not measured again.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from scipy.optimize import nnls

from ascua import boards, files, kernels
from ascua.boards import Board
from ascua.errors import Unsupported
from ascua.ir import Graph
from ascua.passes import prepare
from ascua.plan import Goal, cost, plan
from ascua.plan.choose import Chosen, options
from ascua.run import build, run, tools
from ascua.samples import pack
from ascua.targets.c import emit
from tests.fuzz.networks import networks
from tests.support import beside, samples
from tests.support.tune_samples import SAMPLES

BOARDS = {
    "cortex-m0": "mps2-an385", "cortex-m3": "mps2-an385", "cortex-m4": "mps2-an386",
    "cortex-m7": "mps2-an500", "cortex-m33": "mps2-an505", "cortex-m55": "mps3-an547",
    "cortex-a9": "xilinx-zynq-a9", "rv32imac": "riscv32-virt", "rv64imac": "riscv64-virt",
}  # fmt: skip
"""By core the board that has room for many samples; an M3 executes what an M0 does."""
TOGETHER, BATCHES = 24, 2
"""Samples of a kind in a firmware, and how many of these."""
LEAST = 150
"""Instructions of a sample that is taken."""
RANDOM = 100
"""Random networks, for the kernels of all other operators."""
OTHERS = "others"


@dataclass(frozen=True)
class Measured:
    """One call: its kernel and mode, its terms, and what it took."""

    kernel: str
    inline: bool
    terms: dict[str, float]
    instructions: float
    cycles: float
    code: int
    """Bytes of the step."""
    shared: int
    """Bytes of the copy that it shares; 0 of its own."""


def measure(graph: Graph, board: Board, goal: Goal, folder: Path) -> list[Measured]:
    """Every call of `graph` on `board`, by itself."""
    planned = plan(graph, board, goal)
    library = emit(planned, "tune")
    digest = hashlib.sha256(f"{build.key(board, library)} {board.core.timing!r}".encode())
    known = folder / f"{digest.hexdigest()[:24]}.json"
    if known.is_file():
        took = json.loads(known.read_text())
    else:
        outcome = run(board, library, pack(samples(graph, 1)), 1, build_dir=folder / "firmware")
        elf = build.firmware(board, library, folder / "firmware")
        sizes = {f.name.partition(".")[0]: f.end - f.first for f in elf.functions}
        assert outcome.step_instructions is not None
        cycles = [s.assumed for s in outcome.cycles.steps] if outcome.cycles else None
        took = [
            (
                outcome.step_instructions[i],
                cycles[i] if cycles else 0.0,
                sizes[name],
                0 if call.inline else sizes.get(f"{call.kernel.name}_shared", 0),
            )
            for i, (name, call) in enumerate(zip(library.steps, planned.calls, strict=True))
        ]
        files.write_text(known, json.dumps(took))
    return [
        Measured(c.kernel.name, c.inline, cost.terms(c.kernel, c.op, c.kernel.work(c.op)), *each)
        for c, each in zip(planned.calls, took, strict=True)
    ]


def graphs(kind: str) -> Iterator[Graph]:
    """Networks of many samples of a kind."""
    rng = Random(f"tune {kind}")
    for _ in range(BATCHES):
        good: dict[str, Graph] = {}
        while len(good) < TOGETHER:
            with contextlib.suppress(Unsupported):
                good[f"n{len(good)}"] = prepare(SAMPLES[kind](rng))
        yield beside(good)


def others() -> Iterator[Graph]:
    """Random networks of all operators."""
    every = [prepare(n.graph) for n in networks(0, RANDOM)]
    for i in range(0, RANDOM, 20):
        yield beside({f"n{j}": g for j, g in enumerate(every[i : i + 20])})


def measured(core: str, folder: Path) -> Iterator[Measured]:
    """All samples on a core: with each kernel that can run them, of its own and shared."""
    board = replace(boards.load(BOARDS[core]), core=boards.load_core(core, core))
    for kind in (*SAMPLES, OTHERS):
        for graph in others() if kind == OTHERS else graphs(kind):
            every = [options(graph, op, board, Goal()) for op in graph.ops if not op.view]
            avoided = [frozenset[str]()]
            if kind != OTHERS:
                names = {o.kernel.name for several in every for o in several}
                avoided += [frozenset({n}) for n in sorted(names) if not _only(n, every)]
            for avoid in avoided:
                for inline in (True, False):
                    goal = Goal(kind="speed", inline=inline, tries=0, avoid=avoid)
                    yield from measure(graph, board, goal, folder)
        print(f"{core}: {kind}", flush=True)


def _only(name: str, every: Sequence[Sequence[Chosen]]) -> bool:
    """Whether nothing else could run what a kernel does."""
    return any({o.kernel.name for o in several} == {name} for several in every)


def fitted(found: Sequence[Measured]) -> dict[str, Any]:
    """The fit of one kernel in one mode, with the errors that are left.

    What takes next to nothing was folded by the compiler: it tells of nothing else.
    """
    found = list({(*m.terms.items(), m.instructions): m for m in found}.values())
    found = [m for m in found if m.instructions >= LEAST] or list(found)
    names = sorted({name for m in found for name in m.terms})
    terms = np.array([[m.terms.get(n, 0.0) for n in names] for m in found])
    made = {}
    errors = []
    for what in ("instructions", "cycles"):
        took = np.array([getattr(m, what) for m in found])
        if not took.all():
            made[what] = np.zeros(len(names))
            continue
        made[what], _ = nnls(terms / took[:, None], np.ones(len(took)), maxiter=10_000)
        errors.append(np.abs(terms @ made[what] / took - 1))
    return {
        "terms": {
            n: [round(float(made["instructions"][i]), 4), round(float(made["cycles"][i]), 4)]
            for i, n in enumerate(names)
            if made["instructions"][i] or made["cycles"][i]
        },
        "code": round(float(np.mean([m.shared or m.code for m in found]))),
        "call": round(float(np.mean([m.code if m.shared else 0 for m in found]))),
        "samples": len(found),
        "median_error": round(float(np.median(errors[0])), 4),
        "most_error": round(float(errors[0].max()), 4),
    }


def table(core: str, folder: Path) -> dict[str, Any]:
    """The table of a core."""
    groups: dict[str, dict[str, list[Measured]]] = {}
    for m in measured(core, folder):
        groups.setdefault(m.kernel, {}).setdefault(cost.MODES[m.inline], []).append(m)
    cc = boards.load(BOARDS[core]).cc or "cc"
    return {
        "compiler": f"{cc} {tools.version(cc)}",
        "kernels": {
            name: {mode: fitted(found) for mode, found in sorted(groups[name].items())}
            for name in sorted(groups)
        },
    }


def main() -> None:
    """Write the tables of the cores that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path, metavar="BUILD")
    parser.add_argument("cores", nargs="*", metavar="CORE", default=list(BOARDS))
    asked = parser.parse_args()
    asked.build.mkdir(parents=True, exist_ok=True)
    for core in asked.cores:
        made = table(core, asked.build.resolve())
        able = {k.name for k in kernels.every() if k.needs <= boards.load_core(core, "").features}
        if missing := able - set(made["kernels"]):
            print(f"{core}: not measured: {', '.join(sorted(missing))}")
        cost.FOLDER.mkdir(exist_ok=True)
        files.write_text(cost.FOLDER / f"{core}.json", json.dumps(made, indent=1) + "\n")
        print(f"wrote {core}.json", flush=True)


if __name__ == "__main__":
    main()
