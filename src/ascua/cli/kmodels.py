"""What `analyze`, `run` and `validate` do with a kmodel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ascua import k210
from ascua.boards import Board
from ascua.cli.options import Switches
from ascua.cli.terminal import PLAN, err, log, out, print_json, progress
from ascua.errors import ToolMissing
from ascua.executors.kpu import Kpu
from ascua.inputs import check_outputs, save_outputs
from ascua.ir import Array
from ascua.labels import Labels
from ascua.report import kmodel as tables


def analyze(path: Path, board: Board | None, *, as_json: bool) -> None:
    """Print layers, memory and estimated time of the kmodel at `path`."""
    found = k210.analyze(k210.load(path), board)
    _show(found)
    if as_json:
        print_json(found.json())
    else:
        out.print(tables.analysis(found))
    if board is not None:
        k210.check_fit(found, board)
        if not as_json:
            out.print(f"It fits {board.name}.")


def run(
    model: k210.Model,
    board: Board,
    samples: Callable[[], tuple[list[Array], Labels | None]],
    switches: Switches,
    outputs: Path | None,
    spared: Mapping[str, Any],
    *,
    as_json: bool,
) -> None:
    """Run samples on the simulated chip, print what is known, and write the `outputs`."""
    k210.check_board(model, board)
    k210.check_runner(board)
    if outputs is not None:
        check_outputs(outputs, model.ends, **spared)
    xs, labels = samples()
    kpu = Kpu(switches.rounding, fused=switches.fused)
    with progress() as bar:
        done = k210.run(model, board, xs, labels=labels, kpu=kpu, progress=bar(board.name))
    _show(done.measurement)
    if outputs is not None:
        save_outputs(outputs, model.ends, done.ys, **spared)
    if as_json:
        print_json(done.measurement.json())
    else:
        out.print(tables.run(done.measurement))


def alone(model: k210.Model) -> ToolMissing:
    """The error of `validate`: there is nobody to compare the simulator with."""
    return ToolMissing(
        f"{model.path}: not validated: a kmodel has one executor so far, the simulated KPU.",
        [
            "`ascua run` with a K210's board computes its outputs; docs/k210.md says what that is"
            " checked against.",
            "Compare the outputs with the board's own: `--outputs` writes them.",
        ],
    )


def _show(found: k210.Measurement) -> None:
    """The registers on stderr, with -v."""
    if log.isEnabledFor(PLAN):
        err.print(tables.registers(found.model.network))
