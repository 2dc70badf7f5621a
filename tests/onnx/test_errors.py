"""ONNX files that are not taken, or not as they are: each names what is wrong, and a remedy."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

pytest.importorskip("onnxruntime")

from onnx import TensorProto, numpy_helper

from ascua.convert.onnx import load
from ascua.errors import AscuaError
from tests.support.command import ascua, refused
from tests.support.onnx_nets import Net, compared, written


def small(*shape: int | str, **how: Any) -> tuple[Net, str]:
    n = Net(*(shape or (1, 2, 6, 6)), **how)
    return n, n.Relu(n.Conv("x0", n.weights(3, 2, 3, 3)))


def said(net: Net, y: str, folder: Path) -> Path:
    return written(net.model(y), folder)


def test_open_shapes_are_asked_for(tmp_path: Path) -> None:
    path = said(*small("batch", 2, "height", "width"), tmp_path)
    out = tmp_path / "out.tflite"
    refused(ascua("convert", path, "-o", out), 1, "'x0'", "[batch, 2, height, width]",
            "--input-arrays x0 --input-shapes 1,2,32,32")  # fmt: skip
    assert not out.exists()
    ends = ("--input-arrays", "x0", "--input-shapes", "1,2,6,8")
    result = ascua("convert", path, "-o", out, *ends)
    assert result.code == 0, result.err
    assert "x0  1x6x8x2  float32" in result.out
    assert "channels last" in result.out
    refused(ascua("convert", path, "-o", out, "--force", *ends[:3], "1,3,6,8"), 1, "is [batch, 2")
    refused(ascua("convert", path, "-o", out, "--force", "--input-arrays", "y",
                  "--input-shapes", "1,3"), 1, "no input 'y'", "x0")  # fmt: skip


def test_an_open_batch_is_one(tmp_path: Path) -> None:
    net, y = small("batch", 2, 6, 6)
    assert compared(net.model(y), tmp_path).inputs[0].shape == (1, 6, 6, 2)


def test_a_part_of_a_network(tmp_path: Path) -> None:
    net, y = small()
    path = said(net, y, tmp_path)
    assert [op.tflite for op in load(path, outputs=["conv0"]).ops] == ["CONV_2D"]
    refused(ascua("convert", path, "-o", tmp_path / "o.tflite", "--output-arrays", "convo"), 1,
            "no node makes 'convo'")  # fmt: skip


def test_operators_without_a_counterpart(tmp_path: Path) -> None:
    net = Net(1, 2, 6, 6)
    y = net.Erf(net.Softplus(net.Erf("x0")))
    result = ascua("analyze", said(net, y, tmp_path))
    refused(result, 1, "Erf ('erf0', and 1 more)", "Softplus ('softplus1')", "docs/convert.md")


def test_opsets_of_other_times(tmp_path: Path) -> None:
    """What ONNX's converter cannot bring into ours."""
    path = said(*small(opset=99), tmp_path)
    refused(ascua("analyze", path), 1, "opset 99", "converted to 24", "opset_version")


@pytest.mark.parametrize("opset", [7, 9, *range(11, 25)])
def test_every_opset(opset: int, tmp_path: Path) -> None:
    net, y = small(opset=opset)
    compared(net.model(y), tmp_path)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda n: n.MaxPool("x0", kernel_shape=[2, 2], dilations=[2, 2]), "dilation"),
        (lambda n: n.Reciprocal(n.Relu("x0")), "divides by what is computed"),
        (lambda n: n.Pow("x0", n.const(3.0)), "exponent is not 2"),
        (lambda n: n.Slice("x0", n.ints(5), n.ints(0), n.ints(2), n.ints(-1)), "in reverse"),
        (lambda n: n.Pad("x0", n.ints(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect"), "'reflect'"),
        (lambda n: n.Conv("x0", n.Relu("x0")), "computed from data"),
        (lambda n: n.Resize("x0", "", n.const([1, 1, 2, 2]), mode="cubic"), "'cubic'"),
        (lambda n: n.Gather("x0", n.ints(0, 1, 5), axis=2), "equal distances"),
        (lambda n: n.Elu("x0", alpha=0.5), "alpha is 0.5"),
        (lambda n: n.Expand("x0", n.ints(4, 2, 6, 6)), "BROADCAST_TO"),
        (lambda n: n.Conv("x0", n.weights(3, 4, 3, 3)), "on 2 channels"),
        (lambda n: n.Relu("nowhere"), "nothing before it makes its input 'nowhere'"),
        (lambda n: n.Cast("x0", to=6), "makes other types"),
        (lambda n: n.Add("x0", n.const(np.ones((5, 5)))), "differ"),
    ],
)  # fmt: skip
def test_nodes_that_are_refused(build: Any, words: str, tmp_path: Path) -> None:
    net = Net(1, 2, 6, 6)
    y = build(net)
    refused(ascua("analyze", said(net, y, tmp_path)), 1, "net.onnx", y, words)


def test_weights_beside_the_file(tmp_path: Path) -> None:
    net, y = small()
    path, beside = tmp_path / "net.onnx", tmp_path / "net.bin"
    onnx.save(net.model(y), str(path), save_as_external_data=True, location="net.bin",
              size_threshold=0)  # fmt: skip
    load(path)
    beside.unlink()
    refused(ascua("analyze", path), 1, "net.bin", "which is not beside it", "external_data=False")


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_weights_of_other_precision(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    net, y = small()
    model = net.model(y)
    (w,) = model.graph.initializer
    array = numpy_helper.to_array(w)
    dtype = {"float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16,
             "float64": TensorProto.DOUBLE}[kind]  # fmt: skip
    raw = array.astype(onnx.helper.tensor_dtype_to_np_dtype(dtype))
    w.CopyFrom(onnx.helper.make_tensor(w.name, dtype, array.shape, raw.tobytes(), raw=True))
    (op,) = load(written(model, tmp_path)).ops
    found = op.inputs[1]
    assert found is not None
    assert found.dtype == "float32"
    np.testing.assert_allclose(found.values, array.transpose(0, 2, 3, 1), rtol=1e-2)
    assert ("became float32" in caplog.text) == (kind != "float64")


def test_operators_of_the_other_format(tmp_path: Path) -> None:
    net = Net(1, 2, 6, 6)
    y = net.QLinearConv(*["x0"] * 8)
    refused(ascua("analyze", said(net, y, tmp_path)), 1, "QLinearConv", "QuantFormat.QDQ")


def failure(path: Path) -> str | None:
    """What is said of a file that is not taken."""
    try:
        load(path)
    except AscuaError as e:
        return str(e)
    return None


@pytest.mark.parametrize("opset", [9, 17])
def test_damaged_files(opset: int, tmp_path: Path) -> None:
    """Cut off anywhere, or with any byte changed: an error of ours, or a network."""
    net = Net(1, 2, 6, 6, opset=opset)
    x = net.MaxPool(net.Relu(net.Conv("x0", net.weights(3, 2, 3, 3))), kernel_shape=[2, 2])
    data = net.model(net.Gemm(net.Flatten(x), net.weights(27, 4))).SerializeToString()
    path = tmp_path / "net.onnx"
    draw = random.Random(opset)
    for _ in range(200):
        changed = bytearray(data)
        if draw.random() < 0.2:
            del changed[draw.randrange(len(data)) :]
        else:
            for _ in range(draw.randint(1, 3)):
                changed[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(bytes(changed))
        told = failure(path)
        assert told is None or str(path) in told


def test_ends_that_are_told(tmp_path: Path) -> None:
    """Where channels lie last, the shape that ONNX has stands beside; unknown names are refused."""
    net = Net(1, 3, 8, 6)
    path = said(net, net.Conv("x0", net.weights(4, 3, 3, 3)), tmp_path)
    to = tmp_path / "an o.tflite"
    done = ascua("convert", path, "-o", to)
    assert "input  x0  1x8x6x3  float32, channels last; 1x3x8x6 in ONNX" in done.out
    assert "output  conv0  1x6x4x4  float32, channels last; 1x4x6x4 in ONNX" in done.out
    assert f"Next: ascua quantize '{to}' --data D" in done.out
    refused(ascua("convert", path, "-o", to, "--input-arrays", "nope", "--force"), 1,
            "no input 'nope'", "Known names: x0")  # fmt: skip
    cube = Net(1, 4, 4, 4)
    cube_path = said(cube, cube.Relu("x0"), tmp_path)
    assert "1x4x4x4  float32, channels last" in ascua("convert", cube_path, "-o", to, "--force").out
    flat = Net(4, 3)
    path = said(flat, flat.MatMul("x0", flat.weights(3, 4)), tmp_path)
    assert "channels" not in ascua("convert", path, "-o", tmp_path / "m.tflite").out


def test_sizes_that_no_board_has(tmp_path: Path) -> None:
    net = Net(1, 3, "h", "w")
    path = said(net, net.Relu("x0"), tmp_path)
    sizes = ("--input-arrays", "x0", "--input-shapes", "1,3,1000000,1000000")
    refused(ascua("convert", path, "-o", tmp_path / "o.tflite", *sizes), 1,
            "3,000,000,000,000 elements")  # fmt: skip
    root = Net(1, 4)
    refused(ascua("convert", said(root, root.Sqrt(root.Abs("x0")), tmp_path), "-o",
                  tmp_path / "o.tflite"), 1, "is a square root")  # fmt: skip
