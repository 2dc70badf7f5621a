"""docs/ops.md has what `check` and `malformed` say: nothing that they answer is missing there."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from ascua import ops
from ascua.ir import Graph, Op
from ascua.ops import OPERATORS, _conditions
from ascua.passes import fold_constants
from scripts.conditions import Condition, conditions
from scripts.pages import ROOT
from tests.fuzz.mutants import mutated
from tests.support.examples import ALL, UINT8

MUTANTS = 40
"""Of each network."""
NETWORKS = {**{f"{n}_{i}": g for n, graphs in ALL.items() for i, g in enumerate(graphs)}, **UINT8}
FILES = sorted(Path(ops.__file__).parent.glob("*.py"))

known = cache(conditions)


def answers(path: Path) -> Iterator[tuple[str, int]]:
    """Functions and lines, counted from theirs, where a file answers a reason in words."""
    tree = ast.parse(path.read_text())
    owners: list[tuple[str, ast.Module | ast.ClassDef]] = [(f"ascua.ops.{path.stem}", tree)]
    owners += [(f"{owners[0][0]}.{c.name}", c) for c in tree.body if isinstance(c, ast.ClassDef)]
    for owner, scope in owners:
        for f in (n for n in scope.body if isinstance(n, ast.FunctionDef)):
            if f.returns and ast.unparse(f.returns) == "str | None":
                first = min([f.lineno, *(d.lineno for d in f.decorator_list)])
                for node in ast.walk(f):
                    if isinstance(node, ast.Return) and node.value and worded(node.value):
                        yield f"{owner}.{f.name}", node.lineno - first + 1


def worded(node: ast.expr) -> bool:
    """Whether an expression is a text, or has one on a side."""
    match node:
        case ast.IfExp(body=then, orelse=other):
            return worded(then) or worded(other)
        case ast.BoolOp(values=values):
            return any(map(worded, values))
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
    return False


def test_every_message_of_the_code_is_some_operators() -> None:
    found = {(c.function, c.line) for kind in OPERATORS.values() for c in known(kind)}
    wanted = {answer for path in FILES for answer in answers(path)}
    assert len(wanted) > 100
    assert wanted - found == set()


@pytest.mark.parametrize("name", NETWORKS)
def test_what_mutants_are_refused_for_is_in_the_page(name: str) -> None:
    mutants = [mutated(NETWORKS[name], random.Random(f"{name} {i}")) for i in range(MUTANTS)]
    refused = 0
    for op in (op for g in mutants if g for graph in both(g) for op in graph.ops):
        for reason in filter(None, (op.check(), op.malformed())):
            refused += 1
            assert any(c.covers(reason) for c in known(type(op))), (op.tflite, reason)
    assert refused


def both(graph: Graph) -> tuple[Graph, Graph]:
    """A network as it is, and with its constants folded."""
    return graph, fold_constants(graph)


def test_the_page_has_each_operators_conditions() -> None:
    text = (ROOT / "docs/ops.md").read_text(encoding="utf-8").partition("## What is refused")[2]
    common, *parts = text.split("\n### ")
    own = {n: part for part in parts for n in part.partition("\n")[0].split(", ")}
    shared = dict(line[2:-1].rsplit(" (all", 1) for line in common.split("\n") if line[:1] == "-")
    assert set(own) == set(OPERATORS)
    for name, kind in OPERATORS.items():
        for text in {c.text for c in known(kind)}:
            if text in shared:
                assert name not in shared[text].removeprefix(" but ").split(", ")
            else:
                assert text in [line[2:] for line in own[name].split("\n")], name


LEAST, MOST = 2, {"int8": 7, "int16": 1000}


class Base(Op):
    """What the operator below inherits."""

    def check(self) -> str | None:
        return limited(self.x.shape, LEAST, "sides") or _conditions.arity(self, 1)


@dataclass(frozen=True, eq=False)
class Made(Base):
    """An operator of each form that conditions have."""

    axis: int = 0
    tflite = "MADE"

    def check(self) -> str | None:
        if self.axis > MOST[self.x.dtype]:
            return f"more than {MOST[self.x.dtype]:,}"
        if reason := super().check():
            return reason
        kind = "odd" if self.axis % 2 else ""
        return self.malformed() or (f"axis {self.axis}{kind}" if self.axis else None)

    def malformed(self) -> str | None:
        none = [n for n in ("MADE",) if n != self.tflite]
        for t in self.outputs:
            if t.name in none:
                return "never: there are none"
            if self.tflite == "OTHER":
                return "it is another"
            if t.const:
                return f"a constant of {self.tflite}"
        return None


def limited(shape: tuple[int, ...], least: int, what: str) -> str | None:
    """Answers a reason with what the caller gives."""
    if least > LEAST and what:
        return "never: the test is known"
    return None if len(shape) < least else f"{shape} has {least} {what}"


def test_conditions_are_followed() -> None:
    assert [c.text for c in conditions(Made)] == [
        "more than [7 | 1,000]",
        "… has 2 sides",
        "it has … inputs instead of 1",
        "a required input is missing",
        "it has … outputs instead of 1",
        "a constant of MADE",
        "axis …[odd]",
    ]


def test_messages_are_covered() -> None:
    condition = Condition("it has … [odd | even] (a+b)[; more]", "f", 1)
    assert condition.covers("it has 3.5 odd (a+b); more")
    assert condition.covers("it has some  (a+b)")
    assert not condition.covers("it has 3 odd (aab)")
    assert not condition.covers("it has 3 odder (a+b)")
    assert not condition.covers("it has 3 odd (a+b), more")
