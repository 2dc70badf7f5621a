"""The one representation of a network: a Graph of Ops over Tensors.

All values are immutable; a pass returns a new Graph. Tensors and Ops equal only themselves: they
are the keys of dictionaries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ascua.errors import Unsupported, brief, layer_of

Array: TypeAlias = NDArray[Any]

FLOAT_TOLERANCE = 1e-5
"""Sums of floats depend on their order: so far may they be apart, of the greatest in a tensor."""
"""Any array; functions state shape and dtype in their docstrings."""

V = TypeVar("V")

ITEMSIZE: Mapping[str, int] = {
    "int8": 1, "uint8": 1, "bool": 1, "int16": 2, "uint16": 2, "float16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8,
}  # fmt: skip
"""Bytes an element of each dtype that a graph may hold."""


def limits(dtype: str) -> tuple[int, int]:
    """The least and the greatest value of an integer dtype; of bool, 0 and 1."""
    if dtype == "bool":
        return 0, 1
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def storage(dtype: str, size: int) -> int:
    """Bytes of `size` elements of `dtype`, which may also be int4: two a byte."""
    return (size + 1) // 2 if dtype == "int4" else size * ITEMSIZE[dtype]


def each(values: Array | tuple[Array, ...]) -> tuple[Array, ...]:
    """What `Op.eval` or `Op.constant` answers, as one array an output."""
    return values if isinstance(values, tuple) else (values,)


@dataclass(frozen=True)
class Quant:
    """Affine quantisation: real = scale * (q - zero_point); one pair, or one a slice of `axis`."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0
    min: tuple[float, ...] = field(default=(), compare=False)
    max: tuple[float, ...] = field(default=(), compare=False)
    """The range that the scale was made of, where the file tells it; no arithmetic reads it."""

    @property
    def scale(self) -> float:
        """The scale of a per-tensor quantisation (a float32 value)."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor quantisation."""
        return self.zero_points[0]

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return len(self.scales) > 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """A named array of known shape: an activation, or a constant where `data` is given.

    The `data` of int4 are int8 values in -8..7; in files and in flash they are packed.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quant: Quant | None = None
    data: Array | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of the whole tensor."""
        return storage(self.dtype, self.size)

    @property
    def height(self) -> int:
        """The rows of an image, or the steps of a sequence; 1 of what is neither."""
        rows = len(self.shape) > 2 and self.shape[0] == 1 and self.dtype != "int4"
        return self.shape[1] if rows else 1

    @property
    def const(self) -> bool:
        """Whether the values are known."""
        return self.data is not None

    @property
    def q(self) -> Quant:
        """The quantisation; only for tensors that `check` has found to be quantised."""
        assert self.quant is not None, self.name
        return self.quant

    @property
    def values(self) -> Array:
        """The constant's values, in `shape`; only where `const`."""
        assert self.data is not None, self.name
        return self.data


@dataclass(frozen=True)
class Node:
    """An operator as a .tflite file states it: what `Op.read` gets and `Op.write` answers."""

    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Mapping[str, Any]
    """The operator's options table by snake_case field name; absent fields have the default."""
    version: int = 1


@dataclass(frozen=True, eq=False)
class Op(ABC):
    """One operator with typed fields; one subclass an operator of TFLite.

    A subclass states `tflite` (the builtin's name), `options` (the name of its options table)
    and `max_version`.
    """

    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    uint8: bool = field(default=False, kw_only=True)
    """Whether the file has uint8 where Ascua has int8: LiteRT's arithmetic holds."""
    version: int | None = field(default=None, kw_only=True)
    """The version in the file, which says what a runtime must know: of these types and options.

    What gives the operator others leaves it None; then a file gets one that covers all of them.
    """

    tflite: ClassVar[str]
    options: ClassVar[str | None] = None
    max_version: ClassVar[int] = 1
    types: ClassVar[tuple[str, ...]] = ("int8",)
    """The dtypes of activations that TFLM's kernel takes, and `check` too."""
    view: ClassVar[bool] = False
    """Whether the output is the input's bytes under another shape: then no code is needed."""
    any_type: ClassVar[bool] = False
    """Whether `eval` moves or compares values of any type, and so is `eval_float` too."""
    one_scale: ClassVar[bool] = False
    """Whether all activations that it reads and writes must share one quantisation."""
    output_range: ClassVar[tuple[float, float] | None] = None
    """The real range of the output, where the 8-bit specification states its quantisation."""
    elementwise: ClassVar[bool] = False
    """Whether each element of the output is a function of those of the inputs at its place."""
    floats: ClassVar[bool] = False
    """Whether there are kernels of it for float32."""
    optional: ClassVar[tuple[int, ...]] = ()
    """The positions of inputs that a file may leave out."""

    @classmethod
    @abstractmethod
    def read(cls, node: Node) -> Self:
        """The operator that `node` describes. Raises ValueError with a reason in words."""

    def write(self) -> Mapping[str, Any]:
        """The options table that `read` would read back."""
        return {}

    @abstractmethod
    def malformed(self) -> str | None:
        """None, or what makes this no such operator, whatever its types.

        Where it answers None, `constant`, `tied_channels`, `macs` and, on float32, `eval_float`
        answer: arrays of the shapes of its tensors, of a sane size on the way. So it counts inputs
        and outputs first, and no other method needs to.
        """

    @abstractmethod
    def check(self) -> str | None:
        """None, or why Ascua cannot take this operator, in words a user can act on.

        What `malformed` says is among the reasons.
        """

    @abstractmethod
    def eval(self, *xs: Array) -> Array | tuple[Array, ...]:
        """The exact result: each of `xs` is (n, *shape) for the non-constant inputs in order.

        Answers (n, *shape) in the output's dtype, or a tuple of these where there are several
        outputs. Written from the TFLite specification on the raw tensors; uses no kernel's params
        or consts.
        """

    def eval_float(self, *xs: Array) -> Array | tuple[Array, ...]:
        """As `eval`, in single precision on float32, as LiteRT's float kernels have it.

        Raises Unsupported for an operator that has no such form.
        """
        if self.any_type:
            return self.eval(*xs)
        raise Unsupported(
            f"{self.said}: it has no float form here.",
            ["Take the float model, as it was before any quantisation."],
        )

    @property
    def in_float(self) -> bool:
        """Whether all that it reads and writes is float32."""
        return self.dtypes == {"float32"}

    def run(self, *xs: Array) -> Array | tuple[Array, ...]:
        """`eval`, or of an operator on floats that integers have too, `eval_float`."""
        if not self.in_float:
            return self.eval(*xs)
        with np.errstate(all="ignore"):
            return self.eval_float(*xs) if self.floats else self.eval(*xs)

    def macs(self) -> int:
        """Multiply-accumulates of one inference; 0 for operators without weights."""
        return 0

    def constant(self) -> Array | tuple[Array, ...] | None:
        """The output's values where they are known before any input, as with shapes; or None.

        Where there are several outputs, a tuple: all of them are known, or none is.
        """
        return None

    def shapes(self) -> tuple[tuple[int, ...], ...] | None:
        """The shapes of the outputs as its options and constant inputs say; None where they do not.

        Only for what a file with an open batch may have wrong.
        """
        return None

    def tied_channels(self) -> list[tuple[Tensor, int]]:
        """The activations whose channels, the last axis, scale together; empty where they do not.

        Positive factors of these channels of the inputs come out on the output, and change nothing
        else. Beside each tensor stands where its first channel lies among the output's.
        """
        return []

    def written(self) -> tuple[Op, ...]:
        """The operators that a file has for it: for what a pass made, several."""
        return (self,)

    def on(self, instead: Mapping[Tensor, Tensor]) -> Self:
        """The same operator, with other tensors in place of these."""
        inputs = tuple(t and instead.get(t, t) for t in self.inputs)
        return replace(self, inputs=inputs, outputs=tuple(instead.get(t, t) for t in self.outputs))

    @property
    def said(self) -> str:
        """What messages call it: operator, the layer where its name tells one, and the name."""
        layer = layer_of(self.name)
        if layer is None:
            return f"{self.tflite} '{brief(self.name)}'"
        return f"{self.tflite} of layer {layer!r} ('{brief(self.name)}')"

    @property
    def kind(self) -> str:
        """The operator's name in Ascua, e.g. `conv2d`: that of its module."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def name(self) -> str:
        """The name of the first output: what users see in Netron."""
        return self.outputs[0].name

    @property
    def x(self) -> Tensor:
        """The first input."""
        tensor = self.inputs[0]
        assert tensor is not None
        return tensor

    @property
    def y(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    @property
    def activations(self) -> tuple[Tensor, ...]:
        """The inputs that are not constants, in order."""
        return tuple(t for t in self.inputs if t is not None and not t.const)

    @property
    def dtypes(self) -> frozenset[str]:
        """The dtypes of what it reads and writes: those that its kernel must know."""
        return frozenset(t.dtype for t in (*self.activations, *self.outputs))


@dataclass(frozen=True, eq=False)
class State:
    """A value that one run leaves for the next: a variable, as a ring of the last samples.

    At the start of a run it is that of `tensor`, at its end that of `after`, which the run has
    computed, was given, or is a constant. Both have one shape, type and quantisation.
    """

    name: str
    tensor: Tensor
    after: Tensor
    initial: Array = field(repr=False)
    """The value before the first run, in `tensor`'s shape."""


@dataclass(frozen=True)
class Signature:
    """What a caller knows a network by: a key, and names of its own for inputs and outputs."""

    key: str
    inputs: tuple[tuple[str, Tensor], ...]
    outputs: tuple[tuple[str, Tensor], ...]


@dataclass(frozen=True)
class Metadata:
    """What a file says of itself under a name: labels, its converter, its training."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class Layout:
    """The file that a graph was read from: what is written of the graph says all that it says.

    It holds for `graph`, as it was read; of a graph with any other part, nothing is taken from it.
    """

    graph: Graph
    file: Any = field(repr=False)
    """Known to its reader alone; it is looked at again when the graph is written."""


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A network: ops in an order that can be executed, between named inputs and outputs.

    A run also takes a value for each of the states, and leaves one: `eval(xs, states)` answers
    outputs and states.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    description: str = ""
    states: tuple[State, ...] = ()
    signatures: tuple[Signature, ...] = ()
    metadata: tuple[Metadata, ...] = ()

    layout: Layout | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return f"Graph({self.name!r}, {self.summary})"

    @property
    def summary(self) -> str:
        """Operators, inputs and outputs in a few words."""
        ends = (
            ", ".join(f"{t.dtype} {'x'.join(map(str, t.shape))}" for t in ts)
            for ts in (self.inputs, self.outputs)
        )
        return f"{len(self.ops)} operators, {' -> '.join(ends)}"

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor once: inputs and states first, then in order of the ops."""
        listed = (*self.given, *(t for op in self.ops for t in (*op.inputs, *op.outputs)))
        yield from dict.fromkeys(t for t in listed if t is not None)

    @property
    def given(self) -> tuple[Tensor, ...]:
        """What a run starts from: the inputs, then the tensors of the states."""
        return (*self.inputs, *(s.tensor for s in self.states))

    @property
    def left(self) -> tuple[Tensor, ...]:
        """What a run leaves: the outputs, then what the states are afterwards."""
        return (*self.outputs, *(s.after for s in self.states))

    @cached_property
    def makers(self) -> Mapping[Tensor, Op]:
        """The op that computes each tensor; an input or a constant has none."""
        return {t: op for op in self.ops for t in op.outputs}

    @cached_property
    def readers(self) -> Mapping[Tensor, tuple[Op, ...]]:
        """The ops that read each tensor, in order: one stands there as often as it reads it."""
        found: dict[Tensor, list[Op]] = {t: [] for t in self.tensors()}
        for op in self.ops:
            for t in op.inputs:
                if t is not None:
                    found[t].append(op)
        return {t: tuple(ops) for t, ops in found.items()}

    @cached_property
    def last_use(self) -> Mapping[Tensor, int]:
        """The place of the last op that makes or reads each activation.

        That of what a run leaves is behind all ops.
        """
        used = {t: i for i, op in enumerate(self.ops) for t in (*op.activations, *op.outputs)}
        return used | dict.fromkeys(self.left, len(self.ops))

    def until(self, op: Op) -> Graph:
        """The ops up to `op`, whose outputs are the graph's; no signature names them.

        Where there are states, all ops: what they leave decides the next runs.
        """
        ops = self.ops if self.states else self.ops[: self.ops.index(op) + 1]
        return replace(self, outputs=op.outputs, ops=ops, signatures=())

    def replaced(self, instead: Mapping[Tensor, Tensor], ops: Sequence[Op]) -> Graph:
        """The graph of `ops`, with other tensors in place of what a run starts from and leaves.

        Signatures name them too.
        """

        def new(t: Tensor) -> Tensor:
            return instead.get(t, t)

        def named(ends: tuple[tuple[str, Tensor], ...]) -> tuple[tuple[str, Tensor], ...]:
            return tuple((name, new(t)) for name, t in ends)

        return replace(
            self,
            inputs=tuple(map(new, self.inputs)),
            outputs=tuple(map(new, self.outputs)),
            ops=tuple(ops),
            states=tuple(replace(s, tensor=new(s.tensor), after=new(s.after)) for s in self.states),
            signatures=tuple(
                Signature(s.key, named(s.inputs), named(s.outputs)) for s in self.signatures
            ),
        )

    @property
    def tolerance(self) -> float:
        """How far from each other float32 outputs of two executors may be, of the greatest one.

        0 where all arithmetic is of integers.
        """
        real = any(op.in_float and not op.any_type for op in self.ops)
        return FLOAT_TOLERANCE if real else 0.0

    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(op.macs() for op in self.ops)

    def initial(self, n: int) -> tuple[Array, ...]:
        """The states (n, *shape) before the first run."""
        return tuple(np.broadcast_to(s.initial, (n, *s.tensor.shape)) for s in self.states)

    def begun(self, states: Sequence[Array] | None) -> Graph:
        """The graph whose first run begins with `states`, (1, *shape) each; as it is without."""
        if states is None:
            return self
        first = zip(self.states, states, strict=True)
        return replace(self, states=tuple(replace(s, initial=v[0]) for s, v in first))

    def eval(
        self, xs: Sequence[Array], states: Sequence[Array] | None = None, *, keep: bool = False
    ) -> tuple[dict[str, Array], tuple[Array, ...]]:
        """Run the reference: `xs` are (n, *shape) a graph input, of n runs apart from each other.

        So are `states`, those before the first run without any. Answers the outputs by tensor name,
        and the states afterwards; with `keep`, every activation too.
        """
        n = len(xs[0])
        wanted = set(self.left)
        given = (*xs, *(self.initial(n) if states is None else states))
        live = {
            t: y
            for t, y in self.walk(given, lambda op, *read: each(op.run(*read)))
            if keep or t in wanted
        }
        live |= {t: np.broadcast_to(t.values, (n, *t.shape)) for t in self.left if t.const}
        shown = (*self.tensors(), *self.outputs) if keep else self.outputs
        ys = {t.name: live[t] for t in shown if t in live}
        return ys, tuple(live[s.after] for s in self.states)

    def walk(
        self, given: Sequence[V], run: Callable[..., tuple[V, ...]]
    ) -> Iterator[tuple[Tensor, V]]:
        """Each activation and its value, what is `given` first, as `run(op, *inputs)` answers it.

        A value is let go after the last op that reads it.
        """
        live = dict(zip(self.given, given, strict=True))
        yield from zip(self.given, given, strict=True)
        for i, op in enumerate(self.ops):
            ys = run(op, *(live[t] for t in op.activations))
            live |= zip(op.outputs, ys, strict=True)
            yield from zip(op.outputs, ys, strict=True)
            for t in (*op.activations, *op.outputs):
                if self.last_use[t] == i:
                    live.pop(t, None)
