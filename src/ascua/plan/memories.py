"""Which of a board's memories holds what: the hottest lies nearest, and wishes come first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ascua.boards import Board, Memory
from ascua.errors import InputError, brief, did_you_mean
from ascua.ir import Array, Op, Tensor
from ascua.kernels import Const, Overlap, Rows
from ascua.plan.choose import Chosen
from ascua.plan.fit import STACK_BYTES
from ascua.plan.flow import ALIGNMENT, Flow, align
from ascua.plan.parts import Arena, Call, Near
from ascua.plan.place import Span, place

BESIDE = 512
"""Bytes that are left to variables beside the stack where a network is cut to the room there is."""
TRIES = 60
"""Random orders of placement that are tried in each memory of several."""
CODE = 1.25
"""How much room code has, of what is expected."""
ONCE = 1.0
"""Constants that are read no more often an inference stay where they are kept."""

Wishes = Mapping[Tensor, str]


@dataclass(frozen=True, eq=False)
class Thing:
    """What lies in one memory: spans of a tensor or its rows, of lines, of scratch.

    `heat`: bytes that are read and written an inference, by those that it takes.
    """

    spans: tuple[int, ...]
    heat: float
    memory: str | None = None
    """The one that is wished."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each span lies: its memory, and its offset in the arena there."""

    memories: tuple[str, ...]
    offsets: tuple[int, ...]
    arenas: tuple[Arena, ...]
    """The nearest first."""


def rams(board: Board) -> list[Memory]:
    """The memories for variables, the nearest first; of equal ones, in the file's order."""
    return sorted((m for m in board.memories if "w" in m.use), key=lambda m: m.wait)


def room(board: Board, m: Memory, states: int) -> int:
    """Bytes of `m` that an arena may take, beside stack and states where they lie there."""
    return m.bytes - (STACK_BYTES + states if m is board.memory("w") else 0)


def alone(board: Board, total: int, states: int) -> str | None:
    """The memory that takes an arena of `total` bytes: the nearest, or one as near.

    None where it is to be cut, as it is too large for these; of a board with one RAM, never.
    """
    found = rams(board)
    if len(found) < 2:
        return found[0].name if found else "ram"
    near = [m for m in found if m.wait == found[0].wait]
    return next((m.name for m in near if total <= room(board, m, states)), None)


def wished(flow: Flow, board: Board, wishes: Iterable[tuple[str, str]]) -> dict[Tensor, str]:
    """The memory that each tensor of the arena, or of constants, is to lie in.

    Raises InputError for unknown tensors and memories, and for those that are no place for it.
    """
    found: dict[Tensor, str] = {}
    for name, memory in wishes:
        said = f"--place {brief(name)}={brief(memory)}"
        tensors = _called(flow, name)
        if not board.memories:
            raise InputError(
                f"{said}: {board.name} has no memories of its own.",
                ["Choose a board that states some: docs/boards.md."],
            )
        if not tensors:
            raise InputError(
                f"{said}: {flow.graph.name} has no tensor '{brief(name)}', and no single one whose"
                " name begins so.",
                did_you_mean(name, [brief(t.name) for t in _named(flow)]),
            )
        known = {m.name: m for m in board.memories}
        if memory not in known:
            raise InputError(
                f"{said}: {board.name} has no memory '{brief(memory)}'.",
                did_you_mean(memory, list(known)),
            )
        for t in tensors:
            root = flow.root(t)
            if not t.const and root not in flow.place:
                raise InputError(
                    f"{said}: '{brief(name)}' is kept between runs, with the program's variables.",
                    ["Leave it out; a linker script places variables."],
                )
            if not t.const and "w" not in known[memory].use:
                raise InputError(
                    f"{said}: '{brief(name)}' changes, and {memory} holds no variables.",
                    [f"Name one of {', '.join(m.name for m in rams(board))}."],
                )
            if found.get(root, memory) != memory:
                raise InputError(
                    f"{said}: '{brief(name)}' is placed in {found[root]} already.",
                    ["Leave one of them out."],
                )
            found[root] = memory
    return found


def _called(flow: Flow, name: str) -> list[Tensor]:
    """The tensors of that name, or the one whose name begins as messages shorten it.

    Activations come before constants.
    """
    known = _named(flow)
    pools = [[t for t in known if not t.const], [t for t in known if t.const]]
    stem = name.partition("...")[0].removesuffix(";")
    for pool in pools:
        if found := [t for t in pool if t.name == name]:
            return found
    for pool in pools:
        found = [t for t in pool if stem and t.name.startswith(stem)]
        if len({t.name for t in found}) == 1:
            return found
    return []


def _named(flow: Flow) -> list[Tensor]:
    """The tensors that can be named: activations, and what operators read beside them."""
    inside = (t for op in flow.graph.ops for t in (*op.inputs, *op.outputs))
    return list(dict.fromkeys(t for t in (*flow.graph.given, *inside) if t is not None))


# -- the arena


def read(c: Chosen, x: Tensor) -> float:
    """Bytes of an input that a call reads an inference: each product reads one, say."""
    again = c.work.kh / c.work.sy if isinstance(c.work, Rows) else 1
    return max(c.op.macs(), x.bytes * max(again, 1))


def cut(
    board: Board, spans: Sequence[Span], things: Sequence[Thing],
    over: Mapping[tuple[int, int], Overlap], states: int,
) -> Layout | None:  # fmt: skip
    """An arena in each of several memories; None where they do not suffice and nothing is wished.

    The hottest go to the nearest memory with room. What then takes more than the room, as it is
    placed, goes on to the next one, the coldest first. What is wished lies there in any case.
    """
    ranked = rams(board)
    wishes = any(t.memory for t in things)
    spare = [room(board, m, states) - (BESIDE if m is board.memory("w") else 0) for m in ranked]
    sets = _spread(spans, things, [m.name for m in ranked], spare)
    found: list[tuple[int, dict[int, int]]] = []
    for k in range(len(ranked)):
        while True:
            mine = [i for t in sets[k] for i in t.spans]
            total, offsets = _placed([spans[i] for i in mine], _among(over, mine))
            movable = [t for t in sets[k] if t.memory is None]
            if total > spare[k] and k + 1 == len(ranked) and not wishes:
                return None
            if total <= spare[k] or not movable or k + 1 == len(ranked):
                break
            coldest = min(movable, key=lambda t: t.heat)
            sets[k].remove(coldest)
            sets[k + 1].append(coldest)
        found.append((total, dict(zip(mine, offsets, strict=True))))
    names, offset = [""] * len(spans), [0] * len(spans)
    for m, (_, places) in zip(ranked, found, strict=True):
        for i, at in places.items():
            names[i], offset[i] = m.name, at
    sizes = {m.name: total for m, (total, _) in zip(ranked, found, strict=True) if total}
    sizes = sizes or {ranked[0].name: 0}
    arenas = tuple(Arena(name, total, 0, 0) for name, total in sizes.items())
    return Layout(tuple(names), tuple(offset), arenas)


def _spread(
    spans: Sequence[Span], things: Sequence[Thing], names: Sequence[str], spare: Sequence[int]
) -> list[list[Thing]]:
    """The things of each memory; what has room in none goes to the last."""
    held = [np.zeros(max((s.last for s in spans), default=0) + 3, np.int64) for _ in names]
    sets: list[list[Thing]] = [[] for _ in names]
    for t in sorted(things, key=lambda t: (t.memory is None, -t.heat)):
        last = len(names) - 1
        k = names.index(t.memory) if t.memory in names else 0
        while True:
            grown = held[k].copy()
            for p in (p for i in t.spans for p in spans[i].parts):
                grown[p.first + 1 : p.last + 2] += align(p.end - p.start)
            if t.memory is not None or k == last or grown.max() <= spare[k]:
                break
            k += 1
        held[k] = grown
        sets[k].append(t)
    return sets


def _among(
    over: Mapping[tuple[int, int], Overlap], mine: Sequence[int]
) -> dict[tuple[int, int], Overlap]:
    """How those of one memory may lie over each other, by their places among them."""
    place_of = {i: k for k, i in enumerate(mine)}
    return {
        (place_of[i], place_of[j]): o for (i, j), o in over.items() if {i, j} <= place_of.keys()
    }


def _placed(
    spans: Sequence[Span], over: Mapping[tuple[int, int], Overlap]
) -> tuple[int, tuple[int, ...]]:
    """Bytes and offsets."""
    offsets = place(spans, ALIGNMENT, TRIES, over, max((s.bytes for s in spans), default=0))
    return align(
        max((o + s.bytes for o, s in zip(offsets, spans, strict=True)), default=0)
    ), offsets


# -- constants and code


def near(
    calls: Sequence[Call], arenas: Sequence[Arena], board: Board, code: int, wishes: Wishes
) -> Near:
    """Which constants, and whether the code, lie nearer than where they are kept.

    `code`: bytes that are expected. Code comes first, then the constants that are read most often a
    byte; the memories have what `arenas` leave of them.
    """
    kept = board.memory("x")
    if kept is None or not (wishes or any(m.wait < kept.wait for m in board.memories)):
        return Near()
    spare = {m.name: m.bytes for m in board.memories}
    states = sum(a.bytes for a in arenas if a.memory not in spare)
    for m in rams(board):
        spare[m.name] = room(board, m, states) - (BESIDE if m is board.memory("w") else 0)
    for a in arenas:
        spare[a.memory] = spare.get(a.memory, 0) - a.bytes
    nearer = sorted((m for m in board.memories if m.wait < kept.wait), key=lambda m: m.wait)
    found = Near()
    for m in nearer:
        if "x" in m.use and found.code is None and CODE * code <= spare[m.name]:
            found = replace(found, code=m.name)
            spare[m.name] -= round(CODE * code)
    hot = _Constants()
    for c in calls:
        hot.add(c, wishes)
    consts = {key: memory for key, memory in hot.wished.items() if memory != kept.name}
    for key, memory in consts.items():
        spare[memory] -= align(hot.bytes[key], 8)
    for key in sorted(hot.bytes, key=lambda key: -hot.reads[key] / hot.bytes[key]):
        if key in hot.wished or hot.reads[key] <= ONCE * hot.bytes[key]:
            continue
        size = align(hot.bytes[key], 8)
        for m in (m for m in nearer if size <= spare[m.name]):
            consts[key] = m.name
            spare[m.name] -= size
            break
    return replace(found, consts=consts)


@dataclass(frozen=True, eq=False)
class _Constants:
    """How large constants are, how many bytes of them are read, and where they are wished."""

    bytes: dict[tuple[str, str], int] = field(default_factory=dict)
    reads: dict[tuple[str, str], float] = field(default_factory=dict)
    wished: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, c: Call, wishes: Wishes) -> None:
        """Count those of a call."""
        consts = (t for t in c.op.inputs if t is not None and t.const)
        named = [wishes[t] for t in consts if t in wishes]
        for const in (const for const in c.consts if const.bytes):
            key = const.key
            self.bytes[key] = const.bytes
            self.reads[key] = self.reads.get(key, 0) + reads_of(c.op, const)
            if named and (const.holds.get("weights") or not c.weights_bytes):
                self.wished[key] = named[0]


def reads_of(op: Op, const: Const) -> float:
    """Bytes of a constant that an operator reads an inference.

    A product reads a weight; of a constant of other things, each output reads an element.
    """
    values: Array = const.data
    if const.holds.get("weights") and values.itemsize == 1:
        return op.macs() * const.bytes / const.holds["weights"]
    return op.y.size * const.bytes / max(len(values), 1)
