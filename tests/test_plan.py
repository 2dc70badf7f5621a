"""Placement and plans: nothing overlaps, bounds are reached, what does not fit is said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import boards, kernels, targets, tflite
from ascua.boards import Board
from ascua.errors import DoesNotFit, Unsupported
from ascua.ir import Graph, Op
from ascua.ops.add import Add
from ascua.ops.conv2d import Conv2D
from ascua.ops.relu import Relu
from ascua.passes import prepare
from ascua.plan import STACK_BYTES, Goal, Plan, check_fit, goal_named, plan
from ascua.plan.goal import Kind
from ascua.plan.memory import ALIGNMENT
from ascua.plan.place import Span, bound, place
from tests.ops.test_conv2d import conv
from tests.ops.test_fully_connected import dense
from tests.support import activation, constant, network
from tests.support.command import ascua, model_file
from tests.support.examples import small
from tests.support.guard import walk
from tests.support.tools import require_board
from tests.test_again import two_blocks

MODELS = Path(__file__).parents[2] / "shared/models"

spans = st.lists(
    st.builds(
        lambda size, first, length: Span(size, first, first + length),
        st.integers(0, 5000),
        st.integers(0, 12),
        st.integers(0, 5),
    ),
    max_size=20,
)


@settings(max_examples=200)
@given(spans, st.sampled_from([1, 4, 64]))
def test_spans_that_meet_do_not_overlap(items: list[Span], alignment: int) -> None:
    offsets = place(items, alignment, 200)
    for i, (a, x) in enumerate(zip(items, offsets, strict=True)):
        assert x % alignment == 0
        for b, y in list(zip(items, offsets, strict=True))[i + 1 :]:
            assert not a.meets(b) or x + a.bytes <= y or y + b.bytes <= x


@given(spans)
def test_no_placement_is_below_the_bound(items: list[Span]) -> None:
    ends = [o + s.bytes for o, s in zip(place(items, 1, 200), items, strict=True)]
    assert max(ends, default=0) >= bound(items)


def test_placement_is_deterministic() -> None:
    rng = np.random.default_rng(1)
    items = [
        Span(int(rng.integers(1, 999)), i // 2, i // 2 + int(rng.integers(0, 6))) for i in range(40)
    ]
    assert place(items, 4, 200) == place(items, 4, 200)


def test_no_step_overwrites_what_it_or_a_later_one_needs() -> None:
    planned = plan(prepare(small()), boards.load("lm3s6965evb"))
    walk(planned)
    assert all(b.offset % ALIGNMENT == 0 for b in planned.buffers)


def test_views_share_memory() -> None:
    planned = plan(prepare(small()), boards.load("host"))
    pool, dense_step = planned.steps[4], planned.steps[5]
    assert pool.op.kind == "max_pool2d"
    assert dense_step.calls[0].reads[0].offset == pool.calls[0].writes[0].offset


WHOLE_TENSORS = {"ic": 49152, "kws": 16000, "vww": 55296, "ad": 768, "seed": 40960}
"""Published bounds of plans of whole tensors, in bytes."""
MOST = {
    "balanced": {"ic": 54_000, "kws": 10_500, "vww": 32_500, "ad": 768, "seed": 14_500},
    "ram": {"ic": 18_000, "kws": 6_200, "vww": 30_000, "ad": 768, "seed": 9_500},
}
"""Bytes that a plan may take at most; of `ic`, `balanced` has Winograd's working memory."""


@pytest.mark.parametrize("name", WHOLE_TENSORS)
@pytest.mark.parametrize("kind", MOST)
def test_arena_of_real_networks(kind: str, name: str) -> None:
    path = MODELS / f"{name}.tflite"
    if not path.exists():
        pytest.skip("../shared/models is absent")
    planned = plan(prepare(tflite.load(path)), boards.load("lm3s6965evb"), goal_named(kind))
    assert planned.arena.whole_tensors == WHOLE_TENSORS[name]
    assert planned.arena.bound <= planned.arena.bytes <= MOST[kind][name]
    assert planned.arena.bytes <= 1.2 * planned.arena.bound


def test_too_little_ram_is_said_with_need_and_have() -> None:
    graph = prepare(conv(ih=100, iw=100, ic=8, oc=16))
    with pytest.raises(DoesNotFit) as e:
        check_fit(plan(graph, boards.load("lm3s6965evb")))
    assert "needs 163," in e.value.what
    assert "there are 65,536" in e.value.what
    assert "CONV_2D 'y'" in e.value.what
    assert "'x' 80,000" in e.value.what
    assert e.value.exit_code == 3
    assert e.value.things_to_try


def test_too_little_flash_names_the_layer() -> None:
    graph = prepare(dense(k=1000, oc=300))
    with pytest.raises(DoesNotFit) as e:
        check_fit(plan(graph, boards.load("lm3s6965evb")))
    assert "FULLY_CONNECTED 'y' 30" in e.value.what
    assert "262,144" in e.value.what


def test_too_little_of_both_is_said_at_once() -> None:
    """RAM and flash, each with what costs most, and a remedy for each."""
    graph = prepare(conv(ih=100, iw=100, ic=8, oc=16))
    board = boards.load("lm3s6965evb")
    small = tuple(replace(m, bytes=1024) for m in board.memories)
    with pytest.raises(DoesNotFit) as e:
        check_fit(plan(graph, replace(board, memories=small)))
    first, ram, flash = e.value.what.splitlines()
    assert "bytes of ram (arena " in first
    assert "bytes of flash for constants" in first
    assert first.count("there are 1,024") == 2
    assert ram.startswith("The step that costs most is CONV_2D 'y'")
    assert flash.startswith("The layers with most constants: CONV_2D 'y'")
    goal, rows, size, channels, other = e.value.things_to_try
    assert "`--goal ram`" in goal
    assert "`--input-by-rows`" in rows
    assert size.startswith("A smaller input")
    assert channels.startswith("Fewer channels")
    assert other.startswith("A board with more memory")
    with pytest.raises(DoesNotFit) as e:
        check_fit(plan(graph, replace(board, memories=small), Goal("ram", by_rows=True)))
    assert "`--patch 1.2`" in e.value.things_to_try[0]
    assert len(e.value.things_to_try) == 4


@pytest.mark.parametrize("kind", ["speed", "balanced"])
def test_what_does_not_fit_as_single_steps_is_as_quick_as_may_be(kind: Kind) -> None:
    """More memory than the least costs less, as long as there is more."""
    m4 = boards.load("mps2-an386")
    made = []
    for room in (3500, 5000):
        held = tuple(replace(m, bytes=room) if "w" in m.use else m for m in m4.memories)
        p = plan(two_blocks(), replace(m4, memories=held), Goal(kind=kind))
        assert p.arena_bytes + STACK_BYTES <= room
        assert p.cost is not None
        made.append((p.arena_bytes, p.cost.cycles))
    (tight, slow), (roomy, quick) = made
    assert tight < roomy
    assert quick < slow


def test_no_kernel_is_a_refusal() -> None:
    graph = conv()
    every = frozenset(k.name for k in kernels.every())
    with pytest.raises(Unsupported, match="no kernel of CONV_2D runs 'y' on host"):
        plan(graph, boards.load("host"), Goal(avoid=every))


def test_the_input_as_output() -> None:
    from ascua.ops.reshape import Reshape

    x, y = activation("x", (1, 4, 2)), activation("y", (1, 8))
    shape = constant("shape", np.array([1, 8], np.int32))
    graph: Graph = network(Reshape((x, shape), (y,)))
    planned = plan(prepare(graph), boards.load("host"))
    assert planned.steps == ()
    assert planned.inputs[0].offset == planned.outputs[0].offset
    assert replace(planned, steps=()).macs == 0


def test_thousands_of_operators_are_refused_at_once() -> None:
    x = activation("x", (1, 4))
    ops = [Relu((x,), (replace(x, name=str(i)),)) for i in range(5000)]
    graph = Graph("test", (x,), tuple(op.y for op in ops), tuple(ops))
    with pytest.raises(Unsupported, match="5,001 tensors; at most 4,096"):
        plan(graph, boards.load("host"))


def chain(n: int) -> Graph:
    """n convolutions and additions in turn, each addition of the last two results."""
    first = last = x = activation("x", (1, 4, 4, 4))
    w = constant("w", np.ones((4, 1, 1, 4), np.int8), [0.01])
    ops: list[Op] = []
    for i in range(n):
        y = replace(x, name=str(i))
        if i % 2:
            ops.append(Add((last, first), (y,), "NONE"))
        else:
            ops.append(Conv2D((last, w), (y,), (1, 1), (1, 1), "SAME", "NONE"))
        first, last = last, y
    return network(*ops)


def test_long_chains_are_planned_at_once() -> None:
    """Nothing takes time by the square of the operators: seconds of CPU, the best of three.

    Constants of 400 sums are looked for, which takes a millisecond or two each.
    """
    graph, host = prepare(chain(800)), boards.load("host")

    def seconds() -> float:
        start = process_time()
        planned = plan(graph, host)
        planned.fullest()
        return process_time() - start

    assert min(seconds() for _ in range(3)) < 3


def test_buffers_say_where_they_lie_and_when() -> None:
    planned = plan(prepare(small()), boards.load("lm3s6965evb"))
    assert planned.arena.memory == "ram"
    for i, step in enumerate(planned.steps):
        for b in step.buffers:
            assert b.memory == planned.arena.memory
            assert b.first <= i <= b.last
            assert b.offset + b.bytes <= planned.arena.bytes
    peak = max(planned.live_bytes(s) for s in planned.steps)
    assert planned.live_bytes(planned.fullest()) == peak
    for step in planned.steps:  # whatever is there for a part of it counts as a whole
        assert planned.live_bytes(step) <= sum(b.bytes for b in planned.live(step))


def test_constants_say_what_their_bytes_are() -> None:
    (call,) = plan(prepare(conv(oc=5)), boards.load("host")).calls
    weights, requant = call.consts
    assert weights.holds == {"weights": call.op.inputs[1].bytes}  # type: ignore[union-attr]
    assert requant.holds == {"weights": 4 * 5, "requantization": 8 * 5}
    assert call.weights_bytes == weights.payload + 4 * 5


@pytest.mark.parametrize("verb", ["analyze", "compile", "run", "validate"])
def test_a_verb_plans_once(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_board(boards.load("host"))
    made: list[Plan] = []

    def lower(graph: Graph, board: Board, goal: Goal) -> Plan:
        made.append(plan(graph, board, goal))
        return made[-1]

    monkeypatch.setitem(targets.TARGETS, "c", replace(targets.TARGETS["c"], lower=lower))
    more = {"compile": ["-o", tmp_path / "lib"], "analyze": []}
    building = ["--build-dir", tmp_path]
    result = ascua(verb, model_file(tmp_path, small()), "-b", "host", "-v",
                   *more.get(verb, building))  # fmt: skip
    assert result.code == 0, result.err
    assert len(made) == 1


def test_copied_constants_count_in_ram(tmp_path: Path) -> None:
    """On an AVR: with parameters and tables, at most 4 bytes a number of these."""
    graph, avr = prepare(dense(k=50, oc=130)), boards.load("mega2560")
    planned = plan(graph, avr)
    assert planned.copied_bytes > planned.const_bytes > 6500
    assert planned.ram_bytes == planned.arena_bytes + planned.copied_bytes
    flash = replace(avr, core=replace(avr.core, constants="kept"))
    check_fit(plan(graph, flash))
    with pytest.raises(DoesNotFit, match=r"ram \(arena .*, constants .*, stack 1,024\)"):
        check_fit(planned)
    said = ascua("analyze", model_file(tmp_path, small()), "-b", "mega2560")
    assert re.search(r"arena [\d,]+, constants [\d,]+, stack at most 1,024", said.out)
