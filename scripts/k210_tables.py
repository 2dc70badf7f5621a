"""results/k210.jsonl as tables of docs/k210*.md, and the estimate beside published timings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

from ascua.kmodel import KPU_LINES
from ascua.kpu import figures, latency
from ascua.results import KmodelResult, LayerEstimate, Timing, kmodels

NNCASE, ASCUA = "nncase", "Ascua"
"""The compilers, as lines name them."""
Row = Sequence[str | int | float | None]

NETWORKS = (
    "network", "compiler", ">version", ">file B", ">workspace B", ">KPU lines", ">of KPU RAM",
    ">estimated ms", ">frames a second",
)  # fmt: skip
BESIDE = (
    "network", ">version", ">nncase ms", ">Ascua ms", ">saved ms", ">saved",
    ">layers that take longer, or that nncase's has not", ">by ms",
)  # fmt: skip
LAYERS = ("nncase", "", ">ms", "Ascua", "", ">ms", ">saved ms")
AGREEMENT = (
    "network", "compiler", "options", ">version", ">photographs", ">float top-1", ">kmodel top-1",
    ">same top-1", ">float's in kmodel's top 5", ">cosine", ">same by other rounding",
    ">same if fused",
)  # fmt: skip
COSTS = ("constant", ">value", "unit", "where it comes from")
TIMINGS = ("measured by", "of", ">measured ms", ">estimated ms", ">error")


def newest(folder: Path) -> list[KmodelResult]:
    """The last line of each file, by version, name, compiler and what that was asked for."""
    found = {(r.version, r.model, r.compiler, r.options): r for r in kmodels(folder)}
    return [found[each] for each in sorted(found)]


def pairs(folder: Path) -> list[tuple[KmodelResult, KmodelResult]]:
    """nncase's file and Ascua's, of each version and network that both made."""
    found = {(r.version, r.model, r.compiler): r for r in newest(folder) if not r.options}
    return [
        (row, found[version, model, ASCUA])
        for (version, model, compiler), row in found.items()
        if compiler == NNCASE and (version, model, ASCUA) in found
    ]


Beside = tuple[LayerEstimate | None, LayerEstimate | None]


def side_by_side(a: KmodelResult, b: KmodelResult) -> Iterator[Beside]:
    """The layers of two files: those of as many channels out, or of one type, beside each other."""

    def key(layer: LayerEstimate) -> str:
        return layer.what.rpartition("x")[2] or layer.layer

    first, second = ([key(layer) for layer in row.layers] for row in (a, b))
    for _, i, j, k, m in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        yield from zip_longest(a.layers[i:j], b.layers[k:m])


def saved(pair: Beside) -> float:
    """What the second of two layers takes less, in ms."""
    a, b = (0.0 if layer is None else layer.ms for layer in pair)
    return round(a - b, 3)


def beside(folder: Path) -> list[Row]:
    """Rows of BESIDE."""
    rows: list[Row] = []
    for a, b in pairs(folder):
        less = a.estimate_ms - b.estimate_ms
        longer = [-each for each in map(saved, side_by_side(a, b)) if each < 0]
        figures = [f"{ms:.2f}" for ms in (a.estimate_ms, b.estimate_ms, less)]
        share = f"{100 * less / a.estimate_ms:.0f} %"
        rows.append((a.model, a.version, *figures, share, len(longer), f"{sum(longer):.2f}"))
    return rows


def layers(a: KmodelResult, b: KmodelResult) -> list[Row]:
    """Rows of LAYERS, and their sums."""
    rows: list[Row] = []
    for pair in side_by_side(a, b):
        cells: list[str] = []
        for layer in pair:
            cells += ("", "", "") if layer is None else (layer.layer, layer.what, f"{layer.ms:.3f}")
        rows.append((*cells, f"{saved(pair):.3f}"))
    total = f"{a.estimate_ms - b.estimate_ms:.3f}"
    return [*rows, ("all", "", f"{a.estimate_ms:.3f}", "all", "", f"{b.estimate_ms:.3f}", total)]


def networks(folder: Path) -> list[Row]:
    """Rows of NETWORKS."""
    return [
        (
            r.model,
            r.compiler,
            r.version,
            r.file_bytes,
            r.main_bytes,
            r.kpu_lines,
            f"{100 * r.kpu_lines / KPU_LINES:.0f} %",
            f"{r.estimate_ms:.2f}",
            f"{r.frames_per_second:.1f}",
        )
        for r in newest(folder)
        if not r.options
    ]


def agreement(folder: Path) -> list[Row]:
    """Rows of AGREEMENT: the files beside which a float network is."""
    return [
        (
            r.model,
            r.compiler,
            r.options,
            r.version,
            a.samples,
            *(f"{100 * share:.1f} %" for share in
              (a.float_top1, a.kmodel_top1, a.same_top1, a.float_in_top5)),
            f"{a.cosine:.3f}",
            *(f"{100 * share:.1f} %" for share in (a.other_rounding, a.fused)),
        )
        for r in newest(folder)
        if (a := r.agreement)
    ]  # fmt: skip


def costs() -> list[Row]:
    """Rows of COSTS, in the order of their module."""
    every = {n: c for n, c in vars(latency).items() if isinstance(c, latency.Cost)}
    return [(f"`{n}`", f"{c.value:.3g}", c.unit, c.source) for n, c in every.items()]


def all_timings(folder: Path) -> list[Timing]:
    """Every published figure: those of layers, which need no file, and those of networks."""
    layers = [Timing(f.source, f.what, 1000 * f.measured, 1000 * f.estimate) for f in figures()]
    return [*layers, *(t for r in newest(folder) for t in r.timings)]


def errors(timings: Sequence[Timing]) -> tuple[float, float]:
    """The least and the greatest error of the estimates, in shares, to a hundredth."""
    found = [t.estimate_ms / t.measured_ms - 1 for t in timings]
    return round(min(found), 2), round(max(found), 2)


def timings(folder: Path) -> list[Row]:
    """Rows of TIMINGS: a row for all measurements of layers that are alike."""
    groups: dict[tuple[str, str], list[Timing]] = {}
    for t in all_timings(folder):
        groups.setdefault((t.source, t.what), []).append(t)
    return [
        (
            *of,
            span([f"{m:.3f}" for m in sorted(t.measured_ms for t in alike)]),
            f"{alike[0].estimate_ms:.3f}",
            span([f"{100 * e + 0.0:+.0f} %" for e in errors(alike)]),
        )
        for of, alike in groups.items()
    ]


def span(sorted_values: Sequence[str]) -> str:
    """`a to b`, or one of them where they are the same."""
    return " to ".join(dict.fromkeys((sorted_values[0], sorted_values[-1])))


def error() -> str:
    """The range of all errors, in words."""
    least, most = (f"{abs(100 * e):.0f} %" for e in latency.ERROR)
    return (
        f"Of all that was published (below), the estimate is between {least} too short and {most}"
        " too long. Most constants are fitted to just that: for other networks it may be further"
        " off.\n"
    )
