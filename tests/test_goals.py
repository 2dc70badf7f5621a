"""Goals choose kernels by what they cost, where a table tells; and by outputs, where none does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ascua import boards
from ascua.boards import Board
from ascua.errors import InputError
from ascua.passes import prepare
from ascua.plan import BALANCED, GOALS, STACK_BYTES, check_fit, goal_named, plan
from ascua.plan.choose import BESIDE
from ascua.plan.cost import Costs, Fit
from ascua.plan.goal import SPEED_ARENA
from ascua.plan.parts import GLUE_BYTES
from ascua.targets.c import emit
from tests.ops.test_conv2d import conv
from tests.ops.test_fully_connected import dense
from tests.support import beside, check_everywhere
from tests.support.command import ascua, model_file, refused
from tests.support.examples import small
from tests.test_again import two_blocks

M3 = boards.load("mps2-an385")
SIZES = {"ic": 8, "oc": 8, "ih": 12, "iw": 12}
GRAPH = prepare(beside({str(i): conv(**SIZES, seed=i, y_zero=i) for i in range(4)}))
"""Four convolutions, which two kernels can run, each with parameters of its own."""
ALIKE = beside({str(i): conv(**SIZES, seed=i, y_zero=i // 3) for i in range(4)})
"""The same, three of them with the same parameters."""


def fit(cost: float, own: float, **parts: float) -> Fit:
    """A kernel that takes `cost` an output."""
    return Fit({"output": (cost, cost), "pixels": (cost, cost), "group": (cost, cost)}, own, parts)


def tabled(monkeypatch: pytest.MonkeyPatch, kernels: Mapping[str, Mapping[str, Fit]]) -> None:
    """Every core has this table."""
    table = Costs("a compiler", kernels)
    monkeypatch.setattr(sys.modules["ascua.plan.choose"], "costs", lambda _: table)


FAST_BIG = {
    "conv2d_pairs_s8": {"inline": fit(1, 900), "shared": fit(2, 40, pairs=1000)},
    "conv2d_s8": {"inline": fit(3, 300), "shared": fit(5, 40, plain=400)},
}


def test_speed_fits_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    tabled(monkeypatch, FAST_BIG)
    consts = plan(GRAPH, M3, goal_named("speed")).const_bytes
    for code, kernels in ((3800, {("conv2d_pairs_s8", True)}),
                          (1500, {("conv2d_pairs_s8", False)}),
                          (900, {("conv2d_s8", False)})):  # fmt: skip
        flash = replace(M3.memories[0], bytes=consts + code + BESIDE)
        small = replace(M3, memories=(flash, *M3.memories[1:]))
        calls = plan(GRAPH, small, goal_named("speed")).calls
        assert {(c.kernel.name, c.inline) for c in calls} == kernels


def test_ram_of_the_board_is_a_limit_of_scratch() -> None:
    m4 = boards.load("mps2-an386")
    tiny = prepare(conv(ic=64, oc=4, ih=2, iw=4, kh=1, kw=1))
    whole = plan(tiny, m4, goal_named("size")).arena.whole_tensors
    assert plan(tiny, m4, goal_named("speed")).arena.bytes > whole
    short = replace(m4.memories[1], bytes=whole + STACK_BYTES + 100)
    less = replace(m4, memories=(m4.memories[0], short))
    assert plan(tiny, less, goal_named("speed")).arena.bytes <= whole + 100


def test_each_goal_takes_what_is_best_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tabled(monkeypatch, FAST_BIG)
    by = {g.kind: plan(GRAPH, M3, g) for g in GOALS}
    calls = {kind: {(c.kernel.name, c.inline) for c in p.calls} for kind, p in by.items()}
    assert calls["speed"] == {("conv2d_pairs_s8", True)}
    assert calls["size"] == {("conv2d_s8", False)}
    costs = {kind: p.cost for kind, p in by.items()}
    assert all(costs.values())
    flash = {kind: p.const_bytes + p.code_estimate for kind, p in by.items()}
    assert flash["size"] < flash["balanced"] <= 1.3 * flash["size"] < flash["speed"]
    least, middle, most = (costs[k].instructions for k in ("speed", "balanced", "size"))
    assert least < middle < most


def test_calls_of_the_same_parameters_have_one_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = {"inline": fit(1, 500), "shared": fit(2, 40, pairs=480)}
    tabled(monkeypatch, {"conv2d_pairs_s8": kernel})
    of = {g.kind: plan(prepare(ALIKE), M3, g) for g in GOALS}
    assert [c.alike for c in of["speed"].calls] == [False] * 4
    assert [c.alike for c in of["balanced"].calls] == [True, True, True, False]
    text = emit(of["balanced"], "net").text("src/net.c")
    assert text.count("SHARED void conv2d_pairs_s8_0(") == 1
    assert text.count("        conv2d_pairs_s8_0(") == 3
    assert of["balanced"].code_estimate < of["speed"].code_estimate - 800
    check_everywhere(ALIKE, goal=BALANCED)


def test_kernels_that_no_table_knows_come_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for known in ({}, {"conv2d_s8": {"inline": fit(1, 500)}}):
        tabled(monkeypatch, known)
        for goal in GOALS:
            assert plan(prepare(ALIKE), M3, goal).code_estimate > 0


def test_fewer_instructions_are_no_reason_where_cycles_are_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dear = Fit({"group": (1.0, 900.0)}, 10, {})
    plain = Fit({"pixels": (9.0, 9.0)}, 10, {})
    tabled(monkeypatch, {"conv2d_pairs_s8": {"inline": dear, "shared": dear},
                         "conv2d_s8": {"inline": plain, "shared": plain}})  # fmt: skip
    assert {c.kernel.name for c in plan(GRAPH, M3, goal_named("speed")).calls} == {"conv2d_s8"}


def test_a_shape_that_was_not_measured_costs_as_the_dearest() -> None:
    known = Fit({"tap | of 3": (4.0, 5.0), "tap | at once": (6.0, 7.0)}, 0, {})
    assert known.cost({"tap": 2.0, "other": 9.0}).instructions == 12.0


def test_a_shared_copy_is_compiled_in_one_way() -> None:
    known = Fit({"tap": (4.0, 5.0), "tap | large": (6.0, 7.0)}, 0, {}, shapes=False)
    assert known.cost({"tap | of 3 odd": 2.0, "tap | near large": 1.0}).instructions == 14.0


def test_functions_that_calls_share_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of `conv2d_s8` is less than one of the other, all four with their function more."""
    one = {"inline": fit(1, 500), "shared": fit(1, 500)}
    other = {"inline": fit(5, 900), "shared": fit(5, 400, plain=500)}
    tabled(monkeypatch, {"conv2d_pairs_s8": one, "conv2d_s8": other})
    assert {c.kernel.name for c in plan(GRAPH, M3, goal_named("size")).calls} == {"conv2d_pairs_s8"}
    other["shared"] = fit(5, 300, plain=500)
    tabled(monkeypatch, {"conv2d_pairs_s8": one, "conv2d_s8": other})
    chosen = plan(GRAPH, M3, goal_named("size"))
    assert {c.kernel.name for c in chosen.calls} == {"conv2d_s8"}
    assert chosen.code_estimate == 4 * (300 + 4 * len(chosen.calls[0].params)) + 500 + GLUE_BYTES


def test_the_arena_has_a_limit_of_each_goal() -> None:
    tiny = prepare(conv(ic=64, oc=4, ih=2, iw=4))
    of = {g.kind: plan(tiny, boards.load("mps2-an386"), g) for g in GOALS}
    whole = of["size"].arena.whole_tensors
    assert of["speed"].arena.bytes <= whole + SPEED_ARENA
    assert of["speed"].calls[0].kernel.name == "conv2d_s8_dsp"
    assert of["balanced"].calls[0].kernel.name == "conv2d_s8"


def test_filters_are_transformed_where_flash_allows_it() -> None:
    """Seven layers of 74 KB transformed and 9 KB not."""
    layers = {str(i): conv(ih=16, iw=16, ic=32, oc=32, scale=1e-3, seed=i) for i in range(7)}
    graph, board = prepare(beside(layers)), boards.load("mps2-an386")
    small = [replace(m, bytes=2**18) if "x" in m.use else m for m in board.memories]

    def kernels(goal: str, board: Board = board) -> set[str]:
        made = plan(graph, board, goal_named(goal))
        check_fit(made)
        return {c.kernel.name for c in made.calls}

    assert kernels("speed") == {"conv2d_winograd_s8"}
    assert kernels("balanced") == {"conv2d_winograd_late_s8"}
    assert kernels("size") == {"conv2d_compact_s8"}
    some = {"conv2d_winograd_s8", "conv2d_winograd_late_s8"}
    assert kernels("speed", replace(board, memories=tuple(small))) == some


def test_without_a_table_the_kernels_with_most_outputs_have_copies() -> None:
    host = boards.load("host")
    by = {g.kind: [c.inline for c in plan(GRAPH, host, g).calls] for g in GOALS}
    assert by == {kind: [kind != "size"] * 4 for kind in ("balanced", "speed", "size", "ram")}


def test_goals_are_named(tmp_path: object) -> None:
    assert goal_named("balanced") == BALANCED
    with pytest.raises(InputError, match="unknown"):
        goal_named("fast")
    model = model_file(tmp_path, small())  # type: ignore[arg-type]
    refused(ascua("analyze", model, "--goal", "fast"), 1, "--goal fast", "unknown")
    for goal in ("size", "ram"):
        assert ascua("analyze", model, "-b", "mps2-an385", "--goal", goal).code == 0


@pytest.mark.parametrize("seconds", ["nan", "inf"])
def test_a_time_that_is_none(seconds: str, tmp_path: Path) -> None:
    path = model_file(tmp_path, small())
    said = ascua("analyze", path, "--max-allocator-solve-secs", seconds)
    refused(said, 1, "--max-allocator-solve-secs", "0 or more")


def test_an_input_of_one_row(tmp_path: Path) -> None:
    path = model_file(tmp_path, dense())
    said = ascua("analyze", path, "--input-by-rows")
    refused(said, 1, "a single row", "images and sequences")


def test_what_the_fullest_step_holds(tmp_path: Path) -> None:
    """What a loop holds in turns adds up to more than there ever is at once."""
    path = model_file(tmp_path, two_blocks())
    said = ascua("analyze", path, "--goal", "ram")
    assert said.code == 0, said.err
    held = said.out[said.out.index("decided by") : said.out.index("whole tensors")].splitlines()[1:]
    *listed, last = (int(line.split()[0].replace(",", "")) for line in held if line.split())
    assert "rows of" in said.out
    assert "at most of these at once" in said.out
    assert last < sum(listed)
