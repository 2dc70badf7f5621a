"""Damages .tflite files: any bytes, and what the structure of a flatbuffer hangs on."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from tests.fuzz.aimed import aims, changed

known = lru_cache(64)(aims)

WORDS = (0, 1, -1, 2, 5, 64, 127, 255, 1 << 16, 1 << 20, 1 << 28, 2**31 - 1, -(2**31))
MOST_ENTRIES = 200
"""Of one vector, that are looked at."""


class Place(NamedTuple):
    """A number in the file: where, and of how many bytes."""

    at: int
    size: int


def places(data: bytes) -> list[Place]:
    """The numbers that hold a flatbuffer together, and the values beside them.

    Offsets to vtables and their entries, fields of tables, lengths and elements of vectors; found
    without the schema, by what may be an offset.
    """
    found: dict[int, Place] = {}
    seen: set[int] = set()
    todo = [0]
    while todo:
        at = todo.pop()
        target = at + _number(data, at, "<I")
        found.setdefault(at, Place(at, 4))
        if not 8 <= target <= len(data) - 4 or target in seen:
            continue
        seen.add(target)
        fields = _table(data, target)
        if fields:
            vtable = target - _number(data, target, "<i")
            entries = range(vtable, vtable + 4 + 2 * len(fields), 2)
            found |= {p: Place(p, 2) for p in entries} | {target: Place(target, 4)}
            inside = [target + f for f in fields if f]
            found |= {p: Place(p, 1 if p % 4 else 4) for p in inside}
        else:
            length = min(_number(data, target, "<I"), MOST_ENTRIES)
            found[target] = Place(target, 4)
            inside = list(range(target + 4, min(target + 4 + 4 * length, len(data) - 3), 4))
            found |= {p: Place(p, 4) for p in inside}
        todo += [p for p in inside if p % 4 == 0 and p + 4 <= len(data)]
    return [p for p in found.values() if 0 <= p.at <= len(data) - p.size]


def _number(data: bytes, at: int, form: str) -> int:
    return int(struct.unpack_from(form, data, at)[0])


def _table(data: bytes, at: int) -> list[int]:
    """Where the fields of the table at `at` lie, from there; empty where none begins there."""
    vtable = at - _number(data, at, "<i")
    if vtable % 2 or not 4 <= vtable <= len(data) - 4:
        return []
    size, width = struct.unpack_from("<HH", data, vtable)
    if size % 2 or not 4 < size <= 120 or not 4 <= width <= 400 or vtable + size > len(data):
        return []
    fields = list(struct.unpack_from(f"<{size // 2 - 2}H", data, vtable + 4))
    return fields if all(f < width for f in fields) else []


def damaged(originals: Sequence[bytes], seed: int) -> bytes:
    """One of the files with a few things changed: numbers, bytes, pieces, or its end."""
    rng = random.Random(seed)
    whole = rng.choice(originals)
    data = bytearray(whole)
    if rng.random() < 0.5:
        for _ in range(rng.choice((1, 1, 2))):
            changed(data, known(whole), rng)
        return bytes(data)
    spots = places(whole) if rng.random() < 0.7 else []
    for _ in range(rng.randint(1, 4)):
        if not data:
            break
        if spots and rng.random() < 0.9:
            _number_changes(data, rng.choice(spots), rng)
        else:
            _bytes_change(data, originals, rng)
    return bytes(data)


def _number_changes(data: bytearray, place: Place, rng: random.Random) -> None:
    """A number becomes another one, near or far, or a copy of its neighbor."""
    at, size = place
    if at + size > len(data):
        return
    old = int.from_bytes(data[at : at + size], "little", signed=True)
    new = rng.choice([rng.choice(WORDS), old + rng.choice((-4, -2, -1, 1, 2, 4)), old * 2, -old])
    wide = new & (1 << 8 * size) - 1
    data[at : at + size] = wide.to_bytes(size, "little")


def _bytes_change(data: bytearray, originals: Sequence[bytes], rng: random.Random) -> None:
    """A byte or a word becomes another, a piece comes from another file, or the end goes."""
    at = rng.randrange(len(data))
    match rng.choice(("byte", "byte", "word", "word", "splice", "cut")):
        case "byte":
            data[at] = rng.randrange(256)
        case "word":
            word = rng.choice(WORDS).to_bytes(4, "little", signed=True)
            data[at & ~3 : (at & ~3) + 4] = word
        case "splice":
            other = rng.choice(originals)
            start = rng.randrange(len(other))
            length = rng.randint(0, 64)
            data[at : at + length] = other[start : start + length]
        case "cut":
            del data[max(1, at) :]
