"""Random networks give the bytes of tflite-micro, on the reference and on six boards, by each goal.

`ASCUA_FUZZ_SEED` and `ASCUA_FUZZ_COUNT` choose what the slow test runs.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from ascua import boards, kernels
from ascua.ir import Array
from ascua.ops import OPERATORS
from ascua.ops.maximum import Maximum
from ascua.passes import prepare
from ascua.plan import BALANCED, GOALS
from ascua.plan.choose import options
from tests.fuzz.builder import Draw
from tests.fuzz.everywhere import (
    BOARDS,
    REFERENCE,
    TOGETHER,
    Failure,
    cases,
    failures,
)
from tests.fuzz.networks import GENERATORS, drawn, network, networks
from tests.fuzz.shrink import report, shrunk, size
from tests.support.examples import FOLDED
from tests.support.tools import require_board

FIRST, CI = 0, 40
"""The first seed of every run of the tests, and how many networks it has."""

DRAWN = 1000
"""Of so many networks, without running them, every operator and kernel is one's choice."""

SLOW_FIRST, SLOW = 200_000, 5000
"""The same of the slow tests."""


def check(first: int, count: int, places: tuple[str, ...], folder: Path) -> None:
    """Fails with the first network that goes wrong, made small; each board has a goal in turn."""
    for name in places[1:]:
        require_board(boards.load(name))
    found = cases(networks(first, count))
    for turn, where in enumerate(places):
        goal = GOALS[(first // TOGETHER + turn) % len(GOALS)].kind
        wrong = failures(found, where, folder / "build", goal)
        if wrong:
            seeds = sorted(f.case.network.seed for f in wrong)
            least = shrunk(min(wrong, key=lambda f: size(f.case.network)), folder / "build")
            said = report(least, folder / f"seed-{least.case.network.seed}")
            many = f"{len(seeds)} of {len(found)}"
            pytest.fail(f"{where}, {goal}: seeds {seeds[:20]} fail ({many})\n{said}")
        shutil.rmtree(folder / "build", ignore_errors=True)


@pytest.mark.emulator
@pytest.mark.timeout(1800)
def test_networks(tmp_path: Path) -> None:
    check(FIRST, CI, (REFERENCE, *BOARDS), tmp_path)


@pytest.mark.slow
@pytest.mark.emulator
@pytest.mark.timeout(6 * 3600)
def test_many_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = int(os.environ.get("ASCUA_FUZZ_SEED", SLOW_FIRST))
    count = int(os.environ.get("ASCUA_FUZZ_COUNT", SLOW))
    for start in range(first, first + count, TOGETHER):
        n = min(TOGETHER, first + count - start)
        check(start, n, (REFERENCE, *BOARDS), tmp_path)
        with capsys.disabled():
            done = f"{start + n - first} of {count} networks"
            print(f"\r{done} from seed {first}", end="", flush=True)


def test_every_operator_has_a_generator() -> None:
    assert set(GENERATORS) == set(OPERATORS) - FOLDED


def test_every_operator_and_kernel_comes_up() -> None:
    several = [boards.load(name) for name in BOARDS]
    operators: Counter[str] = Counter()
    used: set[str] = set()
    drawn_and_refused = 0
    for found in networks(FIRST, DRAWN):
        operators.update(op.tflite for op in found.graph.ops)
        drawn_and_refused += len(found.refused)
        used |= {
            o.kernel.name
            for op in prepare(found.graph).ops
            for board in several
            if not op.view
            for o in options(found.graph, op, board, BALANCED)
        }
    assert set(operators) == set(OPERATORS) - FOLDED
    assert min(operators.values()) >= 10
    # What is drawn has int8 activations and int8 weights, as yet, and floats only at its edges.
    every = {k.name for k in kernels.every() if k.types != ("float32",)}
    assert used == {name for name in every if not re.search("s16|u8|s4", name)}
    assert drawn_and_refused < operators.total() / 20


def test_a_seed_is_a_network() -> None:
    once = network(7)
    assert network(7).model == once.model
    again = drawn(Draw(None, once.numbers), 7, "n7_")
    assert (again.model, again.numbers) == (once.model, once.numbers)
    assert network(8).model != once.model


def smallest_failure(where: str, operator: str, folder: Path) -> Failure:
    """That of the smallest network that fails, of the first ones with this operator."""
    some = [n for n in networks(FIRST, 240) if any(op.tflite == operator for op in n.graph.ops)]
    found = failures(cases(some[: 2 * TOGETHER]), where, folder)
    return min(found, key=lambda f: size(f.case.network))


@pytest.mark.timeout(1800)
def test_a_fault_of_the_reference_is_found_and_made_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Maximum.eval

    def wrong(op: Maximum, *xs: Array) -> Array:
        """As if rows of three and more ended in another value."""
        y = right(op, *xs).copy()
        if y.shape[-1] > 2:
            y[..., -1] ^= 1
        return y

    monkeypatch.setattr(Maximum, "eval", wrong)
    failure = shrunk(smallest_failure(REFERENCE, "MAXIMUM", tmp_path), tmp_path)
    graph = failure.case.graph
    assert [op.tflite for op in graph.ops] == ["MAXIMUM"]
    assert graph.ops[0].y.size == 3
    said = report(failure, tmp_path / "seed")
    assert "MAXIMUM(" in said
    assert f"seed {failure.case.network.seed}" in said
    assert str(tmp_path / "seed") in said
    assert (tmp_path / "seed" / "network.tflite").read_bytes() == failure.case.network.model


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("operator", "header", "right", "wrong"),
    [
        ("MAXIMUM", "maximum_s8.h", "a[at] > b[bt]", "i == 2 || a[at] > b[bt]"),
        ("DEPTHWISE_CONV_2D", "depthwise_conv2d_s8.h", "at += 2 * p->next;", "at += p->next;"),
    ],
)
def test_a_fault_of_a_kernel_is_found_and_made_small(
    operator: str, header: str, right: str, wrong: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tmp_path / "kernels"
    shutil.copytree(kernels.FOLDER, folder)
    text = (folder / header).read_text()
    assert right in text
    (folder / header).write_text(text.replace(right, wrong, 1))
    monkeypatch.setattr(kernels, "FOLDER", folder)
    failure = shrunk(smallest_failure("host", operator, tmp_path), tmp_path)
    assert [op.tflite for op in failure.case.graph.ops] == [operator]
    assert sum(t.size for t in failure.case.graph.inputs) <= 40
