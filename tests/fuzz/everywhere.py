"""Runs many networks at once: each alone on tflite-micro, all together in one firmware."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ascua import boards
from ascua.errors import AscuaError, DoesNotFit
from ascua.ir import Array, Graph, Tensor
from ascua.passes import prepare
from ascua.plan import Goal, check_fit, goal_named, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.fuzz import oracle
from tests.fuzz.networks import Network, joined
from tests.support import reference, samples, untimed

REFERENCE = "reference"
BOARDS = ("host", "microbit", "mps2-an385", "mps2-an386", "mps3-an547", "riscv32-virt")
"""With sanitizers on the host; Cortex-M0, M3, M4, M55 and RV32."""

SAMPLES = 3
TOGETHER = 60
"""Networks in one firmware."""


@dataclass(frozen=True, eq=False)
class Case:
    """A network, its samples, and what tflite-micro makes of them: or why it makes nothing."""

    network: Network
    xs: list[Array]
    expected: oracle.Answer

    @property
    def graph(self) -> Graph:
        """The network's."""
        return self.network.graph


@dataclass(frozen=True, eq=False)
class Failure:
    """A case that went wrong `where`: in the first output that differs, or as a whole."""

    case: Case
    where: str
    what: str
    output: Tensor | None = None
    goal: str = "speed"


def cases(networks: Sequence[Network], given: Sequence[list[Array]] = ()) -> list[Case]:
    """Each network with its samples, random ones where none are given, and outputs."""
    xs = given or [samples(n.graph, SAMPLES, seed=n.seed) for n in networks]
    answers = oracle.outputs([n.model for n in networks], xs)
    return [Case(n, x, e) for n, x, e in zip(networks, xs, answers, strict=True)]


def failures(found: Sequence[Case], where: str, folder: Path, goal: str = "speed") -> list[Failure]:
    """The cases whose outputs differ from tflite-micro's on the reference or on a board."""
    refused = [Failure(c, where, c.expected) for c in found if isinstance(c.expected, str)]
    good = [c for c in found if not isinstance(c.expected, str)]
    if where == REFERENCE:
        differ = [_difference(c, where, reference(c.graph, c.xs)) for c in good]
        return [*refused, *(d for d in differ if d is not None)]
    wrong = _on_board(good, where, folder, replace(goal_named(goal), seconds=0.1))
    return [*refused, *(replace(f, goal=goal) for f in wrong)]


def _on_board(found: Sequence[Case], where: str, folder: Path, goal: Goal) -> Iterator[Failure]:
    """As many at once as the board takes: halves, where it does not take them all."""
    if not found:
        return
    board = untimed(boards.load(where))
    together = prepare(joined([c.graph for c in found]))
    try:
        # Random orders rarely win, and here nobody looks for the last byte.
        planned = plan(together, board, goal)
        check_fit(planned)
        inputs = [x for c in found for x in c.xs]
        outcome = run(board, emit(planned, "net"), pack(inputs), SAMPLES, build_dir=folder,
                      sanitize=where == "host")  # fmt: skip
    except AscuaError as e:
        if len(found) > 1:
            half = len(found) // 2
            yield from _on_board(found[:half], where, folder, goal)
            yield from _on_board(found[half:], where, folder, goal)
        elif not isinstance(e, DoesNotFit):
            yield Failure(found[0], where, e.what)
        return
    outputs = iter(unpack(outcome.outputs, together, SAMPLES))
    for case in found:
        failure = _difference(case, where, [next(outputs) for _ in case.graph.outputs])
        if failure:
            yield failure


def _difference(case: Case, where: str, ys: Sequence[Array]) -> Failure | None:
    """The first output of `case` that is not as expected."""
    for t, y, e in zip(case.graph.outputs, ys, case.expected, strict=True):
        assert not isinstance(e, str)
        if y.shape != e.shape or y.dtype != e.dtype:
            return Failure(case, where, f"'{t.name}' is {y.dtype}{y.shape}", t)
        wrong = np.argwhere(y.view(_bits(y)) != e.view(_bits(e)))
        if len(wrong):
            at = tuple(int(i) for i in wrong[0])
            text = f"'{t.name}'{list(at)} is {y[at]} and must be {e[at]}; {len(wrong)} differ"
            return Failure(case, where, text, t)
    return None


def _bits(y: Array) -> str:
    """The unsigned type that shows each bit of an element."""
    return f"u{y.dtype.itemsize}"


def chunks(networks: Sequence[Network], n: int = TOGETHER) -> Iterator[Sequence[Network]]:
    """At most `n` at a time."""
    for start in range(0, len(networks), n):
        yield networks[start : start + n]
