"""Holds a network against every executor, byte for byte."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ascua import boards, targets
from ascua.boards import Board
from ascua.samples import sample_vectors
from ascua.validation import Check, validate
from ascua.verbs.bringing import Data, load_model
from ascua.verbs.running import samples


def validate_model(
    model: Any, data: Data | None = None, *, on: Board | str | Sequence[Board | str] = (),
    build: Path | str = "build/firmware",
) -> tuple[Check, ...]:  # fmt: skip
    """Whether all executors give the same bytes, as `ascua validate` tells it: a check of each.

    They are this computer and the boards `on`, or all that are emulated; each is held against
    `tflite-micro`, or Ascua's reference where that cannot be asked. `data` are samples, arrays or
    a file; some random ones without. Raises AscuaError.
    """
    model = load_model(model)
    xs = sample_vectors(model.graph) if data is None else samples(model.graph, data)
    chosen = [on] if isinstance(on, Board | str) else on
    plans = [model.plan(board) for board in executors(chosen)]
    return tuple(validate(model, xs, plans, Path(build)))


def executors(on: Sequence[Board | str]) -> tuple[Board, ...]:
    """The boards `on`; without any, all that something runs."""
    if on:
        return tuple(boards.load(b) if isinstance(b, str) else b for b in on)
    names = itertools.chain(*map(boards.names, targets.TARGETS))
    return tuple(b for b in map(boards.load, names) if b.runner is not None)
