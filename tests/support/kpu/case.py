"""What a random file is: its bytes, its inputs, and what is known of it; and random sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .convs import Sizes
from .pack import STRIDES, lines

MAPS = 32768
"""Lines of KPU RAM."""
LIBM = 1e-6
"""How far outputs may lie from each other, of their own size and of 1, where e^x and the like were
computed by different libraries."""
ORDER = 1e-5
"""The same, where nothing specifies the order in which floats are added."""


@dataclass(frozen=True)
class Case:
    """A random file and samples for it."""

    kind: str
    """Version and layer under test: "v3 conv", "v4 reduce" …"""
    name: str
    """What a failure prints: kind, sizes, seed."""
    data: bytes
    inputs: npt.NDArray[np.uint8]
    """(n, c, h, w)"""
    silent: tuple[str, ...] = ()
    """What in it no specification settles: a difference there is no fault of either side."""
    near: float = 0.0
    """Floats that far apart are equal, and so are two that are no numbers; 0: every byte counts."""


def differing(case: Case, ours: Sequence[bytes], theirs: Sequence[bytes]) -> list[int]:
    """Numbers of the outputs that differ: in a byte, or in a float by more than `near`."""
    if len(ours) != len(theirs):
        return [*range(max(len(ours), len(theirs)))]
    return [
        i
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True))
        if a != b and not _near(case, a, b)
    ]


def _near(case: Case, ours: bytes, theirs: bytes) -> bool:
    if case.near == 0 or len(ours) != len(theirs) or len(ours) % 4:
        return False
    a, b = (np.frombuffer(y, np.float32).astype(np.float64) for y in (ours, theirs))
    return np.allclose(a, b, case.near, case.near, equal_nan=True)


WIDTHS = (4, 5, 7, 8, 12, 15, 16, 17, 20, 31, 32, 33, 48, 63, 64, 65, 80, 127, 128, 129, 320, 512)
HEIGHTS = (4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 24, 31, 33, 64, 65, 128, 255, 256)
EDGES = (
    Sizes(1, 1, 256, 512, 3, pool=5), Sizes(2, 1, 128, 512, 1), Sizes(1, 3, 4, 512, 3, pool=8),
    Sizes(1, 2, 256, 4, 3, pool=9), Sizes(3, 4, 256, 256, 1, pool=3),
    Sizes(1, 2, 65, 320, 3, pool=7), Sizes(1024, 1024, 4, 4, 1),
    Sizes(1024, 1024, 4, 4, 3, depthwise=True), Sizes(1024, 192, 4, 4, 3),
    Sizes(1, 1024, 4, 4, 3), Sizes(1024, 1, 5, 7, 3), Sizes(1024, 61, 4, 4, 1),
    Sizes(513, 61, 4, 5, 3), Sizes(5, 6, 17, 65, 3, pool=2), Sizes(3, 8, 224, 224, 3, pool=5),
    Sizes(1, 1, 64, 511, 3, depthwise=True), Sizes(1, 1, 4, 4, 1), Sizes(7, 9, 19, 23, 3, pool=4),
    Sizes(6, 5, 33, 66, 3, pool=6), Sizes(5, 3, 12, 35, 1, pool=1),
)  # fmt: skip
"""Layers that reach the ends of what a register holds, or of what a load brings."""


def loads(s: Sizes) -> int:
    """How often the KPU loads weights."""
    return 1 if s.depthwise else -(-s.oc // (30720 // (s.kernel**2 * s.ic)))


def fits(s: Sizes, work: int) -> bool:
    """Whether the KPU takes it, and it is little work: products."""
    h, w, taps = s.h // STRIDES[s.pool], s.w // STRIDES[s.pool], s.kernel**2
    taps *= 1 if s.depthwise else s.ic
    return (
        h >= 4 and w >= 4 and h * w <= 65536 and loads(s) <= 64
        and (not s.depthwise or (s.pool == 0 and s.ic == s.oc))
        and s.h * s.w * taps * s.oc <= work
        and lines(s.ic, s.h, s.w) + lines(s.oc, h, w) <= MAPS
    )  # fmt: skip


def channels(rng: np.random.Generator) -> int:
    """1 … 1024, small ones as often as large."""
    return min(1024, int(2 ** rng.uniform(0, 10.05)))


def random_sizes(
    rng: np.random.Generator,
    *,
    wide: bool = False,
    given: tuple[int, int, int] | None = None,
    work: int = 500_000,
) -> Sizes:
    """Sizes of a layer; `given` are channels, height and width of its input."""
    while True:
        depthwise, kernel = bool(rng.random() < 0.25), int(rng.choice([1, 3]))
        pool = 0 if depthwise else int(rng.integers(0, 10))
        for _ in range(50):  # sizes for what was drawn, so that all of it is as frequent
            ic, h, w = given or (channels(rng), int(rng.choice(HEIGHTS)), int(rng.choice(WIDTHS)))
            oc = ic if depthwise else channels(rng)
            s = Sizes(ic, oc, h, w, kernel, depthwise, pool, wide)
            if fits(s, work):
                return s


def many_loads(rng: np.random.Generator, *, wide: bool = False) -> Sizes:
    """Sizes of a layer whose weights come in several loads."""
    while True:
        kernel, h, w = int(rng.choice([1, 3])), int(rng.integers(4, 6)), int(rng.integers(4, 6))
        s = Sizes(int(rng.integers(400, 1025)), channels(rng), h, w, kernel, wide=wide)
        if fits(s, 1_500_000) and loads(s) > 1:
            return s


def two_places(rng: np.random.Generator, first: int, second: int) -> tuple[int, int]:
    """Lines where two maps of that many lines lie, apart."""
    spare = MAPS - first - second
    before = int(rng.choice([0, spare, rng.integers(0, spare + 1)]))
    between = int(rng.choice([0, spare - before, rng.integers(0, spare - before + 1)]))
    if rng.random() < 0.5:
        return before, before + first + between
    return before + second + between, before


def samples(rng: np.random.Generator, c: int, h: int, w: int) -> npt.NDArray[np.uint8]:
    """One to three of them, bytes of any value or extreme ones."""
    n = 1 if c * h * w > 20_000 else int(rng.integers(1, 4))
    if rng.random() < 0.1:
        return rng.choice(np.array([0, 255], np.uint8), (n, c, h, w))
    return rng.integers(0, 256, (n, c, h, w)).astype(np.uint8)
