"""Tables of docs/energy.md: how far estimates are from what others measured, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean

from ascua import boards
from ascua.boards import Board
from ascua.boards.timing import Error
from ascua.report.tables import digits, span
from ascua.results import EstimatedEnergy, MeasuredEnergy, energy, estimates, published

Row = Sequence[object]
Group = tuple[str, str, str]

GROUPS = (
    "board", "measured by", "MLPerf Tiny", ">networks", ">MHz", ">pJ a cycle",
    ">mean error", ">least", ">most",
)  # fmt: skip
PAIRS = (
    "model", ">measured ms", ">estimated ms", ">error", ">measured µJ", ">estimated µJ", ">error",
)  # fmt: skip
SOURCES = ("board", "core", ">MHz", ">pJ a cycle", "error", "source", "asleep")
BESIDE = (
    "board", "model", ">estimated ms", ">µJ", "error", "the best published stack", ">ms", ">µJ",
)  # fmt: skip
SHORT = ("board", ">ic", ">kws", ">vww", ">ad", "error")
CHIP, STACK = "STM32L4R5, 120 MHz", "microTVM + CMSIS-NN"
"""Of the four networks that were measured on a chip, and whose cycles are counted here."""
OWN = "microtvm_cmsis_nn/NUCLEO_L4R5ZI"
"""The same in results/energy.jsonl."""


def without(row: MeasuredEnergy, others: Iterable[MeasuredEnergy]) -> float:
    """The error of the energy of `row` by the constant of the others alone, given its cycles."""
    constant = mean(r.pj_per_cycle for r in others if r is not row)
    return constant / row.pj_per_cycle - 1


def by_group(folder: Path) -> dict[Group, list[MeasuredEnergy]]:
    """The measurements of one submission each, with the same board and software."""
    found: dict[Group, list[MeasuredEnergy]] = {}
    for r in energy(folder):
        found.setdefault((r.round, r.submitter, r.system), []).append(r)
    return found


def errors(folder: Path) -> list[float]:
    """Of one constant a cycle in each group, all together."""
    return [without(r, group) for group in by_group(folder).values() for r in group]


def method(folder: Path) -> str:
    """A sentence on all of them."""
    found = errors(folder)
    if not found:
        return ""
    return (
        f"Over {len(found)} measurements in {len(by_group(folder))} groups the error is"
        f" {100 * mean(map(abs, found)):.1f} % in the mean, {100 * min(found):+.0f} to"
        f" {100 * max(found):+.0f} % at most.\n"
    )


def groups(folder: Path) -> list[Row]:
    """Rows of GROUPS."""
    rows: list[Row] = []
    for (round_, submitter, system), group in by_group(folder).items():
        found = [without(r, group) for r in group]
        rows.append((
            group[0].board, f"{submitter}: {system}", round_, len(group), f"{group[0].hz / 1e6:g}",
            f"{mean(r.pj_per_cycle for r in group):.1f}",
            f"{100 * mean(map(abs, found)):.1f} %",
            f"{100 * min(found):+.1f} %", f"{100 * max(found):+.1f} %",
        ))  # fmt: skip
    return rows


def factors(folder: Path) -> dict[str, float]:
    """What the chip took of the cycles that are modelled of the same layers, by network."""
    rows = (p for p in published(folder) if (p.chip, p.stack) == (CHIP, STACK))
    return {p.model: p.cycles_mac / p.modelled.assumed for p in rows if p.modelled is not None}


def pairs(folder: Path) -> list[Row]:
    """Rows of PAIRS: model cycles, factor and energy of the other three networks alone."""
    rows: list[Row] = []
    found = factors(folder)
    group = [r for r in energy(folder) if r.system == OWN]
    for r in group:
        others = mean(f for name, f in found.items() if name != r.model)
        off = others / found[r.model]
        ms = 1e3 / r.inferences_s
        both = off * (1 + without(r, group))
        rows.append((
            r.model, digits(ms), digits(ms * off), f"{100 * (off - 1):+.0f} %",
            digits(r.uj), digits(r.uj * both), f"{100 * (both - 1):+.0f} %",
        ))  # fmt: skip
    return rows


def sources() -> list[Row]:
    """Rows of SOURCES: every board with a clock that is asked about."""
    found = [boards.load(name) for name in boards.names("c")]
    return [
        (
            b.name, b.core.name, f"{(b.clock_hz or 0) / 1e6:g}",
            None if b.energy is None else f"{b.energy.pj_per_cycle:g}",
            "" if b.energy is None else said(b.energy.error),
            "no source: cycles and time alone" if b.energy is None else b.energy.source,
            "" if b.sleep is None else f"{b.sleep.microwatts:g} µW: {b.sleep.source}",
        )
        for b in found
        if b.counts_on or b.energy
    ]  # fmt: skip


def said(error: Error | None) -> str:
    """How far off."""
    return "not known" if error is None else span(error)


def best(folder: Path, board: Board, model: str) -> MeasuredEnergy | None:
    """Of the measurements of a network on the chip of a board the one with the least energy."""
    rows = [r for r in energy(folder) if r.board == board.name and r.model == model]
    return min(rows, key=lambda r: r.uj, default=None)


def newest(folder: Path) -> dict[tuple[str, str, str], EstimatedEnergy]:
    """The last estimate, by board, network and goal."""
    return {(e.board, e.model, e.goal): e for e in estimates(folder)}


def beside(folder: Path) -> list[Row]:
    """Rows of BESIDE: for the goal of speed."""
    rows: list[Row] = []
    for (name, model, goal), e in newest(folder).items():
        other = best(folder, boards.load(name), model)
        if goal != "speed" or other is None:
            continue
        what = f"{other.submitter}: {other.system} ({other.round})"
        rows.append((
            name, model, digits(e.ms), digits(e.uj), said(e.uj_error), what,
            digits(1e3 / other.inferences_s), digits(other.uj),
        ))  # fmt: skip
    return sorted(rows, key=lambda r: str(r[0]))


def short(folder: Path) -> list[Row]:
    """Rows of SHORT: µJ for the goal of speed."""
    found = newest(folder)
    names = dict.fromkeys(name for name, _, goal in found if goal == "speed")
    return [
        (
            name,
            *(digits(found[name, model, "speed"].uj) for model in ("ic", "kws", "vww", "ad")),
            said(found[name, "ic", "speed"].uj_error),
        )
        for name in sorted(names)
    ]
