"""Rows that are made again: which each turn makes, and where its reader finds them."""

from __future__ import annotations

from ascua.plan import ALIGNMENT, Call

ROW = "row"
"""The C variable with the row that a turn makes."""


def definitions(call: Call) -> list[str]:
    """The statements that find the row of a turn, and the table of where what it reads lies."""
    lines = []
    if call.again is not None:
        ctype = "uint8_t" if max(call.again) < 2**8 else "uint16_t"
        listed = ", ".join(map(str, call.again))
        lines = [
            f"    static const {ctype} again[{len(call.again)}] = {{{listed}}};",
            f"    const int32_t {ROW} = again[turn];",
        ]
    if call.under is not None:
        places = call.reads[0].rows
        assert places is not None
        words = [p // ALIGNMENT for p in places]
        none = 2**32 - 1 if _far(call) else 2**16 - 1
        at = [none if made is None else words[made] for window in call.under for made in window]
        ctype = "uint32_t" if _far(call) else "uint16_t"
        lines.append(f"    static const {ctype} at[{len(at)}] = {{{', '.join(map(str, at))}}};")
    return lines


def window(call: Call, w: str, base: str, turn: str, found: str) -> str:
    """The statement that finds the rows of a window."""
    return f"window_again{'_far' if _far(call) else ''}({w}, {base}, at, {turn}, {found});"


def _far(call: Call) -> bool:
    """Whether places in words need 32 bits."""
    return max(call.reads[0].rows or (0,)) // ALIGNMENT >= 2**16 - 1
