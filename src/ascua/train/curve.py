"""Draws curves over epochs as a small SVG picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 28, 36
COLORS = ("#c2410c", "#1d4ed8", "#15803d")


def draw(title: str, curves: Mapping[str, Sequence[float]]) -> str:
    """An SVG document: shares of 1 over epochs counted from 1, a curve a name (at most three)."""
    epochs = max((len(ys) for ys in curves.values()), default=0)
    floor = min((y for ys in curves.values() for y in ys if math.isfinite(y)), default=0.0)
    floor = math.floor(floor * 10) / 10 if floor < 1 else 0.9

    def x(epoch: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (epoch - 1) / max(1, epochs - 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - floor) / (1 - floor))

    parts = [_text(LEFT, 16, title, "start")]
    for tenth in range(round(floor * 10), 11):
        at = y(tenth / 10)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 6, at + 4, f"{tenth * 10} %", "end"))
    ticks = sorted({1, max(1, epochs // 2), max(1, epochs)})
    parts += [_text(x(epoch), HEIGHT - 14, str(epoch), "middle") for epoch in ticks]
    for i, (name, ys) in enumerate(curves.items()):
        points = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in enumerate(ys, 1) if math.isfinite(v))
        color = COLORS[i]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts.append(_text(WIDTH - RIGHT - 110 * i, 16, name, "end", color))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _text(x: float, y: float, text: str, anchor: str, color: str = "#333") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'
    )
