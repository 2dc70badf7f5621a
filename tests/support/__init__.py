"""Builds small networks, and runs them on the oracle, the reference and the generated C."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from ascua import kernels, tflite
from ascua.boards import Board
from ascua.boards import load as load_board
from ascua.executors import Answer, Progress
from ascua.executors.reference import reference as measured
from ascua.ir import Array, Graph, Op, Quant, Tensor, limits
from ascua.passes import prepare
from ascua.plan import BALANCED, Goal, plan
from ascua.run import run
from ascua.run.litert import version as litert_version
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import litert_process

FAST = Goal(kind="speed")
"""Small networks may have more working memory than tensors, as some kernels want."""
SHARED = Goal(kind="speed", inline=False)
"""All steps share their kernels."""
INLINE = Goal(kind="speed", inline=True)
"""Each step has a kernel of its own."""


@dataclass(frozen=True)
class Answering:
    """An executor that answers what a function makes of a graph and samples."""

    function: Callable[[Graph, Sequence[Array]], list[Array]]
    name: str = "host"

    def run(
        self,
        graph: Graph,
        xs: Sequence[Array],
        states: Sequence[Array] | None = None,
        progress: Progress | None = None,  # noqa: ARG002
    ) -> Answer:
        """As `Executor.run`."""
        assert states is None
        return Answer(self.function(graph, xs))


def activation(
    name: str, shape: tuple[int, ...], scale: float = 0.05, zero: int = 0, dtype: str = "int8"
) -> Tensor:
    """A quantised activation. The scale is rounded to float32, as in a file."""
    return Tensor(name, shape, dtype, Quant((float(np.float32(scale)),), (zero,)))


def int16(name: str, shape: tuple[int, ...], scale: float = 0.0005) -> Tensor:
    """An int16 activation."""
    return activation(name, shape, scale, dtype="int16")


def constant(name: str, data: Array, scales: list[float] | None = None, axis: int = 0) -> Tensor:
    """A constant; with `scales`, symmetric per tensor (one) or per slice of `axis`."""
    quant = None
    if scales is not None:
        rounded = tuple(float(np.float32(s)) for s in scales)
        quant = Quant(rounded, (0,) * len(rounded), axis)
    return Tensor(name, data.shape, str(data.dtype), quant, data)


def as_int4(graph: Graph) -> Graph:
    """A network of one operator, its int8 weights cut to 4 bits."""
    op = graph.ops[0]
    w = next(t for t in op.inputs if t is not None and t.const and t.dtype == "int8")
    narrow = replace(w, dtype="int4", data=w.values >> 4)
    return network(replace(op, inputs=tuple(narrow if t is w else t for t in op.inputs)))


def network(*ops: Op) -> Graph:
    """A graph of `ops`; its inputs are what no op computes, its output the last op's."""
    made = {t for op in ops for t in op.outputs}
    inputs = {t: t for op in ops for t in op.activations if t not in made}
    return Graph("test", tuple(inputs.values()), ops[-1].outputs, ops)


def together(*ops: Op) -> Graph:
    """A graph of unconnected `ops`, each with outputs of its own: compiled once, all tested."""
    inputs = {t: t for op in ops for t in op.activations}
    outputs = tuple(t for op in ops for t in op.outputs)
    return Graph("test", tuple(inputs.values()), outputs, ops)


def beside(graphs: Mapping[str, Graph]) -> Graph:
    """All of `graphs` as one, unconnected; each tensor has the key before its name."""
    known: dict[Tensor, Tensor] = {}

    def renamed(key: str, graph: Graph) -> Graph:
        for t in graph.tensors():
            known[t] = replace(t, name=f"{key}/{t.name}")
        ops = tuple(
            replace(
                op,
                inputs=tuple(t and known[t] for t in op.inputs),
                outputs=tuple(known[t] for t in op.outputs),
            )
            for op in graph.ops
        )
        inputs = tuple(known[t] for t in graph.inputs)
        return Graph(key, inputs, tuple(known[t] for t in graph.outputs), ops)

    every = [renamed(key, graph) for key, graph in graphs.items()]
    return Graph(
        "test",
        tuple(t for g in every for t in g.inputs),
        tuple(t for g in every for t in g.outputs),
        tuple(op for g in every for op in g.ops),
    )


def collected(graphs: Mapping[str, Graph]) -> Graph:
    """The operators of networks of one, `together`; each output has the key as its name."""
    ops = [(key, graph.ops[0]) for key, graph in graphs.items()]
    return together(*(replace(op, outputs=(replace(op.y, name=key),)) for key, op in ops))


def samples(graph: Graph, n: int, seed: int = 1) -> list[Array]:
    """n random samples an input, the extremes of its dtype among them."""
    rng = np.random.default_rng(seed)
    xs: list[Array] = []
    for t in graph.inputs:
        if t.dtype == "float32":
            xs.append(rng.normal(0, 2, (n, *t.shape)).astype(np.float32))
            continue
        low, high = limits(t.dtype)
        x = rng.integers(low, high + 1, (n, *t.shape)).astype(t.dtype)
        x[0] = rng.choice(np.array([low, high], t.dtype), t.shape)
        xs.append(x)
    return xs


def oracle(model: bytes, xs: list[Array]) -> list[Array]:
    """The outputs (n, *shape) of TensorFlow Lite Micro's reference kernels."""
    runtime = pytest.importorskip("tflite_micro", reason="tflite-micro is not installed").runtime
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 22)
    rows: list[list[Array]] = []
    for sample in zip(*xs, strict=True):
        for i, x in enumerate(sample):
            interpreter.set_input(x, i)
        interpreter.invoke()
        rows.append([interpreter.get_output(i) for i in range(len(_outputs(model)))])
    return [np.stack(ys) for ys in zip(*rows, strict=True)]


def litert(model: bytes, xs: list[Array]) -> list[Array]:
    """The outputs (n, *shape) of LiteRT's reference kernels: the oracle of uint8."""
    if litert_version() is None:
        pytest.skip("TensorFlow is not installed")
    return litert_process.run(model, xs, len(_outputs(model)))


def _outputs(model: bytes) -> tuple[Tensor, ...]:
    return tflite.read(model).outputs


def reference(graph: Graph, xs: list[Array]) -> list[Array]:
    """The outputs (n, *shape) of the operators' `eval`."""
    return measured(graph, xs)


def generated_c(
    graph: Graph, xs: list[Array], goal: Goal = BALANCED, board: Board | None = None
) -> list[Array]:
    """The outputs (n, *shape) of the generated C under ASan and UBSan, on this computer."""
    host = board or load_board("host")
    library = emit(plan(prepare(graph), host, goal), "net")
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(host, library, pack(xs), len(xs[0]), build_dir=Path(folder), sanitize=True)
    return unpack(outcome.outputs, graph, len(xs[0]))


def featured(board: Board, features: frozenset[str]) -> Board:
    """The board with a core that has these features."""
    return replace(board, core=replace(board.core, features=features))


def untold(board: Board) -> Board:
    """The board without a table of costs: kernels come in their order, whatever they cost."""
    return replace(
        board, core=replace(board.core, name=f"{board.core.name}, without costs", costs="")
    )


def untimed(board: Board) -> Board:
    """The board of a core without a timing: a run counts instructions, which is quicker."""
    return replace(board, core=replace(board.core, timing=None))


def hosts(graph: Graph, goal: Goal) -> list[Board]:
    """This computer, and as if its core had what the kernels for some cores need, where they fit.

    There they run as their twins in plain C.
    """
    plain = load_board("host")
    every = featured(plain, frozenset().union(*(k.needs for k in kernels.every())))
    prepared = prepare(graph)
    used = [[c.kernel for c in plan(prepared, b, goal).calls] for b in (plain, every)]
    return [plain, every] if used[0] != used[1] else [plain]


def check_everywhere(
    graph: Graph,
    n: int = 3,
    seed: int = 1,
    xs: list[Array] | None = None,
    goal: Goal = FAST,
) -> None:
    """Oracle, reference and generated C agree on every byte of `xs`, or of n random samples.

    So does the C for cores with features. The graph goes through a file first: what is tested is
    what a user's file would give.
    """
    graph, xs, expected = check_reference(graph, n, seed, xs)
    for board in hosts(graph, goal):
        ys = generated_c(graph, xs, goal, board)
        for y, e, t in zip(ys, expected, graph.outputs, strict=True):
            np.testing.assert_array_equal(y, e, f"generated C against TFLM: {t.name}")


def check_reference(
    graph: Graph, n: int = 3, seed: int = 1, xs: list[Array] | None = None
) -> tuple[Graph, list[Array], list[Array]]:
    """Oracle and reference agree, as in `check_everywhere`, which goes on with what this answers.

    That is the graph as read from a file, the samples, and the oracle's outputs.
    """
    model = tflite.write(graph)
    graph = tflite.read(model)
    xs = samples(graph, n, seed) if xs is None else xs
    expected = oracle(model, xs)
    for y, e, t in zip(reference(graph, xs), expected, graph.outputs, strict=True):
        np.testing.assert_array_equal(y, e, f"reference against TFLM: {t.name}")
    return graph, xs, expected
