"""Convolutions with parameters written by hand, and what the slow simulator makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .pack import BYTE, V3, V4, Array, Conv
from .slow import State, run

LOWEST, HIGHEST = -(1 << 35), (1 << 35) - 1
"""Of x_start."""
Segment = tuple[int, int, int, int]
"""x_start, mul, shift, bias."""


def table(*segments: Segment) -> tuple[Segment, ...]:
    """Those, and above them what nothing reaches."""
    return segments + ((HIGHEST, 0, 0, 255),) * (16 - len(segments))


SAME = table((LOWEST, 0, 0, 0), (-1, 1, 0, 0))
"""With norm_add -1: a sum of 0 … 255 is what comes out."""


def layer(weights: Sequence[Sequence[int]], h: int = 4, w: int = 4, **more: object) -> Conv:
    """A convolution that adds up products, but for what `more` says."""
    kernels = np.array(weights)
    oc, taps = kernels.shape
    plain = Conv(
        taps, oc, h, w, 1, False, 0, 0, (0, 0), (0, 0), 0, kernels, ((1, -1, 0),) * oc, SAME
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def answers(conv: Conv, x: Array, rounding: str = "half-up", src: int = 64, dst: int = 512,
            state: Callable[[State], None] | None = None) -> list[Array]:  # fmt: skip
    """What both versions make of (c, h, w); version 4 has no 16-bit weights."""
    f3 = V3(wide=conv.wide)
    count = int(np.prod(conv.shape))
    at = f3.place(count)
    f3.conv(conv, src, dst, at)
    y = f3.place(4 * count)
    f3.add(12, 1, at, y, count, 1.0, 0.0)
    f3.output(y, count)
    (third,) = run(f3.data, x.astype(np.uint8), rounding=rounding, state=state)
    found = [np.frombuffer(third, np.float32).astype(int).reshape(conv.shape)]
    if not conv.wide:
        f4 = V4()
        f4.inputs.append(f4.map(src, conv.ic, conv.h, conv.w))
        f4.outputs.append(f4.tensor(BYTE, 1, *conv.shape))
        f4.conv(conv, src, dst, f4.outputs[0])
        (fourth,) = run(f4.data, x.astype(np.uint8), rounding=rounding, state=state)
        found.append(np.frombuffer(fourth, np.uint8).astype(int).reshape(conv.shape))
    return found
