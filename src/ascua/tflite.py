"""Reads and writes .tflite files; the only module that knows flatbuffers."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import flatbuffers
import numpy as np
import tflite as schema

from ascua import files
from ascua.errors import InputError, ModelError, Unsupported
from ascua.ir import ITEMSIZE, Array, Graph, Node, Op, Quant, Tensor, storage
from ascua.ops import OPERATORS

T = TypeVar("T")

MAX_BYTES = 1 << 30
"""A larger file is no network for a microcontroller."""
MAX_ELEMENTS = 1 << 28
"""A larger tensor is taken for a damaged shape."""
MAX_COMPUTED = 1 << 23
"""So is a larger one whose values the file does not hold."""

_QUANTIZED = ("int4", "int8", "uint8", "int16")
"""Types whose values mean nothing without a scale and a zero point."""

MAX_ENTRIES = 1 << 14
"""Tensors, operators or buffers; a file that claims more is damaged."""
MAX_DIMENSIONS = 8
"""More than any operator of TFLite takes."""

_DTYPES = {v: k.lower() for k, v in vars(schema.TensorType).items() if k.isupper()}
_BUILTINS = {v: k for k, v in vars(schema.BuiltinOperator).items() if k.isupper()}


def load(path: Path | str) -> Graph:
    """The network in the file at `path`.

    Raises InputError when the file cannot be opened, ModelError when it is damaged, Unsupported
    when it holds an operator that Ascua does not know.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(
                f"{path}: larger than {MAX_BYTES >> 20} MiB: not a small network.",
                ["Take a network for microcontrollers: they have a few MB at most."],
            )
        files.check_regular(path, MAX_BYTES)
        data = path.read_bytes()
    except OSError as e:
        hint = "Check the path of the model file."
        if path.is_dir():
            hint = f"Make a file of a SavedModel: `ascua quantize {path} --data D -o model.tflite`."
        raise InputError(f"{path}: cannot be read: {e.strerror}.", [hint]) from e
    return read(data, str(path))


def read(data: bytes, name: str = "model") -> Graph:
    """The network in the bytes of a .tflite file; `name` (a path) stands in error messages."""
    if len(data) < 8 or data[4:8] != b"TFL3":
        what = "is empty" if not data else "is not a .tflite file (no TFL3 mark)"
        raise ModelError(
            f"{name}: {what}.",
            [
                "Convert the model first: `ascua quantize`, or TensorFlow's TFLiteConverter.",
                "If it was downloaded, check that the download is complete.",
            ],
        )
    try:
        return _Reader(data, name).graph()
    except (struct.error, IndexError, ValueError, TypeError, OverflowError, MemoryError) as e:
        detail = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise ModelError(
            f"{name}: the file is damaged or truncated ({detail}).",
            ["Check that it was copied completely; export it again."],
        ) from e


class _Reader:
    """One file being read; every index and length is checked against the file."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.model = schema.Model.GetRootAs(data, 0)

    def fail(self, what: str) -> ModelError:
        return ModelError(
            f"{self.name}: {what}",
            ["Check that the file was copied completely; export it again."],
        )

    def vector(self, table: Any, field: str) -> Iterator[Any]:
        """The elements of a vector of tables, its length checked against the file's."""
        length = getattr(table, field + "Length")()
        if length > min(MAX_ENTRIES, len(self.data) // 4):
            raise self.fail(f"{field} claims {length} entries, more than the file can hold.")
        get = getattr(table, field)
        for i in range(length):
            if get(i) is None:
                raise self.fail(f"entry {i} of {field} is missing.")
            yield get(i)

    def numbers(self, table: Any, field: str) -> list[int]:
        """A vector of integers."""
        if getattr(table, field + "IsNone")():
            return []
        if getattr(table, field + "Length")() * 4 > len(self.data):
            raise self.fail(f"{field} claims more entries than the file holds.")
        return [int(v) for v in getattr(table, field + "AsNumpy")()]

    def graph(self) -> Graph:
        if self.model.Version() != 3:
            raise self.fail(f"schema version {self.model.Version()}; Ascua reads version 3.")
        count = self.model.SubgraphsLength()
        if count != 1:
            raise Unsupported(
                f"{self.name}: it has {count} subgraphs; Ascua takes exactly one.",
                ["Export a single inference function, without control flow."],
            )
        sub = next(self.vector(self.model, "Subgraphs"))
        codes = [self.opcode(c) for c in self.vector(self.model, "OperatorCodes")]
        operators = list(self.vector(sub, "Operators"))
        self.refuse_unknown(codes, operators)
        buffers = list(self.vector(self.model, "Buffers"))
        tensors = self.tensors(sub, buffers)
        inputs = self.pick(tensors, self.numbers(sub, "Inputs"), "graph inputs")
        outputs = self.pick(tensors, self.numbers(sub, "Outputs"), "graph outputs")
        if not inputs or not outputs:
            raise self.fail("the graph has no inputs or no outputs.")
        if any(t.const for t in inputs) or len(set(inputs)) < len(inputs):
            raise self.fail("an input of the graph is a constant, or is listed twice.")
        ops = tuple(self.op(i, o, codes[o.OpcodeIndex()], tensors) for i, o in enumerate(operators))
        description = self.model.Description() or b""
        graph = Graph(
            Path(self.name).stem, inputs, outputs, ops, description.decode("utf-8", "replace")
        )
        self.check_order(graph)
        for t in graph.tensors():
            if not _held(t.dtype):
                raise self.refused_type(t.name, t.dtype)
        return graph

    def opcode(self, code: Any) -> tuple[str, int]:
        """The operator's name and version; a custom operator's name is quoted."""
        at = code._tab.Offset(10)  # `code.BuiltinCode()` overlooks codes below 127
        new = code._tab.Get(flatbuffers.number_types.Int32Flags, at + code._tab.Pos) if at else 0
        number = max(new, code.DeprecatedBuiltinCode())
        name = _BUILTINS.get(number, f"builtin {number}")
        if name == "CUSTOM":
            custom = code.CustomCode() or b"?"
            name = f"custom operator '{custom.decode('utf-8', 'replace')}'"
        return name, code.Version()

    def refuse_unknown(self, codes: Sequence[tuple[str, int]], operators: Sequence[Any]) -> None:
        """Name every operator that Ascua does not know, before anything else is read."""
        for o in operators:
            if not 0 <= o.OpcodeIndex() < len(codes):
                raise self.fail(f"an operator has the code {o.OpcodeIndex()} of {len(codes)}.")
        used = [codes[o.OpcodeIndex()] for o in operators]
        unknown = sorted({name for name, _ in used if name not in OPERATORS})
        if unknown:
            listed = ", ".join(f"{u} ({[n for n, _ in used].count(u)} times)" for u in unknown)
            raise Unsupported(
                f"{self.name}: Ascua does not support {listed}.",
                [
                    "`ascua ops` lists what is supported.",
                    "Replace the layers that make these operators, or cut them off the model.",
                ],
            )
        for name, version in used:
            newest = OPERATORS[name].max_version
            if version > newest:
                raise Unsupported(
                    f"{self.name}: {name} has version {version}; Ascua knows up to {newest}.",
                    ["Export with an older converter, or with its default types (int8)."],
                )

    def tensors(self, sub: Any, buffers: Sequence[Any]) -> list[Tensor]:
        """All tensors, with unique names."""
        seen: set[str] = set()
        result = []
        for i, t in enumerate(self.vector(sub, "Tensors")):
            name = (t.Name() or b"").decode("utf-8", "replace") or f"tensor_{i}"
            while name in seen:
                name = f"{name}#{i}"
            seen.add(name)
            result.append(self.tensor(t, name, buffers))
        return result

    def tensor(self, t: Any, name: str, buffers: Sequence[Any]) -> Tensor:
        if t.Type() not in _DTYPES:
            raise self.fail(f"tensor '{name}' has the type {t.Type()}, which does not exist.")
        dtype = _DTYPES[t.Type()]
        if t.ShapeLength() > MAX_DIMENSIONS:
            raise self.fail(f"tensor '{name}' claims {t.ShapeLength()} dimensions.")
        shape = tuple(self.numbers(t, "Shape"))
        signature = self.numbers(t, "ShapeSignature")
        if len(signature) == len(shape) and signature[:1] == [-1]:
            shape = (1, *shape[1:])  # the batch is open; TFLM does not look at other sizes here
        elements = 1
        for d in shape:
            elements *= d
            if d < 0 or elements > MAX_ELEMENTS:
                raise self.fail(f"tensor '{name}' has the impossible shape {list(shape)}.")
        if t.Sparsity() is not None:
            raise Unsupported(
                f"{self.name}: tensor '{name}' is stored sparse.",
                ["Export without the sparsity optimisation."],
            )
        index = t.Buffer()
        if not 0 <= index < len(buffers):
            raise self.fail(f"tensor '{name}' has buffer {index} of {len(buffers)}.")
        data = self.constant(name, shape, dtype, buffers[index])
        if data is None and elements > MAX_COMPUTED:
            raise self.fail(f"tensor '{name}' has the impossible shape {list(shape)}.")
        if data is not None and t.IsVariable():  # TFLM overwrites them before the first inference
            raise self.fail(f"tensor '{name}' is a variable, and the file holds values of it.")
        return Tensor(name, shape, dtype, self.quant(t, name, dtype, shape), data)

    def constant(self, name: str, shape: tuple[int, ...], dtype: str, buffer: Any) -> Array | None:
        """The tensor's values, or None where its buffer is empty."""
        raw = self.raw(name, buffer)
        if raw.size == 0:
            return None
        if not _held(dtype):
            raise self.refused_type(name, dtype)
        size = int(np.prod(shape, dtype=np.int64))
        need = storage(dtype, size)
        if raw.size != need:
            raise self.fail(f"tensor '{name}' needs {need} bytes and its buffer has {raw.size}.")
        if dtype == "int4":
            return _unpacked(raw, size).reshape(shape)
        values: Array = raw.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)
        values.flags.writeable = False
        return values

    def refused_type(self, name: str, dtype: str) -> Unsupported:
        return Unsupported(
            f"{self.name}: tensor '{name}' holds {dtype} values.",
            ["Export with int8 weights: string and other types are not taken."],
        )

    def raw(self, name: str, buffer: Any) -> Array:
        """The bytes of a buffer: in the tables, or behind them, as large files have them."""
        begin, size = buffer.Offset(), buffer.Size()
        if begin > 1:
            if begin + size > len(self.data):
                raise self.fail(f"tensor '{name}' lies at {begin:,} and the file ends before.")
            return np.frombuffer(self.data, np.uint8, size, begin)
        if buffer.DataIsNone():
            return np.empty(0, np.uint8)
        return np.asarray(buffer.DataAsNumpy(), np.uint8)

    def quant(self, t: Any, name: str, dtype: str, shape: tuple[int, ...]) -> Quant | None:
        q = t.Quantization()
        if q is None or q.ScaleIsNone() or q.ScaleLength() == 0:
            return None
        if q.ScaleLength() * 4 > len(self.data):
            raise self.fail(f"tensor '{name}' claims {q.ScaleLength()} scales.")
        scales = tuple(float(s) for s in q.ScaleAsNumpy())
        zeros = self.numbers(q, "ZeroPoint")
        if not zeros:  # TFLM then takes the tensor for one without quantisation
            if dtype in _QUANTIZED:
                raise self.fail(f"tensor '{name}' has a scale and no zero point.")
            return None
        axis = q.QuantizedDimension()
        if shape == (len(scales),):
            axis = 0  # Old exporters give a bias the axis of the weights.
        if len(zeros) == 1:
            zeros *= len(scales)
        if len(zeros) != len(scales):
            raise self.fail(f"tensor '{name}' has {len(scales)} scales, {len(zeros)} zero points.")
        if len(scales) > 1 and (not 0 <= axis < len(shape) or shape[axis] != len(scales)):
            raise self.fail(
                f"tensor '{name}' of shape {list(shape)} has {len(scales)} scales on axis {axis}."
            )
        if not all(np.isfinite(s) and s > 0 for s in scales):
            raise self.fail(f"tensor '{name}' has a scale that is not a positive number.")
        return Quant(scales, tuple(zeros), axis)

    def pick(self, tensors: Sequence[T], indices: Sequence[int], what: str) -> tuple[T, ...]:
        for i in indices:
            if not 0 <= i < len(tensors):
                raise self.fail(f"{what}: tensor {i} of {len(tensors)} does not exist.")
        return tuple(tensors[i] for i in indices)

    def op(self, i: int, o: Any, code: tuple[str, int], tensors: Sequence[Tensor]) -> Op:
        kind = OPERATORS[code[0]]
        where = f"operator {i} ({code[0]})"
        listed = self.numbers(o, "Inputs")
        present = iter(self.pick(tensors, [t for t in listed if t != -1], where))
        inputs = tuple(None if t == -1 else next(present) for t in listed)
        outputs = self.pick(tensors, self.numbers(o, "Outputs"), where)
        if not outputs or not inputs:
            raise self.fail(f"{where} has no inputs or no outputs.")
        for at, t in enumerate(inputs):
            if t is None and at not in kind.optional:
                raise self.fail(f"{where}, output '{outputs[0].name}': its input {at} is missing.")
        node = Node(inputs, outputs, self.options(kind, o, where), code[1])
        try:
            return kind.read(node)
        except (ValueError, IndexError) as e:
            raise self.fail(f"{where}, output '{outputs[0].name}': {e}") from e

    def options(self, kind: type[Op], o: Any, where: str) -> dict[str, Any]:
        """The options table by snake_case name; the schema's defaults where it is absent."""
        if kind.options is None:
            return {}
        options = getattr(schema, kind.options)()
        union = o.BuiltinOptions()
        if union is None:
            options.Init(_EMPTY_TABLE, 4)
        else:
            expected = getattr(schema.BuiltinOptions, kind.options)
            if o.BuiltinOptionsType() != expected:
                raise self.fail(f"{where} has options of the type {o.BuiltinOptionsType()}.")
            options.Init(union.Bytes, union.Pos)
        return {
            field: self.numbers(options, camel) if is_vector else getattr(options, camel)()
            for field, camel, is_vector in _fields(kind.options)
        }

    def check_order(self, graph: Graph) -> None:
        """Each tensor is computed once, and before it is read."""
        known = set(graph.inputs)
        for op in graph.ops:
            for t in op.activations:
                if t not in known:
                    raise self.fail(
                        f"{op.tflite} '{op.name}' reads '{t.name}' before anything computes it."
                    )
            for t in op.outputs:
                if t in known or t.const:
                    raise self.fail(f"tensor '{t.name}' is computed twice.")
                known.add(t)
        for t in graph.outputs:
            if t not in known and not t.const:
                raise self.fail(f"nothing computes the output '{t.name}'.")


def _held(dtype: str) -> bool:
    """Whether a graph may hold tensors of this type."""
    return dtype in ITEMSIZE or dtype == "int4"


def _unpacked(raw: Array, size: int) -> Array:
    """int8 values (size,) in -8..7 of bytes that hold two each, the first in the low bits."""
    halves = np.stack([raw & 15, raw >> 4], axis=1).reshape(-1)[:size].view(np.int8)
    values: Array = (halves ^ 8) - 8
    values.flags.writeable = False
    return values


def _packed(values: Array) -> Array:
    """The bytes of `_unpacked`, for values (size,) as uint8 bits."""
    even = np.append(values, np.uint8(0)) if len(values) % 2 else values
    packed: Array = (even[::2] & 15) | (even[1::2] << 4)
    return packed


_EMPTY_TABLE = struct.pack("<HHi", 4, 4, 4)
"""A vtable without fields and the table that refers to it: all options at their defaults."""


@cache
def _fields(options: str) -> tuple[tuple[str, str, bool], ...]:
    """(snake_case, CamelCase, is a vector) of each field of an options table."""
    names = [n for n, v in vars(getattr(schema, options)).items() if callable(v) and n[0].isupper()]
    plain = [
        n
        for n in names
        if not re.search(r"^(Init|GetRoot\w*)$|HasIdentifier$|(AsNumpy|Length|IsNone)$", n)
    ]
    return tuple(
        (re.sub(r"(?<!^)(?=[A-Z])", "_", n).lower(), n, n + "Length" in names) for n in plain
    )


def write(graph: Graph) -> bytes:
    """The .tflite file of `graph`: `read(write(graph))` gives the same network."""
    return _Writer(graph).file()


class _Writer:
    """One file being written: each buffer and tensor once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.b = flatbuffers.Builder(1 << 16)
        self.tensors = list(dict.fromkeys((*graph.tensors(), *graph.outputs)))
        self.index = {t: i for i, t in enumerate(self.tensors)}

    def file(self) -> bytes:
        b = self.b
        codes = sorted({self.code(op) for op in self.graph.ops})
        operators = [self.operator(op, codes.index(self.code(op))) for op in self.graph.ops]
        tensors = [self.tensor(i, t) for i, t in enumerate(self.tensors)]
        sub = self.table(
            "SubGraph",
            Tensors=self.offsets(tensors),
            Inputs=self.ints([self.index[t] for t in self.graph.inputs]),
            Outputs=self.ints([self.index[t] for t in self.graph.outputs]),
            Operators=self.offsets(operators),
            Name=b.CreateString("main"),
        )
        buffers = [self.table("Buffer"), *(self.buffer(t) for t in self.tensors)]
        model = self.table(
            "Model",
            Version=3,
            OperatorCodes=self.offsets([self.opcode(*c) for c in codes]),
            Subgraphs=self.offsets([sub]),
            Description=b.CreateString(self.graph.description or "Ascua"),
            Buffers=self.offsets(buffers),
        )
        b.Finish(model, b"TFL3")
        return bytes(b.Output())

    def code(self, op: Op) -> tuple[str, int]:
        """The name of `op`, and its version: of uint8, LiteRT's reference kernels know the first.

        In a uint8 network, that is so for the operators on shapes too.
        """
        held = {t.dtype for t in (*op.activations, *op.outputs) if t.quant is not None}
        unsigned = any(t.dtype == "uint8" and t.quant is not None for t in self.tensors)
        return op.tflite, 1 if unsigned and held <= {"uint8"} else op.max_version

    def table(self, kind: str, **fields: Any) -> int:
        """A table with the given fields; offsets have been made before."""
        getattr(schema, f"{kind}Start")(self.b)
        for name, value in fields.items():
            if value is not None:
                getattr(schema, f"{kind}Add{name}")(self.b, value)
        return int(getattr(schema, f"{kind}End")(self.b))

    def offsets(self, offsets: Sequence[int]) -> int:
        self.b.StartVector(4, len(offsets), 4)
        for o in reversed(offsets):
            self.b.PrependUOffsetTRelative(o)
        return int(self.b.EndVector())

    def ints(self, values: Sequence[int]) -> int:
        return int(self.b.CreateNumpyVector(np.asarray(values, np.int32)))

    def opcode(self, name: str, version: int) -> int:
        number = getattr(schema.BuiltinOperator, name)
        return self.table(
            "OperatorCode",
            DeprecatedBuiltinCode=min(number, 127),
            Version=version,
            BuiltinCode=number,
        )

    def buffer(self, t: Tensor) -> int:
        if t.data is None:
            return self.table("Buffer")
        raw = np.ascontiguousarray(t.data).reshape(-1).view(np.uint8)
        if t.dtype == "int4":
            raw = _packed(raw)
        self.b.StartVector(1, raw.size, 16)
        self.b.head = int(self.b.Head() - raw.size)
        self.b.Bytes[self.b.Head() : self.b.Head() + raw.size] = raw.tobytes()
        return self.table("Buffer", Data=self.b.EndVector())

    def tensor(self, i: int, t: Tensor) -> int:
        quantization = None
        if t.quant is not None:
            quantization = self.table(
                "QuantizationParameters",
                Scale=self.b.CreateNumpyVector(np.asarray(t.quant.scales, np.float32)),
                ZeroPoint=self.b.CreateNumpyVector(np.asarray(t.quant.zero_points, np.int64)),
                QuantizedDimension=t.quant.axis,
            )
        return self.table(
            "Tensor",
            Shape=self.ints(t.shape),
            Type=getattr(schema.TensorType, t.dtype.upper()),
            Buffer=i + 1,
            Name=self.b.CreateString(t.name),
            Quantization=quantization,
        )

    def operator(self, op: Op, code: int) -> int:
        inputs = self.ints([-1 if t is None else self.index[t] for t in op.inputs])
        outputs = self.ints([self.index[t] for t in op.outputs])
        options = None if op.options is None else self.options(op.options, op.write())
        kind = 0 if op.options is None else getattr(schema.BuiltinOptions, op.options)
        return self.table(
            "Operator",
            OpcodeIndex=code,
            Inputs=inputs,
            Outputs=outputs,
            BuiltinOptionsType=kind,
            BuiltinOptions=options,
        )

    def options(self, kind: str, values: Mapping[str, Any]) -> int:
        camel = {snake: (name, is_vector) for snake, name, is_vector in _fields(kind)}
        fields: dict[str, Any] = {}
        for snake, value in values.items():
            name, is_vector = camel[snake]
            fields[name] = self.ints(value) if is_vector else value
        return self.table(kind, **fields)
