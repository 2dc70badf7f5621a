"""results/k210.jsonl as the tables of docs/k210.md, and the estimate beside published timings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ascua.kmodel import KPU_LINES
from ascua.kpu import figures, latency
from ascua.results import KmodelResult, Timing, kmodels

Row = Sequence[str | int | float | None]

NETWORKS = (
    "network", "compiler", ">version", ">file B", ">workspace B", ">KPU lines", ">of KPU RAM",
    ">estimated ms", ">frames a second",
)  # fmt: skip
AGREEMENT = (
    "network", "compiler", ">version", ">photographs", ">float top-1", ">kmodel top-1",
    ">same top-1", ">float's in kmodel's top 5", ">cosine", ">same by other rounding",
    ">same if fused",
)  # fmt: skip
COSTS = ("constant", ">value", "unit", "where it comes from")
TIMINGS = ("measured by", "of", ">measured ms", ">estimated ms", ">error")


def newest(folder: Path) -> list[KmodelResult]:
    """The last line of each file, by version, name and compiler."""
    found = {(r.version, r.model, r.compiler): r for r in kmodels(folder)}
    return [found[each] for each in sorted(found)]


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
            f"{r.estimate_ms:.1f}",
            f"{r.frames_per_second:.1f}",
        )
        for r in newest(folder)
    ]


def agreement(folder: Path) -> list[Row]:
    """Rows of AGREEMENT: the files beside which a float network is."""
    return [
        (
            r.model,
            r.compiler,
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
