"""Milliseconds and microjoules of an inference: estimates, each with its error and its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ascua.boards import Board
from ascua.boards.timing import Error
from ascua.errors import InputError

NO_CHIP = "model cycles, which know no flash that waits and no cache that misses"


@dataclass(frozen=True)
class Figure:
    """A number that was not measured."""

    value: float
    source: str
    error: Error | None = None
    """None where no measurement is known beside it."""

    def json(self) -> dict[str, Any]:
        """As `--json` has it."""
        error = None if self.error is None else list(self.error)
        return {"value": self.value, "error": error, "source": self.source}


@dataclass(frozen=True)
class Estimate:
    """Time and energy of one inference on a board; None is what no source tells."""

    ms: Figure
    uj: Figure | None
    period_s: float | None = None
    """An inference starts each time it is over; the board sleeps in between."""
    average_uw: Figure | None = None
    """The mean power then."""

    def json(self) -> dict[str, Any]:
        """As `--json` has it."""
        return {
            "ms": self.ms.json(),
            "uj": self.uj and self.uj.json(),
            "period_s": self.period_s,
            "average_uw": self.average_uw and self.average_uw.json(),
        }


def estimate(board: Board, cycles: float | None, period_s: float | None = None) -> Estimate | None:
    """Of an inference that takes so many model cycles; None without them, or without a clock.

    Raises InputError for a period that is shorter than the inference.
    """
    hz, timing = board.clock_hz, board.core.timing
    if cycles is None or hz is None or timing is None:
        return None
    chips = timing.chips
    taken = cycles * (1.0 if chips is None else chips.factor)
    clock = f"{hz / 1e6:g} MHz"
    if chips is None:
        bound = "at least: " if timing.kind == "bound" else ""
        ms = Figure(1e3 * taken / hz, f"{bound}{clock}; {NO_CHIP}")
    else:
        by = f"{clock}; {chips.factor:g} times model cycles: {chips.source}"
        ms = Figure(1e3 * taken / hz, by, chips.error)
    uj = None
    if (energy := board.energy_of_a_cycle) is not None:
        by = f"{energy.pj_per_cycle:.4g} pJ a cycle: {energy.source}"
        uj = Figure(taken * energy.pj_per_cycle * 1e-6, by, _both(ms.error, energy.error))
    if period_s is None:
        return Estimate(ms, uj)
    if period_s * 1e3 < ms.value:
        raise InputError(
            f"--period {period_s:g}s: an inference takes an estimated {ms.value:.4g} ms on"
            f" {board.name}.",
            ["A longer period, a smaller network or a faster board."],
        )
    return Estimate(ms, uj, period_s, _average(board, ms, uj, period_s))


def seconds(text: str) -> float:
    """Of `1s`, `500ms`, `5min`. Raises ValueError for anything else."""
    units = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyz")
    value = float(number) * units[text.strip()[len(number) :] or "s"]
    if not 0 < value < 1e9:
        raise ValueError("a period is positive")
    return value


def _average(board: Board, ms: Figure, uj: Figure | None, period_s: float) -> Figure | None:
    sleep = board.asleep
    if uj is None or sleep is None:
        return None
    share = 1 - ms.value / (1e3 * period_s)
    value = uj.value / period_s + sleep.microwatts * share
    return Figure(value, f"{sleep.microwatts:.4g} µW asleep: {sleep.source}")


def _both(a: Error | None, b: Error | None) -> Error | None:
    """The error of a product, at its worst."""
    if a is None or b is None:
        return None
    return (1 + a[0]) * (1 + b[0]) - 1, (1 + a[1]) * (1 + b[1]) - 1
