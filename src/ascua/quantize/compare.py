"""How near a quantised network comes to its float twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ascua import inputs
from ascua.ir import Array, Graph, Tensor
from ascua.ops.unsigned import as_int8
from ascua.quantize.floats import batches, run
from ascua.quantize.scores import without_index
from ascua.quantize.simplify import simplify


class Fidelity(NamedTuple):
    """Of the first output: the signal beside the error, and the part of equal decisions."""

    sqnr_db: float
    same_top1: float

    def __str__(self) -> str:
        return f"{self.sqnr_db:.1f} dB of signal to error, {self.same_top1:.1%} same top-1"


def compare(real: Graph, small: Graph, xs: Sequence[Array]) -> Fidelity:
    """Run the float `real` and its quantised twin `small` on `xs`, float32 (n, *shape) an input."""
    expected = run(without_index(simplify(real)), xs)[0]
    return fidelity(expected, outputs(without_index(small), xs)[0])


def fidelity(expected: Array, got: Array) -> Fidelity:
    """How near real outputs (n, ...) come to the `expected` ones."""
    a, b = (y.reshape(len(y), -1).astype(np.float64) for y in (expected, got))
    noise = float(np.square(a - b).sum())
    signal = float(np.square(a).sum())
    db = 10 * np.log10(signal / noise) if signal > 0 and noise > 0 else np.inf
    return Fidelity(min(float(db), 200.0), float(np.mean(a.argmax(1) == b.argmax(1))))


def outputs(small: Graph, xs: Sequence[Array]) -> list[Array]:
    """The real outputs (n, *shape) of a quantised graph on real inputs."""
    small = as_int8(small)
    given = [inputs.quantize(x, t) for x, t in zip(xs, small.inputs, strict=True)]
    parts = [small.eval(batch) for batch in batches(small, given)]
    return [dequantized(np.concatenate([p[t.name] for p in parts]), t) for t in small.outputs]


def dequantized(y: Array, t: Tensor) -> Array:
    """Integers of the activation `t` as real values; others as they are."""
    if t.quant is None:
        return y
    return ((y.astype(np.float32) - t.q.zero_point) * np.float32(t.q.scale)).astype(np.float32)
