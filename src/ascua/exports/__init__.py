"""Exports: a network as a project of somebody else's build system.

A format is one folder here: a module with its `FORMAT`, and the templates that it fills.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from string import Template
from typing import Any

from ascua import boards
from ascua.artifact import Library
from ascua.boards import Board
from ascua.errors import InputError, Unsupported
from ascua.exports._names import check as check_names
from ascua.files.folders import Form
from ascua.ir import Array, Graph
from ascua.plan import Plan
from ascua.targets.c import people, selftest

__all__ = [
    "FORMATS",
    "Export",
    "Format",
    "check_names",
    "check_placed",
    "fill",
    "in_one_memory",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Export:
    """What is exported: a library of a plan, its self-test, and the file that it was made of."""

    plan: Plan
    library: Library
    content: bytes
    """The .tflite file."""
    graph: Graph
    """All that is in it."""
    xs: Sequence[Array]
    """Vectors of the self-test, (n, *shape) an input."""
    ys: Sequence[Array]
    """What the reference makes of them, (n, *shape) an output."""
    labels: Sequence[str]
    """Names of the classes, or none."""
    version: str
    """Of the project: x.y.z."""

    @property
    def name(self) -> str:
        """Of the project, and the prefix of its symbols."""
        return self.library.name

    @property
    def sources(self) -> dict[str, bytes]:
        """The library's files by path: `include/`, and `src/` with what it includes."""
        return {**self.library.files, **self._labels("include/")}

    @property
    def compiled(self) -> tuple[str, ...]:
        """The paths of the sources: the library's, and that of its instances."""
        return (*self.library.sources, f"src/{self.name}_on.c")

    @property
    def flat(self) -> dict[str, bytes]:
        """The library's files side by side, by name."""
        return {**people.flattened(self.library.files), **self._labels("")}

    def _labels(self, folder: str) -> dict[str, bytes]:
        if not self.labels:
            return {}
        text = people.labels(self.name, self.labels)
        return {f"{folder}{self.name}_labels.h": text.encode()}

    @property
    def selftest(self) -> dict[str, bytes]:
        """The files of the self-test by name: NAME_selftest.h has its one function."""
        texts = selftest.files(self.library, self.xs, self.ys, self.labels)
        return {name: text.encode() for name, text in texts.items()}

    @property
    def fields(self) -> dict[str, str]:
        """What every template may say: names, the board, memory, how it is called."""
        plan, goal = self.plan, self.plan.goal
        return {
            "name": self.name,
            "upper": self.name.upper(),
            "version": self.version,
            "board": plan.board.title,
            "goal": goal.kind,
            "vectors": str(len(self.xs[0])),
            "call": "\n".join(people.call(self.library)),
            "memory": _memory(plan),
        }


def _memory(plan: Plan) -> str:
    """What it takes, in a sentence."""
    static = [
        f"{plan.arena_bytes:,} bytes of arena",
        *([f"{plan.state_bytes:,} of states"] if plan.states else []),
        *([f"at most {plan.copied_bytes:,} of constants"] if plan.copied_bytes else []),
    ]
    constants = f"{plan.const_bytes:,} bytes of constants"
    return (
        f"RAM: {' and '.join(static)}, all static; the stack takes up to 1,024 more, the heap"
        f" nothing. Flash: {constants}, and the code."
    )


@dataclass(frozen=True)
class Format:
    """A kind of project.

    `files` makes its files, by path; they match one of `paths`, where `*` stands for anything but
    a slash and `{name}` for the project's name. Without a board it is planned for `board`; where
    `cores` are named, for boards with one of these alone. `command` is what a user types first, in
    the folder.
    """

    name: str
    title: str
    """What it makes: `a CMake package`."""
    files: Callable[[Export], Mapping[str, bytes]]
    paths: tuple[str, ...]
    command: str
    board: str = "host"
    cores: tuple[str, ...] = ()
    library: bool = True
    """Whether it holds the library; of what does not, the plan tells nothing."""

    @property
    def form(self) -> Form:
        """Of the folders that it writes."""
        return Form(self.title.partition(" ")[2], self._names, "-o")

    def _names(self, path: str, table: Mapping[str, Any]) -> bool:
        name = str(table.get("name"))
        if not re.fullmatch(r"\w+", name, re.ASCII):
            return False
        return any(_matches(path, pattern.replace("{name}", name)) for pattern in self.paths)

    def check(self, board: Board) -> None:
        """Raise InputError where no project of this kind runs on `board`."""
        if board.target == "c" and (not self.cores or board.core.name in self.cores):
            return
        known = boards.names("c")
        fit = [n for n in known if not self.cores or boards.load(n).core.name in self.cores]
        raise InputError(
            f"{board.name}: {self.title} is for no such board; its core is {board.core.name}.",
            [
                f"Choose one of {', '.join(fit)}, or leave `--board` out: {self.board}.",
                *([f"A board file of yours has one of the cores {', '.join(self.cores)}."]
                  if self.cores else []),
            ],
        )  # fmt: skip

    def export(self, what: Export) -> dict[str, bytes]:
        """The files by path. Raises Unsupported as `check_placed` does."""
        if self.library:
            check_placed(what)
        found = dict(self.files(what))
        wrong = [p for p in found if not self._names(p, {"name": what.name})]
        assert not wrong, f"{self.name}: no pattern has {wrong}"
        return found


def in_one_memory(board: Board) -> Board:
    """`board` with its first memory for code and its first one for variables alone.

    They do not wait: nothing is worth a place in the other one.
    """
    used = dict.fromkeys(m for use in "xw" if (m := board.memory(use)) is not None)
    return replace(board, memories=tuple(replace(m, wait=0) for m in used))


def check_placed(what: Export) -> None:
    """Raise Unsupported for a plan that build systems do not place."""
    if what.library.script:
        raise Unsupported(
            f"{what.name}: it is planned for several memories of {what.plan.board.name}, by a"
            " linker script that the project's build would have to know.",
            [
                "Another board, or a board file of yours with one memory of each use.",
                "`ascua compile` writes it with its script.",
            ],
        )


def _matches(path: str, pattern: str) -> bool:
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def fill(folder: str, file: str, fields: Mapping[str, str]) -> bytes:
    """The template `file` in the `folder` of a format, filled. `$$` stands for a dollar."""
    text = (Path(__file__).parent / folder / file).read_text(encoding="utf-8")
    return Template(text).substitute(fields).encode()


def _found() -> dict[str, Format]:
    modules = [i.name for i in iter_modules([str(Path(__file__).parent)]) if i.name[0] != "_"]
    found = [import_module(f"{__name__}.{module}").FORMAT for module in modules]
    return {f.name: f for f in found}


FORMATS: Mapping[str, Format] = _found()
"""Every format by its name."""
