"""Random kmodel files of both versions, by seed: what two simulators are compared on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from . import v3_cases, v4_cases
from .case import EDGES, Case

Make = Callable[[np.random.Generator], Case]
TURNS: tuple[Make, ...] = (
    v3_cases.conv, v4_cases.conv, v3_cases.conv, v4_cases.conv, v3_cases.chain, v4_cases.chain,
)  # fmt: skip
"""Every other file is one of these."""


def _edges() -> Iterator[Make]:
    for i, sizes in enumerate(EDGES):
        yield lambda rng, s=sizes: v3_cases.conv(rng, s)
        yield lambda rng, s=sizes: v4_cases.conv(rng, s)
        wide = replace(sizes, wide=True)
        if i % 3 == 0:
            yield lambda rng, s=wide: v3_cases.conv(rng, s)


def cases(n: int, seed: int = 0, *, edges: bool = True) -> Iterator[Case]:
    """`n` files; with `edges`, those of the largest sizes come last, some of them seconds of work.

    The same file is made of a seed and a number whatever `n`, but for the edges.
    """
    last = [*_edges()] if edges else []
    others = v3_cases.MAKERS + v4_cases.MAKERS
    for i in range(n):
        rng = np.random.default_rng((seed, i))
        if i >= n - len(last):
            make = last[i - (n - len(last))]
        elif i % 2:
            make = others[i // 2 % len(others)]
        else:
            make = TURNS[i // 2 % len(TURNS)]
        case = make(rng)
        yield replace(case, name=f"{case.kind} {case.name} (seed {seed}, file {i})")
