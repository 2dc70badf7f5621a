"""Faults put into the planner and into the C that it leads to: each is seen."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards, tflite
from ascua import plan as planning
from ascua.artifact import Library
from ascua.errors import ToolFailed
from ascua.ir import Graph
from ascua.passes import prepare
from ascua.plan import again, course, flow, goal_named, memory, place, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import featured, oracle, samples
from tests.support.guard import Fault, walk
from tests.support.row_nets import RowNet, inverted, row_net

M3 = boards.load("lm3s6965evb")
RAM = replace(goal_named("ram"), seconds=0.3)
PATCHED = replace(RAM, by_rows=True, patch=1.5)
SEEDS = range(60)
"""The networks whose plans are looked at, until one is found to be wrong."""

Change = tuple[Any, str, str, str]
"""A module or a class, the function or method, some of its text, and what stands there instead."""

PLANNER: Mapping[str, tuple[Change, ...]] = {
    "a row dies a turn early": ((course._Walk, "let_go", "[at] * count", "[at - 2] * count"),),
    "a row is born a turn late": ((course._Walk, "take", "[at + 1] * count", "[at + 3] * count"),),
    "what is read dies before it is written over": ((course._Walk, "take", "if r.copied", "if 1"),),
    "a row less is held": (
        (flow.Read, "first", "turn - self.before)", "turn - self.before + 1)"),
    ),
    "a turn comes before its last row": (
        (flow.Read, "last", "self.span) - 1", "self.span - 1) - 1"),
    ),
    "lines are there for the copying alone": (
        (memory._Spans, "calls", "in (k, k + 1)", "in (k,)"),
    ),
    "lines are a row short": (
        (flow, "line_bytes", "rows = work.span if alone else work.kh",
         "rows = (work.span if alone else work.kh) - 1"),
    ),
    "scratch is 4 bytes short": (
        (memory._Spans, "calls", "align(c.kernel.scratch(c.op))",
         "align(c.kernel.scratch(c.op)) - 4"),
    ),
    "sums are there in their turns alone": (
        (memory._Spans, "calls", "() if isinstance(c.work, Sums) else both", "both"),
    ),
    "everything may be written in place": (
        (memory._Spans, "calls", "if moves.overlap is not None and len(moves.makes) == 1",
         "if len(moves.makes) == 1"),
        (place, "_over", "if overlap is None:", "if overlap == 'never':"),
        (place, "_over", "min(y, overlap)", "min(y, overlap or 0)"),
    ),
    "in place over what others read": (
        (memory._Spans, "pairs", "if d == moment == b", "if moment == b"),
    ),
    "behind where it may lie in place": ((place, "_over", "-min(y, overlap), x", "-y, 0"),),
    "outputs are not held": ((course, "live", "or n in flow.left", "or False"),),
    "the last two turns are swapped": (
        (planning, "_step", "in cut.course.order)",
         "in (*cut.course.order[:-2], *cut.course.order[:-3:-1]))"),
    ),
    "the table of rows is one row off": (
        (memory._Spans, "places", "offsets[spans[row // block]]",
         "offsets[spans[(row // block + 1) % len(spans)]]"),
    ),
    "a place is a word low": (
        (place._Packing, "packed", "offset = align(end, self.alignment)",
         "offset = align(end - self.alignment, self.alignment)"),
    ),
    "two are together a moment less": (
        (place, "_together", "moments[i] <= last", "moments[i] < last"),
    ),
    "what is made again is used up a turn early": (
        (again.Again, "read", "bisect_left(ends, turn)", "bisect_left(ends, turn + 1)"),
    ),
    "another row is made again": (
        (again, "again", "made.append(row)", "made.append(max(row - 1, 0))"),
    ),
}  # fmt: skip


def broken(monkeypatch: pytest.MonkeyPatch, changes: tuple[Change, ...]) -> None:
    """Functions with other texts, wherever they are known."""
    for owner, name, old, new in changes:
        found = getattr(owner, name)
        module = inspect.getmodule(owner) if isinstance(owner, type) else owner
        text = textwrap.dedent(inspect.getsource(_original(found)))
        text = _texts.get(found, text)
        assert old in text, f"{name} has no {old!r}"
        names: dict[str, Any] = {}
        exec(compile(text.replace(old, new), f"<{name}>", "exec"), vars(module), names)  # noqa: S102
        made = names[name]
        _texts[made] = text.replace(old, new)
        if isinstance(owner, type):
            monkeypatch.setattr(owner, name, made)
            continue
        for known in [m for key, m in sys.modules.items() if key.startswith("ascua")]:
            if vars(known).get(name) is found:
                monkeypatch.setattr(known, name, made)


_texts: dict[Any, str] = {}
"""Of functions that are broken already."""


def _original(function: Any) -> Any:
    return broken if function in _texts else function


def test_without_a_fault_rows_are_made_again() -> None:
    made = plan(prepare(inverted()), M3, PATCHED)
    walk(made)
    assert any(c.again for c in made.calls)


@pytest.mark.parametrize("fault", PLANNER)
def test_a_fault_of_the_planner_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, PLANNER[fault])
    networks = [(inverted(), PATCHED), *((row_net(seed), RAM) for seed in SEEDS)]
    for graph, goal in networks:
        try:
            walk(plan(prepare(graph), M3, goal))
        except Fault:
            return
    pytest.fail("it was not seen")


# C


def net() -> Graph:
    """A residual, two more convolutions, and a mean of all that."""
    n = RowNet((1, 12, 7, 4))
    x = n.add(n.conv(n.input, 4, 3), n.input)
    n.dense(n.mean(n.conv(n.conv(x, 6, 3), 5, 3)), 3)
    return n.graph()


WINDOW, SOURCE = "src/ascua/window.h", "src/net.c"
LIBRARY: Mapping[str, tuple[str, str, str]] = {
    "padding is another value": (SOURCE, ".fill = -7", ".fill = -6"),
    "the last turn is left out": (SOURCE, "(int32_t i = 0; i < ", "(int32_t i = 1; i < "),
    "a turn is taken twice": (SOURCE, "turn[1]++", "turn[1]"),
    "padding is not written": (WINDOW, "w->row, w->fill, w->right);", "w->row, w->fill, 0);"),
    "a row of padding is not written": (
        WINDOW, "fill_bytes(lines, w->fill, w->left + w->row + w->right)", "(void)w",
    ),
    "the table of rows is read beyond its end": (
        WINDOW, "iy >= w->ih ? 0 : arena + 4 * at[iy]", "iy > w->ih ? 0 : arena + 4 * at[iy]",
    ),
    "rows come one late": (WINDOW, "arena + 4 * at[iy]", "arena + 4 * at[iy ? iy - 1 : 0]"),
    "lines are copied from their end": (WINDOW, "copy_bytes(lines + w->left", "copy_bytes(lines"),
    "sums are not cleared": ("src/ascua/sums.h", "if (iy > 0) {", "if (iy >= 0) {"),
    "the arena is a word short": (SOURCE, "int8_t arena[", "int8_t arena[-4 + "),
    "all rows have one place": (SOURCE, "", ""),
}  # fmt: skip


def changed(library: Library, fault: str) -> Library:
    """The library with the fault in its text."""
    path, old, new = LIBRARY[fault]
    text = library.files[path].decode()
    if not old:
        tables = re.compile(r"(_rows_\d+\[\d+\] = \{)(\d+)([^}]*)")
        assert tables.search(text)
        result = tables.sub(lambda m: m[1] + m[2] + f", {m[2]}" * m[3].count(","), text)
    else:
        assert old in text
        result = text.replace(old, new)
    return replace(library, files={**library.files, path: result.encode()})


@pytest.mark.parametrize("fault", [None, *LIBRARY])
def test_a_fault_of_the_library_is_seen(fault: str | None, tmp_path: Path) -> None:
    """By other bytes than tflite-micro's, or by the sanitizers."""
    # Kernels by vectors want no rows with padding.
    graph, host = net(), featured(boards.load("host"), frozenset())
    model = tflite.write(graph)
    ready, xs = prepare(tflite.read(model)), samples(graph, 3)
    made = plan(ready, host, replace(RAM, inline=False))
    assert len(made.steps[0].calls) > 3
    library = emit(made, "net")
    try:
        done = run(host, changed(library, fault) if fault else library, pack(xs), 3,
                   build_dir=tmp_path, sanitize=True)  # fmt: skip
    except ToolFailed:
        assert fault
        return
    ys, expected = unpack(done.outputs, ready, 3), oracle(model, xs)
    same = all(np.array_equal(y, e) for y, e in zip(ys, expected, strict=True))
    assert same == (fault is None)
