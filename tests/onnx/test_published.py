"""The models that the package `onnx` brings: real exports and the shapes of known networks."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnx
from onnx import numpy_helper

from ascua.convert.onnx import load
from ascua.errors import Unsupported
from ascua.ir import Array
from tests.support.onnx_nets import compared, either, is_near, outputs

DATA = Path(onnx.__file__).parent / "backend/test/data"
SMALL = sorted(p.parent for p in DATA.glob("pytorch-*/*/model.onnx"))
"""A layer or two each, as PyTorch wrote them in opset 6 to 9, with PyTorch's outputs."""
LEAST = 73
"""Of these have counterparts, and inputs that are no noise."""
SOUND = 1e6
"""Inputs in double precision are not: they were never filled."""
LARGE = ("densenet121", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19")
"""Of opset 9."""


def stored(folder: Path, kind: str) -> list[Array]:
    """The arrays beside a model, in their order."""
    paths = sorted(folder.glob(f"test_data_set_0/{kind}_*.pb"), key=lambda p: int(p.stem[-1]))
    return [numpy_helper.to_array(onnx.load_tensor(str(p))) for p in paths]


def test_small_models_of_pytorch() -> None:
    """Where the sizes of an array do not tell the order of its axes, one of both is right."""
    done, wrong = 0, []
    for folder in SMALL:
        try:
            graph = load(folder / "model.onnx")
        except Unsupported:
            continue
        given = stored(folder, "input")
        if any(np.abs(x).max() > SOUND for x in given):
            continue
        done += 1
        orders = (
            either(x.astype(np.float32), t.shape) for x, t in zip(given, graph.inputs, strict=True)
        )
        wanted = stored(folder, "output")
        if not any(
            all(is_near(y, w) for y, w in zip(outputs(graph, xs), wanted, strict=True))
            for xs in product(*orders)
        ):
            wrong.append(folder.name)
    assert wrong == []
    assert done >= LEAST


def with_random_weights(model: Any) -> Any:
    """The model, whose weights are arrays of one value, with others in their place."""
    rng = np.random.default_rng(1)
    shapes = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    for node in [n for n in model.graph.node if n.op_type == "ConstantOfShape"]:
        shape = tuple(shapes[node.input[0]])
        fan = max(1, int(np.prod(shape[1:])))
        array = rng.uniform(0.5, 1.5, shape) if len(shape) == 1 else rng.normal(0, fan**-0.5, shape)
        model.graph.initializer.append(
            numpy_helper.from_array(array.astype(np.float32), node.output[0])
        )
        model.graph.node.remove(node)
    model.ir_version = 4  # in which weights need not be inputs
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_known_networks(name: str, tmp_path: Path) -> None:
    compared(with_random_weights(onnx.load(str(DATA / f"light/light_{name}.onnx"))), tmp_path)
