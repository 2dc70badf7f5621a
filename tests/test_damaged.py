"""Damaged .tflite files give what works, or an error in words: in little time and memory."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ascua import tflite
from tests.fuzz.aimed import aims
from tests.fuzz.damage import places
from tests.fuzz.taking import take, taken
from tests.support.command import Result, ascua
from tests.support.examples import small

CI, SLOW = 2000, 40_000
"""Damaged files in every run of the tests, and in the slow ones."""
PIECE = 250
VERBS = 40
"""Damaged files that the verbs are given in every run; in the slow ones, twenty times as many."""
VERBS_BYTES = 1 << 30
"""Of memory: `compare` holds both networks' outputs in double precision."""


def check(first: int, count: int) -> None:
    """The damaged files of these seeds: a part of them is taken, and none does wrong."""
    found = [taken(seed, take) for seed in range(first, first + count)]
    assert [t for t in found if t.fault] == []
    assert count / 2 < sum(t.refused for t in found) < count


@pytest.mark.parametrize("first", range(0, CI, PIECE))
def test_damaged_files(first: int) -> None:
    check(first, PIECE)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(CI, CI + SLOW, SLOW // 20))
def test_many_damaged_files(first: int) -> None:
    check(first, SLOW // 20)


def verbs(folder: Path, data: bytes) -> None:
    """Give a damaged file to each verb that computes without a compiler."""
    path, xs = folder / "damaged.tflite", folder / "x.npy"
    path.write_bytes(data)
    board = ("-b", "lm3s6965evb")
    out = folder / "out"
    results = [
        ascua("analyze", path), ascua("analyze", path, *board, "--json"),
        ascua("compile", path, *board, "-o", out, "--force"),
    ]  # fmt: skip
    try:
        shape = tflite.read(data).inputs[0].shape
    except Exception:
        shape = (1,)
    if np.prod(shape, dtype=np.float64) <= 1 << 16:
        np.save(xs, np.random.default_rng(1).normal(size=(3, *shape[1:])).astype(np.float32))
        given = ("--data", xs)
        results += [
            ascua("quantize", path, *given, "-o", folder / "small.tflite"),
            ascua("compare", path, path, *given),
        ]
    for result in results:
        told(result)


def told(result: Result) -> None:
    """It worked, or it says what is wrong."""
    assert "Traceback" not in result.err
    if result.code:
        assert result.code in (1, 2, 3, 4), result
        assert result.err.count("error:") == 1, result
        assert len(result.err) > 30, result


def check_verbs(folder: Path, first: int, count: int) -> None:
    seeds = range(first, first + count)
    found = [taken(seed, partial(verbs, folder), VERBS_BYTES) for seed in seeds]
    assert [t for t in found if t.fault] == []


def test_verbs_on_damaged_files(tmp_path: Path) -> None:
    check_verbs(tmp_path, 0, VERBS)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_verbs_on_many_damaged_files(tmp_path: Path) -> None:
    check_verbs(tmp_path, VERBS, 20 * VERBS)


def test_places_are_found_all_over_a_file() -> None:
    data = tflite.write(small())
    found = places(data)
    values = {int.from_bytes(data[p.at : p.at + 4], "little") for p in found if p.size == 4}
    sizes = {d for t in small().tensors() for d in t.shape}
    assert sizes <= values
    assert len(found) > 500


def test_every_kind_of_number_is_aimed_at() -> None:
    kinds = aims(tflite.write(small()))
    assert set(kinds) == {
        "edge", "length", "operator", "input", "output", "options", "size", "type", "buffer",
        "scale", "zero", "unscaled", "axis",
    }  # fmt: skip
