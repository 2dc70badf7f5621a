"""A model: a .tflite file as it is, and as it is planned."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ascua import targets, tflite
from ascua.boards import Board
from ascua.ir import Graph
from ascua.passes import prepare
from ascua.plan import BALANCED, Goal, Plan


@dataclass(frozen=True, eq=False)
class Model:
    """A .tflite file as it is, and prepared for planning."""

    path: Path
    sha256: str
    original: Graph
    graph: Graph

    def plan(self, board: Board, goal: Goal = BALANCED) -> Plan:
        """The plan for `board`. Raises Unsupported."""
        return targets.of(board).lower(self.graph, board, goal)


def load_model(path: Path) -> Model:
    """Read and check the model at `path`. Raises ModelError, Unsupported or InputError."""
    original = tflite.load(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(path, digest, original, prepare(original, str(path)))
