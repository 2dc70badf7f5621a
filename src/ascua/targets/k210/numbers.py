"""The numbers of each pass: from floats as they are, from a file's integers, or corrected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ascua.ir import Array, Graph, Op, Tensor, each
from ascua.quantize.floats import compute
from ascua.targets.k210.affines import CENTER
from ascua.targets.k210.arithmetic import passed
from ascua.targets.k210.block import Affine, Block
from ascua.targets.k210.convolution import convolution, exact
from ascua.targets.k210.fused import Fused, Kernel
from ascua.targets.k210.ops import ChipOp, Runtime

MOST_ELEMENTS = 1 << 24
"""Of an output that is computed at once."""
LEAST_SHARE = 0.05
"""Where a curve lets less through, the bias does not make good what all of it lacks."""


class Blocks(Protocol):
    """Where the numbers of passes come from; it hears of all that is converted, in order."""

    def block(self, op: Fused, source: Tensor, x: Affine, y: Affine, rest: float) -> Block:
        """Of a pass whose input, the bytes `source`, is `rest` more than `x` says."""

    def made(self, op: ChipOp) -> None:
        """An operator of the K210 is there."""

    def passed(self, op: Op) -> None:
        """All that `op` becomes is there."""


class Plain:
    """The numbers of each pass alone, with weights of `bits` bits."""

    def __init__(self, bits: int = 8) -> None:
        self.bits = bits

    def block(self, op: Fused, source: Tensor, x: Affine, y: Affine, rest: float) -> Block:  # noqa: ARG002
        """As `Blocks` has it."""
        return self.of(op, raised(op.kernel, rest), x, y)

    def of(self, op: Fused, bias: Array, x: Affine, y: Affine) -> Block:
        """A float pass with that bias."""
        k = op.kernel
        return convolution(
            k.weights, bias, x, y, op.curve, depthwise=k.depthwise, pool=op.pool, bits=self.bits
        )

    def made(self, op: ChipOp) -> None:
        """As `Blocks` has it."""

    def passed(self, op: Op) -> None:
        """As `Blocks` has it."""


class Exact(Plain):
    """The integers of a file, none of which changes."""

    def block(self, op: Fused, source: Tensor, x: Affine, y: Affine, rest: float) -> Block:  # noqa: ARG002
        """As `Blocks` has it."""
        k = op.kernel
        assert k.scales is not None
        zero = k.zero + CENTER
        weights = (k.weights.astype(np.int64) + CENTER).astype(np.uint8)
        return exact(
            weights, k.scales, k.bias, x, y, op.curve,
            zero=zero, depthwise=k.depthwise, pool=op.pool,
        )  # fmt: skip


class Corrected(Plain):
    """Each channel gets the mean that it has in floats: both networks run on calibration data.

    `xs` are real and `images` the bytes of it, (n, *shape) an input.
    """

    def __init__(
        self,
        graph: Graph,
        xs: Sequence[Array],
        sources: Sequence[Tensor],
        images: Sequence[Array],
        runtime: Runtime,
        bits: int = 8,
    ) -> None:
        super().__init__(bits)
        self.graph = graph
        self.runtime = runtime
        self.real = dict(zip(graph.inputs, xs, strict=True))
        self.small = dict(zip(sources, images, strict=True))

    def block(self, op: Fused, source: Tensor, x: Affine, y: Affine, rest: float) -> Block:
        """The bias takes the mean error: of what weights make, then of what the curve makes of it.

        The second is divided by the share of values that the curve lets through.
        """
        bias = raised(op.kernel, rest)
        bias = bias + self.sums_off(op, self.of(op, bias, x, y), source, x, rest)
        bias = bias + self.outputs_off(op, self.of(op, bias, x, y), source, y)
        return self.of(op, bias, x, y)

    def sums_off(self, op: Fused, block: Block, source: Tensor, x: Affine, rest: float) -> Array:
        """How much more each channel of the network has before the curve, in the mean: (oc,)."""
        small = op.changed(kernel=rounded(op.kernel, block))
        found = []
        for part in parts(op, len(self.small[source])):
            seen = x.real(self.small[source][part]).astype(np.float32) + np.float32(rest)
            more = op.linear(self.real[op.x][part]) - small.linear(seen)
            found.append(more.mean(axis=(1, 2), dtype=np.float64))
        off: Array = np.concatenate(found).mean(axis=0)
        return off

    def outputs_off(self, op: Fused, block: Block, source: Tensor, y: Affine) -> Array:
        """The same behind the curve, as far as the bias can make it good."""
        found, shares = [], []
        for part in parts(op, len(self.small[source])):
            wanted = op.eval_float(self.real[op.x][part])
            made = passed(block, op.images(self.small[source][part]), self.runtime)
            error = wanted - y.real(made).reshape(wanted.shape)
            inside = (wanted > y.low) & (wanted < y.high)
            pixels = (len(wanted), -1, op.kernel.oc)
            found.append(error.reshape(pixels).mean(axis=1))
            shares.append(inside.reshape(pixels).mean(axis=1))
        share = np.maximum(np.concatenate(shares).mean(axis=0), LEAST_SHARE)
        off: Array = np.concatenate(found).mean(axis=0) / share
        return off

    def made(self, op: ChipOp) -> None:
        """Run it."""
        xs = [self.small[t] for t in op.activations]
        ys = [each(op.eval(*(x[part] for x in xs))) for part in parts(op, len(xs[0]))]
        self.small |= zip(op.outputs, map(np.concatenate, zip(*ys, strict=True)), strict=True)

    def passed(self, op: Op) -> None:
        """Run it in floats, and let go what nobody reads any more."""
        xs = [self.real[t] for t in op.activations]
        ys = [compute(op, *(x[part] for x in xs)) for part in parts(op, len(xs[0]))]
        self.real |= zip(op.outputs, map(np.concatenate, zip(*ys, strict=True)), strict=True)
        at = self.graph.ops.index(op)
        gone = [
            t for t in self.real if self.graph.last_use[t] <= at and t not in self.graph.outputs
        ]
        for t in gone:
            del self.real[t]


def parts(op: Op, count: int) -> list[slice]:
    """Samples that are computed at once."""
    largest = max(t.size for t in (*op.activations, *op.outputs))
    step = max(1, MOST_ELEMENTS // (4 * largest))
    return [slice(i, i + step) for i in range(0, count, step)]


def raised(kernel: Kernel, rest: float) -> Array:
    """The bias where each input is `rest` more: padding is not, by less than a step."""
    sums = kernel.weights.astype(np.float64).sum(axis=(1, 2, 3))
    bias: Array = kernel.bias + rest * sums
    return bias


def rounded(kernel: Kernel, block: Block) -> Kernel:
    """`kernel` with the weights that `block` has."""
    steps = block.weights.astype(np.float64) - block.weights_zero
    flat, real = steps.reshape(block.oc, -1), kernel.real.reshape(block.oc, -1)
    scales = (flat * real).sum(axis=1) / np.maximum(np.square(flat).sum(axis=1), 1)
    weights = (steps * scales[:, None, None, None]).astype(np.float32)
    return Kernel(weights, kernel.bias, depthwise=kernel.depthwise)
