"""The command that a verb names at its end: what a user would do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from ascua import boards
from ascua.cli.options import Sampling
from ascua.errors import AscuaError
from ascua.model import load_model
from ascua.plan import check_fit

ON = ("lm3s6965evb", "mps2-an386", "host")
"""Boards that are named where none was, the one with least memory first."""


def run(tflite: Path | str, board: str, *more: str) -> str:
    """The command that measures an integer network on a board."""
    return shlex.join(["ascua", "run", str(tflite), "--board", board, *more])


def run_somewhere(tflite: Path, sampling: Sampling | None = None) -> str:
    """`run` on the first board of ON that holds the network, with the labelled samples if any."""
    return run(tflite, _holding(tflite), *(_labelled(sampling) if sampling else ()))


def kmodel(keras: Path | str, board: str, data: str, to: Path, *more: str) -> str:
    """The command that makes a kmodel of a Keras model, calibrated on a data set.

    Version 3, which the firmware that the boards are sold with reads.
    """
    command = ["ascua", "compile", str(keras), "--board", board, "--kmodel", "3", "--data", data]
    command += more
    return shlex.join([*command, "--out", str(to)])


def quantize(keras: Path) -> str:
    """The command that makes an integer network of a Keras model; D is the user's data."""
    to = keras.with_suffix(".tflite")
    return f"{shlex.join(['ascua', 'quantize', str(keras), '--out', str(to)])} --data D"


def _holding(tflite: Path) -> str:
    model = load_model(tflite)
    for name in ON[:-1]:
        try:
            planned = model.plan(boards.load(name))
            check_fit(planned)
        except AscuaError:  # it does not fit, or no kernel runs it there
            continue
        flash = planned.board.memory("x")
        if flash is None or planned.const_bytes + planned.code_estimate <= flash.bytes:
            return name
    return ON[-1]


def _labelled(sampling: Sampling) -> Iterable[str]:
    """The options by which `run` finds the samples of a calibration, and what they are."""
    source = sampling.data
    if Path(source).suffix in (".npy", ".npz"):
        if sampling.labels is not None:
            yield from ("--inputs", source, "--labels", str(sampling.labels))
        return
    yield from ("--data", source)
    if sampling.data_dir is not None:
        yield from ("--data-dir", str(sampling.data_dir))
    if sampling.skip_damaged:
        yield "--skip-damaged"
