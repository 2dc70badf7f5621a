"""Runs a network: on a board, or by the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from ascua import inputs, measure
from ascua.boards import Board
from ascua.errors import InputError
from ascua.executors.reference import reference as computed
from ascua.ir import Array, Graph
from ascua.labels import Classes, Labels
from ascua.measure import Run
from ascua.model import Model
from ascua.plan import Plan
from ascua.verbs.bringing import Data, DataSource, load_model


def run_model(
    model: Any, plan: Plan | Board | str, data: Data, *,
    labels: Labels | Path | str | Array | None = None, build: Path | str = "build/firmware",
    period_s: float | None = None, check: int | None = None,
) -> Run:  # fmt: skip
    """Run samples on the board of `plan`, a plan of the `model` or a board, as `ascua run` does.

    `data` are arrays or a file: float samples and uint8 pixels become the network's integers.
    `labels` are class indices (n,). Every byte is compared with the reference, with `check` (1 or
    more) those of so many samples, evenly spread; those that differ are counted, not raised.
    `period_s` is as `estimate` takes it. Raises AscuaError.
    """
    loaded = load_model(model)
    planned = plan if isinstance(plan, Plan) else loaded.plan(plan)
    xs = samples(loaded.graph, data)
    told = _labels(loaded, labels, len(xs[0]))
    return measure.run_model(
        loaded, planned, xs, labels=told, build=Path(build), period_s=period_s, check=check
    )


def reference(network: Model | Graph, data: Data) -> list[Array]:
    """The outputs (n, *shape) of samples that every executor has to give. Raises InputError."""
    graph = network.graph if isinstance(network, Model) else network
    return computed(graph, samples(graph, data))


def samples(graph: Graph, data: Data) -> list[Array]:
    """The samples (n, *shape) an input of `graph`, in its integers. Raises InputError."""
    told = DataSource(data)
    held = told.arrays(graph.inputs)
    if held is None:
        raise InputError(
            f"{told.name}: no .npy or .npz file.",
            ["Give arrays, or load a data set: `ascua.data.load(name)`."],
        )
    return inputs.taken(held, graph, told.name)


def _labels(model: Model, labels: Any, count: int) -> Labels | None:
    """Labels of any kind as they are; else class indices of so many samples. InputError."""
    if labels is None or (hasattr(labels, "score") and hasattr(labels, "metric")):
        return cast("Labels | None", labels)
    known = inputs.classes(model.graph.outputs[0])
    index = DataSource("", labels).labelled(count, known)
    return None if index is None else Classes(index)
