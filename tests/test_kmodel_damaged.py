"""Damaged kmodel files are read, and written to the same bytes, or refused in words."""

from __future__ import annotations

import random
import struct
from functools import cache

import pytest

from ascua import kmodel
from tests.fuzz.taking import Taken, watched
from tests.support.command import MODELS
from tests.support.kmodel_layers import small

CI, SLOW = 1000, 20_000
"""Damaged files in every run of the tests, and in the slow ones."""
REAL = 10
"""One file of so many is a real one, which takes longer."""
HEAD = 128
"""Bytes of a layer in which most of its fields are."""
BYTES = 48 << 20
"""Of memory, beside what the process has before; the real files have 2.7 MB at most."""
EDGES = (
    0, 1, 2, 3, 4, 5, 7, 63, 64, 255, 256, 1 << 15, 1 << 16, (1 << 31) - 1, 1 << 31, 4_000_000_000,
    (1 << 32) - 64, (1 << 32) - 1,
)  # fmt: skip


@cache
def originals() -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Small files, and real ones where there are some."""
    made = tuple(small())
    real = tuple(p.read_bytes() for p in sorted((MODELS / "k210").rglob("*.kmodel")))
    return made, real or made


@cache
def bodies(data: bytes) -> tuple[int, ...]:
    """Where the header and each layer begin."""
    four = data[:4] == b"LDMK"
    count = struct.unpack_from("<I", data, 24 if four else 12)[0]
    constants, ins, outs = struct.unpack_from("<I8x2I", data, 16) if four else (0, 0, 0)
    fixed = 40 + 32 * ins + 16 * outs + constants
    at = fixed if four else 28 + 8 * struct.unpack_from("<I", data, 24)[0]
    sizes = struct.unpack_from(f"<{2 * count}I", data, at)[1::2]
    begins = [0, at, at + 8 * count]
    for size in sizes[:-1]:
        begins.append(begins[-1] + size)
    return tuple(begins)


def damaged(seed: int) -> bytes:
    """A file with one to three faults."""
    dice = random.Random(seed)
    made, real = originals()
    original = dice.choice(real if seed % REAL == 0 else made)
    data = bytearray(original)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        at = min(dice.choice(bodies(original)) + dice.randrange(HEAD), len(data) - 8)
        word = at - at % 4
        match dice.randrange(8):
            case 0:
                data[at] ^= 1 << dice.randrange(8)
            case 1:
                data[dice.randrange(len(data))] = dice.randrange(256)
            case 2 | 3:
                struct.pack_into("<I", data, word, dice.choice(EDGES))
            case 4:
                old = struct.unpack_from("<I", data, word)[0]
                struct.pack_into(
                    "<I", data, word, (old + dice.choice((-64, -8, -1, 1, 4, 64))) % (1 << 32)
                )
            case 5:
                other = min(
                    dice.choice(bodies(original)) + dice.randrange(0, HEAD, 4), len(data) - 8
                )
                data[word : word + 4] = data[other : other + 4]
            case 6:
                del data[
                    max(len(data) - dice.choice((1, 3, 8, 64, dice.randrange(len(data)))), 8) :
                ]
            case 7:
                data[word:word] = bytes(dice.choice((4, 8)))
    return bytes(data)


def taken(seed: int) -> tuple[Taken, bool]:
    """What becomes of the file of this seed, and whether it was read at all."""
    data = damaged(seed)
    whole = []

    def act() -> None:
        model = kmodel.read(data, "some/net.kmodel")
        assert kmodel.write(model) == data
        kmodel.usage(model)
        whole.append(model)

    return watched(act, BYTES)._replace(seed=seed), bool(whole)


def check(first: int, count: int) -> None:
    """The damaged files of these seeds: a part of them is read, and none does wrong."""
    found = [taken(seed) for seed in range(first, first + count)]
    assert [t for t, _ in found if t.fault] == []
    assert count / 20 < sum(whole for _, whole in found) < count / 2


@pytest.mark.parametrize("first", range(0, CI, 250))
def test_damaged_files(first: int) -> None:
    check(first, 250)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(CI, CI + SLOW, SLOW // 20))
def test_many_damaged_files(first: int) -> None:
    check(first, SLOW // 20)


def test_places_are_found() -> None:
    made, _ = originals()
    for data in made:
        begins = bodies(data)
        model = kmodel.read(data)
        assert len(begins) == len(model.layers) + 2
        assert begins[-1] < len(data)


def test_counts_allocate_nothing() -> None:
    """A word of four thousand million, wherever it stands in the small files."""
    made, _ = originals()
    for data in made:
        for at in range(0, min(len(data), 360) - 3, 4):
            changed = data[:at] + struct.pack("<I", 4_000_000_000) + data[at + 4 :]
            found = watched(
                lambda changed=changed: kmodel.read(changed, "some/net.kmodel"), 8 << 20
            )
            assert not found.fault, (at, found)
