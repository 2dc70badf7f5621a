"""What belongs to the repository stays in it, and what it does not have is not asked for."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import ascua
from ascua import cli

ROOT = Path(__file__).parents[1]
FOUND = ("ascua.ops", "ascua.kernels", "ascua.convert.onnx.nodes", "ascua.exports")
"""Packages whose modules are found there: nothing imports them by name."""


def test_the_makefile_names_no_path_outside_the_repository() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"\S*\.\./\S*|(?<=[\s=])(?:/\w|~|\$[({]HOME)\S*", text) == []


def wheel() -> list[Path]:
    """The files of the wheel, as hatchling collects them: those of its packages."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    taken = table["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(taken) == {"packages"}, "other files than those of packages: list them here"
    every = [p for folder in taken["packages"] for p in (ROOT / folder).rglob("*")]
    return [p for p in every if p.is_file() and "__pycache__" not in p.parts]


def modules() -> dict[str, Path]:
    """The modules of the wheel by their names."""
    found = {}
    for path in wheel():
        if path.suffix == ".py":
            parts = path.relative_to(ROOT / "src").with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(path: Path) -> Iterator[str]:
    """The names that a module imports, those of functions and classes among them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{a.name}" for a in node.names)


def test_every_module_of_the_wheel_serves_a_verb_or_a_public_name() -> None:
    """What only this repository runs is in scripts/."""
    known = modules()
    verbs = {f"ascua.cli.{place.partition(':')[0]}" for place, _ in cli.VERBS.values()}
    public = {f"ascua.{module}" for module in ascua.WHERE.values()}
    waiting = [
        "ascua.cli",
        "ascua.__main__",
        *verbs,
        *public,
        *(n for n in known if n.startswith(FOUND)),
    ]
    used: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in known and name not in used:
            used.add(name)
            waiting += [name.rpartition(".")[0], *imported(known[name])]
    assert {*known} == used


def test_no_module_of_the_wheel_is_a_program() -> None:
    """`ascua` is the only one, and `python -m ascua` the same."""
    programs = [n for n, path in modules().items() if path.stem == "__main__" or
                re.search(r"^if __name__ ==", path.read_text(encoding="utf-8"), re.M)]  # fmt: skip
    assert programs == ["ascua.__main__"]
