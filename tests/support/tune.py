"""Measures what kernels cost on the emulators, and writes the plan's tables: `make tune`.

Each sample is an operator by itself in a firmware of many. A kernel's cost is a sum over its terms,
how often parts of it run, with the least sum of the relative errors and no part below zero.
What BUILD holds is not measured again; `--only` measures kernels that a table lacks.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import math
from bisect import bisect
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from scipy.optimize import linprog

from ascua import boards, files, kernels
from ascua.boards import Board
from ascua.errors import Unsupported
from ascua.ir import Array, Graph, Op
from ascua.passes import prepare
from ascua.plan import Goal, cost, plan
from ascua.plan.choose import options
from ascua.run import build, run, tools
from ascua.run.disassembly import disassemble
from ascua.run.elf import Elf
from ascua.samples import pack, sample_vectors
from ascua.targets.c import emit
from tests.fuzz.networks import networks
from tests.support import beside
from tests.support.tune_samples import SAMPLES, TIMES
from tests.support.wide import widened

BOARDS = {
    "cortex-m0": "mps2-an385-m0", "cortex-m3": "mps2-an385", "cortex-m4": "mps2-an386",
    "cortex-m7": "mps2-an500", "cortex-m33": "mps2-an505",
    "cortex-m55": "mps3-an547", "cortex-a9": "arm-linux",
    "rv32imac": "riscv32-virt", "rv64imac": "riscv64-virt",
}  # fmt: skip
"""By core the board that has room for many samples."""
TOGETHER, BATCHES = 24, 2
"""Samples of a kind in a firmware, and how many of these."""
SMALL_FLASH = 2**19
"""Bytes of constants: where no more fit, firmwares have a third, and are three times as many."""
LEAST, SMALL = 150, 1000
"""Instructions of a sample that is taken, and of one whose relative error counts for little."""
RANDOM = 300
"""Random networks, for the kernels of all other operators."""
OTHERS, WIDE = "others", "others, int16"
WHOLE = ("network", OTHERS, WIDE)
"""Kinds of many operators, each by its first kernel alone."""


ROWS = {k.name for k in kernels.every() if {"clipped", "rows", "sums"} & {*k.name.split("_")}}
"""Kernels for loops over rows, each measured by itself: others would be taken before them."""
DRAWN = 20
"""Samples that are drawn for one that a kernel can run."""


@dataclass(frozen=True)
class Measured:
    """One call: its kernel and mode, its terms, and what it took."""

    kernel: str
    inline: bool
    terms: dict[str, float]
    instructions: float
    cycles: float
    own: int
    """Bytes of the step."""
    parts: dict[str, int]
    """Bytes of the functions that it calls."""


def measure(graph: Graph, board: Board, goal: Goal, folder: Path) -> list[Measured]:
    """Every call of `graph` on `board`, by itself."""
    planned = plan(graph, board, goal)
    library = emit(planned, "tune")
    digest = hashlib.sha256(
        f"parts, one sample {build.key(board, library)} {board.core.timing!r}".encode()
    )
    known = folder / f"{digest.hexdigest()[:24]}.json"
    if known.is_file():
        took = json.loads(known.read_text())
    else:
        outcome = run(
            board, library, pack(sample_vectors(graph, 1)), 1, build_dir=folder / "firmware"
        )
        elf = build.firmware(board, library, folder / "firmware")
        common = build.firmware(board, build.empty(), folder / "firmware").functions
        calls = Calls(elf, board, {f.name for f in common})
        assert outcome.step_instructions is not None
        cycles = [s.assumed for s in outcome.cycles.steps] if outcome.cycles else None
        took = [
            (outcome.step_instructions[i], cycles[i] if cycles else 0.0, *calls.sizes(name))
            for i, name in enumerate(library.steps)
        ]
        files.write_text(known, json.dumps(took))
    return [
        Measured(c.kernel.name, c.inline, cost.terms(c.kernel, c.op, c.kernel.work(c.op)), *each)
        for c, each in zip(planned.calls, took, strict=True)
        if not folded(c.op, each[0])
    ]


def folded(op: Op, instructions: float) -> bool:
    """Whether the compiler found the outputs, or most of them, without products."""
    macs = op.macs()
    return macs > 0 and instructions < max(macs / 8, op.y.size)


class Calls:
    """What the functions of a program call."""

    def __init__(self, elf: Elf, board: Board, common: Collection[str]) -> None:
        self.known = {f.first: f for f in elf.functions if f.name not in common}
        self.called: dict[int, set[int]] = {first: set() for first in self.known}
        timing = board.core.timing
        firsts = sorted(self.known)
        all_of_it = firsts[0], max(f.end for f in self.known.values())
        code = disassemble(
            elf.path, board.cc or "cc", [all_of_it], timing.objdump if timing else ()
        )
        for at, instruction in code.items():
            inside = self.known[firsts[max(0, bisect(firsts, at) - 1)]]
            if inside.first <= at < inside.end and instruction.target in self.known:
                self.called[inside.first].add(instruction.target)

    def sizes(self, name: str) -> tuple[int, dict[str, int]]:
        """Bytes of the function `name`, and of each that it calls, or that they call in turn."""
        own = next(f for f in self.known.values() if f.name.partition(".")[0] == name)
        found, open_ = {own.first}, [own.first]
        while open_:
            new = self.called[open_.pop()] - found
            found |= new
            open_ += new
        others = [self.known[first] for first in found - {own.first}]
        return own.end - own.first, {f.name.partition(".")[0]: f.end - f.first for f in others}


def together(board: Board) -> tuple[int, int]:
    """Samples in a firmware for `board`, and how many firmwares of a kind."""
    parts = 3 if flash(board) <= SMALL_FLASH else 1
    return TOGETHER // parts, BATCHES * parts


def flash(board: Board) -> float:
    """Bytes that constants may take, half of them: the rest is left to code."""
    memory = board.memory("x")
    return memory.bytes / 2 if memory else math.inf


def constants(graph: Graph, board: Board) -> int:
    """Bytes of constants by the kernels that have most."""
    every = [options(graph, op, board, Goal()) for op in graph.ops if not op.view]
    return sum(max(o.const_bytes for o in several) for several in every)


def fitting(kind: str, name: str, board: Board) -> Iterator[Graph]:
    """Networks of samples of a kind that the kernel runs, unless they are rare."""
    rng = Random(f"tune {kind} {name}")
    samples, batches = together(board)
    for _ in range(batches):
        good: dict[str, Graph] = {}
        for drawn in range(DRAWN * samples):
            if len(good) == samples or drawn > DRAWN * (len(good) + 1):
                break
            with contextlib.suppress(Unsupported):
                graph = prepare(SAMPLES[kind](rng))
                every = [options(graph, op, board, Goal()) for op in graph.ops if not op.view]
                able = all(name in {o.kernel.name for o in several} for several in every)
                if able and constants(graph, board) <= flash(board) / samples:
                    good[f"n{len(good)}"] = graph
        if len(good) == samples:
            yield beside(good)


def graphs(kind: str, board: Board) -> Iterator[Graph]:
    """Networks of many samples of a kind."""
    rng = Random(f"tune {kind}")
    samples, batches = together(board)
    for _ in range(batches * TIMES.get(kind, 1)):
        good: dict[str, Graph] = {}
        room = flash(board)
        while len(good) < (samples // 2 if kind in WHOLE else samples):
            with contextlib.suppress(Unsupported):
                graph = prepare(SAMPLES[kind](rng))
                if constants(graph, board) <= room:
                    good[f"n{len(good)}"] = graph
                    room -= constants(graph, board)
                elif room < flash(board) / 2:
                    break
        yield beside(good)


def others(kind: str) -> Iterator[Graph]:
    """Random networks of all operators; of int16 those that have such a form."""
    every: list[Graph] = []
    for n in networks(0, RANDOM):
        with contextlib.suppress(Unsupported, AssertionError):
            every.append(prepare(widened(n.graph) if kind == WIDE else n.graph))
    for i in range(0, len(every), 20):
        yield beside({f"n{j}": g for j, g in enumerate(every[i : i + 20])})


def alone(name: str, board: Board, folder: Path) -> Iterator[Measured]:
    """A kernel by which no other is replaced, on samples that it can run."""
    others = frozenset(k.name for k in kernels.every()) - {name}
    for kind in (k for k in SAMPLES if k not in WHOLE):
        for graph in fitting(kind, name, board):
            for inline in (True, False):
                goal = Goal(kind="speed", inline=inline, seconds=0.0, avoid=others)
                yield from measure(graph, board, goal, folder)
    print(f"{board.core.name}: {name}", flush=True)


def measured(core: str, folder: Path, only: Collection[str]) -> Iterator[Measured]:
    """All samples on a core: with each kernel that can run them, of its own and shared."""
    untold = replace(boards.load_core(core, core), name=f"{core}, without a table", costs="")
    board = replace(boards.load(BOARDS[core]), core=untold)
    for kernel in kernels.every():
        if kernel.name in (only or ROWS) and kernel.runs_on(board.core):
            yield from alone(kernel.name, board, folder)
    if only:
        return
    for kind in (*SAMPLES, OTHERS, WIDE):
        for graph in others(kind) if kind in (OTHERS, WIDE) else graphs(kind, board):
            every = [options(graph, op, board, Goal()) for op in graph.ops if not op.view]
            able = [{o.kernel.name for o in several} for several in every]
            names = dict.fromkeys(k.name for k in kernels.every() if kind not in WHOLE)
            order = [n for n in names if any(n in several for several in able) and {n} not in able]
            avoided = [frozenset(order[:n]) for n in range(len(order) + 1)]
            for avoid in (a for a in avoided if not any(several <= a for several in able)):
                for inline in (True, False):
                    goal = Goal(kind="speed", inline=inline, seconds=0.0, avoid=avoid)
                    yield from measure(graph, board, goal, folder)
        print(f"{core}: {kind}", flush=True)


def merged(m: Measured) -> Measured:
    """With the terms that tell in its mode."""
    if m.inline:
        return m
    terms: Counter[str] = Counter()
    for name, n in m.terms.items():
        terms[cost.without_shape(name)] += n  # type: ignore[assignment]
    return replace(m, terms=dict(terms))


def fitted(found: Sequence[Measured]) -> dict[str, Any]:
    """The fit of one kernel in one mode, with the errors that are left."""
    found = [merged(m) for m in found]
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
        made[what] = least_errors(terms, took)
        errors.append(np.abs(terms @ made[what] / took - 1)[took > SMALL])
    return {
        "terms": {
            n: [round(float(made["instructions"][i]), 4), round(float(made["cycles"][i]), 4)]
            for i, n in enumerate(names)
            if terms[:, i].any() and (cost.SHAPE in n or any(m[i] for m in made.values()))
        },
        "own": round(float(np.mean([m.own for m in found]))),
        "parts": {
            name: round(float(np.mean([m.parts[name] for m in found if name in m.parts])))
            for name, n in sorted(Counter(name for m in found for name in m.parts).items())
            if 2 * n > len(found)
        },
        "samples": len(found),
        "median_error": round(float(np.median(errors[0])), 4) if errors[0].size else None,
        "most_error": round(float(errors[0].max()), 4) if errors[0].size else None,
    }


def least_errors(terms: Array, took: Array) -> Array:
    """Costs of terms [samples][terms], none below 0, with the least sum of relative errors.

    So a few samples that compilers fold draw nothing. A linear program: what is left of each
    sample, on either side, is least in sum.
    """
    n, weight = len(took), 1 / (took + SMALL)
    weighed = terms * weight[:, None]
    scale = np.abs(weighed).max(axis=0)
    scale[scale == 0] = 1
    found = linprog(
        np.concatenate([np.zeros(terms.shape[1]), np.ones(2 * n)]),
        A_eq=np.hstack([weighed / scale, np.eye(n), -np.eye(n)]),
        b_eq=took * weight,
    )
    return np.asarray(found.x[: terms.shape[1]] / scale)


def table(core: str, folder: Path, only: Collection[str]) -> dict[str, Any]:
    """The table of a core, or of some kernels."""
    groups: dict[str, dict[str, list[Measured]]] = {}
    for m in measured(core, folder, only):
        groups.setdefault(m.kernel, {}).setdefault(cost.MODES[m.inline], []).append(m)
    cc = boards.load(BOARDS[core]).cc or "cc"
    return {
        "compiler": f"{cc} {tools.version(cc)}",
        "kernels": {
            name: {mode: fitted(found) for mode, found in sorted(groups[name].items())}
            for name in sorted(groups)
        },
    }


def text(made: dict[str, Any]) -> str:
    """A table as JSON, with a line for each kernel and mode."""
    lines = [
        f"  {json.dumps(name)}: {{\n"
        + ",\n".join(f"   {json.dumps(m)}: {json.dumps(fit)}" for m, fit in modes.items())
        + "\n  }"
        for name, modes in made["kernels"].items()
    ]
    listed = ",\n".join(lines)
    return f'{{\n "compiler": {json.dumps(made["compiler"])},\n "kernels": {{\n{listed}\n }}\n}}\n'


def main() -> None:
    """Write the tables of the cores that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path, metavar="BUILD")
    parser.add_argument("cores", nargs="*", metavar="CORE", default=list(BOARDS))
    parser.add_argument("--only", action="append", default=[], metavar="KERNEL")
    asked = parser.parse_args()
    asked.build.mkdir(parents=True, exist_ok=True)
    for core in asked.cores:
        made = table(core, asked.build.resolve(), asked.only)
        if asked.only:
            known = json.loads((cost.FOLDER / f"{core}.json").read_text(encoding="utf-8"))
            every = {**known["kernels"], **made["kernels"]}
            made = {**known, "kernels": {name: every[name] for name in sorted(every)}}
        able = {k.name for k in kernels.every() if k.runs_on(boards.load_core(core, ""))}
        if missing := able - set(made["kernels"]):
            print(f"{core}: not measured: {', '.join(sorted(missing))}")
        cost.FOLDER.mkdir(exist_ok=True)
        files.write_text(cost.FOLDER / f"{core}.json", text(made))
        print(f"wrote {core}.json", flush=True)


if __name__ == "__main__":
    main()
