"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ascua.boards import Board
from ascua.ir import Array
from ascua.measure import Layer, Measurement, whole
from ascua.ops.support import Support
from ascua.plan import Plan
from ascua.report import results
from ascua.run import Region, ToolStatus
from ascua.validation import Check


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> Table:
    """A plain table; columns named with a leading `>` are numbers, aligned to the right."""
    result = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
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


def layers(measured: Sequence[Layer]) -> Table:
    """One row a layer, and their sum."""
    counts = [layer.instructions for layer in measured]
    known = [c for c in counts if c is not None]
    rows: list[Sequence[object]] = [
        (
            layer.op,
            layer.kernel,
            shape(layer.output_shape),
            layer.macs,
            layer.weights_bytes,
            None if layer.instructions is None else round(layer.instructions),
        )
        for layer in measured
    ]
    total = (
        "all", "", "", sum(layer.macs for layer in measured),
        sum(layer.weights_bytes for layer in measured), round(sum(known)) if known else None,
    )  # fmt: skip
    columns = ("operator", "kernel", "output", ">MACs", ">weights B", ">instructions")
    return table(columns, [*rows, total])


def sizes(m: Measurement) -> Table:
    """Flash and RAM of the network, part by part."""
    requant = None if m.flash_bytes is None or m.code_bytes is None else (
        m.flash_bytes - m.code_bytes - m.weights_bytes
    )  # fmt: skip
    rows = [
        ("flash of the network", m.flash_bytes, "linked, without the harness"),
        ("  weights and biases", m.weights_bytes, "as in the file"),
        ("  requantisation", requant, "8 bytes a channel"),
        ("  code and the rest", m.code_bytes, ""),
        ("RAM of the network", m.ram.total, ""),
        ("  arena", m.ram.arena, "tensors, input and output included, and scratch"),
        ("  variables", m.ram.static, ""),
        ("  stack", m.ram.stack, "high-water mark of one inference"),
    ]
    return table(("", ">bytes", ""), [r for r in rows if r[1] is not None])


def run(
    m: Measurement, *, float_accuracy: float | None = None, int8_accuracy: float | None
) -> RenderableType:
    """Everything that a measured run tells."""
    parts: list[RenderableType] = []
    if m.regions:
        parts += [memory(m.regions), Text("")]
    parts += [layers(m.layers), Text(""), sizes(m), Text("")]
    facts: list[tuple[str, str]] = []
    for name, value in (
        ("accuracy, float", float_accuracy),
        ("accuracy, int8 reference", int8_accuracy),
        (f"accuracy, on {m.board}", m.accuracy),
    ):
        if value is not None:
            facts.append((name, f"{100 * value:.2f} %"))
    facts.append(("samples", cell(m.samples)))
    facts.append(("mismatched bytes", cell(m.mismatched_bytes)))
    if m.instructions is not None:
        facts.append(("instructions an inference", f"{cell(whole(m.instructions))} ({m.counter})"))
    parts.append(table(("", ""), facts))
    return Group(*parts)


def analysis(planned: Plan, m: Measurement) -> RenderableType:
    """What is known before any build, and whether it fits."""
    facts: list[tuple[str, str]] = [
        ("MACs", cell(m.macs)),
        ("weights and biases", f"{m.weights_bytes:,} bytes"),
        ("arena", f"{planned.arena:,} bytes ({_placement(planned)})"),
        ("  whole tensors alone", f"{planned.whole_tensors:,} bytes"),
    ]
    if planned.steps:
        step = planned.fullest()
        held = ", ".join(f"{b.name} {b.bytes:,}" for b in step.live)
        facts.append(("  decided by", f"{step.op.kind} '{step.op.name}': {held}"))
    if m.board is not None:
        for use, what, need in (
            ("x", "flash", planned.const_bytes + planned.code_estimate),
            ("w", "RAM", planned.arena),
        ):
            region = planned.board.memory(use)
            if region is not None:
                note = (
                    f"of it code, estimated: {planned.code_estimate:,}"
                    if use == "x"
                    else ("stack and harness on top")
                )
                facts.append(
                    (f"{what} of {m.board}", f"{need:,} of {region.bytes:,} bytes; {note}")
                )
    return Group(layers(m.layers), Text(""), table(("", ""), facts))


def _placement(planned: Plan) -> str:
    if planned.arena <= planned.arena_bound + 3:
        return "no placement of these buffers is smaller"
    return f"bound {planned.arena_bound:,}"


def steps(planned: Plan) -> Table:
    """The plan: kernel, offsets and MACs of each step."""
    rows = [
        (
            s.name,
            s.kernel.name + ("" if s.specialized else " (shared)"),
            " ".join(f"@{b.offset}" for b in s.reads),
            " ".join(f"@{b.offset}" for b in s.writes),
            s.lines.bytes if s.lines else None,
            s.scratch.bytes if s.scratch else None,
            s.macs,
        )
        for s in planned.steps
    ]
    return table((
        "step", "kernel", ">reads", ">writes", ">lines B", ">scratch B", ">MACs",
    ), rows)  # fmt: skip


def boards(rows: Iterable[tuple[Board, Sequence[ToolStatus]]]) -> Table:
    """Each board, its memories, and whether it can run here."""
    return table(
        ("board", "core", "flash", "RAM", "counts", "ready", "title"),
        [
            (
                b.name,
                b.core,
                _size(b, "x"),
                _size(b, "w"),
                b.counter,
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


def picture(image: Array) -> Text:
    """An image (h, w, c) uint8 in half blocks: two pixels a character."""
    rgb = image.repeat(3, axis=2) if image.shape[2] == 1 else image
    if len(rgb) % 2:
        rgb = rgb[:-1]
    text = Text()
    for top, bottom in zip(rgb[::2], rgb[1::2], strict=True):
        for a, b in zip(top, bottom, strict=True):
            text.append("▀", style=f"rgb({a[0]},{a[1]},{a[2]}) on rgb({b[0]},{b[1]},{b[2]})")
        text.append("\n")
    return text


def picture_ascii(image: Array) -> Text:
    """An image (h, w, c) uint8 in characters, for an output without color."""
    ramp = " .:-=+*#%@"
    gray = image.mean(axis=2)
    rows = ("".join(ramp[int(v * len(ramp) / 256)] * 2 for v in row) for row in gray)
    return Text("\n".join(rows) + "\n")


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
    """A row an operator."""
    return table(
        ("operator", "TFLite", "version", "kernels", "what it does"),
        [(r.op, r.tflite, f"<= {r.max_version}", ", ".join(r.kernels), r.summary) for r in rows],
    )


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
    commands = dict.fromkeys(t.install for t in tools if not t.found)
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
