"""Damages .tflite files where it matters: in the numbers whose meaning the schema tells."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import tflite as schema

INF, NAN = float("inf"), float("nan")
SCALES = tuple(
    struct.pack("<f", v)
    for v in (0.0, -0.1, 1e-45, 1e-38, 1e-20, 2.0**-31, 1.0, 2.0**31, 1e20, 3e38, INF, NAN)
)  # fmt: skip
ZEROS = tuple(struct.pack("<q", v) for v in (0, 1, 127, -128, 128, -129, 255, 2**31, -(2**63)))
SIZES = (0, 1, -1, 2, 3, 255, 1 << 14, 1 << 20, 1 << 28, 2**31 - 1, -(2**31))
TYPES = tuple(range(20))
MOST = 64
"""Elements of one vector that are looked at."""


class Aim(NamedTuple):
    """A number in the file: where, and what may be put in its place."""

    at: int
    words: tuple[bytes, ...]
    steps: bool = False
    """Whether it may also be multiplied by a power of two, as a float."""


def aims(data: bytes) -> dict[str, list[Aim]]:
    """By kind, the numbers of a sound file that decide what it means."""
    model = schema.Model.GetRootAs(data, 0)
    sub = model.Subgraphs(0)
    tensors = [sub.Tensors(i) for i in range(sub.TensorsLength())]
    operators = [sub.Operators(i) for i in range(sub.OperatorsLength())]
    index = _ints((-1, *range(len(tensors)), len(tensors)))
    found: dict[str, list[Aim]] = {}

    def enter(kind: str, aimed: Iterator[Aim]) -> None:
        found.setdefault(kind, []).extend(aimed)

    lengths = _ints((0, 1, 2, 5, 2**31 - 1))
    for at in (6, 8):
        enter("edge", _vector(sub, at, 4, index))
    for table, at in ((sub, 4), (sub, 6), (sub, 8), (sub, 10), (model, 6), (model, 8), (model, 12)):
        enter("length", _length(table, at, lengths))
    for o in operators:
        enter("operator", _field(o, 4, _ints(range(-1, model.OperatorCodesLength() + 1))))
        enter("input", _vector(o, 6, 4, index))
        enter("output", _vector(o, 8, 4, index))
        enter("length", _length(o, 6, lengths))
        enter("length", _length(o, 8, lengths))
        enter("options", _field(o, 10, tuple(bytes([n]) for n in (0, 1, 8, 255))))
        if o.BuiltinOptions() is not None:
            for at in range(4, 4 + 2 * 8, 2):
                enter("options", _field(_Options(o.BuiltinOptions()), at, _ints(SIZES)))
    for t in tensors:
        enter("size", _vector(t, 4, 4, _ints(SIZES)))
        enter("length", _length(t, 4, lengths))
        enter("type", _field(t, 6, tuple(bytes([n]) for n in TYPES)))
        enter("buffer", _field(t, 8, _ints(range(-1, model.BuffersLength() + 1))))
        q = t.Quantization()
        if q is not None:
            enter("scale", (Aim(a.at, a.words, steps=True) for a in _vector(q, 8, 4, SCALES)))
            enter("zero", _vector(q, 10, 8, ZEROS))
            enter("unscaled", _length(q, 8, lengths))
            enter("unscaled", _length(q, 10, lengths))
            enter("axis", _field(q, 16, _ints(SIZES)))
    for i in range(model.BuffersLength()):
        enter("length", _length(model.Buffers(i), 4, lengths))
    return {kind: aimed for kind, aimed in found.items() if aimed}


def changed(data: bytearray, kinds: dict[str, list[Aim]], rng: random.Random) -> None:
    """One number of one kind becomes another; each kind is as likely."""
    aim = rng.choice(kinds[rng.choice(list(kinds))])
    word = rng.choice(aim.words)
    if aim.steps and rng.random() < 0.5:
        (old,) = struct.unpack_from("<f", data, aim.at)
        new = old * 2.0 ** rng.randint(-40, 40)
        word = struct.pack("<f", new) if 0 <= new < 3e38 else word
    data[aim.at : aim.at + len(word)] = word


class _Options:
    """A table of any kind, as the schema's classes hold theirs."""

    def __init__(self, table: Any) -> None:
        self._tab = table


def _ints(values: Any) -> tuple[bytes, ...]:
    return tuple(struct.pack("<i", v) for v in values)


def _vector(table: Any, slot: int, size: int, words: tuple[bytes, ...]) -> Iterator[Aim]:
    """The elements of a vector, of `size` bytes each."""
    if offset := table._tab.Offset(slot):
        start = table._tab.Vector(offset)
        for i in range(min(table._tab.VectorLen(offset), MOST)):
            yield Aim(start + size * i, words)


def _length(table: Any, slot: int, words: tuple[bytes, ...]) -> Iterator[Aim]:
    """The length of a vector."""
    if offset := table._tab.Offset(slot):
        yield Aim(table._tab.Vector(offset) - 4, words)


def _field(table: Any, slot: int, words: tuple[bytes, ...]) -> Iterator[Aim]:
    """A number of a table, where it is not left at its default."""
    if offset := table._tab.Offset(slot):
        yield Aim(table._tab.Pos + offset, words)
