"""int4 weights: files, reference and kernels against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ascua import tflite
from ascua.boards import load as load_board
from ascua.errors import ModelError, Unsupported
from ascua.ir import Graph
from ascua.ops.conv2d import Conv2D
from ascua.passes import prepare
from ascua.plan import Goal, plan
from ascua.tflite import stating
from tests.ops.test_conv2d import conv
from tests.ops.test_depthwise_conv2d import depthwise
from tests.ops.test_fully_connected import dense
from tests.ops.test_transpose_conv import transpose_conv
from tests.support import INLINE, SHARED, as_int4, check_everywhere, collected, featured

CASES: dict[str, Graph] = {
    **{f"conv {i}": as_int4(conv(**fields)) for i, fields in enumerate([
        {}, {"ic": 1, "oc": 1}, {"oc": 3, "kh": 1, "kw": 1}, {"oc": 4, "ic": 5, "kh": 1, "kw": 2},
        {"oc": 7, "ic": 2, "dilation": (2, 2), "ih": 9, "iw": 9}, {"stride": (2, 3), "iw": 1},
        {"per_channel": False, "bias": None, "act": "RELU"}, {"oc": 8, "ic": 8, "scale": 3.0},
    ])},
    **{f"depthwise {i}": as_int4(depthwise(**fields)) for i, fields in enumerate([
        {}, {"ic": 1}, {"multiplier": 2}, {"multiplier": 3}, {"multiplier": 3, "ic": 1}, {"ic": 8},
        {"kh": 1, "kw": 1}, {"stride": (2, 1), "dilation": (1, 2), "ih": 9, "iw": 9},
        {"per_channel": False}, {"bias": None, "padding": "VALID"},
    ])},
    **{f"dense {i}": as_int4(dense(**fields)) for i, fields in enumerate([
        {}, {"k": 1, "oc": 1}, {"k": 1}, {"k": 5, "oc": 3}, {"k": 64, "oc": 8}, {"bias": None},
        {"shape": (1, 3, 17), "out": (1, 3, 9), "keep": True},
    ])},
}  # fmt: skip


@pytest.mark.parametrize("goal", [SHARED, INLINE])
def test_equals_tflm(goal: Goal) -> None:
    check_everywhere(collected(CASES), goal=goal)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 1, 1, 1), (2, 3, 3, 3), (16, 1, 1, 1)])
def test_every_value_survives_the_file(shape: tuple[int, ...]) -> None:
    graph = as_int4(conv(ic=shape[3], oc=shape[0], kh=shape[1], kw=shape[2]))
    op = graph.ops[0]
    assert isinstance(op, Conv2D)
    values = (np.arange(op.w.size) % 16 - 8).astype(np.int8).reshape(op.w.shape)
    op = replace(op, inputs=(op.x, replace(op.w, data=values), op.bias))
    back = tflite.read(tflite.write(replace(graph, ops=(op,)))).ops[0]
    assert isinstance(back, Conv2D)
    assert (back.w.dtype, back.w.bytes) == ("int4", (op.w.size + 1) // 2)
    np.testing.assert_array_equal(back.w.values, values)


@pytest.mark.parametrize(
    "wide", [conv(oc=8, ic=8), conv(oc=8, ic=3), depthwise(ic=8), dense(k=64, oc=8)]
)
def test_weights_take_half_the_flash(wide: Graph) -> None:
    board = featured(load_board("host"), frozenset())
    sizes = [plan(prepare(g), board).steps[0].consts[0].bytes for g in (wide, as_int4(wide))]
    assert sizes[0] == 2 * sizes[1]


def test_refuses() -> None:
    with pytest.raises(Unsupported, match="its int4 weights have 9 scales, and TFLM takes one"):
        prepare(as_int4(dense(per_channel=True)))
    with pytest.raises(Unsupported, match="'w' is int4, not int8"):
        prepare(as_int4(transpose_conv()))


def test_too_short_a_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = as_int4(dense(k=4, oc=2))
    monkeypatch.setattr(stating, "packed", lambda values: values[:3])
    with pytest.raises(ModelError, match="tensor 'w' needs 4 bytes and its buffer has 3"):
        tflite.read(tflite.write(graph))
