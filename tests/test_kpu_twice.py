"""The simulator against a second one that shares nothing with it: random kmodels of every layer."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ascua import kmodel
from ascua.errors import Unsupported
from ascua.kpu import Rounding, Simulator
from tests.support.kpu import cases, slow
from tests.support.kpu.case import Case, differing
from tests.support.tools import require_tool

SWITCHES: list[tuple[Rounding | None, bool]] = [
    (None, False), ("half-up", False), ("half-even", True), ("half-even", False), ("half-up", True)
]  # fmt: skip
"""In turn; the first is what the version of a file says."""


def compared(case: Case, rounding: Rounding | None, *, fused: bool) -> bool | None:
    """Whether both simulators answer the same for each sample; None where the fast one refuses."""
    try:
        simulator = Simulator(kmodel.read(case.data, case.name), rounding=rounding, fused=fused)
    except Unsupported:
        return None
    mine = simulator.run([np.ascontiguousarray(case.inputs.transpose(0, 2, 3, 1))])
    for i, x in enumerate(case.inputs):
        theirs = slow.run(case.data, np.ascontiguousarray(x), rounding=rounding, fma=fused)
        if differing(case, [y[i].tobytes() for y in mine], theirs):
            return False
    return True


def check(count: int, seed: int) -> None:
    """Every output byte of `count` files but what no specification settles."""
    require_tool("cc")
    found: dict[bool | None, list[Case]] = {True: [], False: [], None: []}
    for i, case in enumerate(cases.cases(count, seed)):
        rounding, fused = SWITCHES[i % len(SWITCHES)]
        found[compared(case, rounding, fused=fused)].append(case)
    wrong = [c.name for c in found[False] if not c.silent]
    assert wrong == []
    refused = Counter(c.kind for c in found[None])
    assert sum(refused.values()) < 0.03 * count
    assert {kind for kind in refused if "conv2d_transpose" not in kind} <= {"v4 resize_image"}
    assert len([c for c in found[True] if not c.silent]) > 0.8 * count


def test_random_kmodels() -> None:
    check(300, seed=1)


@pytest.mark.slow
def test_many_random_kmodels() -> None:
    check(2000, seed=7)
