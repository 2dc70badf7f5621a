"""A model: a network's file as it is, and as it is planned."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from ascua import targets, tflite
from ascua.boards import Board
from ascua.boards import load as load_board
from ascua.files.kinds import RESULT
from ascua.ir import Array, Graph
from ascua.passes import Optimized, optimize, prepare
from ascua.passes.cutting import Former
from ascua.plan import BALANCED, Goal, Plan, goal_named

UNNAMED = "model"
"""What a training calls its networks."""


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A network as its file has it, prepared for planning, and the same with less."""

    path: Path
    sha256: str
    original: Graph
    prepared: Graph
    """All that the file computes: what every output is compared with."""
    optimized: Optimized | None = None
    """What is planned instead, unless the file's own graph is asked for."""

    def __repr__(self) -> str:
        return f"Model({str(self.path)!r}, {self.graph.summary})"

    @property
    def graph(self) -> Graph:
        """What is planned."""
        return self.prepared if self.optimized is None else self.optimized.graph

    @property
    def title(self) -> str:
        """What it is called: as its file, or where that is called `model`, as its folder."""
        path = self.path
        return path.stem if path.stem != UNNAMED else path.resolve().parent.name or UNNAMED

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it was trained on, where its training lies beside it; else none."""
        try:
            result = json.loads((self.path.parent / RESULT).read_text(encoding="utf-8"))
            mine = result["model_sha256"] == self.sha256
            return tuple(map(str, result["classes"])) if mine else ()
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def plan(self, board: Board | str, goal: Goal | str = BALANCED) -> Plan:
        """The plan for `board` and a `goal`, or for those of these names. Raises Unsupported."""
        board = load_board(board) if isinstance(board, str) else board
        goal = goal_named(goal) if isinstance(goal, str) else goal
        return targets.of(board).lower(self.graph, board, goal)

    def in_file(self, part: Graph) -> tuple[Graph, list[Former]]:
        """Of a part of `graph`, what computes the same of `prepared`; and of that, what stayed."""
        if self.optimized is None:
            return part, [Former(t) for t in part.outputs]
        origins = [self.optimized.origins[t] for t in part.outputs]
        if part is self.graph:
            return self.prepared, origins
        places = [self.prepared.makers.get(o.tensor) for o in origins]
        last = max((op for op in places if op is not None), key=self.prepared.ops.index)
        whole = self.prepared.until(last)
        return replace(whole, outputs=tuple(o.tensor for o in origins)), origins


def stayed(ys: list[Array], origins: list[Former]) -> list[Array]:
    """Of the file's values (n, *shape), those of the channels that stayed."""
    return [o.of(y) for y, o in zip(ys, origins, strict=True)]


def load_model(path: Path | str, *, smaller: bool = True, floats: bool = False) -> Model:
    """Read and check the model at `path`. Raises ModelError, Unsupported or InputError.

    Unless it is to be `smaller`, the file's own graph is planned. A network of floats is taken
    where `floats` are wanted.
    """
    path = Path(path)
    content = path.read_bytes()
    return model_of(tflite.load(path), path, content, smaller=smaller, floats=floats)


def model_of(
    original: Graph, path: Path, content: bytes, *, smaller: bool = True, floats: bool = False
) -> Model:
    """As `load_model`, of the network in a file of any form, and its bytes as .tflite."""
    digest = hashlib.sha256(content).hexdigest()
    prepared = prepare(original, str(path), floats=floats)
    return Model(path, digest, original, prepared, optimize(prepared) if smaller else None)
