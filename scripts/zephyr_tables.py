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
TARGET = "qemu_cortex_m3"
"""The board that all goals are measured on, and that the network's first project had."""


def rows(folder: Path) -> list[Row]:
    """Rows of COLUMNS on TARGET: others first, then the last measurement of each goal."""
    return [_row(r) for r in _last(folder) if r.target == TARGET]


def others(folder: Path) -> list[Row]:
    """Rows of COLUMNS on other boards."""
    return [_row(r) for r in _last(folder) if r.target != TARGET]


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
