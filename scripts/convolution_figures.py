"""Pictures of what convolutions take by kernel and channels, as the tables of costs tell it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ascua import boards, kernels
from ascua.figures import bars
from ascua.ir import Quant, Tensor
from ascua.kernels import Kernel
from ascua.ops.conv2d import Conv2D
from ascua.plan.cost import costs, terms

CHANNELS = (4, 8, 16, 32, 64, 128)
SIDE = 16
"""Rows and columns of the image."""
DIRECT = {"cortex-m3": "conv2d_pairs_s8", "cortex-m4": "conv2d_s8_dsp"}
"""By core, what does not multiply less."""
SERIES = {
    "direct": "", "Winograd, late": "conv2d_winograd_late_s8", "Winograd": "conv2d_winograd_s8",
}  # fmt: skip


def pictures() -> dict[str, str]:
    """SVG documents by file name: instructions a multiply-accumulate, a picture a core."""
    return {f"convolutions-{core}.svg": picture(core) for core in DIRECT}


def picture(core: str) -> str:
    """That of a core, by channels, as many in as out."""
    names = [f"{c} channels" for c in CHANNELS]
    by_name = {name: kernel or DIRECT[core] for name, kernel in SERIES.items()}
    series = {
        name: [a_mac(kernel, core, convolution(c)) for c in CHANNELS]
        for name, kernel in by_name.items()
    }
    title = f"Instructions a multiply-accumulate, 3x3, {SIDE}x{SIDE}, {core}"
    return bars(title, names, series, digits=2)


def a_mac(name: str, core: str, op: Conv2D) -> float | None:
    """What the first kernel of that name takes, inlined; None where it cannot run `op`."""
    table = costs(boards.load_core(core, core))
    able: list[Kernel[Any]] = [k for k in kernels.of(Conv2D) if k.name == name and k.fits(op)]
    fit = table.fit(able[0], inline=True) if table and able else None
    if fit is None:
        return None
    return fit.cost(terms(able[0], op, able[0].work(op))).instructions / op.macs()


def convolution(channels: int) -> Conv2D:
    """A 3x3 convolution of stride 1 with padding, its weights at random."""
    shape = (1, SIDE, SIDE, channels)
    x, y = (Tensor(n, shape, "int8", Quant((s,), (0,))) for n, s in (("x", 0.05), ("y", 0.2)))
    w = np.random.default_rng(1).integers(-127, 128, (channels, 3, 3, channels)).astype(np.int8)
    weights = Tensor("w", w.shape, "int8", Quant((0.03 / channels,), (0,)), w)
    return Conv2D((x, weights), (y,), (1, 1), (1, 1), "SAME", "NONE")
