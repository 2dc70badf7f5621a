"""Reads .tflite files: every index and length is checked against the file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tflite as schema

from ascua import files
from ascua.errors import InputError, ModelError, Unsupported, brief, layer_of
from ascua.files import networks
from ascua.ir import Graph, Layout, Metadata, Node, Op, Signature, Tensor
from ascua.ops import OPERATORS
from ascua.tflite import advice, variables
from ascua.tflite.stating import decoded
from ascua.tflite.tables import EMPTY, File, builtin_code, damage, fields
from ascua.tflite.tensors import check_held, tensors
from ascua.tflite.variables import VERSIONS, Variables

MAX_BYTES = 1 << 30
"""A larger file is no network for a microcontroller."""
MAX_SUBGRAPHS = 64
"""So many may give variables their first values."""

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
            hint = f"Make a file of a SavedModel: `ascua convert {path} --out model.tflite`."
        raise InputError(f"{path}: cannot be read: {e.strerror}.", [hint]) from e
    return read(data, str(path))


def read(data: bytes, name: str = "model") -> Graph:
    """The network in the bytes of a .tflite file; `name` (a path) stands in error messages."""
    if data[4:8] != b"TFL3":
        raise _of_other(data, name)
    with damage(name):
        return _Reader(data, name).graph()


def _of_other(data: bytes, name: str) -> ModelError:
    """What is said of a file that is no .tflite file."""
    form = networks.form_of(data, name)
    if isinstance(form, networks.Other):
        return ModelError(f"{name}: {form.what}.", form.tries)
    file = shlex.quote(name)
    return ModelError(
        f"{name}: is a network in another form: {form}.",
        [f"`ascua convert {file} --out model.tflite` makes a .tflite file of it."],
    )


class _Reader:
    """One file being read."""

    def __init__(self, data: bytes, name: str) -> None:
        self.file = File(data, name)
        self.name = name
        self.model = self.file.model

    def graph(self) -> Graph:
        file, model = self.file, self.model
        if model.Version() != 3:
            raise file.fail(f"schema version {model.Version()}; Ascua reads version 3.")
        self.refuse_subgraphs(model.SubgraphsLength())
        sub, *firsts = file.vector(model, "Subgraphs")
        codes = [self.opcode(c) for c in file.vector(model, "OperatorCodes")]
        operators = list(file.vector(sub, "Operators"))
        self.refuse_unknown(sub, codes, operators)
        buffers = list(file.vector(model, "Buffers"))
        listed = tensors(file, sub, buffers)
        inputs = self.file.pick(listed, file.numbers(sub, "Inputs"), "graph inputs")
        outputs = self.file.pick(listed, file.numbers(sub, "Outputs"), "graph outputs")
        if not inputs or not outputs:
            raise file.fail("the graph has no inputs or no outputs.")
        if any(t.const for t in inputs) or len(set(inputs)) < len(inputs):
            raise file.fail("an input of the graph is a constant, or is listed twice.")
        values = variables.first_values(file, firsts, codes, buffers)
        held = Variables(file, values)
        rows = self.operators(operators, codes, listed, inputs, held)
        description = (model.Description() or b"").decode("utf-8", "replace")
        graph = Graph(
            Path(self.name).stem,
            inputs,
            tuple(held.instead.get(t, t) for t in outputs),
            tuple(op for op in rows if op is not None),
            description,
            held.states(),
        )
        self.check_order(graph)
        for t in graph.tensors():
            check_held(file, t)
        signatures, metadata = self.signatures(listed), self.metadata(buffers)
        whole = replace(graph, signatures=signatures, metadata=metadata)
        return replace(whole, layout=Layout(whole, file))

    def refuse_subgraphs(self, count: int) -> None:
        """Raise Unsupported unless there is one; or others that CALL_ONCE names, each of them."""
        few = 1 <= count <= MAX_SUBGRAPHS
        missing = set(range(1, count)) if few else set()
        if missing:
            codes = [self.opcode(c) for c in self.file.vector(self.model, "OperatorCodes")]
            sub = self.model.Subgraphs(0)
            operators = list(self.file.vector(sub, "Operators"))
            for o in operators:
                if [name for name, _ in codes[o.OpcodeIndex() :][:1]] == ["CALL_ONCE"]:
                    missing.discard(variables.called(o))
            if missing:
                self.refuse_unknown(sub, codes, operators)
        if missing or not few:
            other = f", and none names subgraph {min(missing)}" if missing else ""
            raise Unsupported(
                f"{self.name}: it has {count} subgraphs; Ascua takes one, and up to "
                f"{MAX_SUBGRAPHS - 1} more that a CALL_ONCE names, which give variables their "
                f"first values{other}.",
                ["Export a single inference function, without control flow."],
            )

    def operators(
        self, operators: Sequence[Any], codes: Sequence[tuple[str, int]],
        listed: Sequence[Tensor], inputs: Sequence[Tensor], held: Variables,
    ) -> list[Op | None]:  # fmt: skip
        """The operators, in order; None for those on variables, which are taken into `held`."""
        known = set(inputs)
        rows: list[Op | None] = []
        for i, o in enumerate(operators):
            name, _ = code = codes[o.OpcodeIndex()]
            if name in variables.VERSIONS:
                held.take(i, o, name, listed, known)
                rows.append(None)
                continue
            op = self.op(i, o, code, listed)
            if again := [t.name for t in op.outputs if t in held.instead]:
                raise self.file.fail(f"tensor '{again[0]}' is computed twice.")
            if any(t in held.instead for t in op.inputs):
                read = tuple(held.instead.get(t, t) if t else None for t in op.inputs)
                op = replace(op, inputs=read)
            known.update(op.outputs)
            rows.append(op)
        return rows

    def opcode(self, code: Any) -> tuple[str, int]:
        """The operator's name and version; a custom operator's name is quoted."""
        number = max(builtin_code(code), code.DeprecatedBuiltinCode())
        name = _BUILTINS.get(number, f"builtin {number}")
        if name == "CUSTOM":
            custom = code.CustomCode() or b"?"
            name = f"custom operator '{custom.decode('utf-8', 'replace')}'"
        return name, code.Version()

    def refuse_unknown(
        self, sub: Any, codes: Sequence[tuple[str, int]], operators: Sequence[Any]
    ) -> None:
        """Name every operator that Ascua does not know, before anything else is read."""
        for o in operators:
            if not 0 <= o.OpcodeIndex() < len(codes):
                raise self.file.fail(f"an operator has the code {o.OpcodeIndex()} of {len(codes)}.")
        used = [codes[o.OpcodeIndex()] for o in operators]
        newest = {name: kind.max_version for name, kind in OPERATORS.items()} | VERSIONS
        unknown = sorted({name for name, _ in used if name not in newest})
        if unknown:
            made = self.first_outputs(sub, operators, [name for name, _ in used])
            listed = ", ".join(f"{u} ({made[u]})" for u in unknown)
            raise Unsupported(
                f"{self.name}: Ascua does not support {listed}.", advice.for_operators(unknown)
            )
        for name, version in used:
            if version > newest[name]:
                raise Unsupported(
                    f"{self.name}: {name} has version {version}; Ascua knows up to {newest[name]}.",
                    ["Export with an older converter, or with its default types (int8)."],
                )

    def first_outputs(
        self, sub: Any, operators: Sequence[Any], names: Sequence[str]
    ) -> dict[str, str]:
        """Of each operator by its name: what the first one makes, and how many there are."""
        listed = list(self.file.vector(sub, "Tensors"))
        found: dict[str, str] = {}
        for name, o in zip(names, operators, strict=True):
            made = [int(i) for i in self.file.numbers(o, "Outputs")]
            at = made[0] if made and 0 <= made[0] < len(listed) else None
            text = b"?" if at is None else listed[at].Name() or b"?"
            tensor = text.decode("utf-8", "replace")
            layer = layer_of(tensor)
            times = names.count(name)
            more = f", and {times - 1} more" if times > 1 else ""
            found.setdefault(
                name, f"{f'layer {layer!r}, ' if layer else ''}'{brief(tensor)}'{more}"
            )
        return found

    def op(self, i: int, o: Any, code: tuple[str, int], tensors: Sequence[Tensor]) -> Op:
        kind = OPERATORS[code[0]]
        where = f"operator {i} ({code[0]})"
        listed = self.file.numbers(o, "Inputs")
        present = iter(self.file.pick(tensors, [t for t in listed if t != -1], where))
        inputs = tuple(None if t == -1 else next(present) for t in listed)
        outputs = self.file.pick(tensors, self.file.numbers(o, "Outputs"), where)
        if not outputs or not inputs:
            raise self.file.fail(f"{where} has no inputs or no outputs.")
        for at, t in enumerate(inputs):
            if t is None and at not in kind.optional:
                raise self.file.fail(
                    f"{where}, output '{outputs[0].name}': its input {at} is missing."
                )
        node = Node(inputs, outputs, self.options(kind, o, where), code[1])
        try:
            return replace(kind.read(node), version=node.version)
        except (ValueError, IndexError) as e:
            raise self.file.fail(f"{where}, output '{outputs[0].name}': {e}") from e

    def options(self, kind: type[Op], o: Any, where: str) -> dict[str, Any]:
        """The options table by snake_case name; the schema's defaults where it is absent."""
        if kind.options is None:
            return {}
        options = getattr(schema, kind.options)()
        union = o.BuiltinOptions()
        if union is None:
            options.Init(EMPTY, 4)
        else:
            expected = getattr(schema.BuiltinOptions, kind.options)
            if o.BuiltinOptionsType() != expected:
                raise self.file.fail(f"{where} has options of the type {o.BuiltinOptionsType()}.")
            options.Init(union.Bytes, union.Pos)
        return {
            field: self.file.numbers(options, camel) if is_vector else getattr(options, camel)()
            for field, camel, is_vector in fields(kind.options)
        }

    def check_order(self, graph: Graph) -> None:
        """Each tensor is computed once, and before it is read."""
        known = set(graph.given)
        for op in graph.ops:
            for t in op.activations:
                if t not in known:
                    raise self.file.fail(
                        f"{op.said} reads '{brief(t.name)}' before anything computes it."
                    )
            for t in op.outputs:
                if t in known or t.const:
                    raise self.file.fail(f"tensor '{brief(t.name)}' is computed twice.")
                known.add(t)
        for t in graph.outputs:
            if t not in known and not t.const:
                raise self.file.fail(f"nothing computes the output '{brief(t.name)}'.")

    def signatures(self, listed: Sequence[Tensor]) -> tuple[Signature, ...]:
        """What callers know the network by."""

        def named(table: Any, field: str) -> tuple[tuple[str, Tensor], ...]:
            maps = list(self.file.vector(table, field))
            ends = self.file.pick(listed, [m.TensorIndex() for m in maps], "a signature")
            return tuple((decoded(m.Name()), t) for m, t in zip(maps, ends, strict=True))

        found = list(self.file.vector(self.model, "SignatureDefs"))
        if any(s.SubgraphIndex() != 0 for s in found):
            raise self.file.fail("a signature is of another subgraph than the one that there is.")
        return tuple(
            Signature(decoded(s.SignatureKey()), named(s, "Inputs"), named(s, "Outputs"))
            for s in found
        )

    def metadata(self, buffers: Sequence[Any]) -> tuple[Metadata, ...]:
        """What the file says of itself."""
        listed = list(self.file.vector(self.model, "Metadata"))
        contents = self.file.contents(buffers, [m.Buffer() for m in listed])
        return tuple(
            Metadata(decoded(m.Name()), data) for m, data in zip(listed, contents, strict=True)
        )
