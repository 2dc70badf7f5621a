"""Reads and writes records that are declared by their annotations, one kind of field at a time.

    @dataclass(frozen=True)
    class Dequantize:
        count: U32                                       # a word, its range checked
        kind: Annotated[Memory, Choice(Memory)]          # a word that stands for a name
        bias: Annotated[Array, Values("<i4", "count")]   # as many as an earlier field says

What a field may hold is checked in both directions.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, Protocol, TypeAlias, TypeVar, get_type_hints

import numpy as np

from ascua.errors import ModelError, Unsupported
from ascua.ir import Array

T = TypeVar("T")
Extent: TypeAlias = int | str | Callable[[Mapping[str, Any]], int]

DAMAGED = (
    "If it was downloaded, check that the download is complete.",
    "Compile the model again.",
)
FIELDS = ("Correct the field, or compile the model again.",)


class Place:
    """Where in a file something is: the file's name, then its header or a layer."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.part = "header"

    def fail(self, what: str, hints: Sequence[str] = DAMAGED) -> ModelError:
        """The error that says `what` is wrong here."""
        return ModelError(f"{self.where}: {self.part}: {what}.", hints)

    def refuse(self, what: str, hints: Sequence[str]) -> Unsupported:
        """The error for what may be sound, and is not taken."""
        return Unsupported(f"{self.where}: {self.part}: {what}.", hints)


class Reader(Place):
    """The bytes of a file, and how far they are read; `end` is that of the part being read."""

    def __init__(self, data: bytes, where: str, weight_bits: int = 8) -> None:
        super().__init__(where)
        self.data = memoryview(data)
        self.at = 0
        self.end = len(data)
        self.weight_bits = weight_bits

    def take(self, count: int, field: str) -> memoryview:
        """The next `count` bytes, which `field` needs."""
        if count > self.end - self.at:
            left = max(self.end - self.at, 0)
            raise self.fail(f"{field} takes {count} bytes from byte {self.at}, and {left} are left")
        self.at += count
        return self.data[self.at - count : self.at]

    def gap(self, boundary: int, before: str, end: int | None = None) -> None:
        """Pass what lies between here and a multiple of `boundary`: zeros, or the file's end."""
        at = -(-self.at // boundary) * boundary
        if at > (self.end if end is None else end):
            raise self.fail(f"there is no room for {before} at byte {at}")
        if any(self.data[self.at : at]):
            raise self.refuse(
                f"the bytes from {self.at} to {at}, a gap before {before}, are not zero",
                ["Compilers of kmodels leave zeros there: look for damage, or compile it again."],
            )
        self.at = at

    def values(self, dtype: str, shape: tuple[int, ...], field: str) -> Array:
        """The next array: no copy."""
        raw = self.take(math.prod(shape) * np.dtype(dtype).itemsize, field)
        return np.frombuffer(raw, dtype).reshape(shape)


class Writer(Place):
    """The bytes of a file that is being written."""

    def __init__(self, where: str, weight_bits: int = 8) -> None:
        super().__init__(where)
        self.data = bytearray()
        self.weight_bits = weight_bits

    def gap(self, boundary: int) -> None:
        """Zeros up to the next multiple of `boundary`."""
        self.data += bytes(-len(self.data) % boundary)

    def values(self, dtype: str, shape: tuple[int, ...], field: str, value: Array) -> None:
        """An array, whose values `dtype` must hold."""
        value = np.asarray(value)
        if value.shape != shape:
            raise self.fail(f"{field} has the shape {value.shape}, not {shape}", FIELDS)
        wanted = np.dtype(dtype)
        if wanted.kind != "f" and value.dtype != wanted and value.size:
            limits = np.iinfo(wanted)
            low, high = int(value.min()), int(value.max())
            if value.dtype.kind not in "iu" or low < limits.min or high > limits.max:
                raise self.fail(f"{field} holds values that are no {wanted.name}", FIELDS)
        self.data += np.ascontiguousarray(value, wanted).tobytes()


class Kind(Protocol):
    """How a field stands in a file; `seen` has the fields before it."""

    def read(self, reader: Reader, field: str, seen: Mapping[str, Any]) -> Any:
        """Its value. Raises ModelError."""

    def write(self, writer: Writer, field: str, value: Any, seen: Mapping[str, Any]) -> None:
        """Append its bytes. Raises ModelError where it cannot hold `value`."""


@dataclass(frozen=True)
class Word:
    """A whole number in the form that `struct` calls `form`, from `low` to `high`."""

    form: str
    low: int
    high: int

    def read(self, reader: Reader, field: str, seen: Mapping[str, Any]) -> int:  # noqa: ARG002
        """A number in the range."""
        code = struct.Struct(self.form)
        value = int(code.unpack(reader.take(code.size, field))[0])
        self.check(reader, field, value)
        return value

    def write(self, writer: Writer, field: str, value: Any, seen: Mapping[str, Any]) -> None:  # noqa: ARG002
        """The number, if it is in the range."""
        self.check(writer, field, value)
        writer.data += struct.pack(self.form, int(value))

    def check(self, place: Place, field: str, value: Any) -> None:
        """Raise ModelError for what is no such number."""
        if not isinstance(value, int | np.integer) or not self.low <= value <= self.high:
            raise place.fail(f"{field} is {value}, not from {self.low} to {self.high}", FIELDS)


@dataclass(frozen=True)
class Real:
    """A number in single precision: finite, or where it is a bound, infinite too."""

    infinite: bool = False

    def read(self, reader: Reader, field: str, seen: Mapping[str, Any]) -> float:  # noqa: ARG002
        """The number, held exactly."""
        value = float(struct.unpack("<f", reader.take(4, field))[0])
        self.check(reader, field, value)
        return value

    def write(self, writer: Writer, field: str, value: Any, seen: Mapping[str, Any]) -> None:  # noqa: ARG002
        """The number in single precision."""
        with np.errstate(over="ignore"):
            rounded = np.float32(value)
        if math.isinf(rounded) and not math.isinf(value):
            raise writer.fail(f"{field} is {value}: no number in single precision", FIELDS)
        self.check(writer, field, float(rounded))
        writer.data += rounded.astype("<f4").tobytes()

    def check(self, place: Place, field: str, value: float) -> None:
        """Raise ModelError for what is no such number."""
        if math.isnan(value) or (math.isinf(value) and not self.infinite):
            raise place.fail(f"{field} is {value}, which is no finite number", FIELDS)


@dataclass(frozen=True)
class Choice:
    """A word that stands for one of a few names."""

    names: type[IntEnum]

    def read(self, reader: Reader, field: str, seen: Mapping[str, Any]) -> IntEnum:  # noqa: ARG002
        """The name."""
        return self.named(reader, field, struct.unpack("<I", reader.take(4, field))[0])

    def write(self, writer: Writer, field: str, value: Any, seen: Mapping[str, Any]) -> None:  # noqa: ARG002
        """The number of the name."""
        writer.data += struct.pack("<I", self.named(writer, field, value))

    def named(self, place: Place, field: str, value: int) -> IntEnum:
        """The name that `value` stands for."""
        try:
            return self.names(value)
        except ValueError:
            known = ", ".join(f"{n.value} {n.name.lower()}" for n in self.names)
            raise place.fail(f"{field} is {value}, none of {known}", FIELDS) from None


@dataclass(frozen=True)
class Many:
    """`count` fields of one kind, as a tuple; without `count`, the file says how many."""

    kind: Kind
    count: Extent | None = None
    most: int = 128

    def read(self, reader: Reader, field: str, seen: Mapping[str, Any]) -> tuple[Any, ...]:
        """The fields."""
        if self.count is None:
            count = Word("<I", 0, self.most).read(reader, f"the number of {field}", seen)
        else:
            count = extent(self.count, seen)
        return tuple(self.kind.read(reader, field, seen) for _ in range(count))

    def write(self, writer: Writer, field: str, value: Any, seen: Mapping[str, Any]) -> None:
        """The fields, behind their number where the file says it."""
        if self.count is None:
            Word("<I", 0, self.most).write(writer, f"the number of {field}", len(value), seen)
        elif len(value) != extent(self.count, seen):
            wanted = extent(self.count, seen)
            raise writer.fail(f"{field} has {len(value)} values, not {wanted}", FIELDS)
        for each in value:
            self.kind.write(writer, field, each, seen)


class Values:
    """An array; each dimension is a number, or what an earlier field says."""

    def __init__(self, dtype: str, *shape: Extent) -> None:
        self.dtype = dtype
        self.shape = shape

    def read(self, reader: Reader, field: str, seen: Mapping[str, Any]) -> Array:
        """The array, which shares the memory of the file's bytes."""
        return reader.values(self.dtype, tuple(extent(d, seen) for d in self.shape), field)

    def write(self, writer: Writer, field: str, value: Any, seen: Mapping[str, Any]) -> None:
        """The array's bytes."""
        writer.values(self.dtype, tuple(extent(d, seen) for d in self.shape), field, value)


class Rest:
    """All bytes that are left of a body."""

    def read(self, reader: Reader, field: str, seen: Mapping[str, Any]) -> bytes:  # noqa: ARG002
        """The bytes."""
        return bytes(reader.take(reader.end - reader.at, field))

    def write(self, writer: Writer, field: str, value: Any, seen: Mapping[str, Any]) -> None:  # noqa: ARG002
        """The bytes."""
        writer.data += value


@dataclass(frozen=True)
class Record:
    """A dataclass whose own fields are annotated."""

    kind: type[Any]

    def read(self, reader: Reader, field: str, seen: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """The instance."""
        return read(self.kind, reader, f"{field}.")

    def write(self, writer: Writer, field: str, value: Any, seen: Mapping[str, Any]) -> None:  # noqa: ARG002
        """The instance's bytes."""
        write(self.kind, value, writer, f"{field}.")


U32 = Annotated[int, Word("<I", 0, (1 << 32) - 1)]
I32 = Annotated[int, Word("<i", -(1 << 31), (1 << 31) - 1)]
SHIFT = Annotated[int, Word("<i", 0, 63)]
COUNT = Annotated[int, Word("<i", 1, (1 << 31) - 1)]
"""A signed word that is at least 1: a size."""
SIZES = Many(Word("<i", 1, (1 << 31) - 1), 4)
SHAPE = Annotated[tuple[int, int, int, int], SIZES]
"""(n, c, h, w)."""
PADS = Annotated[tuple[int, int], Many(Word("<i", 0, 1 << 16), 2)]
"""Before and after."""
F32 = Annotated[float, Real()]
BOUND = Annotated[float, Real(infinite=True)]


def extent(dimension: Extent, seen: Mapping[str, Any]) -> int:
    """What a dimension is: itself, an earlier field or its length, or a function of the fields."""
    if isinstance(dimension, int):
        return dimension
    value = dimension(seen) if callable(dimension) else seen[dimension]
    return len(value) if isinstance(value, tuple) else int(value)


@cache
def kinds(record: type[Any]) -> tuple[tuple[str, Kind], ...]:
    """The fields of a record, by name: a nested record's kind is found by its type."""
    hints = get_type_hints(record, include_extras=True)
    found: list[tuple[str, Kind]] = []
    for f in fields(record):
        hint = hints[f.name]
        nested = isinstance(hint, type) and is_dataclass(hint)
        found.append((f.name, Record(hint) if nested else hint.__metadata__[0]))
    return tuple(found)


def read(record: type[T], reader: Reader, prefix: str = "") -> T:
    """An instance of the dataclass `record`. Raises ModelError."""
    seen: dict[str, Any] = {}
    for name, kind in kinds(record):  # type: ignore[arg-type]
        seen[name] = kind.read(reader, prefix + name, seen)
    return record(**seen)


def write(record: type[T], value: T, writer: Writer, prefix: str = "") -> None:
    """Append the fields that `record` has of a value. Raises ModelError."""
    seen: dict[str, Any] = {}
    for name, kind in kinds(record):  # type: ignore[arg-type]
        seen[name] = getattr(value, name)
        kind.write(writer, prefix + name, seen[name], seen)
