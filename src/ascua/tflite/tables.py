"""The tables of the .tflite schema as plain values: what a file says, field by field."""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import flatbuffers
import numpy as np
import tflite as schema

from ascua.errors import ModelError
from ascua.ir import Array

T = TypeVar("T")

MAX_ENTRIES = 1 << 14
"""Tensors, operators or buffers; a file that claims more is damaged."""

EMPTY = struct.pack("<HHi", 4, 4, 4)
"""A vtable without fields and the table that refers to it: all fields at their defaults."""

BLOCKWISE = 2
"""The type of details of a quantisation that `schema` has not yet: BlockwiseQuantization."""

UNIONS: Mapping[str, Any] = {
    "BuiltinOptions": schema.BuiltinOptions,
    "BuiltinOptions2": schema.BuiltinOptions2,
    "Details": schema.QuantizationDetails,
}
"""The types of what a field holds that may be one of several tables."""


@dataclass(frozen=True, eq=False)
class Vector:
    """Numbers (n,) of a type that the schema fixes."""

    values: Array

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vector) or self.values.dtype != other.values.dtype:
            return False
        return self.values.tobytes() == other.values.tobytes()


@dataclass(frozen=True)
class Table:
    """A table and its fields, by their names in the schema; absent ones have the default."""

    kind: str
    fields: Mapping[str, Any]
    """Each a number, bytes, a Vector, a Table, a tuple of Tables, or None where it is absent."""


@dataclass(frozen=True)
class Content:
    """A buffer's bytes, in place of its number."""

    data: bytes


def ints(values: Collection[int]) -> Vector:
    """A vector of indices or sizes."""
    return Vector(np.asarray(list(values), np.int32))


@cache
def fields(kind: str) -> tuple[tuple[str, str, bool], ...]:
    """(snake_case, CamelCase, is a vector) of each field of a kind of table."""
    names = [n for n, v in vars(getattr(schema, kind)).items() if callable(v) and n[0].isupper()]
    plain = [
        n
        for n in names
        if not re.search(r"^(Init|GetRoot\w*)$|HasIdentifier$|(AsNumpy|Length|IsNone)$", n)
    ]
    return tuple(
        (re.sub(r"(?<!^)(?=[A-Z])", "_", n).lower(), n, n + "Length" in names) for n in plain
    )


@cache
def _kinds(union: str) -> Mapping[int, str]:
    """The tables that a union may hold, by their number in it."""
    return {v: k for k, v in vars(UNIONS[union]).items() if k[0].isupper()}


@contextmanager
def damage(name: str) -> Iterator[None]:
    """Raises ModelError for what reading a damaged file ends with."""
    try:
        yield
    except (struct.error, IndexError, ValueError, TypeError, OverflowError, MemoryError) as e:
        detail = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise ModelError(
            f"{name}: the file is damaged or truncated ({detail}).",
            ["Check that it was copied completely; export it again."],
        ) from e


def builtin_code(code: Any) -> int:
    """The newer field of an operator's code: `BuiltinCode()` overlooks numbers below 127."""
    at = code._tab.Offset(10)
    return int(code._tab.Get(flatbuffers.number_types.Int32Flags, at + code._tab.Pos)) if at else 0


def external(tensor: Any) -> bool:
    """Whether a file beside this one holds a tensor's values, a field that `schema` has not yet."""
    at = tensor._tab.Offset(24)
    known = flatbuffers.number_types.Uint32Flags
    return bool(at and tensor._tab.Get(known, at + tensor._tab.Pos))


class File:
    """The bytes of a file; every index and length is checked against them."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.model = schema.Model.GetRootAs(data, 0)

    def fail(self, what: str) -> ModelError:
        """The error of a damaged file."""
        return ModelError(
            f"{self.name}: {what}",
            ["Check that the file was copied completely; export it again."],
        )

    def vector(self, table: Any, field: str) -> Iterator[Any]:
        """The elements of a vector of tables, its length checked against the file's."""
        length = getattr(table, field + "Length")()
        if length > min(MAX_ENTRIES, len(self.data) // 4):
            raise self.fail(f"{field} claims {length} entries, more than the file can hold.")
        get = getattr(table, field)
        for i in range(length):
            if get(i) is None:
                raise self.fail(f"entry {i} of {field} is missing.")
            yield get(i)

    def numbers(self, table: Any, field: str) -> list[int]:
        """A vector of integers."""
        if getattr(table, field + "IsNone")():
            return []
        if getattr(table, field + "Length")() * 4 > len(self.data):
            raise self.fail(f"{field} claims more entries than the file holds.")
        return [int(v) for v in getattr(table, field + "AsNumpy")()]

    def pick(self, tensors: Sequence[T], indices: Sequence[int], what: str) -> tuple[T, ...]:
        """The tensors with these numbers, which `what` names."""
        for i in indices:
            if not 0 <= i < len(tensors):
                raise self.fail(f"{what}: tensor {i} of {len(tensors)} does not exist.")
        return tuple(tensors[i] for i in indices)

    def raw(self, buffer: Any, what: str) -> Array:
        """The bytes (n,) of a buffer: in the tables, or behind them, as large files have them."""
        begin, size = buffer.Offset(), buffer.Size()
        if begin > 1:
            if begin + size > len(self.data):
                raise self.fail(f"{what} lies at {begin:,} and the file ends before.")
            return np.frombuffer(self.data, np.uint8, size, begin)
        if buffer.DataIsNone():
            return np.empty(0, np.uint8)
        return np.asarray(buffer.DataAsNumpy(), np.uint8)

    def contents(
        self, buffers: Sequence[Any], numbers: Sequence[int], what: str = "metadata"
    ) -> list[bytes]:
        """The bytes of the buffers with these numbers, together no more than the file's.

        A buffer that several share counts once, and is held once.
        """
        found: dict[int, Array] = {}
        for i in numbers:
            if not 0 <= i < len(buffers):
                raise self.fail(f"{what} has buffer {i} of {len(buffers)}.")
            found[i] = self.raw(buffers[i], what)
        if sum(raw.size for raw in found.values()) > len(self.data):
            raise self.fail(f"{what} claims more bytes than the file holds.")
        held = {i: raw.tobytes() for i, raw in found.items()}
        return [held[i] for i in numbers]

    def stated(self, table: Any, without: Collection[str] = ()) -> dict[str, Any]:
        """The fields of a table, but for some, as in `Table.fields`: the absent ones too."""
        names = [(n, many) for _, n, many in fields(type(table).__name__) if n not in without]
        found = {n: self._many(table, n) if many else self._one(table, n) for n, many in names}
        for union in UNIONS.keys() & found.keys():
            if found[union] is None:
                found[union + "Type"] = 0
        return found

    def _many(self, table: Any, name: str) -> Any:
        if getattr(table, name + "IsNone")():
            return None
        if hasattr(table, name + "AsNumpy"):
            return Vector(getattr(table, name + "AsNumpy")())
        return tuple(Table(type(t).__name__, self.stated(t)) for t in self.vector(table, name))

    def _one(self, table: Any, name: str) -> Any:
        if name == "BuiltinCode":
            return builtin_code(table)
        value = getattr(table, name)()
        if name in UNIONS and value is not None:
            kind = _kinds(name).get(getattr(table, name + "Type")(), "NONE")
            if kind == "NONE":
                return None
            union = getattr(schema, kind)()
            union.Init(value.Bytes, value.Pos)
            value = union
        if value is None or isinstance(value, int | float | bytes):
            return value
        return Table(type(value).__name__, self.stated(value))
