"""The simulation of the least RAM: maps counted by hand, and what must hold of any network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ascua.ir import Graph
from ascua.model import load_model
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.max_pool2d import MaxPool2D
from tests.support.command import MODELS
from tests.support.float_nets import Net, broad, mobilenet_v1, mobilenet_v2, shortcut
from tests.support.least_ram import EXACT, RESIDENT, RINGS, Rule, floor

F = 4
"""Bytes an element: the networks here are of floats."""


def chain(*kernels: int) -> Graph:
    """Maps of 16 x 4 x 2, each a convolution of the one before."""
    net = Net((16, 4, 2))
    x = net.input
    for k in kernels:
        x = net.conv(x, 2, k)
    return net.graph(x)


ROW, WHOLE = 4 * 2 * F, 16 * 4 * 2 * F


def test_a_pointwise_operator_takes_its_input_and_one_row() -> None:
    assert floor(chain(1)).bytes == WHOLE + ROW
    assert floor(chain(1), by_rows=True).bytes == WHOLE + ROW, "the output is whole at the end"


def test_an_operator_of_three_rows_lags_one_behind() -> None:
    assert floor(chain(3)).bytes == WHOLE + 2 * ROW, "row 0 lives until the second is made"


def ended(kind: Any, *window: int) -> Graph:
    """Two convolutions, and a pool of windows of so many rows and columns, side by side."""
    net = Net((16, 4, 2))
    x = net.conv(net.conv(net.input, 2, 3), 2, 3)
    h, w = window
    y = net.tensor((1, 16 // h, 4 // w, 2))
    return net.graph(net.append(kind((x,), (y,), (h, w), (h, w), "VALID", "NONE")))


def test_a_chain_that_ends_in_a_sum_holds_rows_alone() -> None:
    mean = ended(AveragePool2D, 16, 4)
    sums = 2 * F + 3 * 2 * F
    # Three rows of the input and two of the first map, which makes a third; behind it, the sum.
    assert floor(mean, by_rows=True).bytes == 6 * ROW + sums
    # As rings, both of three; beside them, when both are full, the second map's row.
    assert floor(mean, by_rows=True, rule=RINGS).bytes == 7 * ROW + sums + 2 * F


def test_maxima_grow_in_the_output_and_means_wait_for_their_rows() -> None:
    maxima, means = (floor(ended(kind, 4, 4), by_rows=True) for kind in (MaxPool2D, AveragePool2D))
    assert maxima.bytes < means.bytes
    assert floor(ended(MaxPool2D, 4, 4), by_rows=True, rule=Rule(pools=False)) == means


def test_a_sum_lies_over_what_is_read_for_the_last_time() -> None:
    def added(*, twice: bool) -> Graph:
        net = Net((16, 4, 2))
        x = net.conv(net.input, 2, 1)
        z = net.add(x, net.conv(x, 2, 1))
        return net.graph(net.add(x, z) if twice else z)

    # Rows of x take the places of the input's, and those of the sum the places of x's.
    assert floor(added(twice=False)).bytes == WHOLE + ROW
    assert floor(added(twice=True)).bytes == WHOLE + ROW


def test_what_a_branch_reads_waits_for_the_other() -> None:
    def joined(kernel: int) -> int:
        net = Net((16, 4, 2))
        x = net.conv(net.input, 2, 1)
        y = net.add(x, net.conv(net.conv(x, 8, kernel), 2, kernel))
        return floor(net.graph(net.average(y, 1, 1)), by_rows=True).bytes

    assert joined(1) < joined(3) < joined(5)


NETS = {
    "mobilenet_v1": mobilenet_v1(32), "mobilenet_v2": mobilenet_v2(32), "shortcut": shortcut(16),
    "broad": broad(16),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_more_freedom_takes_no_more(name: str) -> None:
    graph = NETS[name]
    exact = floor(graph)
    for rule in (RINGS, RESIDENT, Rule(whole=True), Rule(pools=False), Rule(dies=False)):
        assert floor(graph, rule=rule).bytes >= exact.bytes
    assert floor(graph, by_rows=True).bytes <= exact.bytes
    assert [i for group, _ in exact.groups for i in group] == list(range(exact.groups[-1][0].stop))
    assert exact.bytes == max(took for _, took in exact.groups)
    whole = max(
        sum(t.bytes for t in {*op.activations, *op.outputs}) for op in graph.ops if not op.view
    )
    assert exact.bytes <= whole + max(graph.inputs[0].bytes, 0)


PUBLISHED: tuple[tuple[str, Any, bool, int], ...] = (
    # Rings beside an input that stays; behind the pool, outputs of 12 and 10 bytes lie apart.
    ("kws", RESIDENT, False, 5_314 - 2 * 12), ("kws", RINGS, True, 4_924 - 2 * 12),
    ("ic", RESIDENT, False, 14_164 - 2 * 10), ("ic", RINGS, True, 11_380 - 2 * 10),
    ("mlperf_ic_resnet_large_int8", RESIDENT, False, 30_772 - 2 * 10),
    ("vww", EXACT, False, 28_032), ("vww", RINGS, True, 14_304), ("ad", EXACT, False, 768),
)  # fmt: skip
"""Network, rule, whether the input comes by rows, and the figure of another simulation."""


@pytest.mark.parametrize(("name", "rule", "by_rows", "bytes_"), PUBLISHED)
def test_another_simulation_gave_the_same(
    name: str, rule: Rule, by_rows: bool, bytes_: int
) -> None:
    path: Path = MODELS / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"there is no {name}.tflite beside the repository")
    graph = load_model(path, smaller=False).graph
    assert floor(graph, by_rows=by_rows, rule=rule).bytes == bytes_
    assert floor(graph, by_rows=by_rows).bytes <= bytes_
