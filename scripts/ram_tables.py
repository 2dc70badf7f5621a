"""results/ram.jsonl as the README's table of the least RAM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ascua.results import RamResult, peers, ram

Row = Sequence[str | int | None]

M3, M4 = "lm3s6965evb", "mps2-an386"
COLUMNS = (
    "network", ">TFLM B", ">whole tensors B", ">floor B", ">balanced B (M4)", ">ram B (M3)",
    ">ram B (M4)", ">instructions of balanced (M4)",
)  # fmt: skip
TFLM = ("TFLM reference", "cortex-m4")


def rows(folder: Path) -> list[Row]:
    """Rows of COLUMNS: each network, its input whole or by rows; its last measurements."""
    found = {(r.model, r.input, r.board): r for r in ram(folder)}
    arenas = {p.model: p.ram_bytes for p in peers(folder) if (p.peer, p.core) == TFLM}
    cases = dict.fromkeys((model, given) for model, given, _ in found)
    both = {case: (found.get((*case, M3)), found.get((*case, M4))) for case in cases}
    return [
        _row(on_m3, on_m4, arenas.get(on_m4.model))
        for on_m3, on_m4 in both.values()
        if on_m3 is not None and on_m4 is not None
    ]


def _row(on_m3: RamResult, on_m4: RamResult, tflm: int | None) -> Row:
    by_rows = " by rows" if on_m4.input == "rows" else ""
    return (
        f"{on_m4.model}{by_rows}", tflm, on_m4.whole_tensors, on_m4.floor, on_m4.balanced_bytes,
        on_m3.arena_bytes, on_m4.arena_bytes, _ratio(on_m4),
    )  # fmt: skip


def _ratio(r: RamResult) -> str | None:
    """Instructions as a part of those of `balanced`."""
    if r.instructions is None or r.balanced_instructions is None:
        return None
    return f"{r.instructions / r.balanced_instructions:.2f}"
