"""Variables of a .tflite file, read and assigned by operators, as states of a graph; and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import tflite as schema

from ascua.errors import Unsupported, brief
from ascua.ir import Graph, State, Tensor
from ascua.tflite import stating
from ascua.tflite.tables import Content, File, Table, ints
from ascua.tflite.tensors import tensors

VERSIONS = {"CALL_ONCE": 1, "VAR_HANDLE": 1, "READ_VARIABLE": 1, "ASSIGN_VARIABLE": 1}
"""The operators on variables, which no graph holds, and the newest version of each."""

Name = tuple[bytes, bytes]
"""By what handles know a variable: a container, and a name in it."""

CONSTANTS = "Give the variable a constant as its first value, as tf.Variable(tf.zeros(...)) does."
ONE_KIND = "Keep one shape, type and scale for all that is read from and assigned to the variable."


def options(o: Any, kind: str) -> Any:
    """The options of an operator on variables; None where it has none."""
    table = getattr(schema, kind)()
    union = o.BuiltinOptions()
    if union is not None and o.BuiltinOptionsType() == getattr(schema.BuiltinOptions, kind):
        table.Init(union.Bytes, union.Pos)
        return table
    return None


class Variables:
    """What the variables hold while the operators of a file are read, one after the other."""

    def __init__(self, file: File, subgraphs: Sequence[Mapping[Name, Tensor]]) -> None:
        self.file = file
        self.subgraphs = subgraphs
        """What each one beside that which is run gives to variables."""
        self.first: dict[Name, Tensor] = {}
        """The first values of variables, of all subgraphs that have been called."""
        self.handles: dict[Tensor, Name] = {}
        self.start: dict[Name, Tensor] = {}
        """What holds a variable's value when a run begins, where the run reads it."""
        self.read_first: set[Tensor] = set()
        """All of these."""
        self.now: dict[Name, Tensor] = {}
        """What holds its value so far, once it was read or assigned to."""
        self.instead: dict[Tensor, Tensor] = {}
        """What to read in place of what READ_VARIABLE gives."""

    def refuse(self, where: str, what: str, remedy: str) -> Unsupported:
        """The error for what cannot be taken."""
        return Unsupported(f"{self.file.name}: {where}: {what}.", [remedy])

    def take(
        self, i: int, o: Any, kind: str, listed: Sequence[Tensor], known: Collection[Tensor]
    ) -> None:
        """The operator `i`, of the tensors `listed`; the `known` have a value when it comes."""
        inputs, outputs = ends(self.file, o, listed, f"operator {i} ({kind})")
        counts = {"CALL_ONCE": (0, 0), "VAR_HANDLE": (0, 1), "READ_VARIABLE": (1, 1)}
        if (len(inputs), len(outputs)) != counts.get(kind, (2, 0)):
            raise self.file.fail(f"{kind} has {len(inputs)} inputs and {len(outputs)} outputs.")
        if kind == "CALL_ONCE":
            self.call(called(o), f"operator {i} ({kind})")
        elif kind == "VAR_HANDLE":
            self.handles[outputs[0]] = name_of(o)
        else:
            where = f"{kind} '{brief((outputs or inputs)[0].name)}'"
            name = self.variable(inputs[0], where)
            if kind == "READ_VARIABLE":
                self.read(name, outputs[0], where, known)
            else:
                self.assign(name, self.instead.get(inputs[1], inputs[1]), where, known)

    def call(self, number: int, where: str) -> None:
        """A subgraph gives variables their first values, in place of what others gave.

        TFLM calls it in the first run only, where the operator stands, each of them: behind what
        reads or assigns to such a variable, it would change a value that is no longer the first.
        """
        if not 0 < number <= len(self.subgraphs):
            raise self.file.fail(f"CALL_ONCE names subgraph {number}, which gives no values.")
        given = self.subgraphs[number - 1]
        if late := [name for name in given if name in self.now]:
            what = f"it gives '{shown(late[0])}' a value behind what reads or assigns to it"
            raise self.refuse(where, what, "Give variables their first values before all else.")
        self.first |= given

    def variable(self, handle: Tensor, where: str) -> Name:
        """The variable behind a handle, which has a first value."""
        if handle not in self.handles:
            what = f"nothing says which variable '{brief(handle.name)}' is"
            raise self.refuse(where, what, "Use the variable in the function that is exported.")
        name = self.handles[handle]
        if name not in self.first:
            what = f"the variable '{shown(name)}' has no first value by then"
            raise self.refuse(where, what, CONSTANTS)
        return name

    def read(self, name: Name, t: Tensor, where: str, known: Collection[Tensor]) -> None:
        """`t` holds what the variable does."""
        if t.const or t in known or t in self.instead or t in self.read_first:
            raise self.file.fail(f"tensor '{brief(t.name)}' is computed twice.")
        if t.size == 0:
            raise self.refuse(where, f"the variable '{shown(name)}' is empty", CONSTANTS)
        held = self.now.get(name)
        self.check(self.first[name] if held is None else held, t, name, where)
        if held is None:
            self.start[name] = self.now[name] = t
            self.read_first.add(t)
        else:
            self.instead[t] = held

    def assign(self, name: Name, t: Tensor, where: str, known: Collection[Tensor]) -> None:
        """The variable holds what `t` does."""
        if not t.const and t not in known and t not in self.read_first:
            raise self.file.fail(f"{where} reads '{brief(t.name)}' before anything computes it.")
        self.check(self.first[name], t, name, where)
        self.now[name] = t

    def check(self, held: Tensor, t: Tensor, name: Name, where: str) -> None:
        """All that a variable is given, and gives, is of one kind."""
        for what, a, b in (
            ("shape", list(held.shape), list(t.shape)),
            ("type", held.dtype, t.dtype),
            ("scale or zero point", held.quant, t.quant),
        ):
            if a != b:
                told = "" if what.startswith("scale") else f": {a} and {b}"
                text = f"'{brief(t.name)}' and what '{shown(name)}' holds differ in {what}{told}"
                raise self.refuse(where, text, ONE_KIND)

    def states(self) -> tuple[State, ...]:
        """The variables whose value a run takes from the one before."""
        found: dict[str, State] = {}
        for name in dict.fromkeys(self.handles.values()):
            if name in self.start:
                unique = stating.decoded(name[1])
                while unique in found:
                    unique += "#"
                first = self.first[name].values
                found[unique] = State(unique, self.start[name], self.now[name], first)
        return tuple(found.values())


def first_values(
    file: File, subgraphs: Sequence[Any], codes: Sequence[tuple[str, int]], buffers: Sequence[Any]
) -> list[dict[Name, Tensor]]:
    """What each subgraph assigns to variables: constants. Raises Unsupported for all else."""
    given: list[dict[Name, Tensor]] = []
    for sub in subgraphs:
        found: dict[Name, Tensor] = {}
        listed = tensors(file, sub, buffers)
        names: dict[Tensor, Name] = {}
        for i, o in enumerate(file.vector(sub, "Operators")):
            kind, _ = codes[o.OpcodeIndex()] if 0 <= o.OpcodeIndex() < len(codes) else ("?", 0)
            where = f"operator {i} ({kind}) of the subgraph of first values"
            ins, outs = ends(file, o, listed, where)
            if kind == "VAR_HANDLE" and (len(ins), len(outs)) == (0, 1):
                names[outs[0]] = name_of(o)
            elif kind == "ASSIGN_VARIABLE" and len(ins) == 2 and ins[1].const and ins[0] in names:
                found[names[ins[0]]] = ins[1]
            else:
                raise Unsupported(
                    f"{file.name}: the first value of a variable is computed, by {kind}.",
                    [CONSTANTS],
                )
        given.append(found)
    return given


def ends(
    file: File, o: Any, listed: Sequence[Tensor], where: str
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The inputs and the outputs of an operator."""
    ins, outs = file.numbers(o, "Inputs"), file.numbers(o, "Outputs")
    return file.pick(listed, ins, where), file.pick(listed, outs, where)


def called(o: Any) -> int:
    """The number of the subgraph that a CALL_ONCE runs."""
    found = options(o, "CallOnceOptions")
    return 0 if found is None else int(found.InitSubgraphIndex())


def name_of(o: Any) -> Name:
    """The variable that a VAR_HANDLE names."""
    found = options(o, "VarHandleOptions")
    return (b"", b"") if found is None else (found.Container() or b"", found.SharedName() or b"")


def shown(name: Name) -> str:
    """The name for messages."""
    return brief(name[1].decode("utf-8", "replace"))


def handles(graph: Graph) -> dict[State, Tensor]:
    """A tensor for the handle of each state."""
    named = ((s, stating.encoded(s.name).decode("utf-8", "replace")) for s in graph.states)
    return {s: Tensor(name, (), "resource") for s, name in named}


Row = tuple[tuple[str, int], dict[str, Any]]
"""The name and version of an operator, and the fields of its table but for the code's number."""


def before(index: Mapping[Tensor, int], held: Mapping[State, Tensor]) -> list[Row]:
    """The operators that give variables their first values, and then read them."""
    if not held:
        return []
    once = Table("CallOnceOptions", {"InitSubgraphIndex": 1})
    return [
        _row("CALL_ONCE", [], [], once),
        *(_handle(s, index[t]) for s, t in held.items()),
        *(_row("READ_VARIABLE", [index[t]], [index[s.tensor]]) for s, t in held.items()),
    ]


def behind(index: Mapping[Tensor, int], held: Mapping[State, Tensor]) -> list[Row]:
    """The operators that assign to variables."""
    return [_row("ASSIGN_VARIABLE", [index[t], index[s.after]], []) for s, t in held.items()]


def initialiser(
    held: Mapping[State, Tensor], number: Callable[[tuple[str, int]], int]
) -> list[Table]:
    """The subgraph that gives variables their first values; `number` is that of a code."""
    if not held:
        return []
    rows: list[Row] = []
    tensors: list[Table] = []
    for i, (s, t) in enumerate(held.items()):
        first = replace(s.tensor, name=f"{t.name}/first", data=s.initial)
        fields = stating.tensor(first, None)
        fields["Buffer"] = Content(stating.data(first).tobytes())
        tensors += [Table("Tensor", stating.tensor(t, 0)), Table("Tensor", fields)]
        rows += [_handle(s, 2 * i), _row("ASSIGN_VARIABLE", [2 * i, 2 * i + 1], [])]
    operators = [Table("Operator", fields | {"OpcodeIndex": number(c)}) for c, fields in rows]
    return [
        Table(
            "SubGraph",
            {
                "Tensors": tuple(tensors),
                "Inputs": ints([]),
                "Outputs": ints([]),
                "Operators": tuple(operators),
                "Name": b"first",
            },
        )
    ]


def _handle(s: State, tensor: int) -> Row:
    named = {"Container": b"", "SharedName": stating.encoded(s.name)}
    return _row("VAR_HANDLE", [], [tensor], Table("VarHandleOptions", named))


def _row(
    kind: str, inputs: Sequence[int], outputs: Sequence[int], options: Table | None = None
) -> Row:
    fields = {
        "OpcodeIndex": 0,
        "Inputs": ints(inputs),
        "Outputs": ints(outputs),
        "BuiltinOptionsType": getattr(schema.BuiltinOptions, options.kind) if options else 0,
        "BuiltinOptions": options,
    }
    return (kind, VERSIONS[kind]), fields
