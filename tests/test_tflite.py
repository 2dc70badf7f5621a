"""The reader and writer of .tflite files: real files, bent files, damaged files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite as schema

from ascua import tflite
from ascua.boards import load as load_board
from ascua.errors import AscuaError, InputError, ModelError
from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops import OPERATORS
from ascua.ops.add import Add
from ascua.ops.conv2d import Conv2D
from ascua.ops.pack import Pack
from ascua.ops.relu import Relu
from ascua.passes import prepare
from ascua.plan import check_fit, plan
from ascua.tflite.writing import Writer
from tests.ops.test_conv2d import conv
from tests.support import activation, check_everywhere, constant, network, oracle, samples
from tests.support.everything import everything
from tests.support.examples import ALL
from tests.support.examples import small as residual

MODELS = Path(__file__).parents[2] / "shared" / "models"
"""Real networks beside the repository; they are not part of it."""

REAL = sorted(MODELS.glob("*.tflite"))

UNKNOWN = {
    "keras_lstm_mnist_ptq": "UNIDIRECTIONAL_SEQUENCE_LSTM ('",
    "keyword_scrambled_8bit": "SVDF ('",
}
"""What Ascua does not know in some of them."""

MARK = 0x1122334455667700
"""What no offset in a small file is."""

REFUSED = {
    "hello_world_float": "float32",
    "mlperf_ic_resnet8_float": "float32",
    "mlperf_kws_dscnn_float32": "a dynamic-range (hybrid) network",
    "mlperf_vww_mobilenet_float": "float32",
    "mobilenet_v1_0.25_128_float": "float32",
}
"""What makes Ascua refuse others: a type, as a rule."""

NOT_IN_TFLM = {
    "mobilenet_v1_0.25_128_quant": "its convolutions know no uint8",
    "mlperf_kws_dscnn_float32": "its weights are int8 beside float32 activations",
}
"""What tflite-micro refuses, the file itself and the written one, and why."""


def describe(t: Tensor | None) -> object:
    """What two files must agree on in a tensor."""
    if t is None:
        return None
    data = None if t.data is None else t.data.tobytes()
    return t.name, t.shape, t.dtype, t.quant, data


def describe_op(op: Op) -> object:
    own = [f.name for f in fields(op) if f.name not in ("inputs", "outputs", "version")]
    return (
        op.tflite,
        [describe(t) for t in (*op.inputs, *op.outputs)],
        {name: getattr(op, name) for name in own},
    )


def assert_same(a: Graph, b: Graph) -> None:
    assert [describe(t) for t in a.inputs] == [describe(t) for t in b.inputs]
    assert [describe(t) for t in a.outputs] == [describe(t) for t in b.outputs]
    assert [describe_op(op) for op in a.ops] == [describe_op(op) for op in b.ops]
    assert a.description == b.description


def test_a_network_of_many_operators_survives_a_file_and_runs() -> None:
    graph = everything()
    assert {op.tflite for op in graph.ops} <= set(OPERATORS)
    read = tflite.read(tflite.write(graph), "everything")
    assert_same(read, graph)
    assert tflite.write(read) == tflite.write(tflite.read(tflite.write(read), "everything"))
    check_everywhere(graph, n=8)


@pytest.mark.skipif(not REAL, reason="no real networks beside the repository")
@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_real_file(path: Path) -> None:
    """Read, written and read again it is the same, and so are tflite-micro's outputs.

    Those that Ascua refuses are read and written as well, but for operators that it has not.
    """
    data = path.read_bytes()
    if path.stem in UNKNOWN:
        assert f"does not support {UNKNOWN[path.stem]}" in error(data).what
        return
    graph = tflite.load(path)
    written = tflite.write(graph)
    assert_same(tflite.read(written, path.stem), graph)
    if path.stem in REFUSED:
        assert REFUSED[path.stem] in error(data).what
    else:
        prepare(graph)
    xs = two_samples(graph)
    if path.stem in NOT_IN_TFLM:
        for model in (data, written):
            with pytest.raises(RuntimeError, match="failed to allocate tensors"):
                oracle(model, xs)
        return
    for y, e in zip(oracle(written, xs), oracle(data, xs), strict=True):
        np.testing.assert_array_equal(y, e)


def two_samples(graph: Graph) -> list[Array]:
    """Of each input; those of uint8 as well."""
    rng = np.random.default_rng(1)
    if any(t.dtype == "uint8" for t in graph.inputs):
        return [rng.integers(0, 256, (2, *t.shape)).astype(np.uint8) for t in graph.inputs]
    return samples(graph, 2)


def small() -> Graph:
    """One ADD of two inputs."""
    a, b = activation("a", (1, 4)), activation("b", (1, 4))
    return network(Add((a, b), (activation("y", (1, 4)),), "NONE"))


Bend = Callable[["Bent", str, dict[str, Any]], None]


class Bent(Writer):
    """Writes a file as asked for, but for what `bend` changes in the fields of each table."""

    def __init__(self, graph: Graph, bend: Bend) -> None:
        super().__init__(graph)
        self.bend = bend
        self.made: dict[str, int] = {}

    def table(self, kind: str, **fields: Any) -> int:
        self.bend(self, kind, fields)
        self.made[kind] = super().table(kind, **fields)
        return self.made[kind]

    def ints(self, values: list[int]) -> int:
        return int(self.b.CreateNumpyVector(np.asarray(values, np.int32)))


def bent(table: str, graph: Graph | None = None, **values: Any) -> bytes:
    """A file whose tables of this kind have other values; callables get the writer."""

    def bend(writer: Bent, kind: str, fields: dict[str, Any]) -> None:
        if kind == table:
            for name, value in values.items():
                fields[name] = value(writer) if callable(value) else value

    return Bent(graph or small(), bend).file()


def two_subgraphs(w: Bent) -> int:
    return w.offsets([w.made["SubGraph"]] * 2)


def take(data: bytes, board: str = "host") -> None:
    """Read, prepare and plan `data`: all that may refuse a model."""
    check_fit(plan(prepare(tflite.read(data, "some/model.tflite")), load_board(board)))


def error(data: bytes) -> AscuaError:
    """Why `data` is refused."""
    with pytest.raises(AscuaError) as caught:
        take(data)
    return caught.value


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"TFL3", "is not a .tflite file"),
        (b"<!DOCTYPE html><html></html>", "is a page of HTML"),
        (b"\x1c\x00\x00\x00TFL2" + bytes(100), "is not a .tflite file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "in another form: Keras"),
        (b"\x1c\x00\x00\x00TFL3", "is damaged or truncated"),
        (b"\xff\xff\xff\xffTFL3" + bytes(100), "is damaged or truncated"),
    ],
)
def test_what_is_no_model(data: bytes, what: str) -> None:
    e = error(data)
    assert isinstance(e, ModelError)
    assert e.what.startswith("some/model.tflite")
    assert what in e.what
    assert e.things_to_try


def test_every_truncation_is_an_error() -> None:
    data = tflite.write(everything())
    for n in [*range(0, 200, 7), *range(200, len(data) - 4, 97)]:
        assert isinstance(error(data[:n]), ModelError)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (bent("Model", Version=2), "schema version 2"),
        (bent("Model", Subgraphs=two_subgraphs), "it has 2 subgraphs"),
        (bent("Model", Subgraphs=lambda w: w.offsets([])), "it has 0 subgraphs"),
        (bent("Model", Buffers=lambda w: w.offsets([])), "tensor 'a' has buffer 1 of 0"),
        (bent("Model", Buffers=None), "tensor 'a' has buffer 1 of 0"),
        (bent("Tensor", Buffer=99), "tensor 'a' has buffer 99 of 4"),
        (bent("Tensor", Shape=lambda w: w.ints([1, -4])), "'a' has the impossible shape [1, -4]"),
        (bent("Tensor", Shape=lambda w: w.ints([1 << 20] * 2)), "impossible shape"),
        (bent("Tensor", Shape=lambda w: w.ints([1] * 9)), "'a' claims 9 dimensions"),
        (bent("Tensor", Type=77), "tensor 'a' has the type 77"),
        (bent("SubGraph", Inputs=lambda w: w.ints([0, 3])), "graph inputs: tensor 3 of 3"),
        (bent("SubGraph", Inputs=lambda w: w.ints([0, -1])), "graph inputs: tensor -1 of 3"),
        (bent("SubGraph", Inputs=lambda w: w.ints([0, 0])), "listed twice"),
        (bent("SubGraph", Inputs=lambda w: w.ints([0])), "ADD 'y' reads 'b' before"),
        (bent("SubGraph", Inputs=lambda w: w.ints([0, 1, 2])), "tensor 'y' is computed twice"),
        (bent("SubGraph", Inputs=None), "no inputs or no outputs"),
        (bent("SubGraph", Outputs=lambda w: w.ints([])), "no inputs or no outputs"),
        (bent("SubGraph", Operators=None), "nothing computes the output 'y'"),
        (bent("Operator", OpcodeIndex=5), "an operator has the code 5 of 1"),
        (bent("Operator", Inputs=lambda w: w.ints([0, 7])), "operator 0 (ADD): tensor 7 of 3"),
        (bent("Operator", Inputs=lambda w: w.ints([0])), "ADD 'y': it has 1 inputs instead of 2"),
        (
            bent("Operator", Inputs=lambda w: w.ints([0, -1])),
            "ADD), output 'y': its input 1 is missing",
        ),
        (bent("Operator", Inputs=None), "operator 0 (ADD) has no inputs"),
        (bent("Operator", Outputs=lambda w: w.ints([2, 2])), "tensor 'y' is computed twice"),
        (bent("Operator", BuiltinOptionsType=3), "has options of the type 3"),
        (bent("AddOptions", FusedActivationFunction=9), "fused activation 9 does not exist"),
        (bent("OperatorCode", Version=99), "ADD has version 99; Ascua knows up to"),
        (bent("OperatorCode", DeprecatedBuiltinCode=16), "does not support LSTM ('"),
        (bent("OperatorCode", BuiltinCode=9999), "does not support builtin 9999 ('"),
        (bent("OperatorCode", DeprecatedBuiltinCode=32), "custom operator '?'"),
        (bent("QuantizationParameters", Scale=lambda w: w.ints([-1])), "not a positive number"),
        (bent("QuantizationParameters", Scale=lambda w: w.ints([0, 0])), "2 scales on axis 0"),
        (bent("QuantizationParameters", Scale=None), "'a' has no quantisation"),
        (
            bent("QuantizationParameters", ZeroPoint=lambda w: w.ints([0] * 6)),
            "1 scales, 6 zero points",
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_bent_file(data: bytes, what: str) -> None:
    e = error(data)
    assert isinstance(e, ModelError)
    assert e.what.startswith("some/model.tflite") or e.what.startswith("model: ")
    assert what in e.what
    assert e.things_to_try


def test_constants_behind_the_tables() -> None:
    """As large files have them, and those of LiteRT's quantizer."""
    constants: list[bytes] = []

    class Behind(Bent):
        def buffer(self, t: Tensor) -> int:
            if t.data is None:
                return super().buffer(t)
            constants.append(np.ascontiguousarray(t.data).tobytes())
            mark = MARK + len(constants)
            return self.table("Buffer", Offset=mark, Size=len(constants[-1]))

    graph = conv()
    file = Behind(graph, lambda *_: None).file()
    end = len(file) + 1  # not aligned
    for i, constant_ in enumerate(constants, 1):
        mark = (MARK + i).to_bytes(8, "little")
        assert file.count(mark) == 1
        file = file.replace(mark, end.to_bytes(8, "little"))
        end += len(constant_)
    assert len(constants) == 2
    whole = file + b"\0" + b"".join(constants)
    xs = samples(graph, 3)
    (ys, _), (es, _) = tflite.read(whole).eval(xs), graph.eval(xs)
    for y, e in zip(ys.values(), es.values(), strict=True):
        np.testing.assert_array_equal(y, e)
    assert "and the file ends before" in error(whole[:-1]).what


def test_codes_of_operators_without_the_old_field() -> None:
    """As LiteRT's quantizer writes those that it adds."""

    def bend(_: Bent, kind: str, fields: dict[str, Any]) -> None:
        if kind == "OperatorCode":
            del fields["DeprecatedBuiltinCode"]

    read = tflite.read(Bent(conv(), bend).file())
    assert [op.tflite for op in read.ops] == ["CONV_2D"]


def test_custom_operator_is_named() -> None:
    def bend(_: Bent, kind: str, fields: dict[str, Any]) -> None:
        if kind == "OperatorCode":
            fields |= {"DeprecatedBuiltinCode": 32, "CustomCode": names[0]}

    class Named(Bent):
        def file(self) -> bytes:
            names.append(self.b.CreateString("TFLite_Detection_PostProcess"))
            return super().file()

    names: list[int] = []
    e = error(Named(small(), bend).file())
    assert "custom operator 'TFLite_Detection_PostProcess' ('" in e.what


@pytest.mark.parametrize("dtype", ["float32", "int32", "int4", "float16", "bool"])
def test_other_types_are_refused_by_name(dtype: str) -> None:
    number = getattr(schema.TensorType, dtype.upper())
    e = error(bent("Tensor", Type=number))
    assert f"is {dtype}, not int8" in e.what


@pytest.mark.parametrize("dtype", ["string", "complex64", "resource"])
def test_types_that_no_graph_holds_are_refused_by_name(dtype: str) -> None:
    e = error(bent("Tensor", Type=getattr(schema.TensorType, dtype.upper())))
    assert f"tensor 'a' holds {dtype} values" in e.what


@pytest.mark.parametrize("dtype", ["int4", "float16", "uint16", "float64"])
def test_odd_types_that_are_only_handed_on_are_refused_by_name(dtype: str) -> None:
    x, graph = Tensor("x", (1, 4), dtype), small()
    e = error(tflite.write(replace(graph, inputs=(*graph.inputs, x))))
    assert f"'x' is {dtype}, not int8" in e.what


def test_a_cycle_is_an_error() -> None:
    x, a, b = (activation(n, (1, 4)) for n in "xab")
    ops = (Add((x, b), (a,), "NONE"), Relu((a,), (b,)))
    e = error(tflite.write(Graph("test", (x,), (b,), ops)))
    assert "ADD 'a' reads 'b' before anything computes it" in e.what


def convolution(x: tuple[int, ...], w: tuple[int, ...], y: tuple[int, ...], **options: Any) -> Op:
    filters = constant("w", np.zeros(w, np.int8), [0.1])
    settings = {"stride": (1, 1), "dilation": (1, 1), "padding": "VALID", "activation": "NONE"}
    return Conv2D((activation("x", x), filters), (activation("y", y),), **(settings | options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("op", "what"),
    [
        (convolution((1, 4, 4, 2), (3, 2), (1, 4, 4, 3)), "'w' has 2 dimensions"),
        (convolution((1, 4, 4, 2), (3, 0, 3, 2), (1, 4, 4, 3)), "reads 'w' before"),
        (convolution((1, 4, 4, 2), (3, 5, 5, 2), (1, 0, 0, 3)), "'y' is empty"),
        (convolution((1, 4, 4, 2), (3, 5, 5, 2), (1, 1, 1, 3)), "instead of [1, 0, 0, 3]"),
        (convolution((1, 4, 4, 2), (3, 1, 1, 1), (1, 4, 4, 3)), "1 channels and its input 2"),
        (convolution((2, 4, 4, 2), (3, 1, 1, 2), (2, 4, 4, 3)), "is a batch of 2"),
        (convolution((4, 2), (3, 1, 1, 2), (1, 4, 4, 3)), "'x' has 2 dimensions"),
        (convolution((1, 4, 4, 2), (3, 1, 1, 2), ()), "'y' has 0 dimensions"),
        (convolution((1, 4, 4, 2), (3, 1, 1, 2), (1, 4, 4, 3), stride=(0, 1)), "not positive"),
        (convolution((1, 4, 4, 2), (3, 1, 1, 2), (1, 4, 4, 3), dilation=(9999, 1)), "beyond"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_shapes_that_contradict_each_other(op: Op, what: str) -> None:
    e = error(tflite.write(network(op)))
    assert what in e.what
    assert "CONV_2D" in e.what
    assert "'y'" in e.what


def test_a_constant_that_varies_is_an_error() -> None:
    """TFLM takes such a tensor for a state, and overwrites its values."""
    graph = network(convolution((1, 4, 4, 1), (1, 2, 2, 1), (1, 3, 3, 1)))
    assert (
        "is a variable, and the file holds values"
        in error(bent("Tensor", graph, IsVariable=True)).what
    )
    tflite.read(bent("Tensor", small(), IsVariable=True))


def test_a_pack_of_another_number_of_tensors_is_an_error() -> None:
    """TFLM would leave the rest of the output as it is."""
    x = activation("x", (1, 4))
    graph = network(Pack((x, x), (activation("y", (2, 1, 4)),), 0))
    e = error(bent("PackOptions", graph, ValuesCount=3))
    assert "'y': it packs 3 tensors and has 2 inputs" in e.what


def test_a_tensor_of_absurd_size_is_an_error() -> None:
    x = activation("x", (1 << 12, 1 << 12))
    assert "impossible shape [4096, 4096]" in error(tflite.write(network(Relu((x,), (x,))))).what


def test_an_arena_beyond_31_bits_is_an_error() -> None:
    x = activation("x", (1 << 12, 1 << 11))
    ops = [Relu((x,), (replace(x, name=str(i)),)) for i in range(257)]
    graph = Graph("test", (x,), tuple(op.y for op in ops), tuple(ops))
    assert "offsets have 31 bits" in error(tflite.write(graph)).what


def test_names_become_unique() -> None:
    x = activation("t", (1, 4))
    a, b = replace(x, name="t"), replace(x, name="t#1")
    c = replace(x, name="")
    ops = (Relu((x,), (a,)), Relu((a,), (b,)), Relu((b,), (c,)))
    read = tflite.read(tflite.write(network(*ops)))
    names = [t.name for t in read.tensors()]
    assert len(set(names)) == 4
    assert names[0] == "t"
    assert all(names)


def test_options_that_are_absent_have_their_defaults() -> None:
    data = bent("Operator", BuiltinOptions=None, BuiltinOptionsType=0)
    assert_same(tflite.read(data), tflite.read(tflite.write(small())))


def test_a_dynamic_batch_is_one() -> None:
    data = bent("Tensor", Shape=lambda w: w.ints([1, 4]), ShapeSignature=lambda w: w.ints([-1, 4]))
    assert tflite.read(data).inputs[0].shape == (1, 4)
    data = bent("Tensor", ShapeSignature=lambda w: w.ints([-1, -1]))
    assert tflite.read(data).inputs[0].shape == (1, 4)
    data = bent("Tensor", Shape=lambda w: w.ints([9, 4]), ShapeSignature=lambda w: w.ints([-1, 4]))
    assert tflite.read(data).inputs[0].shape == (1, 4)


def test_load(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(tflite.write(small()))
    assert tflite.load(path).name == "net"
    assert tflite.load(str(path)).name == "net"
    with pytest.raises(InputError, match=r"absent\.tflite: cannot be read: No such file"):
        tflite.load(tmp_path / "absent.tflite")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        tflite.load(tmp_path)


@pytest.mark.parametrize("name", ALL)
def test_a_small_file_says_the_same(name: str) -> None:
    """Equal vectors, texts and constants lie there once, and every tensor is what it was."""
    for graph in ALL[name]:
        whole, less = (tflite.read(tflite.write(graph, small=small)) for small in (False, True))
        assert [op.write() for op in whole.ops] == [op.write() for op in less.ops]
        for a, b in zip(whole.tensors(), less.tensors(), strict=True):
            assert (a.name, a.shape, a.dtype, a.quant) == (b.name, b.shape, b.dtype, b.quant)
            assert a.const == b.const
            assert not a.const or np.array_equal(a.values, b.values)


def test_equal_constants_share_a_buffer() -> None:
    graph = residual()
    first = graph.ops[0]
    again = replace(
        first,
        inputs=(first.inputs[0], *(t and replace(t, name=f"{t.name}/2") for t in first.inputs[1:])),
        outputs=(replace(first.y, name="again"),),
    )
    twice = replace(graph, outputs=(*graph.outputs, again.y), ops=(*graph.ops, again))
    sizes = [[len(tflite.write(g, small=s)) for g in (graph, twice)] for s in (True, False)]
    held = sum(t.bytes for t in first.inputs[1:] if t is not None)
    assert sizes[1][1] - sizes[1][0] > held + 100
    assert sizes[0][1] - sizes[0][0] < held
