"""Mutates small networks where files can differ: numbers of inputs, shapes, types, options, values.

What no reader lets through is not made: an option that an operator's `read` refuses, a tensor that
is computed twice, or before what computes it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ascua.ir import ITEMSIZE, Array, Graph, Node, Op, Tensor
from tests.support import network

SIZES = (0, 1, 1, 2, 3, 4, 7, 64, 255, 4096, 1 << 14, 1 << 20, 1 << 23)
VALUES = (0, 0, 1, 1, 2, 3, 5, -1, -2, 8, 127, 255, 1 << 16, 1 << 30, 2**31 - 1, -(2**31))
REALS = (0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, float("inf"), float("nan"))
DTYPES = tuple(ITEMSIZE)
MOST_COMPUTED, MOST_CONSTANT = 1 << 23, 1 << 14
"""Elements: as `tflite.read` takes them, and as a file of a few KB holds them."""


def mutated(graph: Graph, rng: random.Random) -> Graph | None:
    """`graph` with one or two things changed, or None where no file can have it so."""
    try:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            graph = _changed(graph, rng)
    except ValueError:  # as `read` says that it takes no such options
        return None
    whole = network(*graph.ops)
    if not whole.inputs:
        whole = replace(whole, inputs=(Tensor("unread", (1,), "float32"),))
    return whole if _ordered(whole) else None


def _ordered(graph: Graph) -> bool:
    """Whether each tensor is computed once, and before it is read."""
    known = set(graph.inputs)
    for op in graph.ops:
        if not known.issuperset(op.activations):
            return False
        if any(t in known or t.const for t in op.outputs):
            return False
        known.update(op.outputs)
    return True


def _changed(graph: Graph, rng: random.Random) -> Graph:
    at = rng.randrange(len(graph.ops))
    op = graph.ops[at]
    tensors = [t for t in (*op.inputs, *op.outputs) if t is not None]
    match rng.choice(("tensor", "tensor", "tensor", "tensor", "options", "options", "list")):
        case "options":
            changed = _options(op, rng)
        case "list":
            changed = _listed(op, [*graph.tensors()], rng)
        case _ if tensors:
            old = rng.choice(tensors)
            made = {t for o in graph.ops for t in o.outputs}
            return _replaced(graph, old, _tensor(old, rng, free=old not in made))
        case _:
            return graph
    return replace(graph, ops=(*graph.ops[:at], changed, *graph.ops[at + 1 :]))


def _replaced(graph: Graph, old: Tensor, new: Tensor) -> Graph:
    """`graph` with another tensor in each place of one."""

    def change(ts: tuple[Tensor | None, ...]) -> tuple[Any, ...]:
        return tuple(new if t is old else t for t in ts)

    ops = (replace(op, inputs=change(op.inputs), outputs=change(op.outputs)) for op in graph.ops)
    return replace(graph, ops=tuple(ops))


def _options(op: Op, rng: random.Random) -> Op:
    """`op` with another value of one of its options. Raises ValueError as its `read`."""
    options: Mapping[str, Any] = op.write()
    if not options:
        return op
    name = rng.choice(list(options))
    old = options[name]
    new: Any = rng.choice(VALUES)
    if isinstance(old, tuple):
        new = tuple(rng.choice(VALUES) for _ in range(rng.randrange(4)))
    elif isinstance(old, bool):
        new = not old
    elif isinstance(old, float):
        new = float(np.float32(rng.choice(REALS)))
    # The options of some operators are read from the counts of their tensors.
    counts = {"values_count": len(op.inputs), "num": len(op.outputs)}
    changed = type(op).read(Node(op.inputs, op.outputs, {**options, name: new, **counts}))
    return replace(changed, uint8=op.uint8)


def _listed(op: Op, others: list[Tensor], rng: random.Random) -> Op:
    """`op` with other inputs or outputs: fewer, more, none in a place, or in another order."""
    inputs: list[Tensor | None] = [*op.inputs]
    outputs = [*op.outputs]
    at = rng.randrange(len(inputs))
    match rng.choice(("drop", "absent", "swap", "more", "other", "outputs", "fewer")):
        case "drop" if len(inputs) > 1:
            del inputs[at]
        case "absent":
            inputs[at] = None
        case "swap":
            rng.shuffle(inputs)
        case "more":
            inputs.append(rng.choice([None, *others]))
        case "other":
            inputs[at] = rng.choice(others)
        case "outputs":
            t = rng.choice(outputs)
            outputs.append(replace(t, name=f"{t.name}#{len(outputs)}"))
        case "fewer" if len(outputs) > 1:
            outputs.pop()
    return replace(op, inputs=tuple(inputs), outputs=tuple(outputs))


def _tensor(t: Tensor, rng: random.Random, *, free: bool) -> Tensor:
    """Another tensor in the place of `t`; a `free` one may be constant or not."""
    match rng.choice(("shape", "shape", "dtype", "values", "const", "quant")):
        case "shape":
            return _shaped(t, _shape(t.shape, rng), rng)
        case "dtype":
            dtype = rng.choice(DTYPES)
            data = None if t.data is None else _cast(t.data, dtype)
            return replace(t, dtype=dtype, data=data)
        case "values" if t.data is not None and t.size:
            return replace(t, data=_values(t, rng))
        case "const" if free and t.data is not None:
            return replace(t, data=None)
        case "const" if free and t.size <= MOST_CONSTANT:
            values = _random(t.shape, "int8" if t.dtype == "int4" else t.dtype, rng)
            return replace(t, data=values)
        case "quant":
            return replace(t, quant=None)
    return t


def _shape(shape: tuple[int, ...], rng: random.Random) -> tuple[int, ...]:
    sizes = [*shape]
    at = rng.randrange(len(sizes)) if sizes else 0
    match rng.choice(("size", "size", "near", "drop", "add", "swap", "same")):
        case "size" if sizes:
            sizes[at] = rng.choice(SIZES)
        case "near" if sizes:
            sizes[at] = max(0, sizes[at] + rng.choice((-1, 1)))
        case "drop" if sizes:
            del sizes[at]
        case "add":
            sizes.insert(at, rng.choice((1, 1, 2, 3)))
        case "swap":
            rng.shuffle(sizes)
        case "same" if len(sizes) > 1:  # as many elements
            sizes[:2] = [sizes[0] * sizes[1]]
    return tuple(sizes)


def _shaped(t: Tensor, shape: tuple[int, ...], rng: random.Random) -> Tensor:
    """`t` in another shape, if a file can hold it; its values are repeated or cut off."""
    size = int(np.prod(shape, dtype=np.float64))
    if size > (MOST_COMPUTED if t.data is None else MOST_CONSTANT):
        return t
    quant = t.quant
    if quant is not None and quant.per_channel:
        fits = quant.axis < len(shape) and shape[quant.axis] == len(quant.scales)
        quant = quant if fits else replace(quant, scales=quant.scales[:1], zero_points=(0,))
    if t.data is None:
        return replace(t, shape=shape, quant=quant)
    flat = t.data.reshape(-1)
    data = np.resize(flat, shape) if flat.size else _random(shape, str(t.data.dtype), rng)
    return replace(t, shape=shape, quant=quant, data=data)


def _values(t: Tensor, rng: random.Random) -> Array:
    """The values of a constant, one of them another."""
    values = t.values.copy()
    some = REALS if values.dtype.kind == "f" else VALUES
    values.reshape(-1)[rng.randrange(t.size)] = _cast(np.array(rng.choice(some)), str(values.dtype))
    return values


def _random(shape: tuple[int, ...], dtype: str, rng: random.Random) -> Array:
    values = np.random.default_rng(rng.randrange(1 << 30)).integers(0, 3, shape)
    return _cast(values, dtype)


def _cast(values: Array, dtype: str) -> Array:
    with np.errstate(all="ignore"):
        return values.astype(dtype)
