"""KPU convolutions without their place: what bytes mean, registers from geometry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ascua import kmodel
from ascua.kmodel import Conv, Layout, v4
from ascua.targets.k210.block import Affine, Block
from tests.support.command import MODELS

REAL = sorted((MODELS / "k210").rglob("*.kmodel"))
present = pytest.mark.skipif(not REAL, reason="../shared/models/k210 is absent")


def block_of(conv: Conv) -> Block:
    """What of a layer is arithmetic: neither sizes nor addresses."""
    r = conv.registers
    return Block(
        conv.weights, conv.norms, conv.activation, r.pad_value, r.arg_x, r.arg_w, r.arg_add,
        r.shr_x, r.shr_w, conv.pool, conv.depthwise,
    )  # fmt: skip


# Registers


@present
def test_registers_of_all_real_layers_come_from_geometry() -> None:
    seen = 0
    for path in REAL:
        for layer in kmodel.load(path).layers:
            if not isinstance(conv := getattr(layer, "conv", None), Conv):
                continue
            block, r = block_of(conv), conv.registers
            x = Layout(r.i_row_wid + 1, r.i_col_high + 1, block.ic)
            main = isinstance(layer, v4.KpuConv2d) and layer.main_out.bytes > 0
            made = block.conv(x, r.image_src_addr, r.image_dst_addr, main=main)
            assert made.registers == r
            assert made.weights is conv.weights
            assert made.y == conv.y
            seen += 1
    assert seen == 165


def plain(oc: int, ic: int, k: int, dtype: type = np.uint8, **more: int | bool) -> Block:
    """A block of zeros with these sizes."""
    n = np.zeros(oc, np.int64)
    table = np.zeros(16, np.int64)
    return Block(
        np.zeros((oc, ic, k, k), dtype), kmodel.Norms(n, n, n),
        kmodel.Activation(table, table, table, table), 0, 0, 0, 0, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("block", "at_once", "loads"),
    [
        (plain(1000, 256, 1), 120, 9),
        (plain(1000, 256, 1, np.uint16), 120, 9),
        (plain(1024, 1, 3, depthwise=True), 1024, 1),
        (plain(192, 1024, 3), 3, 64),
        (plain(4, 3, 3), 4, 1),
    ],
)
def test_weights_are_loaded_in_as_few_parts_as_there_is_room(
    block: Block, at_once: int, loads: int
) -> None:
    r = block.conv(Layout(8, 4, block.ic), 0, 100).registers
    assert (r.o_ch_num_coef + 1, r.load_time + 1) == (at_once, loads)
    assert r.para_size == at_once * block.weights[0].nbytes


def test_layers_of_blocks_contradict_nothing() -> None:
    for pool, main in ((0, False), (5, True), (3, False)):
        conv = plain(4, 3, 3, pool=pool).conv(Layout(70, 9, 3), 0, 1000, main=main)
        assert kmodel.consistency.malformed(conv, to_main=True) is None
        assert kmodel.consistency.unknown(conv) is None
        assert conv.registers.send_data_out == main


def test_a_depthwise_layer_with_a_pool_lies_in_the_file_as_one_of_all_channels() -> None:
    weights = np.arange(3 * 9, dtype=np.uint8).reshape(3, 1, 3, 3)
    block = replace(plain(3, 1, 3, depthwise=True, pool=5), weights=weights, arg_x=-200)
    conv = block.conv(Layout(8, 8, 3), 0, 1000)
    assert not conv.depthwise
    assert (conv.weights.shape, conv.registers.para_size) == ((3, 3, 3, 3), 81)
    for y in range(3):
        for x in range(3):
            assert (conv.weights[y, x] == (weights[y, 0] if x == y else 200)).all()


# Affine


def test_affine() -> None:
    a = Affine.of(-1.0, 3.0)
    assert a == Affine(4 / 255, 64)
    assert (a.low, a.high) == (-64 * 4 / 255, 191 * 4 / 255)
    assert a.bytes(np.array([-9, 0, 1.0, 9])).tolist() == [0, 64, 128, 255]
    assert a.real(np.array([64, 65], np.uint8)).tolist() == [0, 4 / 255]
    assert Affine.of(1.0, 6.0) == Affine(6 / 255, 0)
    assert Affine.of(0.0, 0.0) == Affine(1.0, 0)
