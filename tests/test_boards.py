"""A small network on every board equals the oracle, bit for bit, and is counted exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ascua import boards, tflite
from ascua.passes import prepare
from ascua.plan import plan
from ascua.run import build, run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import oracle, samples
from tests.support.everything import everything
from tests.support.examples import small
from tests.support.tools import RUNNABLE, require_board


@pytest.mark.emulator
@pytest.mark.parametrize("name", RUNNABLE)
def test_small_network(name: str, tmp_path: Path) -> None:
    board = boards.load(name)
    require_board(board)
    graph = prepare(tflite.read(tflite.write(small())))
    xs = samples(graph, 3)
    library = emit(plan(graph, board), "small")
    outcome = run(board, library, pack(xs), 3, build_dir=tmp_path)
    expected = oracle(tflite.write(small()), xs)
    np.testing.assert_array_equal(unpack(outcome.outputs, graph, 3)[0], expected[0])
    if board.runner == "host":
        return
    assert outcome.counter == "qemu plugin"
    assert outcome.step_instructions is not None
    assert outcome.glue_instructions is not None
    parts = outcome.glue_instructions + sum(outcome.step_instructions)
    assert outcome.instructions == pytest.approx(parts)
    if board.hosted:
        return
    assert outcome.stack_bytes is not None
    assert 0 < outcome.stack_bytes <= 1024
    assert outcome.sizes is not None
    assert outcome.sizes.static_bytes <= 16
    assert outcome.sizes.harness_flash_bytes <= 2100
    assert outcome.sizes.harness_static_bytes <= 256


@pytest.mark.emulator
@pytest.mark.parametrize("name", [n for n in RUNNABLE if n not in ("host", "lm3s6965evb")])
def test_every_operator_at_the_highest_level(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At -O3, too, a library compiles without a warning, and gives the same bytes."""
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, "-O3"))
    test_every_operator(name, tmp_path)


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["microbit", "riscv32-virt", "riscv64-linux"])
def test_every_operator(name: str, tmp_path: Path) -> None:
    """On cores without long products (ARMv6-M), or with other words and pointers than Arm's."""
    board = boards.load(name)
    require_board(board)
    model = tflite.write(everything())
    graph = prepare(tflite.read(model))
    xs = samples(graph, 3)
    library = emit(plan(graph, board), "every")
    outcome = run(board, library, pack(xs), 3, build_dir=tmp_path)
    for y, expected in zip(unpack(outcome.outputs, graph, 3), oracle(model, xs), strict=True):
        np.testing.assert_array_equal(y, expected)
