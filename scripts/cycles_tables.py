"""Tables of model cycles for the generated pages: each core's timing, and figures a core."""

from __future__ import annotations

from pathlib import Path

from ascua import boards
from ascua.boards.timing import Cycles, Timing
from ascua.report.results import Row
from ascua.results import newest, published

TIMINGS = ("core", "kind", "taken from")
CLASSES = ("instructions", ">cycles", ">more where it branches", "as the document says")
FIGURES = ("model", "core", "kind", ">instructions", ">model cycles", ">least", ">most",
           ">cycles a MAC")  # fmt: skip
PUBLISHED = ("model", "chip", "measured with", ">cycles a MAC", "counted here", ">model", ">error",
             ">with its flash and cache", ">error")  # fmt: skip


def timings() -> list[Row]:
    """Rows of TIMINGS: every core that Ascua knows."""
    rows: list[Row] = []
    for name in boards.cores():
        timing = boards.load_core(name, name).timing
        kind = "-" if timing is None else timing.kind
        source = "nothing public: no figure" if timing is None else f"{timing.source}."
        rows.append((name, kind, source))
    return rows


def classes(core: str) -> list[Row]:
    """Rows of CLASSES of a core, in the order in which they are looked at."""
    timing = boards.load_core(core, core).timing
    assert timing is not None
    return [
        (c.name, _said(c.cycles, c.each), _said(c.taken) if any(c.taken) else "", c.source)
        for c in timing.classes
    ]


def _said(cycles: Cycles, each: float = 0.0) -> str:
    """`2`, or `1 (0 to 1)`; with `+ n` where each register of a list takes more."""
    text = f"{cycles[0]:g}"
    if len(cycles) > 1:
        text = f"{cycles[1]:g} ({cycles[0]:g} to {cycles[2]:g})"
    return f"{text} + {'' if each == 1 else f'{each:g} '}n" if each else text


def with_classes() -> list[str]:
    """The cores that have a table of their own, not another's."""
    found: list[str] = []
    for name in boards.cores():
        timing: Timing | None = boards.load_core(name, name).timing
        if timing is not None and not timing.like:
            found.append(name)
    return found


def figures(folder: Path) -> list[Row]:
    """Rows of FIGURES: what is measured of each network on a board of each core."""
    return [
        (
            r.recipe,
            r.core,
            r.cycles.kind,
            None if r.instructions is None else round(r.instructions),
            r.cycles.assumed,
            r.cycles.least,
            r.cycles.most,
            f"{r.cycles.assumed / r.macs:.2f}",
        )
        for r in newest(folder)
        if r.cycles is not None
    ]


def beside(folder: Path) -> list[Row]:
    """Rows of PUBLISHED: what others measured, beside the model of what can be counted here."""
    rows: list[Row] = []
    for p in published(folder):
        m = p.modelled
        chip = f"{p.chip} ({p.core})"
        rows.append((
            p.model, chip, f"{p.stack} ({p.source})", f"{p.cycles_mac:.2f}",
            *((None,) * 5 if m is None else (
                m.stack,
                f"{m.assumed:.2f} ({m.least:.2f} to {m.most:.2f})",
                _error(m.assumed, p.cycles_mac),
                f"{m.with_flash:.2f}",
                _error(m.with_flash, p.cycles_mac),
            )),
        ))  # fmt: skip
    return rows


def _error(found: float, measured: float) -> str:
    return f"{100 * (found / measured - 1):+.0f} %"
