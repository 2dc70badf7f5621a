"""The runtime of kmodels in C: beside the simulator, on damaged files, and on an emulated core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ascua import kmodel
from ascua.errors import AscuaError, Unsupported
from ascua.kpu import Simulator
from tests.support import kmodels_in_c
from tests.support.kmodels_in_c import OK, UNSUPPORTED
from tests.support.kpu import cases
from tests.support.kpu.case import Case, differing
from tests.test_kmodel_damaged import CI, SLOW, damaged


def compared(folder: Path, some: list[Case]) -> None:
    """Every output byte of random files beside the simulator's, but what nothing settles."""
    wanted, given = [], []
    for case in some:
        try:
            simulator = Simulator(kmodel.read(case.data, case.name))
        except Unsupported:
            wanted.append(None)
            given.append((case.data, None))
            continue
        x = np.ascontiguousarray(case.inputs[:1])
        wanted.append(simulator.run([np.ascontiguousarray(x.transpose(0, 2, 3, 1))]))
        given.append((case.data, x.tobytes()))
    wrong = []
    for case, ys, ran in zip(some, wanted, kmodels_in_c.run(folder, given), strict=True):
        if ys is None:
            assert ran.status == UNSUPPORTED, case.name
            continue
        assert ran.status == OK, (case.name, ran)
        mine, at = [], 0
        for y in ys:
            mine.append(ran.outputs[at : at + y.nbytes])
            at += y.nbytes
        assert at == len(ran.outputs)
        if differing(case, mine, [y.tobytes() for y in ys]) and not case.silent:
            wrong.append(case.name)
    assert wrong == []


def test_random_kmodels(tmp_path: Path) -> None:
    """All types of layers, of both versions."""
    compared(tmp_path, list(cases.cases(400, seed=3)))


@pytest.mark.slow
def test_many_random_kmodels(tmp_path: Path) -> None:
    compared(tmp_path, list(cases.cases(3000, seed=5)))


def refused(folder: Path, first: int, count: int) -> None:
    """Damaged files: none makes the runtime leave a memory, and it takes all that Python takes."""
    files = [damaged(seed) for seed in range(first, first + count)]
    for seed, data, ran in zip(
        range(first, first + count), files,
        kmodels_in_c.run(folder, [(data, None) for data in files]), strict=True,
    ):  # fmt: skip
        try:
            Simulator(kmodel.read(data, "net.kmodel"))
        except AscuaError:
            continue
        assert ran.status == OK, (seed, ran)


@pytest.mark.parametrize("first", range(0, CI, 500))
def test_damaged_files(tmp_path: Path, first: int) -> None:
    refused(tmp_path, first, 500)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(CI, CI + SLOW, SLOW // 20))
def test_many_damaged_files(tmp_path: Path, first: int) -> None:
    refused(tmp_path, first, SLOW // 20)
