"""What each layer does to the memories of the chip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import singledispatch
from typing import TypeAlias

import numpy as np

from ascua.ir import Array
from ascua.kmodel import LINE, Conv, Layer, Layout, Range, v3, v4
from ascua.kpu import images4, version3, version4
from ascua.kpu.arithmetic import Arithmetic, compute
from ascua.kpu.convolution import Convolution
from ascua.kpu.ram import DTYPES, Ram

__all__ = ["Step", "images4", "step", "version3", "version4"]  # three modules add to `compute`

Step: TypeAlias = Callable[[Ram], Array]
"""Executes a layer, and answers what it wrote: an image (c, h, w), or values in a row."""


@singledispatch
def step(layer: Layer, how: Arithmetic) -> Step:
    """How `layer` is executed, one of those that its `check` lets through.

    This is for the CPU's: a function of the ranges that it reads goes to the one that it writes.
    """
    f, (written, *_) = compute(layer, how), layer.writes

    def execute(ram: Ram) -> Array:
        y = f(*(ram.view(r) for r in layer.reads))
        values = np.array(y, DTYPES[written.dtype], order="C").reshape(-1)  # none in place
        ram.view(written)[:] = values
        return values

    return execute


@step.register
def _(layer: v3.QuantizedAdd, how: Arithmetic) -> Step:
    """The runtime takes eight bytes at a time, and so writes some behind the last one."""
    eights = replace(layer, count=-(-layer.count // 8) * 8)
    add = compute(eights, how)

    def execute(ram: Ram) -> Array:
        last = max(r.end for r in (*eights.reads, *eights.writes)) - len(ram.main)
        inside = replace(eights, count=eights.count - max(last, 0))
        y = add(*(ram.view(r) for r in inside.reads))
        ram.view(inside.writes[0])[:] = y
        return y[: layer.count]

    return execute


@step.register
def _(layer: v3.K210Conv, how: Arithmetic) -> Step:
    copied = layer.writes[1] if layer.flags else None
    return convolved(layer.conv, copied, how)


@step.register
def _(layer: v4.KpuConv2d, how: Arithmetic) -> Step:
    return convolved(layer.conv, layer.main_out if layer.main_out.bytes else None, how)


def convolved(conv: Conv, copied: Range | None, how: Arithmetic) -> Step:
    """A convolution in KPU RAM, whose map goes to `copied` in main memory too."""
    convolution = Convolution.of(conv, how.rounding)

    def execute(ram: Ram) -> Array:
        y = convolution(ram.image(conv.source.start, conv.x))
        ram.store(conv.target.start, conv.y, y)
        if copied:
            ram.view(copied)[:] = y.reshape(-1)
        return y

    return execute


@step.register
def _(layer: v3.K210Upload, how: Arithmetic) -> Step:  # noqa: ARG001
    map_ = Layout(layer.width, layer.height, layer.channels)
    return uploaded(layer.reads[0], layer.kpu_out * LINE, map_)


@step.register
def _(layer: v4.KpuUpload, how: Arithmetic) -> Step:  # noqa: ARG001
    _, c, h, w = layer.shape
    return uploaded(layer.input, layer.out.start, Layout(w, h, c))


def uploaded(source: Range, start: int, layout: Layout) -> Step:
    """A map of bytes in main memory goes to KPU RAM."""

    def execute(ram: Ram) -> Array:
        x = ram.view(source).reshape(layout.channels, layout.height, layout.width).copy()
        ram.store(start, layout, x)
        return x

    return execute


@step.register
def _(layer: v3.K210AddPadding, how: Arithmetic) -> Step:  # noqa: ARG001
    maps = Layout(4, 4, layer.channels)

    def execute(ram: Ram) -> Array:
        x = ram.image(layer.kpu_out * LINE, maps).copy()
        x[:, 0, 0] = ram.view(layer.reads[0])
        ram.store(layer.kpu_out * LINE, maps, x)
        return x

    return execute
