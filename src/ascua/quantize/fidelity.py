"""How near a quantised network comes to its float twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ascua import inputs
from ascua.ir import Array, Graph, Tensor
from ascua.nearness import decibels
from ascua.ops.logistic import Logistic
from ascua.passes.unsigned import as_int8
from ascua.quantize.floats import batches, evaluated
from ascua.quantize.scores import without_index
from ascua.quantize.simplify import simplify


class Fidelity(NamedTuple):
    """Of the first output: the signal beside the error, and the part of equal decisions."""

    sqnr_db: float
    same_top1: float
    one_answer: float | None
    """The part of the samples that the float network puts into its most frequent class; None where
    it answers one value."""
    right: tuple[float, float] | None = None
    """The accuracy of the float network and of its twin, where labels are known."""

    def __str__(self) -> str:
        text = f"{self.sqnr_db:.1f} dB of signal to error"
        if self.one_answer is None:
            return text
        return f"{text}, {self.same_top1:.1%} same top-1"


def beside(real: Graph, small: Graph, xs: Sequence[Array], labels: Array | None = None) -> Fidelity:
    """Run the float `real` and its quantised twin `small` on `xs`, float32 (n, *shape) an input.

    `labels` (n,) are the classes of the samples.
    """
    simple = without_index(simplify(real))
    ys = evaluated(simple, xs)[0], outputs(without_index(small), xs)[0]
    found = fidelity(*ys)
    if labels is None:
        return found
    sigmoid = any(isinstance(op, Logistic) and op.y is simple.outputs[0] for op in simple.ops)
    first, second = (np.mean(decisions(y, 0.5 if sigmoid else 0.0) == labels) for y in ys)
    return found._replace(right=(float(first), float(second)))


def decisions(y: Array, middle: float) -> Array:
    """The class (n,) that outputs (n, ...) name: of one value, whether it is above the `middle`."""
    flat = y.reshape(len(y), -1)
    return flat[:, 0] > middle if flat.shape[1] == 1 else flat.argmax(axis=1)


def fidelity(expected: Array, got: Array) -> Fidelity:
    """How near real outputs (n, ...) come to the `expected` ones."""
    a, b = (y.reshape(len(y), -1).astype(np.float64) for y in (expected, got))
    noise = float(np.square(a - b).sum())
    signal = float(np.square(a).sum())
    first = a.argmax(1)
    most = float(np.bincount(first).max() / len(a)) if a.shape[1] > 1 else None
    return Fidelity(decibels(signal, noise), float(np.mean(first == b.argmax(1))), most)


def outputs(small: Graph, xs: Sequence[Array]) -> list[Array]:
    """The real outputs (n, *shape) of a quantised graph on real inputs."""
    small = as_int8(small)
    given = [inputs.quantize(x, t) for x, t in zip(xs, small.inputs, strict=True)]
    parts = [small.eval(batch)[0] for batch in batches(small, given)]
    return [dequantized(np.concatenate([p[t.name] for p in parts]), t) for t in small.outputs]


def dequantized(y: Array, t: Tensor) -> Array:
    """Integers of the activation `t` as real values; others as they are."""
    if t.quant is None:
        return y
    return ((y.astype(np.float32) - t.q.zero_point) * np.float32(t.q.scale)).astype(np.float32)
