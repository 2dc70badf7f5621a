"""Networks of floats that are taken as they are: kernels, boards, and what the verbs say."""

from __future__ import annotations

import json
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, targets, tflite
from ascua.executors.board import OnBoard
from ascua.ir import Array, Graph, Tensor
from ascua.model import load_model
from ascua.ops.dequantize import Dequantize
from ascua.ops.exp import Exp
from ascua.ops.log import Log
from ascua.ops.sin import Sin
from ascua.ops.sqrt import Sqrt
from ascua.ops.tanh import Tanh
from ascua.passes import prepare
from ascua.plan import BALANCED
from ascua.samples import mismatches
from tests.support import activation, beside, floats, network
from tests.support.command import MODELS, ascua, model_file, refused
from tests.support.examples import EXAMPLES
from tests.support.floats import floated, samples
from tests.support.islands import made, real
from tests.support.tools import require_board


def on(name: str, graph: Graph, xs: list[Array], folder: Path) -> list[Array]:
    """The outputs of a network of floats on a board."""
    board = boards.load(name)

    planned = targets.of(board).lower(graph, board, BALANCED)
    sanitize = name == "host"
    return OnBoard(planned, folder, sanitize=sanitize).run(graph, xs).outputs


def litert(model: bytes, xs: list[Array]) -> list[Array]:
    """The outputs (n, *shape) of LiteRT's kernels."""
    with warnings.catch_warnings(action="ignore"):
        return floats.litert(model, xs)


def every_float() -> dict[str, Graph]:
    """The example of each operator that floats have too, as floats."""
    found = {f"{name}{i}": floated(graph) for name, graphs in EXAMPLES.items()
             for i, graph in enumerate(graphs)}  # fmt: skip
    return {name: graph for name, graph in found.items()
            if all(op.floats for op in graph.ops)}  # fmt: skip


@pytest.mark.train
def test_every_operator_on_floats_is_as_near_to_litert_as_floats_are(tmp_path: Path) -> None:
    graphs = every_float()
    assert len(graphs) > 40
    xs = {name: samples(graph, 2) for name, graph in graphs.items()}
    whole = prepare(beside(graphs), floats=True)
    ys = on("host", whole, [x for some in xs.values() for x in some], tmp_path)
    names = [name for name, graph in graphs.items() for _ in graph.outputs]
    expected = [y for name, graph in graphs.items() for y in litert(tflite.write(graph), xs[name])]
    for name, y, e in zip(names, ys, expected, strict=True):
        reach = 1e-5 * max(float(np.abs(e).max()), 1e-3)
        np.testing.assert_allclose(y, e.reshape(y.shape), rtol=1e-5, atol=reach, err_msg=name)


FILES = ("hello_world_float", "mlperf_ic_resnet8_float", "mlperf_vww_mobilenet_float",
         "mobilenet_v1_0.25_128_float")  # fmt: skip


@pytest.mark.train
@pytest.mark.parametrize("name", FILES)
def test_real_networks_of_floats(name: str, tmp_path: Path) -> None:
    path = MODELS / f"{name}.tflite"
    if not path.exists():
        pytest.skip("the models are not there")
    model = load_model(path, floats=True)
    xs = samples(model.graph, 2)
    expected = litert(path.read_bytes(), xs)
    for ys in (on("host", model.graph, xs, tmp_path), model.graph.eval(xs)[0].values()):
        for y, e in zip(ys, expected, strict=True):
            np.testing.assert_allclose(y, e, rtol=1e-5, atol=1e-5 * np.abs(e).max(), err_msg=name)


FUNCTIONS = {
    Exp: (np.exp, -100, 88), Log: (np.log, 1e-6, 1e6), Sin: (np.sin, -100, 100),
    Sqrt: (np.sqrt, 0, 1e9), Tanh: (np.tanh, -12, 12),
}  # fmt: skip


def test_functions_without_libm_are_within_two_units_in_the_last_place(tmp_path: Path) -> None:
    n = 20_000
    graphs = {kind.tflite: network(made(kind, (real("x", (n,)),), real("y", (n,))))
              for kind in FUNCTIONS}  # fmt: skip
    rng = np.random.default_rng(4)
    xs = [rng.uniform(low, high, (1, n)).astype(np.float32) for _, low, high in FUNCTIONS.values()]
    ys = on("host", prepare(beside(graphs), floats=True), xs, tmp_path)
    for (kind, (function, _, _)), x, y in zip(FUNCTIONS.items(), xs, ys, strict=True):
        exact = function(x.astype(np.float64))
        off = np.abs(y - exact) / np.spacing(np.abs(exact).astype(np.float32)).clip(1e-12)
        most = 0.5 if kind is Sqrt else 2.0
        assert off.max() <= most + 1e-6, (kind.tflite, float(off.max()))


def small() -> Graph:
    """A convolution, a pool, a softmax: with products that a core might add without rounding."""
    graph = floated(EXAMPLES["CONV_2D"][0])
    op = graph.ops[0]
    shape = op.y.shape
    flat = Tensor("flat", shape, "float32")
    return network(op, made(Tanh, (op.y,), flat))


@pytest.mark.parametrize("name", ["mps2-an386", "lm3s6965evb", "riscv64-virt"])
def test_boards_with_floating_point_and_without_give_the_same_bits(
    name: str, tmp_path: Path
) -> None:
    require_board(boards.load(name))
    graph = prepare(small(), floats=True)
    xs = samples(graph, 2)
    here = on("host", graph, xs, tmp_path / "host")
    assert mismatches(on(name, graph, xs, tmp_path / name), here) == 0


def test_the_verbs_take_floats_where_they_are_wanted(tmp_path: Path) -> None:
    path = model_file(tmp_path, small(), name="floats")
    advice = ascua("compile", path, "--board", "host", "-o", tmp_path / "no")
    refused(advice, 1, "is float32", "`--float` runs it as it is", "of weights instead of 560")
    out = tmp_path / "out"
    assert ascua("compile", path, "--board", "host", "-o", out, "--float").code == 0
    program = tmp_path / "selftest"
    sources = [out / "src/floats.c", out / "src/floats_weights.c", *sorted(out.glob("test/*.c"))]
    flags = [f"-I{out / d}" for d in ("include", "src", "test")]
    command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", *flags, *sources]
    subprocess.run([*map(str, command), "-o", str(program)], check=True)
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    assert said.endswith("PASS 4/4\n")
    told = ascua("validate", path, "--board", "host", "--float", "--json")
    checks = json.loads(told.out)["executors"]
    assert [c["mismatched_bytes"] for c in checks[:2]] == [0, 0]
    assert checks[0]["against"] == "tflite-micro"


def test_differences_beyond_what_order_makes_are_told() -> None:
    y = np.array([[1.0, 1e-6, -2.0]], np.float32)
    assert mismatches([y + np.float32(1e-5)], [y], 1e-5) == 0
    assert mismatches([y + np.float32(1e-5)], [y]) > 0
    assert mismatches([y + np.float32(3e-5)], [y], 1e-5) > 0
    nan = np.array([[np.nan, np.inf, 1.0]], np.float32)
    assert mismatches([nan], [nan], 1e-5) == 0
    assert mismatches([np.zeros_like(nan)], [nan], 1e-5) > 0


def test_integers_are_compared_bit_for_bit() -> None:
    x, f = activation("x", (4,)), real("f", (4,))
    assert prepare(network(Dequantize((x,), (f,)))).tolerance == 0
