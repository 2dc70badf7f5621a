"""Small ONNX networks, as a list of nodes, and what onnxruntime computes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ascua import tflite
from ascua.convert.onnx import load
from ascua.ir import Array, Graph
from ascua.quantize.floats import evaluated
from ascua.zoo import import_tensorflow, quiet

FLOAT = TensorProto.FLOAT
SHAPES: dict[int, tuple[int, ...]] = {4: (0, 2, 3, 1), 3: (0, 2, 1)}
"""By rank: the order of axes with channels last."""


class Net:
    """A network under construction: `net.conv(x, ...)` adds a node and answers its output."""

    def __init__(self, *shape: int | str, seed: int = 1, opset: int = 17) -> None:
        self.rng, self.opset = np.random.default_rng(seed), opset
        self.inputs: list[Any] = []
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self.outputs: list[str] = []
        if shape:
            self.input(*shape)

    def input(self, *shape: int | str) -> str:
        name = f"x{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, FLOAT, shape))
        return name

    def const(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.array(values, dtype)
        return name

    def weights(self, *shape: int) -> str:
        """Random ones, small as those of a trained layer."""
        fan = max(1, int(np.prod(shape[1:])))
        return self.const(self.rng.normal(0, fan**-0.5, shape))

    def ints(self, *values: int) -> str:
        return self.const(values, np.int64)

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"{op.lower()}{len(self.nodes)}" + (f"_{i}" if i else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def __getattr__(self, op: str) -> Any:
        return lambda *inputs, **attributes: self.node(op, *inputs, **attributes)

    def model(self, *outputs: str) -> Any:
        ends = [helper.make_empty_tensor_value_info(o) for o in outputs]
        for end in ends:
            end.type.tensor_type.elem_type = FLOAT
        inits = [numpy_helper.from_array(v, k) for k, v in self.constants.items()]
        graph = helper.make_graph(self.nodes, "net", self.inputs, ends, inits)
        imports = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)


def written(model: Any, folder: Path) -> Path:
    """The file of a model."""
    path = folder / "net.onnx"
    onnx.save(model, str(path))
    return path


def samples(model: Any, seed: int = 2) -> list[Array]:
    """One random sample an input."""
    rng = np.random.default_rng(seed)
    fixed = {i.name for i in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in fixed]
    shapes = [[d.dim_value or 1 for d in i.type.tensor_type.shape.dim] for i in inputs]
    return [rng.normal(0, 1, shape).astype(np.float32) for shape in shapes]


def onnx_says(model: Any, xs: Sequence[Array]) -> list[Array]:
    """The outputs by onnxruntime."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    given = {i.name: x for i, x in zip(session.get_inputs(), xs, strict=True)}
    return [np.asarray(y) for y in session.run(None, given)]


def channels_last(x: Array, shape: tuple[int, ...]) -> Array:
    """`x` as it is, or with its channels last where only then it has that shape."""
    if x.shape == shape:
        return x
    moved = np.transpose(x, SHAPES[x.ndim])
    assert moved.shape == shape, (x.shape, shape)
    return moved


def graph_says(graph: Graph, xs: Sequence[Array]) -> list[Array]:
    """The outputs of the float graph, read back from its file, on inputs as ONNX has them."""
    again = tflite.read(tflite.write(graph), "again.tflite")
    return outputs(
        again, [channels_last(x, t.shape) for x, t in zip(xs, again.inputs, strict=True)]
    )


def outputs(graph: Graph, xs: Sequence[Array]) -> list[Array]:
    """Those of the float graph on one sample of each input, as it has them."""
    return [y[0] for y in evaluated(graph, [x[None] for x in xs])]


def operators(graph: Graph) -> list[str]:
    """The names of its operators."""
    return [op.tflite for op in graph.ops]


def compared(
    model: Any, folder: Path, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> Graph:  # fmt: skip
    """The graph of a model, which computes what onnxruntime computes, up to float rounding.

    So does LiteRT, with the file that it is written to.
    """
    graph = load(written(model, folder), shapes)
    xs = samples(model)
    says = onnx_says(model, xs)
    for wanted, got, lite in zip(says, graph_says(graph, xs), lite_says(graph, xs), strict=True):
        near(got, wanted)
        near(lite, wanted)
    return graph


def lite_says(graph: Graph, xs: Sequence[Array]) -> list[Array]:
    """The outputs by TensorFlow's interpreter of .tflite files."""
    tf = import_tensorflow()
    with quiet():  # it says that it will move to another package
        lite = tf.lite.Interpreter(model_content=tflite.write(graph))
        lite.allocate_tensors()
    for x, t, at in zip(xs, graph.inputs, lite.get_input_details(), strict=True):
        lite.set_tensor(at["index"], channels_last(x, t.shape))
    lite.invoke()
    return [lite.get_tensor(at["index"]) for at in lite.get_output_details()]


def near(got: Array, wanted: Array) -> None:
    """That they are the same array, up to float rounding and the order of axes."""
    as_got = channels_last(wanted, got.shape)
    np.testing.assert_allclose(got, as_got, rtol=1e-4, atol=_atol(wanted))


def is_near(got: Array, wanted: Array) -> bool:
    """Whether they are the same array in one of the orders of axes that the shape allows.

    What is an input itself may have one dimension more.
    """
    got = got[0] if got.ndim > wanted.ndim and len(got) == 1 else got
    return any(
        np.allclose(got, w, rtol=1e-4, atol=_atol(wanted)) for w in either(wanted, got.shape)
    )


def either(x: Array, shape: tuple[int, ...]) -> list[Array]:
    """`x` with its axes in each order in which it has that shape."""
    orders = permutations(range(x.ndim)) if x.ndim <= 4 else [range(x.ndim)]
    return [a for a in (np.transpose(x, order) for order in orders) if a.shape == shape]


def _atol(wanted: Array) -> float:
    return float(2e-5 * max(1, np.abs(wanted).max(initial=0)))
