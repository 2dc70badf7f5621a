"""Random networks with channels that are constant, unread or equal to others, wherever they lie.

Generators of operators are those of `tests.fuzz`; weights and scales are such that what is not idle
depends on the input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ascua import tflite
from ascua.errors import Unsupported
from ascua.ir import Array, Graph, Op, Quant, Tensor, each, limits
from ascua.ops import Weighted
from ascua.ops.add import Add
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.mean import Mean
from ascua.ops.mul import Mul
from ascua.ops.sub import Sub
from ascua.passes import prepare
from tests.fuzz import moves, values, weights
from tests.fuzz.builder import Builder, Draw, Refused
from tests.fuzz.networks import GENERATORS, Generator

OFTEN: tuple[Generator, ...] = (
    *[weights.conv_2d] * 8, *[weights.depthwise_conv_2d] * 6, *[weights.fully_connected] * 3,
    *[values.add] * 2, *[moves.concatenation] * 2, weights.max_pool_2d, weights.average_pool_2d,
    values.mul, values.mean, moves.pad, moves.reshape, weights.transpose_conv, moves.slice_,
    moves.split_v,
)  # fmt: skip

KINDS = (*["none"] * 9, "zero", "low", "high", "equal", "equal", "scale")
"""What may be the matter with a channel."""

MOST_OPERATORS = 14
TURNS = 4
FEW = 8
"""Samples by which scales are found."""


class Chain(Builder):
    """A network that goes on from the newest tensor, mostly."""

    def __init__(self, draw: Draw, prefix: str, rng: np.random.Generator) -> None:
        super().__init__(draw, prefix)
        self.rng = rng
        self.known: dict[Tensor, Array] = {}
        """Samples (FEW, *shape) of each activation."""

    def chosen(self, fits: Callable[[Tensor], bool]) -> Tensor | None:
        """The newest that fits, mostly; None where a new input shall be made."""
        found = [t for t in reversed(self.live) if fits(t)]
        if not found or (not self.inputs and self.draw.one_in(4)):
            return None
        return self.draw.pick(found[: self.draw.pick((1, 1, 1, 2, 5))])

    def add(self, op: Op) -> Op:
        """As in `Builder`, with idle channels, and another quantisation of the output."""
        for t in op.activations:
            if t not in self.known:
                self.known[t] = self.rng.integers(-128, 128, (FEW, *t.shape)).astype(np.int8)
        xs = [self.known[t] for t in op.activations]
        if isinstance(op, Weighted) and not op.malformed():
            op = idle(op, xs[0], self.rng)
        elif isinstance(op, Add | Sub | Mul | Mean) and not op.check():
            op = rescaled(op, xs)
        super().add(op)
        self.known |= zip(op.outputs, each(op.eval(*xs)), strict=True)
        return op


def network(seed: int) -> Graph:
    """The network of `seed`, as read from its file. Raises Refused where nothing came of it."""
    draw = Draw(seed)
    builder = Chain(draw, f"i{seed}_", np.random.default_rng(seed))
    for _ in range(draw.integer(3, MOST_OPERATORS)):
        generate = draw.pick([*OFTEN, *[draw.pick(list(GENERATORS.values()))] * 6])
        if not builder.ops:
            generate = weights.conv_2d  # what is tied to an input stays
        elif draw.one_in(6):
            generate = residual
        for _ in range(TURNS):
            before = len(builder.ops), list(builder.inputs), list(builder.live)
            try:
                generate(builder)
                break
            except (Refused, KeyError):
                del builder.ops[before[0] :]
                builder.inputs, builder.live = before[1], before[2]
    read = {t for op in builder.ops for t in op.inputs}
    made = [t for op in builder.ops for t in op.outputs if t not in builder.hidden]
    ends = [t for t in made if t not in read][-2:]
    outputs = tuple(t for t in made if t in ends or draw.one_in(40))
    inputs = tuple(t for t in builder.inputs if t in read)
    if not outputs or not inputs:
        raise Refused("no operator was taken")
    graph = Graph(f"seed {seed}", inputs, outputs, tuple(builder.ops))
    read_again = tflite.read(tflite.write(graph), f"seed {seed}")
    try:
        prepare(read_again)
    except Unsupported as e:  # of scales that a file rounds
        raise Refused(e.what) from e
    return read_again


def residual(b: Builder) -> None:
    """A convolution whose output is added to its input."""
    x = b.image()
    oc, k = x.shape[3], b.draw.pick((1, 3))
    w = weights.filters(b, (oc, k, k, oc), 0)
    y = weights.summed(b, x, w, x.shape, k * k * oc)
    one = (1, 1)
    bias = weights.bias(b, x, w, oc)
    made = b.add(weights.Conv2D((x, w, *bias), (y,), one, one, "SAME", "RELU"))
    total = b.activation(x.shape, b.quant(x.q.scale * 150 + made.y.q.scale * 150))
    b.add(Add((x, made.y), (total,), b.draw.pick(weights.ACTIVATIONS)))


def rescaled(op: Op, xs: list[Array]) -> Op:
    """The operator with an output that its samples just fit in."""
    pairs = zip(op.activations, xs, strict=True)
    reals = [((x - np.float32(t.q.zero_point)) * np.float32(t.q.scale)) for t, x in pairs]
    inputs = tuple(
        replace(t, data=((t.values - np.float32(t.q.zero_point)) * np.float32(t.q.scale)))
        if t is not None and t.const and t.quant
        else t
        for t in op.inputs
    )
    found = np.asarray(replace(op, inputs=inputs).eval_float(*reals))
    new = replace(op, outputs=(replace(op.y, quant=fitting(found)),))
    return op if new.check() else new


def fitting(reals: Array) -> Quant:
    """The scale and the zero point that cover these."""
    low, high = min(0.0, float(reals.min())), max(0.0, float(reals.max()), 1e-6)
    scale = float(np.float32((high - low) / 255))
    return Quant((scale,), (int(np.clip(round(-128 - low / scale), -128, 127)),))


def idle(op: Weighted, x: Array, rng: np.random.Generator) -> Weighted:
    """The layer with channels of every kind that can go, and others whose values fit its output."""
    w = np.moveaxis(op.w.values, op.out_axis, 0)
    most = rng.choice([127, 127, 30, 8, 4])  # of small weights, several add up to one
    if op.w.dtype == "int4":
        most = 7
    rows = np.clip(rng.normal(0, most / 2, w.shape), -most, most).astype(np.int64)
    rows = rows.reshape(op.channels, -1)
    plain = _with(op, rows, np.zeros(op.channels), np.ones(op.channels))
    parts = plain.patches(x.astype(np.float64) - op.x.q.zero_point)
    sums = parts @ plain.matrices().astype(float).transpose(0, 2, 1)
    reach = float(np.abs(sums).max()) or 1.0
    bias = rng.normal(0, reach / 6, op.channels).astype(np.int64)
    scales = 6 / reach / op.x.q.scale * 2 ** rng.uniform(-1, 0.2, op.channels)
    if not op.w.q.per_channel:
        scales[:] = scales[0]
    real = (sums.transpose(1, 0, 2).reshape(-1, op.channels) + bias) * scales * op.x.q.scale
    bound = {"RELU": (0, np.inf), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1)}
    quant = fitting(np.clip(real, *bound.get(op.activation, (-np.inf, np.inf))))
    for o in range(op.channels):
        other = int(rng.integers(op.channels))
        match rng.choice(KINDS):
            case "zero":
                rows[o] = 0
            case "low" | "high" as end:
                far = np.abs(rows[o]).sum() * 300 + 260 * quant.scale / scales[o] / op.x.q.scale
                bias[o] = int(min(2**30, far)) * (1 if end == "high" else -1)
            case "equal":
                rows[o], bias[o], scales[o] = rows[other], bias[other], scales[other]
            case "scale" if op.w.q.per_channel:
                scales[o] = 1e-11
    c = op.x.shape[-1]
    if not isinstance(op, DepthwiseConv2D) and rows.shape[1] % c == 0 and rng.random() < 0.4:
        rows.reshape(op.channels, -1, c)[:, :, rng.random(c) < 0.3] = 0
    return _with(replace(op, outputs=(replace(op.y, quant=quant),)), rows, bias, scales)


def _with(op: Weighted, rows: Array, bias: Array, scales: Array) -> Weighted:
    quant = op.w.q
    floats = tuple(float(np.float32(s)) for s in scales)
    quant = Quant(floats if quant.per_channel else floats[:1], quant.zero_points, quant.axis)
    first = np.moveaxis(op.w.values, op.out_axis, 0).shape
    moved = np.moveaxis(rows.reshape(first), 0, op.out_axis)
    data = np.ascontiguousarray(moved).astype(op.w.values.dtype)
    inputs: list[Tensor | None] = [*op.inputs]
    inputs[1] = replace(op.w, data=data, quant=quant)
    if op.bias is not None:
        held = bias.astype(op.bias.values.dtype).reshape(op.bias.shape)
        units = tuple(float(np.float32(op.x.q.scale * s)) for s in quant.scales)
        inputs[op.optional[0]] = replace(op.bias, data=held, quant=Quant(units, (0,) * len(units)))
    return replace(op, inputs=tuple(inputs))


def networks(first: int, count: int) -> list[Graph]:
    """Those of `count` seeds from `first` on, but for the few of which nothing comes."""
    found = []
    for seed in range(first, first + count):
        try:
            found.append(network(seed))
        except Refused:
            continue
    return found


def extremes(graph: Graph, n: int, seed: int) -> list[Array]:
    """Samples of each input: all least, all greatest, either, then at random."""
    rng = np.random.default_rng(seed)
    found: list[Array] = []
    for t in graph.inputs:
        if t.dtype == "float32":
            reach = rng.choice([1, 30, 250], (n, *(1,) * len(t.shape)))
            found.append(rng.normal(0, reach, (n, *t.shape)).astype(np.float32))
            continue
        low, high = limits(t.dtype)
        x = rng.integers(low, high + 1, (n, *t.shape)).astype(t.dtype)
        x[0], x[1] = low, high
        x[2::3] = rng.choice([low, high], x[2::3].shape)
        found.append(x)
    return found
