"""Damaged .tflite files give a plan that works, or an error in words: in little time and memory."""

from __future__ import annotations

import time
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, tflite
from ascua.errors import AscuaError
from ascua.passes import prepare
from ascua.plan import check_fit, plan
from ascua.targets.c import emit
from tests.everything import everything
from tests.examples import small
from tests.fuzz.damage import damaged, places
from tests.fuzz.networks import networks
from tests.support import samples

MODELS = Path(__file__).parents[2] / "shared" / "models"
"""Real networks beside the repository; they are not part of it."""

CI, SLOW = 100, 2000
"""Damaged files in every run of the tests, and in the slow ones."""

SECONDS = 10
"""Of the processor, where the sound file takes one at most."""
BYTES = 64 << 20


@cache
def originals() -> tuple[bytes, ...]:
    """Files to damage: this project's own, random ones, and small real ones."""
    own = (tflite.write(everything()), tflite.write(small()))
    real = [p for p in sorted(MODELS.glob("*.tflite")) if p.stat().st_size < 90_000]
    return (*own, *(n.model for n in networks(0, 30)), *(p.read_bytes() for p in real))


def take(data: bytes) -> None:
    """Read `data`, plan it for a small board, write its C, and run it."""
    board = boards.load("lm3s6965evb")
    graph = prepare(tflite.read(data, "some/model.tflite"))
    planned = plan(graph, board)
    check_fit(planned)
    emit(planned, "net")
    with np.errstate(all="ignore"):
        graph.eval(samples(graph, 1))


def check(seed: int) -> bool:
    """Whether the damaged file of this seed is refused."""
    data = damaged(originals(), seed)
    failure: AscuaError | None = None
    tracemalloc.start()
    start = time.process_time()
    try:
        take(data)
    except AscuaError as e:
        failure = e
    except BaseException as e:
        raise AssertionError(f"damaged file {seed}: {type(e).__name__}: {e}") from e
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert failure is None or (len(failure.what) > 20 and failure.things_to_try), seed
    assert time.process_time() - start < SECONDS, seed
    assert peak < BYTES, seed
    return failure is not None


def test_damaged_files() -> None:
    refused = sum(check(seed) for seed in range(CI))
    assert CI / 4 < refused < CI


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_damaged_files() -> None:
    refused = sum(check(seed) for seed in range(CI, CI + SLOW))
    assert SLOW / 4 < refused < SLOW


def test_places_are_found_all_over_a_file() -> None:
    data = tflite.write(small())
    found = places(data)
    values = {int.from_bytes(data[p.at : p.at + 4], "little") for p in found if p.size == 4}
    sizes = {d for t in small().tensors() for d in t.shape}
    assert sizes <= values
    assert len(found) > 500
