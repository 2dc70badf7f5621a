"""How options reach what they decide: declared once, few at a time, switches by their names."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ascua import cli

ROOT = Path(__file__).parents[1]
TREES = {p: ast.parse(p.read_text()) for folder in ("src", "scripts")
         for p in sorted((ROOT / folder).rglob("*.py"))}  # fmt: skip
MOST = 10
"""Parameters of a command's function."""
TWO = {"--weights"}
"""Names of two options: `train` starts from weights, `quantize` clips them."""


@pytest.mark.parametrize("name", sorted(cli.VERBS))
def test_a_verb_takes_few_parameters(name: str) -> None:
    verb = cli.verb(name)
    inner = verb.commands.values() if isinstance(verb, click.Group) else ()
    for command in (verb, *inner):
        assert command.callback is not None
        assert len(inspect.signature(inspect.unwrap(command.callback)).parameters) <= MOST


def test_every_option_is_declared_once() -> None:
    declared = Counter(
        argument.value
        for path, tree in TREES.items() if "cli" in path.parts
        for node in ast.walk(tree) if isinstance(node, ast.Call)
        for argument in node.args
        if isinstance(argument, ast.Constant) and str(argument.value).startswith("--")
        if "click.option" in {ast.unparse(node.func), ast.unparse(node.args[0])}
    )  # fmt: skip
    assert declared["--data-dir"], "they are not found"
    assert [name for name, times in declared.items() if times > 1 and name not in TWO] == []


def switches(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The values that have a field of truth, by their names, and where it first stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            fields = [f for f in node.body if isinstance(f, ast.AnnAssign)]
            kinds = [ast.unparse(f.annotation) for f in fields]
            if found := [i for i, kind in enumerate(kinds) if kind in ("bool", "bool | None")]:
                yield node.name, found[0]


def test_no_field_of_truth_is_given_by_position() -> None:
    """Ruff's FBT sees functions, and what is True or False by itself."""
    first = dict(pair for tree in TREES.values() for pair in switches(tree))
    calls = [(p, n) for p, tree in TREES.items() for n in ast.walk(tree) if isinstance(n, ast.Call)]
    wrong = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in calls
        if len(call.args) > first.get(ast.unparse(call.func).rpartition(".")[2], len(call.args))
    ]
    assert wrong == []
