"""results/optimized.jsonl as the table of docs/verbs/optimize.md and of the README."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ascua.results import OptimizedResult, optimized

Row = Sequence[str | int | None]

COLUMNS = (
    "file", ">weights", ">left", ">MACs", ">left", ">bytes of the file", ">left",
    ">instructions (M4)", ">left", ">flash B (M4)", ">left", ">bytes that differ",
)  # fmt: skip
SHORT = ("file", ">weights", ">MACs", ">bytes", ">instructions (M4)", ">flash B (M4)")


def newest(folder: Path) -> list[OptimizedResult]:
    """The last measurement of each file, by name."""
    found = {r.model_sha256: r for r in optimized(folder)}
    return sorted(found.values(), key=lambda r: r.model)


def rows(folder: Path) -> list[Row]:
    """Rows of COLUMNS: every file."""
    return [
        (
            r.model, r.before.weights, r.after.weights, r.before.macs, r.after.macs,
            r.before.bytes, r.after.bytes, r.before.instructions, r.after.instructions,
            r.before.flash_bytes, r.after.flash_bytes, f"{r.differing} of {r.samples} samples'",
        )
        for r in newest(folder)
    ]  # fmt: skip


def short(folder: Path) -> list[Row]:
    """Rows of SHORT: the files that lose weights."""
    return [
        (
            r.model,
            *(
                f"{was:,} → {now:,}"
                for was, now in (
                    (r.before.weights, r.after.weights), (r.before.macs, r.after.macs),
                    (r.before.bytes, r.after.bytes),
                    (r.before.instructions, r.after.instructions),
                    (r.before.flash_bytes, r.after.flash_bytes),
                )
            ),
        )
        for r in newest(folder)
        if r.after.weights < r.before.weights
    ]  # fmt: skip
