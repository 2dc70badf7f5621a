"""Draws curves, bars and confusion matrices as small SVG pictures, for light and dark pages."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 28, 36
MOST_CLASSES = 20
"""Of more, names are not printed, and matrices neither kept nor drawn."""
CELL = 44
"""Side of a confusion matrix' cell."""
STRONG = 0.62
"""From this strength of its color on a cell has white digits."""
BAR, NAMES, VALUE = 22, 256, 48
"""Least height of a row of bars; room for its name and for a value."""
LINE = 14
"""Height of a line of text."""
STYLE = """<style>
svg{font:12px sans-serif}text{fill:#333}.back{fill:#fff}.grid{stroke:#ddd}
rect.a,rect.b,rect.c{fill:var(--c)}
.a{--c:#c2410c}.b{--c:#1d4ed8}.c{--c:#15803d}polyline{stroke:var(--c);stroke-width:2;fill:none}
text.a,text.b,text.c{fill:var(--c)}text.on{fill:#fff}.right{fill:#1d4ed8}.wrong{fill:#c2410c}
@media(prefers-color-scheme:dark){text{fill:#ccc}.back{fill:#111}.grid{stroke:#333}
.a{--c:#fb923c}.b{--c:#60a5fa}.c{--c:#4ade80}text.on{fill:#fff}.right{fill:#2563eb}.wrong{fill:#ea580c}}
</style>"""

BOXES = """<style>.box{fill:#f1f5f9;stroke:#94a3b8}.name{font-weight:bold}
.arrow{fill:#64748b;stroke:#64748b;stroke-width:1.5}
@media(prefers-color-scheme:dark){.box{fill:#1e293b;stroke:#64748b}.arrow{fill:#94a3b8;stroke:#94a3b8}}</style>"""
KINDS = "abcde"
MORE = """<style>.d{--c:#7e22ce}.e{--c:#6b7280}text.d,text.e,circle{fill:var(--c)}
path.bar{stroke:var(--c)}
@media(prefers-color-scheme:dark){.d{--c:#c084fc}.e{--c:#9ca3af}}</style>"""


def curves(title: str, lines: Mapping[str, Sequence[float]]) -> str:
    """An SVG document: shares of 1 over epochs counted from 1, a line a name (at most five)."""
    epochs = max((len(ys) for ys in lines.values()), default=0)
    floor = min((y for ys in lines.values() for y in ys if math.isfinite(y)), default=0.0)
    floor = math.floor(floor * 10) / 10 if floor < 1 else 0.9

    def x(epoch: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (epoch - 1) / max(1, epochs - 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - floor) / (1 - floor))

    parts = [*([MORE] if len(lines) > 3 else []), _text(LEFT, 16, title, "start")]
    for tenth in range(round(floor * 10), 11):
        at = y(tenth / 10)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" class="grid"/>')
        parts.append(_text(LEFT - 6, at + 4, f"{tenth * 10} %", "end"))
    ticks = sorted({1, max(1, epochs // 2), max(1, epochs)})
    parts += [_text(x(epoch), HEIGHT - 14, str(epoch), "middle") for epoch in ticks]
    for i, (name, ys) in enumerate(list(lines.items())[: len(KINDS)]):
        points = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in enumerate(ys, 1) if math.isfinite(v))
        parts.append(f'<polyline points="{points}" class="{KINDS[i]}"/>')
        row, column = (0, i) if len(lines) <= 3 else (i + 1, 0)  # of many, one below the other
        left, top = WIDTH - RIGHT - 110 * column, 16 + 16 * row
        parts.append(_text(left, top, name, "end", KINDS[i]))
    return _document(WIDTH, HEIGHT, parts)


def confusion(title: str, counts: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """An SVG document: samples of a class (a row) by the class they were put into (a column).

    `counts` is square. A right cell's color is as strong as its share of the row, a wrong one's as
    the square root of that, so that few errors show.
    """
    left = 24 + max(map(_wide, classes), default=0)
    width = max(left + CELL * len(classes), RIGHT + _wide(title)) + RIGHT
    height = TOP + CELL * (len(classes) + 1)
    parts = [_text(RIGHT, 16, title, "start")]
    for i, (name, row) in enumerate(zip(classes, counts, strict=True)):
        middle = TOP + CELL * (i + 0.5)
        parts.append(_text(left - 8, middle + 4, name, "end"))
        parts.append(_text(left + CELL * (i + 0.5), height - 24, _short(name), "middle"))
        for j, count in enumerate(row):
            share = count / max(1, sum(row))
            kind, opacity = ("right", 0.85 * share) if i == j else ("wrong", 0.85 * share**0.5)
            parts.append(
                f'<rect x="{left + CELL * j}" y="{TOP + CELL * i}" width="{CELL}" height="{CELL}" '
                f'class="{kind}" fill-opacity="{opacity:.3f}"/>'
            )
            if count:
                strong = "on" if opacity > STRONG else ""
                at = left + CELL * (j + 0.5)
                parts.append(_text(at, middle + 4, str(count), "middle", strong))
    return _document(width, height, parts)


def bars(
    title: str,
    names: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    digits: int = 1,
) -> str:
    """An SVG document: for each name a bar a series (at most three), from 0; None has no bar.

    Values have so many `digits` behind the point.
    """
    tall = max(BAR, LINE * len(series) + 8)
    width, height = WIDTH + 160, TOP + 16 + tall * len(names)
    most = max((v for values in series.values() for v in values if v is not None), default=1.0)
    scale = (width - NAMES - VALUE) / max(most, 1e-9)
    thick = (tall - 6) / max(1, len(series))
    parts = [_text(8, 16, title, "start")]
    parts += [_text(width - 8 - 110 * i, 16, key, "end", "abc"[i]) for i, key in enumerate(series)]
    for row, name in enumerate(names):
        y = TOP + 8 + tall * row
        parts.append(_text(NAMES - 8, y + tall / 2 + 1, _ending(name), "end"))
        for i, value in enumerate(values[row] for values in series.values()):
            if value is None:
                continue
            at, length = y + i * thick, max(0.0, scale * value)
            parts.append(
                f'<rect x="{NAMES}" y="{at:.1f}" width="{length:.1f}" height="{thick:.1f}" '
                f'class="{"abc"[i]}"/>'
            )
            said = f"{value:.{digits}f}"
            parts.append(_text(NAMES + length + 4, at + thick / 2 + 4, said, "start"))
    return _document(width, height, parts)


@dataclass(frozen=True)
class Mark:
    """A point of a scatter."""

    series: str
    x: float
    y: float
    half: float | None = None
    """How far up and down it may be."""


def scatter(title: str, marks: Sequence[Mark], front: Sequence[tuple[float, float]]) -> str:
    """An SVG document: points of at most five series, from 0 to the right; a line joins a front."""
    right = max((m.x for m in marks), default=1.0) or 1.0
    ends = [m.y + sign * (m.half or 0) for m in marks for sign in (1, -1)]
    low, high = math.floor(min(ends, default=0)), math.ceil(max(ends, default=1))
    high = high if high > low else low + 1
    plot = WIDTH - LEFT - RIGHT
    names = list(dict.fromkeys(m.series for m in marks))
    key, rows = _legend(names)
    top = TOP + LINE * rows
    height = HEIGHT + LINE * (rows - 1)

    def x(value: float) -> float:
        return LEFT + plot * value / (1.05 * right)

    def y(value: float) -> float:
        return top + (height - top - BOTTOM) * (1 - (value - low) / (high - low))

    parts = [MORE, *key, _text(LEFT, 16, title, "start")]
    step = max(1, math.ceil((high - low) / 8))
    for value in range(low, high + 1, step):
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" class="grid"/>')
        parts.append(_text(LEFT - 6, y(value) + 4, str(value), "end"))
    for part in range(5):
        at = right * part / 4
        parts.append(_text(x(at), height - 14, _short_number(at), "middle"))
    if len(front) > 1:
        joined = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in front)
        parts.append(f'<polyline points="{joined}" class="e" stroke-dasharray="4"/>')
    for m in marks:
        kind = _kind(names.index(m.series))
        if m.half is not None:
            bar = f"M{x(m.x):.1f} {y(m.y - m.half):.1f}V{y(m.y + m.half):.1f}"
            parts.append(f'<path d="{bar}" class="bar {kind}"/>')
        parts.append(f'<circle cx="{x(m.x):.1f}" cy="{y(m.y):.1f}" r="4" class="{kind}"/>')
    return _document(WIDTH, height, parts)


def _kind(series: int) -> str:
    """The color of a series; those beyond the colors share the last."""
    return KINDS[min(series, len(KINDS) - 1)]


def _legend(names: Sequence[str]) -> tuple[list[str], int]:
    """The names of series under a title, from the left in as many lines as they take."""
    parts: list[str] = []
    x, row = float(LEFT), 0
    for i, name in enumerate(names):
        wide = _wide(name) + 12
        if x > LEFT and x + wide > WIDTH - RIGHT:
            x, row = float(LEFT), row + 1
        parts.append(_text(x, 32 + LINE * row, name, "start", _kind(i)))
        x += wide
    return parts, row + 1


def road(title: str, stops: Sequence[tuple[str, Sequence[str]]]) -> str:
    """An SVG document: boxes in a row with arrows between, each a name over some short lines."""
    room, gap, high = 164, 22, 28 + 18 * max(len(lines) for _, lines in stops)
    width, height = RIGHT + (room + gap) * len(stops), TOP + high + RIGHT
    parts = [_text(RIGHT, 16, title, "start")]
    for i, (name, lines) in enumerate(stops):
        x, middle = RIGHT + (room + gap) * i, TOP + high / 2
        parts.append(f'<rect x="{x}" y="{TOP}" width="{room}" height="{high}" rx="6" class="box"/>')
        parts.append(_text(x + room / 2, TOP + 18, name, "middle", "name"))
        for j, line in enumerate(lines, 1):
            parts.append(_text(x + room / 2, TOP + 18 + 18 * j, line, "middle"))
        if i:
            tip = x - 4
            parts.append(
                f'<path class="arrow" d="M{x - gap + 2} {middle}H{tip - 5}m-4 -5l8 5l-8 5z"/>'
            )
    return _document(width, height, [BOXES, *parts])


def _short_number(value: float) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value:.3g}"


def ending(name: str, most: int) -> str:
    """The end of a long name: what tells layers apart."""
    return name if len(name) <= most else f"…{name[-most + 1 :]}"


def _ending(name: str) -> str:
    """The end of a name that fits before its bar."""
    most = next(
        n for n in range(len(name), -1, -1) if _wide(ending(name, n)) <= NAMES - 12 or n < 2
    )
    return ending(name, most)


def png(image: NDArray[np.uint8]) -> bytes:
    """An image (h, w, c), of 1 channel (gray) or 3 (red, green, blue), as a PNG file."""
    h, w, c = image.shape
    lines = np.concatenate([np.zeros((h, 1), np.uint8), image.reshape(h, w * c)], axis=1)
    header = struct.pack(">IIBBBBB", w, h, 8, 0 if c == 1 else 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _short(name: str) -> str:
    """What fits under a column."""
    if _wide(name) <= CELL - 2:
        return name
    letters = next(n for n in range(len(name), 0, -1) if n == 1 or _wide(name[:n]) <= CELL - 6)
    return f"{name[:letters]}."


def _wide(text: str) -> int:
    """How wide a text is, a little more than less: fonts differ."""
    return math.ceil(sum(11.0 if c in "WMmw@%" else 4.0 if c in "il.,:;'|" else 8.0 for c in text))


def _document(width: int, height: int, parts: Sequence[str]) -> str:
    back = f'<rect width="{width}" height="{height}" class="back"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
    return "\n".join([head, STYLE, back, *parts, "</svg>\n"])


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    which = f' class="{kind}"' if kind else ""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{which}>{escape(text)}</text>'
