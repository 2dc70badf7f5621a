"""Holds a network against every executor, byte for byte."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from ascua import boards, inputs, targets
from ascua.boards import Board
from ascua.ir import Array
from ascua.model import Model
from ascua.samples import sample_vectors
from ascua.validation import Check, validate
from ascua.verbs.bringing import Data, DataSource


def validate_model(
    model: Model, data: Data | None = None, *, on: Sequence[Board] = (),
    build: Path | str = "build/firmware",
) -> tuple[Check, ...]:  # fmt: skip
    """Whether all executors give the same bytes, as `ascua validate` tells it: a check of each.

    They are this computer and the boards `on`, or all that are emulated; each is held against
    `tflite-micro`, or Ascua's reference where that cannot be asked. `data` are samples, arrays or
    a file; some random ones without. Raises AscuaError.
    """
    xs = samples(model, data)
    plans = [model.plan(board) for board in executors(on)]
    return tuple(validate(model, xs, plans, Path(build)))


def samples(model: Model, data: Data | None) -> list[Array]:
    """The samples of the network: those that are given, or random ones."""
    if data is None:
        return sample_vectors(model.graph)
    told = DataSource(data)
    held = told.arrays()
    if held is None:
        return inputs.load(Path(told.name), model.graph)
    return inputs.taken(held, model.graph, told.name)


def executors(on: Sequence[Board]) -> tuple[Board, ...]:
    """The boards `on`; without any, all that something runs."""
    if on:
        return tuple(on)
    names = itertools.chain(*map(boards.names, targets.TARGETS))
    return tuple(b for b in map(boards.load, names) if b.runner is not None)
