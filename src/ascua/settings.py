"""Makes frozen dataclasses of TOML and JSON; a wrong key or type answers with the right ones."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ascua import files
from ascua.errors import InputError, brief, did_you_mean

T = TypeVar("T")

MOST_BYTES = 1 << 14
"""Of a file of settings; those of Ascua have a thousand, and dotted keys take quadratic time."""
MOST_NESTED = 16
"""Tables and lists in one another."""
REMEDY = ("docs/boards.md, docs/study.md and `ascua train --help` tell what such a file holds.",)


def read_toml(path: Path) -> dict[str, Any]:
    """The parsed file. Raises InputError when it is absent or not TOML."""
    try:
        files.check_regular(path, MOST_BYTES)
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        _check(table)
    except (OSError, UnicodeDecodeError) as e:
        what = getattr(e, "strerror", None) or e
        raise InputError(f"{path}: cannot be read: {what}.", ["Check the path."]) from e
    except ValueError as e:  # of TOML, or of a number with thousands of digits
        raise InputError(f"{path}: not a TOML file: {e}.", REMEDY) from e
    except RecursionError as e:
        raise InputError(f"{path}: its lists or tables are nested too deeply.", REMEDY) from e
    return table


def _check(value: object, depth: int = 0) -> None:
    """Raise ValueError for a number or a text that nothing can use, RecursionError if too deep."""
    if depth > MOST_NESTED:
        raise RecursionError
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise ValueError("a whole number has more than 64 bits")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a text holds the character U+0000")
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check(inner, depth + 1)


def _said(value: object) -> str:
    return brief(repr(value), 100)


def build(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """An instance of the dataclass `kind` from `table`; `where` names the place in errors."""
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise InputError(f"{where}: unknown key {brief(key)!r}.", did_you_mean(key, fields))
    hints = typing.get_type_hints(kind)
    values = {}
    for name, f in fields.items():
        if name in table:
            values[name] = convert(hints[name], table[name], f"{where}: {name}")
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            raise InputError(f"{where}: the key {name!r} is missing.", [f"Add `{name} = ...`."])
    try:
        return kind(**values)
    except (ValueError, InputError) as e:
        raise InputError(f"{where}: {e}") from e


def convert(hint: Any, value: Any, where: str) -> Any:
    """`value`, as TOML, JSON or Python has it, as the annotated type `hint`.

    Raises InputError, in which `where` names the place.
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in args:
            return None
        kinds = [a for a in args if a is not type(None)]
        fitting = (a for a in kinds if isinstance(a, type) and type(value) is a)
        return convert(next(fitting, kinds[0]), value, where)
    if origin is typing.Literal:
        if value not in args:
            hints = did_you_mean(str(value), [str(a) for a in args])
            raise InputError(f"{where}: {_said(value)} is not known.", hints)
        return value
    if origin in (tuple, frozenset):
        if not isinstance(value, list | tuple):
            raise InputError(f"{where}: expected a list, not {_said(value)}.")
        if origin is tuple and args[-1] is not Ellipsis:
            if len(value) != len(args):
                raise InputError(f"{where}: expected {len(args)} values, not {len(value)}.")
            return tuple(convert(a, v, where) for a, v in zip(args, value, strict=True))
        return origin(convert(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise InputError(f"{where}: expected a table, not {_said(value)}.")
        if args[1] is Any:
            return dict(value)
        return {k: convert(args[1], v, f"{where}: {brief(k)}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint):
        if isinstance(value, typing.cast("type[Any]", hint)):
            return value
        if not isinstance(value, dict):
            raise InputError(f"{where}: expected a table, not {_said(value)}.")
        return build(typing.cast("type[Any]", hint), value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise InputError(f"{where}: expected {hint.__name__}, not {_said(value)}.")
    return value
