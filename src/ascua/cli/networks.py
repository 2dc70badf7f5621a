"""The networks that verbs take: of every form, through one door."""

from __future__ import annotations

from pathlib import Path

from ascua import convert
from ascua.cli.terminal import waiting
from ascua.convert import Ends, Network
from ascua.model import Model, model_of


def network(path: Path, ends: Ends | None = None) -> Network:
    """The network at `path`; says that it takes its time where TensorFlow converts it."""
    if not convert.needs_tensorflow(path):
        return convert.network(path, ends)
    with waiting(f"Converting {path} by TensorFlow"):
        return convert.network(path, ends)


def model(path: Path, *, smaller: bool = True) -> Model:
    """The network at `path`, ready for a board. Raises as `convert.network` and `load_model`."""
    found = network(path)
    return model_of(found.graph, path, found.content, smaller=smaller)
