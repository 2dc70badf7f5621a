"""Tables of kmodels for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.text import Text

from ascua.k210 import Measurement, macs
from ascua.kmodel import LINE, Conv, Kmodel, Layer, Memory, Range
from ascua.kpu.latency import ERROR
from ascua.labels import Score
from ascua.report.tables import cell, checked, table

POOLS = (
    "", "max 2x2", "mean 2x2", "max 4x4", "mean 4x4", "left top of 2x2", "right top of 2x2",
    "left top of 4x4", "mean 2x2, stride 1", "max 2x2, stride 1",
)  # fmt: skip
"""What each code of the registers pools."""
WHERE = {Memory.CONST: "const", Memory.MAIN: "main", Memory.KPU: "line"}


def layers(found: Measurement) -> RenderableType:
    """One row a layer: what it does, where it reads and writes, what it takes."""
    rows: list[Sequence[object]] = []
    for i, (layer, seconds) in enumerate(
        zip(found.model.network.layers, found.latency.layers, strict=True)
    ):
        conv = _conv(layer)
        rows.append(
            (
                i,
                layer.title,
                _shapes(layer, conv),
                ", ".join(map(_place, layer.reads)),
                ", ".join(map(_place, layer.writes)),
                None if conv is None else conv.weights.nbytes,
                macs(layer),
                _ms(seconds.total),
            )
        )
    total, counted = found.latency.total, found.counted
    rows.append(("", "input", "", "", "", None, None, _ms(found.latency.input.total)))
    rows.append(("", "all", "", "", "", *_sums(found), _ms(total.total)))
    columns: tuple[str, ...] = (
        ">layer", "type", "what", "reads", "writes", ">weights B", ">MACs", ">ms, estimated",
    )  # fmt: skip
    if counted is not None:
        columns = (*columns, ">CPU instructions")
        counts = (*counted.layers, counted.input, counted.instructions + counted.input)
        rows = [(*row, count) for row, count in zip(rows, counts, strict=True)]
    return table(columns, rows)


def _sums(found: Measurement) -> tuple[int, int]:
    """Weights and products of all convolutions by the KPU."""
    network = found.model.network
    convs = [c for c in map(_conv, network.layers) if c is not None]
    return sum(c.weights.nbytes for c in convs), sum(c.macs for c in convs)


def _conv(layer: Layer) -> Conv | None:
    conv = getattr(layer, "conv", None)
    return conv if isinstance(conv, Conv) else None


def _shapes(layer: Layer, conv: Conv | None) -> str:
    """The maps of a convolution, or the elements that another layer reads and writes."""
    if conv is None:
        read = " + ".join(f"{r.count:,}" for r in layer.reads)
        return f"{read} -> {', '.join(f'{r.count:,}' for r in layer.writes)}"
    x, y = conv.x, conv.y
    kind = "dw " if conv.depthwise else ""
    pool = f", {POOLS[conv.pool]}" if conv.pool else ""
    return (
        f"{kind}{conv.k}x{conv.k} {x.width}x{x.height}x{x.channels}"
        f" -> {y.width}x{y.height}x{y.channels}{pool}"
    )


def _place(r: Range) -> str:
    """Where a range begins, and how long it is: in lines of KPU RAM, in bytes elsewhere."""
    unit = LINE if r.memory is Memory.KPU else 1
    return f"{WHERE[r.memory]} {r.start // unit:,}+{r.bytes // unit:,}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3f}"


def analysis(found: Measurement) -> RenderableType:
    """Layers, memory, budgets and time."""
    return Group(layers(found), Text(""), table(("", ""), facts(found)), Text(""), _budgets(found))


def compiled(found: Measurement) -> RenderableType:
    """Memory, budgets and time of what was compiled."""
    return Group(table(("", ""), facts(found)), Text(""), _budgets(found))


def facts(found: Measurement) -> list[tuple[str, str]]:
    """Memory and time."""
    network, usage, total = found.model.network, found.usage, found.latency.total
    least, most = (100 * error for error in ERROR)
    of = "" if usage.kpu_layer is None else f", most in layer {usage.kpu_layer}"
    return [
        ("kmodel", f"version {network.version}, weights of {network.weight_bits} bits"),
        ("input", ", ".join(f"{h}x{w}x{c}" for _, c, h, w in (p.shape for p in network.inputs))),
        ("outputs", ", ".join(f"{r.count:,} {r.dtype.name.lower()}" for r in network.outputs)),
        ("file", f"{usage.file_bytes:,} bytes"),
        ("workspace", f"{usage.main_bytes:,} bytes of main memory"),
        ("KPU RAM", f"{usage.kpu_bytes:,} bytes, {100 * usage.kpu_share:.0f} %{of}"),
        (
            "time, estimated",
            f"{1000 * total.total:.1f} ms: KPU {1000 * total.kpu:.1f},"
            f" CPU {1000 * total.cpu:.1f}, transfers {1000 * total.transfer:.1f};"
            f" {1 / total.total:.1f} inferences a second",
        ),
        ("", f"  of published timings, estimates are {least:+.0f} to {most:+.0f} % off"),
    ]


def _budgets(found: Measurement) -> RenderableType:
    rows = []
    for fit in found.usage.fits:
        budget = fit.budget
        room = cell(budget.bytes)
        if budget.most != budget.bytes:
            room += f" to {cell(budget.most)}"
        rows.append((budget.name, fit.bytes, room, fit.verdict))
    return table(("budget", ">needs B", ">has B", ""), rows)


def run(found: Measurement) -> RenderableType:
    """What a run on the simulated chip tells."""
    counted = found.counted
    how = "simulated" if counted is None else "emulated"
    more = []
    if found.score is not None:
        more.append((f"{found.score.metric}, on {found.board}, {how}", str(found.score)))
    more.append(("samples", cell(found.samples)))
    if counted is not None:
        more += [
            ("CPU instructions", f"{counted.instructions:,} a sample, counted, and"
                                 f" {counted.input:,} for its input; the KPU's work is none of it"),
            ("program", f"{counted.code_bytes:,} bytes without the file, with the KPU in C"),
            ("variables", f"{counted.static_bytes:,} bytes: workspace, samples, and the KPU in C"),
            ("stack", f"{counted.stack_bytes:,} bytes"),
            ("beside the simulated chip", f"{counted.mismatched_bytes:,} output bytes differ"
                                          f"{checked(counted.checked_samples, found.samples)}"),
        ]  # fmt: skip
    return Group(layers(found), Text(""), table(("", ""), [*facts(found), *more]))


def versions(
    found: Sequence[Measurement], others: Mapping[str, Score], int8_bytes: int
) -> RenderableType:
    """A recipe's network in each form: float and int8 as `others` have them, and kmodels."""
    rows: list[Sequence[object]] = [
        ("float", str(others["float"]), None, None, None, None, None),
        ("int8, for C", str(others["int8 reference"]), int8_bytes, None, None, None, None),
    ]
    for m in found:
        seconds = m.latency.total.total
        rows.append((
            f"kmodel, version {m.model.network.version}", str(m.score), m.usage.file_bytes,
            m.usage.main_bytes, m.usage.kpu_bytes, f"{1000 * seconds:.2f}", f"{1 / seconds:,.0f}",
        ))  # fmt: skip
    least, most = (100 * error for error in ERROR)
    columns = (
        "", ">accuracy", ">file B", ">workspace B", ">KPU RAM B", ">ms", ">frames a second",
    )  # fmt: skip
    note = (
        "Kmodels on the simulated chip, over the whole test set. Times are estimates without a"
        f" camera's: of published ones such are {least:+.0f} to {most:+.0f} % off."
    )
    return Group(table(columns, rows), Text(note))


def registers(network: Kmodel) -> RenderableType:
    """The register fields of each convolution that are not 0."""
    rows = []
    for i, layer in enumerate(network.layers):
        conv = _conv(layer)
        if conv is not None:
            held = {k: v for k, v in asdict(conv.registers).items() if v}
            rows.append((i, " ".join(f"{k}={v}" for k, v in held.items())))
    return table((">layer", "registers that are not 0"), rows)
