"""Inputs and outputs of a kmodel as those of any network."""

from __future__ import annotations

from ascua.ir import Graph, Tensor
from ascua.kmodel import Kmodel
from ascua.kpu.ram import DTYPES


def ends(model: Kmodel) -> Graph:
    """A graph without operators that has the inputs and outputs of `model`.

    Images are (1, h, w, c), channels last, as a camera gives them.
    """
    inputs = []
    for i, port in enumerate(model.inputs):
        _, c, h, w = port.shape
        inputs.append(Tensor(_name("input", i), (1, h, w, c), DTYPES[port.range.dtype].name))
    outputs = [
        Tensor(_name("output", i), (1, o.count), DTYPES[o.dtype].name)
        for i, o in enumerate(model.outputs)
    ]
    return Graph(model.name, tuple(inputs), tuple(outputs), ())


def _name(what: str, i: int) -> str:
    return f"{what}_{i}" if i else what
