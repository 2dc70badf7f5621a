"""Writes constants as C: small ones to be read by people, large ones quickly by compilers."""

from __future__ import annotations

from math import ceil

from ascua.ir import Array
from ascua.kernels import Const

CTYPES = {
    "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t",
    "int64": "int64_t", "float32": "float", "bool": "uint8_t",
}  # fmt: skip
"""Of tensors' elements."""

LISTED = 1024
"""Bytes: longer constants of bytes are written as strings.

Of 4 MB, GCC 12 takes 5.8 s and 480 MB as a list of numbers, 0.5 s and 80 MB as strings.
"""

LONGEST_STRING = 4095
"""Characters of a string that every C compiler takes."""

MOST_ANYWHERE = 2**15 - 1
"""Bytes of an array that indices of 16 bits reach."""

PER_LINE = 24
"""Numbers or bytes in a line of C."""

_CHARACTERS = [
    chr(v) if 32 <= v < 127 and chr(v) not in '"\\?' else f"\\{v:03o}" for v in range(256)
]
"""Each byte in a string: three octal digits, which no digit behind them prolongs; `?` might begin
a trigraph."""


def literal(value: float) -> str:
    """A C literal of exactly this value."""
    if isinstance(value, int):
        # -2147483648 is not a literal in C, but an expression of the wrong type.
        return "(-2147483647 - 1)" if value == -(2**31) else str(value)
    return f"{float(value).hex()}f"


def decimal(value: float) -> str:
    """A C literal of exactly this float, in the form that C++ before C++17 takes, too."""
    text = f"{value:.9g}"
    return f"{text}f" if {".", "e"} & {*text} else f"{text}.0f"


def numbers(values: Array) -> str:
    """Comma-separated numbers, broken into lines."""
    texts = [literal(v) for v in values.reshape(-1).tolist()]
    lines = [", ".join(texts[i : i + PER_LINE]) for i in range(0, len(texts), PER_LINE)]
    return ",\n".join(lines)


def indexed(count: int) -> str:
    """Lines that refuse to compile where no index reaches all of so many bytes; else nothing."""
    if count <= MOST_ANYWHERE:
        return ""
    return (
        f"#if PTRDIFF_MAX < {count}\n"
        f'#error "{count} bytes in one piece: this core addresses fewer; take a smaller network"\n'
        "#endif\n\n"
    )


def string(text: str) -> str:
    """A C string of the UTF-8 of `text`."""
    return '"' + "".join(map(_CHARACTERS.__getitem__, text.encode())) + '"'


def declaration(symbol: str, c: Const) -> str:
    """What a header says of the constant, with the type that it has."""
    if not _written_as_strings(c):
        return f"extern {_aligned(c)}const {c.ctype} {symbol}[{_count(c)}];\n"
    rows, length = _rows(c.data.size)
    return (
        f"struct {symbol} {{\n    {c.ctype} bytes[{length}] UNTERMINATED;\n}};\n"
        f"extern {_aligned(c)}const struct {symbol} {symbol}[{rows}];\n"
    )


def definition(symbol: str, c: Const) -> str:
    """The constant itself, behind its `declaration`."""
    if _written_as_strings(c):
        rows, length = _rows(c.data.size)
        data = c.data.tobytes().ljust(rows * length, b"\0")
        body = ",\n".join(
            "{" + _string(data[i : i + length]) + "}" for i in range(0, len(data), length)
        )
        return f"{_aligned(c)}const struct {symbol} {symbol}[{rows}] = {{\n{body}}};\n"
    body = (
        ",\n".join("{" + numbers(row) + "}" for row in c.data) if _is_struct(c) else numbers(c.data)
    )
    return f"{_aligned(c)}const {c.ctype} {symbol}[{_count(c)}] = {{\n{body}}};\n"


def argument(symbol: str, c: Const) -> str:
    """The constant as the argument of a kernel, a pointer to `c.ctype`."""
    return f"(const {c.ctype} *){symbol}" if _written_as_strings(c) else symbol


def _aligned(c: Const) -> str:
    """Where kernels read pairs of bytes; other alignment is the compilers' own, as the ABI has it.

    Declarations state it too: what a definition alone states, other files do not go by.
    """
    return "_Alignas(4) " if c.ctype == "uint8_t" else ""


def _written_as_strings(c: Const) -> bool:
    return c.data.dtype.itemsize == 1 and c.data.size > LISTED


def _rows(size: int) -> tuple[int, int]:
    """How many strings hold so many bytes, and the length of each: the fewest that waste none.

    A few bytes are wasted where twice as many strings would not avoid it.
    """
    fewest = ceil(size / LONGEST_STRING)
    rows = min(range(fewest, 2 * fewest + 1), key=lambda n: -size % n)
    return rows, ceil(size / rows)


def _string(data: bytes) -> str:
    """A string of these bytes, as neighbors of one line each."""
    lines = (data[i : i + PER_LINE] for i in range(0, len(data), PER_LINE))
    return "\n".join('"' + "".join(map(_CHARACTERS.__getitem__, line)) + '"' for line in lines)


def _count(c: Const) -> int:
    """Elements of the C array."""
    return len(c.data) if _is_struct(c) else c.data.size


def _is_struct(c: Const) -> bool:
    return not c.ctype.startswith(("int", "uint", "float", "s16"))
