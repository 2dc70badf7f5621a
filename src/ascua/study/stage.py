"""Stages: pure functions, each known by the hash of all that it reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

Values = Mapping[str, Any]
"""What a stage finds out, as JSON has it."""
Settings = Mapping[str, Any]
NOWHERE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Work:
    """Where a stage reads and writes; no path of it changes what comes out."""

    inputs: Mapping[str, Path]
    """Folders with the files of the stages before, by the names that the stage has for them."""
    folder: Path
    """For what is not finished: a stage that was killed finds it as it was."""
    out: Path
    """For the files that are kept. It is empty when the stage begins."""
    build: Path
    """Where firmware is compiled and kept, for all stages."""
    data_dir: Path | None = None
    """Where data sets are."""


def nothing(_: Settings) -> object:
    """What a stage reads that depends on its settings and inputs alone."""
    return None


@dataclass(frozen=True)
class Pure:
    """A function that stages may call: (work, **settings) → values."""

    call: Callable[..., Values]
    version: int
    """It grows when the same inputs give something else."""
    reads: Callable[[Settings], object]
    """What else it reads, given settings and paths: versions of tools. It may raise ToolMissing."""

    @property
    def name(self) -> str:
        """Where it is found: `module:function`."""
        return f"{self.call.__module__}:{self.call.__qualname__}"


def pure(
    version: int, reads: Callable[[Settings], object] = nothing
) -> Callable[[Callable[..., Values]], Pure]:
    """Decorator that makes a function one that stages may call."""
    return lambda call: Pure(call, version, reads)


def find(name: str) -> Pure:
    """The function of that name: `module:function`."""
    module, _, function = name.partition(":")
    found = getattr(import_module(module), function)
    assert isinstance(found, Pure), name
    return found


@dataclass(frozen=True)
class Stage:
    """One call of a pure function, on what other stages give."""

    does: str
    """The function: `module:function`."""
    told: str
    """Its settings, as canonical JSON."""
    inputs: tuple[tuple[str, Stage], ...] = ()
    paths: tuple[tuple[str, str], ...] = ()
    """Arguments that say where something is whose hash is among the settings: no part of a key."""

    @property
    def settings(self) -> dict[str, Any]:
        """Its settings."""
        found: dict[str, Any] = json.loads(self.told)
        return found

    @property
    def kind(self) -> str:
        """The function's own name."""
        return self.does.rpartition(":")[2]

    @cached_property
    def definition(self) -> str:
        """The hash of what was asked for: functions, settings, and the same of all stages before.

        Unlike the key it is known before anything has run, and says nothing of tools.
        """
        before = {name: stage.definition for name, stage in self.inputs}
        return hashed([self.does, find(self.does).version, self.told, before])

    def key(self, digests: Mapping[str, str]) -> str:
        """The hash of all that it reads: `digests` are those of its inputs' files, by name.

        Raises ToolMissing where a tool that it needs cannot be asked for its version.
        """
        function = find(self.does)
        read = [function.version, self.told, function.reads({**self.settings, **dict(self.paths)})]
        return hashed([self.does, read, {name: digests[name] for name, _ in self.inputs}])


def stage(
    function: Pure, settings: Settings, paths: Mapping[str, str] = NOWHERE, **inputs: Stage
) -> Stage:
    """The call of `function` with `settings` and `paths`, on the stages `inputs`."""
    given = tuple(sorted(inputs.items()))
    return Stage(function.name, canonical(settings), given, tuple(sorted(paths.items())))


def canonical(value: object) -> str:
    """JSON of which there is one text a value; a set is a sorted list."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=sorted)


def hashed(value: object) -> str:
    """The SHA-256 of a value of JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
