"""Float graphs become simpler and compute the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ascua.ir import Graph, Op, Tensor
from ascua.ops.add import Add
from ascua.ops.mul import Mul
from ascua.ops.pad import Pad
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.sub import Sub
from ascua.quantize.floats import evaluated
from ascua.quantize.simplify import simplify
from tests.ops.test_conv2d import conv
from tests.ops.test_depthwise_conv2d import depthwise
from tests.ops.test_fully_connected import dense
from tests.ops.test_space_to_batch_nd import dilated
from tests.ops.test_transpose_conv import transpose_conv
from tests.support import network
from tests.support.floats import floated, samples


def values(name: str, *shape: int) -> Tensor:
    data = np.random.default_rng(len(name)).normal(1, 1, shape).astype(np.float32)
    return Tensor(name, shape, "float32", None, data)


def after(graph: Graph, *kinds: Callable[[Tensor, Tensor], Op]) -> Graph:
    """`graph` in floats, and more operators of one shape behind it."""
    real = floated(graph)
    ops = list(real.ops)
    for i, make in enumerate(kinds):
        ops.append(make(ops[-1].y, replace(ops[-1].y, name=f"more{i}")))
    return network(*ops)


def same(graph: Graph, *kinds: str) -> Graph:
    """`graph` simplified: its operators are of these kinds, and it computes the same."""
    small = simplify(graph)
    assert [op.kind for op in small.ops] == list(kinds)
    xs = samples(graph, 3)
    for y, e in zip(evaluated(small, xs), evaluated(graph, xs), strict=True):
        np.testing.assert_allclose(y, e, rtol=1e-4, atol=1e-4 * np.abs(e).max())
    return small


def normalisation(x: Tensor, y: Tensor) -> Op:
    return Mul((x, values("gamma", 1, 1, 1, x.shape[-1])), (y,), "NONE")


@pytest.mark.parametrize(
    ("kind", "graph"),
    [("conv2d", conv()), ("conv2d", conv(bias=None)), ("depthwise_conv2d", depthwise()),
     ("fully_connected", dense()), ("transpose_conv", transpose_conv(oc=6))],
    ids=lambda v: v if isinstance(v, str) else "",
)  # fmt: skip
def test_scales_sums_and_activations_go_into_weights(kind: str, graph: Graph) -> None:
    channels = graph.outputs[0].shape[-1]
    small = same(
        after(
            graph,
            lambda x, y: Mul((values("gamma", channels), x), (y,), "NONE"),
            lambda x, y: Add((x, values("beta", channels)), (y,), "NONE"),
            lambda x, y: Sub((x, values("m", 1)), (y,), "NONE"),
            lambda x, y: Relu6((x,), (y,)),
        ),
        kind,
    )
    assert small.ops[0].activation == "RELU6"  # type: ignore[attr-defined]


def test_only_what_computes_the_same_is_fused() -> None:
    oc = conv().outputs[0].shape[-1]
    ow = conv().outputs[0].shape[-2]
    column = values("c", ow, 1)
    same(after(conv(), lambda x, y: Mul((x, column), (y,), "NONE")), "conv2d", "mul")
    same(after(conv(act="RELU"), normalisation), "conv2d", "mul")
    same(after(conv(), lambda x, y: Sub((values("c", oc), x), (y,), "NONE")), "conv2d", "sub")
    same(after(conv(act="RELU6"), lambda x, y: Relu((x,), (y,))), "conv2d", "relu")
    twice = after(conv(), normalisation)
    both = Graph("two", twice.inputs, (twice.ops[0].y, twice.ops[1].y), twice.ops)
    same(both, "conv2d", "mul")


@pytest.mark.parametrize(
    ("frame", "stride", "kinds"),
    [
        ([(0, 0), (1, 1), (1, 1), (0, 0)], (1, 1), ["conv2d"]),
        ([(0, 0), (0, 1), (0, 1), (0, 0)], (2, 2), ["conv2d"]),
        ([(0, 0), (1, 1), (1, 1), (0, 0)], (2, 2), ["pad", "conv2d"]),
        ([(0, 0), (1, 1), (1, 1), (1, 0)], (1, 1), ["pad", "conv2d"]),
    ],
)
def test_a_frame_of_zeros_becomes_padding(
    frame: list[tuple[int, int]], stride: tuple[int, int], kinds: list[str]
) -> None:
    h, w, c = 8, 8, 3
    (_, (t, b), (left, right), (front, back)) = frame
    first = floated(conv(h + t + b, w + left + right, c + front + back, padding="VALID",
                         stride=stride)).ops[0]  # fmt: skip
    x = Tensor("image", (1, h, w, c), "float32")
    pads = Tensor("pads", (4, 2), "int32", None, np.array(frame, np.int32))
    same(network(Pad((x, pads), (first.x,)), first), *kinds)


def test_dilations_become_one() -> None:
    small = same(floated(dilated()), "conv2d")
    assert small.ops[0].dilation != (1, 1)  # type: ignore[attr-defined]
