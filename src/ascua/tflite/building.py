"""A .tflite file being written, table by table, from plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flatbuffers
import tflite as schema

from ascua.tflite.tables import Content, Table, Vector


class Building:
    """The tables and vectors that there are so far; each is known by its offset."""

    def __init__(self, buffers: int = 0, *, shared: bool = False) -> None:
        self.b = flatbuffers.Builder(1 << 16)
        self.buffers = buffers
        """How many buffers the file has before those of `contents`."""
        self.contents: dict[bytes, int] = {}
        """What further buffers hold, and the number of each: equal bytes lie in one."""
        self.shared: dict[tuple[str, bytes], int] | None = {} if shared else None
        """Where each text and each vector of numbers lies, if equal ones lie there once."""

    def finished(self, model: Mapping[str, Any]) -> bytes:
        """The bytes of the file, whose Model has these fields."""
        self.b.Finish(self.table("Model", **model), b"TFL3")
        return bytes(self.b.Output())

    def table(self, kind: str, **fields: Any) -> int:
        """A table with the given fields: plain values, or offsets of what has been made before."""
        made = {name: self.value(value) for name, value in fields.items()}
        getattr(schema, f"{kind}Start")(self.b)
        for name, value in made.items():
            if value is not None:
                getattr(schema, f"{kind}Add{name}")(self.b, value)
        return int(getattr(schema, f"{kind}End")(self.b))

    def value(self, value: Any) -> Any:
        """What a field of the file holds for a plain value: a number, or an offset."""
        match value:
            case bytes():
                return self._once("", value, lambda: self.b.CreateString(value))
            case Vector():
                raw, kind = value.values.tobytes(), value.values.dtype.str
                return self._once(kind, raw, lambda: self.b.CreateNumpyVector(value.values))
            case Table():
                return self.table(value.kind, **value.fields)
            case Content():
                return self.contents.setdefault(value.data, self.buffers + len(self.contents))
            case list():
                return self.offsets(value)
            case tuple():
                return self.offsets([self.value(v) for v in value])
        return value

    def _once(self, kind: str, raw: bytes, make: Callable[[], int]) -> int:
        """The offset of what `make` makes of these bytes: a new one, or that of equal ones."""
        if self.shared is None:
            return int(make())
        if (kind, raw) not in self.shared:
            self.shared[kind, raw] = int(make())
        return self.shared[kind, raw]

    def offsets(self, offsets: Sequence[int]) -> int:
        """A vector of tables."""
        self.b.StartVector(4, len(offsets), 4)
        for o in reversed(offsets):
            self.b.PrependUOffsetTRelative(o)
        return int(self.b.EndVector())

    def held(self, raw: bytes) -> int:
        """A buffer of these bytes."""
        if not raw:
            return self.table("Buffer")
        self.b.StartVector(1, len(raw), 16)
        self.b.head = int(self.b.Head() - len(raw))
        self.b.Bytes[self.b.Head() : self.b.Head() + len(raw)] = raw
        return self.table("Buffer", Data=self.b.EndVector())
