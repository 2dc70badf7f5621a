"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ascua.boards import Board
from ascua.boards.timing import Error
from ascua.errors import brief
from ascua.estimate import Estimate, Figure
from ascua.ir import Array
from ascua.labels import Score
from ascua.measure import Expected, Layer, Measurement, whole
from ascua.plan import STACK_BYTES, STATES, Buffer, Goal, Plan, Step, Use, View
from ascua.report import results
from ascua.report.operators import Support
from ascua.run import Cycles, Region, ToolStatus
from ascua.run.tools import install
from ascua.validation import Check

MOST_NAMES = 8
"""Of instructions that a core's timing lacks, in a line."""


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> Table:
    """A plain table; columns named with a leading `>` are numbers, aligned to the right."""
    result = Table(
        title=title or None, title_justify="left", box=None, pad_edge=False,
        show_header=any(columns),
    )  # fmt: skip
    for name in columns:
        right = name.startswith(">")
        result.add_column(
            name.lstrip(">"), justify="right" if right else "left", no_wrap=right, overflow="fold"
        )
    for row in rows:
        result.add_row(*(Text(cell(value)) for value in row))
    return result


def cell(value: object) -> str:
    """A number with thousands separated, `-` for None."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.1f}" if whole(value) != value or value != int(value) else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def markdown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; columns named with a leading `>` are aligned to the right."""
    head = "| " + " | ".join(c.lstrip(">") for c in columns) + " |\n"
    rule = "|" + "|".join(" ---: " if c.startswith(">") else " --- " for c in columns) + "|\n"
    body = "".join("| " + " | ".join(cell(v) for v in row) + " |\n" for row in rows)
    return head + rule + body


def telling(
    columns: Sequence[str], rows: Sequence[Sequence[object]], idle: Mapping[str, object]
) -> tuple[list[str], list[list[object]]]:  # fmt: skip
    """A table without columns that tell nothing: of None alone, or of what is `idle` there."""
    kept = [
        i for i, name in enumerate(columns)
        if any(row[i] not in (None, "-", "", idle.get(name.lstrip(">"))) for row in rows)
    ]  # fmt: skip
    return [columns[i] for i in kept], [[row[i] for i in kept] for row in rows]


def memory(regions: Sequence[Region]) -> Text:
    """How full each memory is, in the form that west prints after a build."""
    lines = ["Memory region         Used Size  Region Size  %age Used"]
    for r in regions:
        size = f"{r.size // 1024} KB" if r.size % 1024 == 0 else f"{r.size} B"
        used = f"{r.used} B"
        lines.append(
            f"{r.name.upper() + ':':>17} {used:>14} {size:>12} {100 * r.used / r.size:>10.2f}%"
        )
    return Text("\n".join(lines))


def shape(dims: Sequence[int]) -> str:
    """A shape without its batch of 1: `32x32x16`."""
    return "x".join(str(d) for d in (dims[1:] if len(dims) > 1 and dims[0] == 1 else dims))


CYCLES = {
    "model": "model cycles", "fitted": "model cycles (fitted)", "bound": "model cycles (at least)",
}  # fmt: skip
"""What a column of them is called, by their kind."""


def layers(measured: Sequence[Layer], kind: str = "model") -> Table:
    """One row a layer, and their sum; `kind` is that of the cycles."""
    timed = any(layer.cycles is not None for layer in measured)
    rows: list[Sequence[object]] = [
        (
            i,
            _loop(n) if (n := 1 + layer.kernel.count(" + ")) > 1 else layer.op,
            layer.kernel if n == 1 else f"{layer.kernel.partition(' + ')[0]} + {n - 1}",
            shape(layer.output_shape),
            layer.macs,
            layer.weights_bytes,
            _rounded(layer.instructions),
            *([_rounded(layer.cycles)] if timed else []),
        )
        for i, layer in enumerate(measured)
    ]
    total = (
        "", "all steps", "", "", sum(layer.macs for layer in measured),
        sum(layer.weights_bytes for layer in measured),
        _sum(layer.instructions for layer in measured),
        *([_sum(layer.cycles for layer in measured)] if timed else []),
    )  # fmt: skip
    columns = (
        ">step", "operator", "kernel", "output", ">MACs", ">weights B", ">instructions",
        *([f">{CYCLES[kind]}"] if timed else []),
    )  # fmt: skip
    return table(columns, [*rows, total])


def _rounded(count: float | None) -> int | None:
    return None if count is None else round(count)


def _sum(counts: Iterable[float | None]) -> int | None:
    known = [c for c in counts if c is not None]
    return round(sum(known)) if known else None


def sizes(m: Measurement) -> Table:
    """Flash and RAM of the network, part by part."""
    requant = None if m.flash_bytes is None or m.code_bytes is None else (
        m.flash_bytes - m.code_bytes - m.weights_bytes
    )  # fmt: skip
    rows = [
        ("flash of the network", m.flash_bytes, "linked, without the harness"),
        ("  weights and biases", m.weights_bytes, "as in the file"),
        ("  requantisation", requant, "8 bytes a channel, or a layer"),
        ("  code and the rest", m.code_bytes, ""),
        ("RAM of the network", m.ram.total, ""),
        ("  arena", m.ram.arena, "tensors, input and output included, and scratch"),
        ("  variables", m.ram.static, ""),
        ("  stack", m.ram.stack, "high-water mark of one inference"),
    ]
    return table(("", ">bytes", ""), [r for r in rows if r[1] is not None])


def run(
    m: Measurement, *, float_score: Score | None = None, int8_score: Score | None
) -> RenderableType:
    """Everything that a measured run tells."""
    parts: list[RenderableType] = []
    if m.regions:
        parts += [memory(m.regions), Text("")]
    kind = m.cycles.kind if m.cycles else "model"
    parts += [layers(m.layers, kind), Text(""), sizes(m), Text("")]
    facts: list[tuple[str, str]] = []
    for where, score in (
        ("float", float_score),
        ("int8 reference", int8_score),
        (f"on {m.board}", m.score),
    ):
        if score is not None:
            facts.append((f"{score.metric}, {where}", str(score)))
    facts.append(("samples", cell(m.samples)))
    wrong = f"{cell(m.mismatched_bytes)}{checked(m.checked_samples, m.samples)}"
    facts.append(("mismatched bytes", wrong))
    if m.instructions is not None:
        facts.append(("instructions an inference", _instructions(m)))
    if m.cycles is not None:
        facts += _cycles(m.cycles)
    if m.counted_on is not None:
        facts.append(("counted on", f"{m.counted_on}, emulated: {m.board} is not"))
    if m.estimate is not None:
        facts += estimated(m.estimate)
    parts.append(table(("", ""), facts))
    return Group(*parts)


def checked(compared: int | None, samples: int | None) -> str:
    """How many samples were compared, where not all were: behind a count of bytes."""
    some = compared is not None and samples is not None and compared < samples
    return f" ({compared:,} of {samples:,} samples compared)" if some else ""


def _instructions(m: Measurement) -> str:
    """The mean, how far the data of a sample move it, and what counted."""
    least, most = m.extremes or (0, 0)
    span = "" if least == most else f"{least:,} to {most:,}; "
    return f"{cell(whole(m.instructions))} ({span}{m.counter})"


def _cycles(found: Cycles) -> list[tuple[str, str]]:
    """Model cycles, how they were come by, and what they are not."""
    least, assumed, most = (f"{round(n):,}" for n in astuple(found.total))
    span = "" if least == most else f"; {least} to {most}"
    span += f"; {found.wait} wait states" if found.wait and found.kind != "bound" else ""
    said = {
        "model": f"{assumed} ({found.core}{span})",
        "fitted": f"{assumed} ({found.core}, fitted to measurements of others{span})",
        "bound": f"at least {assumed} ({found.core})",
    }
    facts = [("model cycles an inference", said[found.kind])]
    if found.unknown:
        names = ", ".join(found.unknown[:MOST_NAMES])
        more = ", ..." if len(found.unknown) > MOST_NAMES else ""
        facts.append(("  without a timing", f"{names}{more}: counted as plain instructions"))
    return facts


def _step(i: int, s: Step, weights_bytes: int, held: int) -> list[Sequence[object]]:
    """A step; of a loop its calls, too."""
    if not s.looped:
        return [(i, s.op.kind, s.kernels, shape(s.op.y.shape), s.macs, weights_bytes, held)]
    calls = [
        ("", f"  {c.op.kind}", c.kernel.name, shape(c.op.y.shape), c.macs, c.weights_bytes, "")
        for c in s.calls
    ]
    return [(i, _loop(len(s.calls)), "", "", s.macs, weights_bytes, held), *calls]


def _loop(calls: int) -> str:
    """What a step of several calls is called."""
    return f"loop of {calls}"


def analysis(planned: Plan, m: Measurement) -> RenderableType:
    """What is known before any build, and whether it fits."""
    rows: list[Sequence[object]] = [
        row
        for i, (s, layer) in enumerate(zip(planned.steps, m.layers, strict=True))
        for row in _step(i, s, layer.weights_bytes, planned.live_bytes(s))
    ]
    rows.append(("", "all", "", "", m.macs, m.weights_bytes, planned.arena_bytes))
    columns = (">step", "operator", "kernel", "output", ">MACs", ">weights B", ">RAM B")
    facts: list[tuple[str, str]] = []
    if m.macs != m.macs_model:
        facts.append(("MACs in the file", cell(m.macs_model)))
    facts.append(("arena", f"{planned.arena_bytes:,} bytes: {_placement(planned)}"))
    if planned.steps:
        step = planned.fullest()
        facts.append(("  decided by", f"step {planned.steps.index(step)}: {title(step)}"))
        held = _held(planned.live(step), step)
        facts += [("", f"{n:>9,}  {name}") for name, n in held.items()]
        if sum(held.values()) > planned.arena.bound:
            facts.append(("", f"{planned.arena.bound:>9,}  at most of these at once"))
    facts.append(("  whole tensors alone", f"{planned.arena.whole_tensors:,} bytes"))
    if planned.states:
        names = ", ".join(f"'{brief(k.state.name, 40)}'" for k in planned.states)
        facts.append(("states", f"{planned.state_bytes:,} bytes kept between runs: {names}"))
    if m.board is not None and planned.spread:
        for use in planned.uses(STACK_BYTES):
            facts += _used(planned, use)
    elif m.board is not None:
        arena = planned.arena.bytes
        code = f"constants {planned.const_bytes:,}, code about {planned.code_estimate:,}"
        states = f"states {planned.state_bytes:,}, " if planned.states else ""
        copied = f"constants {planned.copied_bytes:,}, " if planned.copied_bytes else ""
        stack = f"stack at most {STACK_BYTES:,}; Ascua's harness on top"
        rest = f"arena {arena:,}, {states}{copied}{stack}"
        flash = planned.const_bytes + planned.code_estimate
        ram = planned.ram_bytes + STACK_BYTES
        facts += _use(planned.board, "x", "flash", flash, code)
        facts += _use(planned.board, "w", "RAM", ram, rest)
    return Group(table(columns, rows), Text(""), table(("", ""), facts))


def goals(expected: Sequence[Expected], chosen: Goal) -> Group:
    """What each goal is expected to take, before any build; a star at the one that is shown.

    Below, the kernels of the steps where they differ.
    """
    rows = [
        (
            f"{e.goal}{' *' if e.goal == chosen.kind else ''}",
            e.instructions, e.cycles, e.flash_bytes, e.arena_bytes, *_costs(e.estimate),
        )
        for e in expected
    ]  # fmt: skip
    one = next(e.estimate for e in expected if e.goal == chosen.kind)
    columns = ("goal", ">instructions", ">model cycles", ">flash B", ">arena B")
    named = [] if one is None else [">ms (estimate)", *([">µJ (estimate)"] if one.uj else [])]
    costs: RenderableType = table((*columns, *named), rows, "Expected, before any build")
    if one is not None:
        costs = Group(costs, Text(""), table(("", ""), estimated(one)))
    if len({len(e.kernels) for e in expected}) > 1:  # loops of other operators
        return Group(costs)
    steps = enumerate(zip(*(e.kernels for e in expected), strict=True))
    differing = [(i, *names) for i, names in steps if len({*names}) > 1]
    if not differing:
        return Group(costs)
    return Group(
        costs, Text(""), table((">step", *(e.goal for e in expected)), differing, "Kernels")
    )


def _costs(found: Estimate | None) -> list[str]:
    """Cells of time and energy, as far as they are known."""
    figures = [] if found is None else [f for f in (found.ms, found.uj) if f is not None]
    return [digits(f.value) for f in figures]


def estimated(found: Estimate) -> list[tuple[str, str]]:
    """Rows of what is estimated of an inference, how far off it may be, and by whom."""
    rows = [("time an inference", f"{digits(found.ms.value)} ms (estimate{_off(found.ms)})"),
            ("", found.ms.source)]  # fmt: skip
    if found.uj is None:
        rows.append(("energy an inference", "no source tells what a cycle takes on this board"))
    else:
        rows += [("energy an inference", f"{digits(found.uj.value)} µJ (estimate{_off(found.uj)})"),
                 ("", found.uj.source)]  # fmt: skip
    if found.period_s is not None:
        name = f"power, one in {found.period_s:g} s"
        if found.average_uw is None:
            rows.append((name, "no source tells what this board takes, asleep or awake"))
        else:
            power = digits(found.average_uw.value)
            rows += [(name, f"{power} µW (estimate)"), ("", found.average_uw.source)]
    return rows


def _off(found: Figure) -> str:
    """How far estimates were from measurements."""
    if found.error is None:
        return "; its error is not known"
    return f"; {span(found.error)} where it can be compared"


def span(error: Error) -> str:
    """The least and the most of an error."""
    return f"{100 * error[0]:+.0f} to {100 * error[1]:+.0f} %"


def digits(value: float) -> str:
    """Four digits, but all of those before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def title(step: Step) -> str:
    """A step by its operator and the name that Netron shows."""
    return f"{step.op.kind} '{brief(step.op.name)}'"


def _held(buffers: Sequence[Buffer], step: Step) -> dict[str, int]:
    """Bytes by what they are in the fullest step, the most first."""
    lines = [c.lines for c in step.calls]
    scratch = [c.scratch for c in step.calls]
    reads = {v.buffer for c in step.calls for v in c.reads}
    writes = {v.buffer for c in step.calls for v in c.writes}

    def name(b: Buffer) -> str:
        if b in lines:
            return "line buffers: rows with their padding"
        if b in scratch:
            return "scratch"
        if b.tensor is None:
            return b.name
        between = "rows of" if step.looped and b in writes else "input"
        role = between if b in reads else "output" if b in writes else "for later"
        return f"{role} '{brief(b.name, 40)}'"

    found: dict[str, int] = {}
    for b in buffers:
        found[name(b)] = found.get(name(b), 0) + b.bytes
    return dict(sorted(found.items(), key=lambda f: -f[1]))


def _use(board: Board, use: str, what: str, need: int, parts: str) -> list[tuple[str, str]]:
    memory = board.memory(use)
    if memory is None:
        return []
    percent = 100 * need / memory.bytes
    return [
        (f"{what} of {board.name}", f"{need:,} of {memory.bytes:,} bytes ({percent:.0f} %)"),
        ("", f"  {parts}"),
    ]


def _used(planned: Plan, use: Use) -> list[tuple[str, str]]:
    """What is taken of one of several memories, and what lies there by a wish."""
    m = use.memory
    percent = 100 * use.bytes / m.bytes
    parts = ", ".join(f"{name} {n:,}" for name, n in use.parts.items())
    waits = f", {m.wait} wait states" if m.wait else ""
    rows = [
        (
            f"{m.name} of {planned.board.name}",
            f"{use.bytes:,} of {m.bytes:,} bytes ({percent:.0f} %)",
        ),
        ("", f"  {parts}{waits}"),
    ]
    wished = [brief(t, 40) for t, memory in planned.goal.placements if memory == m.name]
    return [*rows, *(("", f"  '{t}' as you placed it") for t in wished)]


def _placement(planned: Plan) -> str:
    if len(planned.tensor_arenas) > 1:
        return ", ".join(f"{a.bytes:,} in {a.memory}" for a in planned.tensor_arenas)
    if planned.proven:
        return "proven: no cuts, rows, orders and offsets take less"
    least = ""
    if planned.least is not None:
        least = f"; without work done again no plan holds less than {planned.least:,}"
    if planned.arena.proven:
        return f"what its fullest step holds, the least for these buffers{least}"
    return f"its fullest step holds {planned.arena.bound:,}{least}"


def _at(v: View) -> str:
    """An offset in the arena, or in the states, or in another memory's arena."""
    other = v.buffer.other or v.buffer.memory == STATES
    return f"{v.buffer.memory if other else ''}@{v.offset}"


def steps(planned: Plan) -> Table:
    """The plan: kernel, offsets in the arena and MACs of each call, by steps."""
    rows = [
        (
            i,
            c.op.kind,
            c.kernel.name + ("" if c.inline else ", shared"),
            " ".join(map(_at, c.reads)),
            " ".join(map(_at, c.writes)),
            c.lines.bytes if c.lines else None,
            c.scratch.bytes if c.scratch else None,
            c.macs,
        )
        for i, s in enumerate(planned.steps)
        for c in s.calls
    ]
    return table((
        ">step", "operator", "kernel", ">reads", ">writes", ">lines B", ">scratch B", ">MACs",
    ), rows)  # fmt: skip


def boards(rows: Iterable[tuple[Board, Sequence[ToolStatus]]]) -> Table:
    """Each board, its memories, and whether it can run here."""
    return table(
        ("board", "core", "flash", "RAM", "counts", "ready", "title"),
        [
            (
                b.name,
                b.core.name,
                _size(b, "x"),
                _size(b, "w"),
                f"on {b.counts_on}" if b.counts_on else b.counter,
                "yes" if not missing else f"needs {', '.join(t.name for t in missing)}",
                b.title,
            )
            for b, missing in rows
        ],
    )


def _size(board: Board, use: str) -> str:
    memory = board.memory(use)
    if memory is None:
        return "-"
    kib = memory.bytes // 1024
    return f"{kib // 1024} MB" if kib >= 1024 else f"{kib} KB"


_RAMP = " .:-=+*#%@"


def picture(image: Array, width: int) -> Text:
    """An image (h, w, c) uint8 in half blocks, two pixels a character, `width` at most beside."""
    small = _within(image, width)
    rgb = small.repeat(3, axis=2) if small.shape[2] == 1 else small
    if len(rgb) % 2:
        rgb = rgb[:-1]
    text = Text()
    for top, bottom in zip(rgb[::2], rgb[1::2], strict=True):
        for a, b in zip(top, bottom, strict=True):
            text.append("▀", style=f"rgb({a[0]},{a[1]},{a[2]}) on rgb({b[0]},{b[1]},{b[2]})")
        text.append("\n")
    return text


def picture_ascii(image: Array, width: int) -> Text:
    """An image (h, w, c) uint8 in characters, two a pixel, for an output without color."""
    gray = _within(image, width // 2).mean(axis=2)
    rows = ("".join(_RAMP[int(v * len(_RAMP) / 256)] * 2 for v in row) for row in gray)
    return Text("\n".join(rows) + "\n")


def _within(image: Array, width: int) -> Array:
    """An image (h, w, c) uint8 in a whole part of its size, `width` pixels wide at most."""
    part = -(-image.shape[1] // max(1, width))
    h, w, c = image.shape[0] // part * part, image.shape[1] // part * part, image.shape[2]
    if not h:
        return image[:1, :width]
    blocks = image[:h, :w].reshape(h // part, part, w // part, part, c)
    small: Array = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
    return small


def lines(values: Array, width: int, *, ascii_only: bool) -> Text:
    """Values (n,) or (steps, ..., channels) as a line of levels a channel, from least to greatest.

    It is `width` characters wide at most; each is a mean.
    """
    ramp = _RAMP if ascii_only else "▁▂▃▄▅▆▇█"
    columns = values.reshape(len(values), -1)
    text = Text()
    for i in range(columns.shape[1]):
        low, high = (float(f(columns[:, i])) for f in (np.min, np.max))
        said = f"{i}  {low:.4g} to {high:.4g}  "
        pieces = np.array_split(columns[:, i], min(len(values), max(1, width - len(said))))
        share = (np.array([p.mean() for p in pieces]) - low) / ((high - low) or 1.0)
        text.append(said + "".join(ramp[min(int(v * len(ramp)), len(ramp) - 1)] for v in share))
        text.append("\n")
    return text


def validation(checks: Sequence[Check]) -> RenderableType:
    """A row an executor; below, the first layer that differs."""
    rows = [
        (c.executor, c.against, c.mismatched_bytes, c.bytes if c.bytes else None, c.note)
        for c in checks
    ]
    columns = ("executor", "against", ">mismatched bytes", ">of", "")
    parts: list[RenderableType] = [table(columns, rows)]
    for c in checks:
        if c.first is not None:
            d = c.first
            parts.append(
                Text(
                    f"{c.executor}: the first layer that differs is {d.op} '{d.layer}':"
                    f" {d.mismatched:,} of {d.elements:,} values, by at most {d.max_error:g};"
                    f" cosine {d.cosine:.6f}, SQNR {d.sqnr_db:.1f} dB"
                )
            )
    return Group(*parts)


def ops(rows: Sequence[Support]) -> Table:
    """A row an operator and type of activations."""
    lines = [
        (r.tflite, f"<= {r.max_version}", t, ", ".join(kernels), r.summary)
        for r in rows
        for t, kernels in r.by_type.items()
    ]
    # What is the same in every row of an operator is printed in the first.
    first = [i for i, line in enumerate(lines) if i == 0 or line[0] != lines[i - 1][0]]
    shown = [line if i in first else ("", "", *line[2:4], "") for i, line in enumerate(lines)]
    return table(("TFLite", "version", "type", "kernels", "what it does"), shown)


def doctor(tools: Sequence[ToolStatus]) -> RenderableType:
    """A row a tool; below, the commands that add what is missing."""
    rows = [
        (
            t.name,
            t.version if t.found else ("missing" if t.needed else "missing (optional)"),
            ", ".join(t.boards) or "Python",
        )
        for t in tools
    ]
    parts: list[RenderableType] = [table(("tool", "version", "used by"), rows)]
    missing = [t for t in tools if not t.found]
    packages = [t for t in missing if t.install.startswith("apt ")]
    commands = [install(packages)] if packages else []
    commands += dict.fromkeys(t.install for t in missing if t not in packages)
    if commands:
        parts += [Text(""), Text("\n".join(["To add what is missing:", *commands]))]
    else:
        parts += [Text(""), Text("Every board can run.")]
    return Group(*parts)


def comparison(folder: Path) -> RenderableType:
    """The results in `folder` beside the peers' figures."""
    return Group(
        table(results.RECIPE_COLUMNS, results.recipes(folder)),
        Text(""),
        table(results.COLUMNS, results.against_peers(folder)),
    )
