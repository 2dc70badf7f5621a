"""ONNX files, of PyTorch and others, straight into a Graph: float, or integer where they are.

ONNX has channels first, TFLite last: a graph from here takes and gives images as TFLite does,
(n, height, width, channels), and weights are transposed as they are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from ascua.convert.onnx import layout, nodes, opening
from ascua.convert.onnx.builder import TAKEN, Builder, Constant, Node, usual
from ascua.convert.onnx.layout import Shape, Value
from ascua.convert.onnx.opening import Opened
from ascua.errors import InputError, ModelError, Unsupported, brief, did_you_mean
from ascua.ir import Graph, Tensor
from ascua.passes import drop_dead
from ascua.quantize.simplify import simplify
from ascua.quantize.stated import integers, stated

for _info in iter_modules(nodes.__path__):
    import_module(f"{nodes.__name__}.{_info.name}")

FOLDED = {"DequantizeLinear", "QuantizeLinear"}
"""What keeps its constants apart: integers and their scales."""


def load(
    path: Path, shapes: Mapping[str, Shape] | None = None, outputs: Sequence[str] = ()
) -> Graph:  # fmt: skip
    """The graph of `read`."""
    return read(path, shapes, outputs)[0]


def read(
    path: Path, shapes: Mapping[str, Shape] | None = None, outputs: Sequence[str] = (),
    inputs: Sequence[str] = (),
) -> tuple[Graph, dict[str, Shape]]:  # fmt: skip
    """The network in the ONNX file at `path`: float32, or integer between its Q and DQ nodes.

    And its inputs and outputs whose channels lie last here, with the shapes that ONNX gives them.

    `shapes` are those of inputs that leave theirs open, as ONNX has them; `outputs` names others
    than the file's; `inputs` can only be the file's. Raises InputError, ModelError, Unsupported
    naming nodes, ToolMissing without the extra [onnx].
    """
    found = opening.opened(path, shapes or {})
    for name in inputs:
        if name not in found.inputs:
            raise InputError(f"{path}: it has no input {name!r}.", did_you_mean(name, found.inputs))
    if outputs:
        found = _until(found, outputs, path)
    _refuse_unknown(found, path)
    first = _built(found, {})
    wishes = {name: orders.pop() for name, orders in first.wishes.items() if len(orders) == 1}
    taken = {name: order for name, order in wishes.items() if _usual(first, name, order)}
    b = _built(found, taken) if taken else first
    graph, moved = _graph(found, b, path)
    done = integers(graph, str(path)) if stated(graph) else simplify(graph, str(path))
    return done, moved


def _usual(b: Builder, name: str, order: tuple[int, ...]) -> bool:
    """Whether an input may be taken in this order: ONNX' own, or channels last of an image.

    Any other is an operator's work, not a layout: who feeds the network would not know of it.
    """
    if list(order) == sorted(order):
        return True
    tensor = next(t for t, n in b.inputs.items() if n == name)
    return order == layout.channels_last(len(order)) and tensor in b.images


def _until(found: Opened, outputs: Sequence[str], path: Path) -> Opened:
    """The nodes that these outputs need. Raises InputError where there is no such."""
    made = {y: i for i, n in enumerate(found.nodes) for y in n.outputs}
    wanted: set[int] = set()
    open_ = list(outputs)
    for name in outputs:
        if name not in made:
            raise InputError(f"{path}: no node makes {name!r}.", did_you_mean(name, made))
    while open_:
        at = made.get(open_.pop())
        if at is not None and at not in wanted:
            wanted.add(at)
            open_ += found.nodes[at].inputs
    kept = sorted(wanted)
    read_ = {x for i in kept for x in found.nodes[i].inputs}
    return replace(
        found, inputs={n: i for n, i in found.inputs.items() if n in read_},
        outputs=tuple(outputs), nodes=tuple(found.nodes[i] for i in kept),
        raw=tuple(found.raw[i] for i in kept),
    )  # fmt: skip


def _refuse_unknown(found: Opened, path: Path) -> None:
    """Raise Unsupported naming every node that has no counterpart."""
    unknown = [n for n in found.nodes if n.op not in nodes.NODES and n.op not in CONSTANT]
    if not unknown:
        return
    counts = Counter(n.op for n in unknown)
    first = {n.op: n for n in reversed(unknown)}
    said = [
        f"{op} ('{brief(first[op].name or first[op].y)}'"
        + (f", and {count - 1} more)" if count > 1 else ")")
        for op, count in counts.items()
    ]
    raise Unsupported(
        f"{path}: ONNX operators without a counterpart: {', '.join(said)}.", _remedies(counts)
    )


def _remedies(names: Mapping[str, int]) -> list[str]:
    """What to try."""
    tries = []
    if any(name.startswith("QLinear") or name == "ConvInteger" for name in names):
        tries.append(
            "Quantise it in QDQ format: `quantize_static(…, quant_format=QuantFormat.QDQ)`."
        )
    if names.keys() & {"LSTM", "GRU", "RNN", "Loop", "Scan", "If"}:
        tries.append("Recurrent layers: build the network of single steps, without a loop.")
    if "LogSoftmax" in names:
        tries.append(
            "A log-softmax at the end leaves the scores in their order: export without it."
        )
    if "If" not in names and names.keys() & {"LSTM", "GRU", "RNN"}:
        tries.append("Of Keras: give the .keras file, whose loops are unrolled.")
    inner = "Cut them off, where they are at its end: `ascua convert … --output-arrays NODE`."
    tries.append(inner)
    tries.append("Replace the layers that make these nodes; docs/convert.md lists what is taken.")
    return tries


CONSTANT = {"Constant", "ConstantOfShape", "Range", "Where", "Equal", "Not", "And", "Or", "Mod",
            "Less", "Greater", "NonZero", "ScatterND", "Tile", "Floor", "Ceil"}  # fmt: skip
"""Operators that are taken only where all that they read is known."""


MOVING = {"TRANSPOSE", "FULLY_CONNECTED", "BATCH_MATMUL", "GATHER"}
"""Operators whose outputs are no images any more."""


def _built(found: Opened, orders: Mapping[str, tuple[int, ...]]) -> Builder:
    """The nodes in turn, on inputs whose axes are in these orders."""
    b = Builder(orders)
    b.known.update({name: Constant(array) for name, array in found.constants.items()})
    for name, (shape, dtype) in found.inputs.items():
        b.input(name, shape, dtype)
    for n, raw in zip(found.nodes, found.raw, strict=True):
        read = [b.known.get(name) for name in n.inputs if name]
        if n.op not in FOLDED and all(isinstance(c, Constant) and c.quant is None for c in read):
            _compute(n, raw, b, [c.array for c in read if isinstance(c, Constant)])
        elif n.op in nodes.NODES:
            _translate(n, b)
        else:
            n.refuse("it has no counterpart where it reads what is computed")
    return b


def _compute(n: Node, raw: Any, b: Builder, read: list[Any]) -> None:
    """A node of constants alone."""
    try:
        ys = opening.computed(opening.import_onnx(), raw, n.opset, read)
    except Exception as e:  # the reference has no error of its own
        n.refuse(f"its constants cannot be computed: {e}")
    b.known.update({name: Constant(y) for name, y in zip(filter(None, n.outputs), ys, strict=True)})


def _translate(n: Node, b: Builder) -> None:
    """A node that reads what is computed."""
    before = len(b.ops)
    try:
        nodes.NODES[n.op](n, b)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as e:
        raise ModelError(
            f"{n.said}: it does not go together: {type(e).__name__}: {e}.", ["Export it again."]
        ) from e
    for op in b.ops[before:]:
        if reason := op.malformed():
            raise Unsupported(f"{n.said}, as {op.tflite}: {reason}.", TAKEN)


def _is_image(b: Builder, tensor: Tensor) -> bool:
    """Whether the tensor lies as windows left it: operators since then kept its channels last."""
    makers = {y: op for op in b.ops for y in op.outputs}
    open_, seen = [tensor], {tensor}
    while open_:
        t = open_.pop()
        if t in b.images:
            return True
        op = makers.get(t)
        if op is None or op.tflite in MOVING:
            continue
        same = [x for x in op.activations if _sizes(x) == _sizes(t) or op.tflite != "RESHAPE"]
        open_ += [x for x in same if x not in seen]
        seen |= set(same)
    return False


def _sizes(t: Tensor) -> list[int]:
    return [s for s in t.shape if s > 1]


def _graph(found: Opened, b: Builder, path: Path) -> tuple[Graph, dict[str, Shape]]:
    """What was built, between its inputs and outputs, which keep the names of the file.

    And those that lie with their channels last.
    """
    shapes = {name: found.inputs[name][0] for name in b.inputs.values()}
    orders = {name: b.orders.get(name, usual(len(shape))) for name, shape in shapes.items()}
    moved = {name: shapes[name] for name, order in orders.items() if list(order) != sorted(order)}
    instead: dict[Tensor, Tensor] = {}
    outputs = []
    for name in found.outputs:
        v = b.known.get(name)
        if name in b.roots:
            raise Unsupported(
                f"{path}: its output '{brief(name)}' is a square root, which is taken only where"
                " something divides by it.",
                TAKEN,
            )
        if not isinstance(v, Value):
            raise Unsupported(
                f"{path}: its output '{brief(name)}' is constant, or no array.",
                ["Export it without that output, or name the others: `--output-arrays A,B`."],
            )
        y, order = b.native(v)
        if list(order) != sorted(order) and not (
            order == layout.channels_last(len(order)) and _is_image(b, v.tensor)
        ):
            y = b.plain(v)
        elif list(order) != sorted(order):
            moved[name] = v.shape
        if y in b.inputs or y in outputs:
            y = b.reshaped(y, (1, *y.shape))
        outputs.append(y)
        if y.name != name:
            instead[y] = replace(y, name=name)
    ops = [op.on(instead) for op in b.ops]
    ends = tuple(instead.get(y, y) for y in outputs)
    graph = Graph(path.stem, tuple(b.inputs), ends, tuple(ops), "Ascua, of ONNX")
    return drop_dead(graph), moved
