"""Builds the graph, node by node: what ONNX calls a value is a tensor here, or a constant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from ascua.convert.onnx import layout
from ascua.convert.onnx.layout import Shape, Value
from ascua.errors import Unsupported, brief
from ascua.ir import Array, Op, Quant, Tensor
from ascua.ops.reshape import Reshape
from ascua.ops.transpose import Transpose
from ascua.quantize.rules import real

TAKEN = ("Build this part of other layers: docs/convert.md lists what is taken.",)
"""What to try, where nothing nearer is known."""


@dataclass(frozen=True)
class Constant:
    """A known array; with `quant`, integers behind a DequantizeLinear, whose axis is its own."""

    array: Array
    quant: Quant | None = None

    @property
    def shape(self) -> Shape:
        """Its dimensions."""
        return self.array.shape

    @property
    def values(self) -> Array:
        """What it stands for: floats where it is quantised."""
        return self.array if self.quant is None else real(self.array, self.quant)


@dataclass(frozen=True)
class Node:
    """A node of ONNX: `inputs` that are left out are empty names."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    opset: int
    where: str
    """The file."""

    def get(self, attribute: str, default: Any = None) -> Any:
        """An attribute's value, text as text."""
        found = self.attributes.get(attribute, default)
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else found

    def has(self, i: int) -> bool:
        """Whether there is an input at this position."""
        return i < len(self.inputs) and self.inputs[i] != ""

    @property
    def y(self) -> str:
        """The name of its first output."""
        return self.outputs[0]

    @property
    def said(self) -> str:
        """How messages call it."""
        return f"{self.where}: {self.op} '{brief(self.name or self.y)}'"

    def refuse(self, reason: str, *tries: str) -> NoReturn:
        """Raise Unsupported: the node, and what of it has no counterpart."""
        raise Unsupported(f"{self.said}: {reason}.", tries or TAKEN)


class Builder:
    """What has been built so far."""

    def __init__(self, orders: Mapping[str, tuple[int, ...]]) -> None:
        self.orders = orders
        """The order of axes in which an input is taken; without, the usual one."""
        self.wishes: dict[str, set[tuple[int, ...]]] = {}
        """In which orders each input was wanted."""
        self.images: set[Tensor] = set()
        """Inputs, and what windows slid over or made, that lie with their channels last."""
        self.inputs: dict[Tensor, str] = {}
        self.shapes: dict[str, Shape] = {}
        """Of inputs, as ONNX has them."""
        self.known: dict[str, Value | Constant] = {}
        self.ops: list[Op] = []
        self.names: set[str] = set()
        self.views: dict[Tensor, Tensor] = {}
        """What each RESHAPE is of: a view of a view is one of that."""
        self.roots: dict[str, Value] = {}
        """What square roots were taken of: these are computed where something divides by one."""
        self.hard: dict[str, str] = {}
        """Of each hard sigmoid the value that it was taken of."""

    def input(self, name: str, shape: Shape, dtype: str) -> Tensor:
        """Begin with an input of the graph."""
        order = self.orders.get(name, usual(len(shape)))
        tensor = Tensor(self.unused(name), tuple(shape[a] for a in order), dtype)
        self.inputs[tensor], self.shapes[name] = name, shape
        if len(shape) == 4 and order == layout.channels_last(4):
            self.images.add(tensor)
        self.known[name] = layout.value(tensor, shape, order)
        return tensor

    def unused(self, name: str) -> str:
        """`name`, or one like it that no tensor has yet."""
        found, n = name, 1
        while found in self.names:
            found, n = f"{name}_{n}", n + 1
        self.names.add(found)
        return found

    # What a node reads.

    def value(self, node: Node, i: int = 0) -> Value:
        """The computed input at this position; a constant becomes a tensor as it lies."""
        found = self.found(node, i)
        if isinstance(found, Constant):
            tensor = self.constant(found, node.inputs[i])
            return layout.value(tensor, found.shape)
        return found

    def found(self, node: Node, i: int) -> Value | Constant:
        """The input at this position, computed or constant."""
        if not node.has(i):
            node.refuse(f"its input {i} is missing")
        name = node.inputs[i]
        if name not in self.known:
            node.refuse(f"nothing before it makes its input '{brief(name)}'")
        return self.known[name]

    def fixed(self, node: Node, i: int, what: str) -> Constant:
        """The input at this position, which must be constant."""
        found = self.found(node, i)
        if not isinstance(found, Constant):
            node.refuse(
                f"its {what} '{brief(node.inputs[i])}' is computed from data",
                "Export the model with constant weights and fixed shapes.",
            )
        return found

    def numbers(self, node: Node, i: int, attribute: str) -> list[int] | None:
        """Integers that newer opsets have as an input, older ones as an attribute."""
        if node.has(i):
            return [int(n) for n in self.fixed(node, i, attribute).values.ravel()]
        found = node.get(attribute)
        return None if found is None else [int(n) for n in np.atleast_1d(found)]

    def laid(self, v: Value, shape: Shape, order: Sequence[int]) -> Tensor:
        """`v` as a tensor that has the axes of `shape`, of as many elements, in this order."""
        wanted = layout.value(v.tensor, shape, order)
        sizes = tuple(axis.size for axis in wanted.axes)
        how = layout.transposition(v.axes, wanted.axes)
        if how is not None and v.tensor in self.inputs:
            self.wish(v.tensor, *how)
        if layout.merged(v.axes) == layout.merged(wanted.axes):
            return self.reshaped(v.tensor, sizes)
        if how is None:  # by way of the array as ONNX has it: any view is one of that
            return self.laid(layout.value(self.flat(v), v.shape), shape, order)
        return self.reshaped(self.moved(self.reshaped(v.tensor, how[0]), how[1]), sizes)

    def wish(self, x: Tensor, shape: Shape, order: tuple[int, ...]) -> None:
        """Note the order of axes in which the input `x` would need no move, which is this one."""
        name = self.inputs[x]
        given = self.known[name]
        assert isinstance(given, Value)
        axes = layout.cut(given.axes, shape)
        if axes is not None and len(axes) == len(shape):
            best = layout.order(replace(given, axes=tuple(axes[i] for i in order)))
            if best is not None:
                self.wishes.setdefault(name, set()).add(best)

    def flat(self, v: Value) -> Tensor:
        """The elements of `v` in the order in which ONNX has them, whatever view it is."""
        axes = layout.merged(v.axes)
        order = sorted(range(len(axes)), key=lambda i: -axes[i].stride)
        x = self.moved(self.reshaped(v.tensor, tuple(a.size for a in axes)), order)
        return self.reshaped(x, v.shape)

    def plain(self, v: Value) -> Tensor:
        """`v` as ONNX has it."""
        return self.laid(v, v.shape, range(len(v.shape)))

    def native(self, v: Value) -> tuple[Tensor, tuple[int, ...]]:
        """`v` with the axes that it has for ONNX, in whatever order they lie."""
        order = layout.order(v)
        if order is None:
            return self.plain(v), tuple(range(len(v.shape)))
        return self.reshaped(v.tensor, tuple(v.shape[a] for a in order)), order

    def reshaped(self, x: Tensor, shape: Shape) -> Tensor:
        """`x`, or the same memory with another shape."""
        x = self.views.get(x, x)
        if x.shape == shape:
            return x
        if x.const:
            return replace(x, shape=shape, data=x.values.reshape(shape))
        new = self.integers(shape, f"{x.name}/shape")
        y = self.add(Reshape, (x, new), shape, f"{x.name}/view", x.dtype, new_shape=shape)
        self.views[y] = x
        return y

    def moved(self, x: Tensor, order: Sequence[int]) -> Tensor:
        """The axes of `x` in another order."""
        shape = tuple(x.shape[a] for a in order)
        if list(order) == sorted(order):
            return x
        if x.const:
            return replace(x, shape=shape, data=np.transpose(x.values, order))
        how = self.integers(order, f"{x.name}/order")
        return self.add(Transpose, (x, how), shape, f"{x.name}/moved", x.dtype)

    def constant(self, c: Constant, name: str, order: Sequence[int] | None = None) -> Tensor:
        """A tensor of `c`, its axes in another order where one is given."""
        array, quant = c.array, c.quant
        if order is not None:
            array = np.transpose(array, order)
            if quant is not None and quant.per_channel:
                quant = replace(quant, axis=list(order).index(quant.axis))
        data = np.ascontiguousarray(array)
        return Tensor(self.unused(name), data.shape, str(data.dtype), quant, data)

    # What a node makes.

    def add(
        self, kind: Callable[..., Op], inputs: Sequence[Tensor | None], shape: Shape, name: str,
        dtype: str = "float32", **fields: Any,
    ) -> Tensor:  # fmt: skip
        """The output of one more operator."""
        (y,) = self.several(kind, inputs, [shape], [name], dtype, **fields)
        return y

    def several(
        self, kind: Callable[..., Op], inputs: Sequence[Tensor | None], shapes: Sequence[Shape],
        names: Sequence[str], dtype: str = "float32", **fields: Any,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """The outputs of one more operator."""
        ys = tuple(
            Tensor(self.unused(name), tuple(map(int, shape)), dtype)
            for name, shape in zip(names, shapes, strict=True)
        )
        self.ops.append(kind(tuple(inputs), ys, **fields))
        return ys

    def integers(self, values: Any, name: str) -> Tensor:
        """A constant of int32: axes, sizes, paddings."""
        return self.constant(Constant(np.array(values, np.int32)), name)

    def put(self, name: str, tensor: Tensor, shape: Shape, order: Sequence[int]) -> None:
        """The array `name` of ONNX, of this shape, is the tensor, with its axes in this order."""
        self.known[name] = layout.value(tensor, tuple(map(int, shape)), order)


def usual(rank: int) -> tuple[int, ...]:
    """The order of axes of an input that nothing decides: of images, channels last."""
    return layout.channels_last(rank) if rank == 4 else tuple(range(rank))
