"""results/zephyr.jsonl as the tables of docs/exports/zephyr.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ascua.results import ZephyrResult, zephyr

Row = Sequence[str | int | None]

COLUMNS = (
    "by", "Zephyr", "board", "goal", ">FLASH B", ">RAM B", ">of it arena", ">of it stack of main",
    ">heap B", ">all RAM B", "a ship is a",
)  # fmt: skip
SHORT = ("by", "Zephyr", "goal", ">FLASH B", ">RAM B", ">heap B", ">all RAM B", "a ship is a")
GOALS = ("balanced", "ram")
"""Of SHORT: the default, and the one of least RAM."""
TARGET = "qemu_cortex_m3"
"""The board that all goals are measured on, and that the network's first project had."""


def rows(folder: Path) -> list[Row]:
    """Rows of COLUMNS on TARGET: others first, then the last measurement of each goal."""
    return [_row(r) for r in _last(folder) if r.target == TARGET]


def others(folder: Path) -> list[Row]:
    """Rows of COLUMNS on other boards."""
    return [_row(r) for r in _last(folder) if r.target != TARGET]


def short(folder: Path) -> list[Row]:
    """Rows of SHORT: others on TARGET, and Ascua's with the newest Zephyr, by goals that fit it."""
    found = [r for r in _last(folder) if r.target == TARGET]
    newest = max((r.zephyr for r in found if r.zephyr), key=_numbers, default=None)
    kept = [r for r in found if r.by != "ascua" or (r.zephyr == newest and r.goal in GOALS)]
    return [(*_row(r)[:2], r.goal, *_row(r)[4:6], *_row(r)[8:]) for r in kept]


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _last(folder: Path) -> list[ZephyrResult]:
    found = {(r.by, r.zephyr, r.target, r.goal): r for r in zephyr(folder)}
    return sorted(found.values(), key=lambda r: r.by == "ascua")


def _row(r: ZephyrResult) -> Row:
    heap = r.heap_bytes
    return (
        "Ascua" if r.by == "ascua" else r.by, r.zephyr, f"`{r.target}`", r.goal,
        r.flash_bytes, r.ram_bytes, None if heap else r.arena_bytes, r.stack_bytes,
        heap, r.ram_bytes + heap, r.answer,
    )  # fmt: skip
