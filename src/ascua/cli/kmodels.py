"""What `analyze`, `run` and `validate` do with a kmodel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ascua import k210, kmodel
from ascua.boards import Board
from ascua.cli import quantizing
from ascua.cli.options import Reading, Sampling, Switches
from ascua.cli.quantizing import JUDGED
from ascua.cli.terminal import PLAN, err, log, out, print_json, progress
from ascua.errors import InputError, ToolMissing
from ascua.executors.kpu import Kpu
from ascua.files import Output
from ascua.files.kinds import KMODEL
from ascua.inputs import check_outputs, save_outputs
from ascua.ir import Array
from ascua.labels import Labels
from ascua.quantize import Options, Range, check_float
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


@dataclass(frozen=True)
class Compiling(Reading):
    """How a network becomes a kmodel; other boards take none of these."""

    kmodel: Literal["3", "4"] | None
    data: str | None
    calibration: int
    seed: int
    input_range: tuple[float, float] | None
    bias_correction: bool

    def refuse(self, board: Board) -> None:
        """Raise InputError where samples or a version are given for a board without a K210."""
        given = {"--kmodel": self.kmodel, "--data": self.data, "--input-range": self.input_range}
        for option, value in given.items():
            if value is not None:
                raise InputError(
                    f"{option}: {board.name} takes no kmodel.",
                    ["Leave it out, or name a board with a K210: `--board maix-go`."],
                )


def compile_(
    path: Path, board: Board, to: Path, how: Compiling, *, force: bool, as_json: bool
) -> None:  # fmt: skip
    """Write the kmodel of the float network at `path` to the file `to`."""
    taken = (path, *([] if how.data is None else [Path(how.data)]))
    output = Output(to, KMODEL, "--out OUT.kmodel", taken, force=force)
    output.check()
    quantizing.check_image(how.input_range)
    source = quantizing.load_network(path)
    check_float(source.graph, str(path))
    if how.data is None:
        raise InputError(
            f"{path}: a float network is calibrated on images when it becomes a kmodel.",
            ["Name a folder of images, a data set or an .npy file of uint8 images: `--data D`."],
        )
    wanted = Sampling(how.data_dir, how.skip_damaged, how.data, None, how.calibration, how.seed)
    given = quantizing.samples(source.graph, wanted)
    scaling = quantizing.scaling_of(str(path), source, given, how.input_range)
    if scaling is None:
        raise InputError(
            f"{how.data}: it holds real values, and the K210 takes bytes as a camera gives them.",
            ["Give uint8 images (n, h, w, c), or a folder of images."],
        )
    reals, images = Range(*scaling.image), given.xs[0]
    version: Literal[3, 4] = 3 if how.kmodel == "3" else 4
    options = Options(bias_correction=how.bias_correction)
    with progress() as bar:
        made = k210.compile_model(source.graph, images, reals, version, options, bar("calibrating"))
    content = kmodel.write(made)
    model = k210.Model(to, hashlib.sha256(content).hexdigest(), made)
    found = k210.analyze(model, board)
    k210.check_fit(found, board)
    judged = images[np.linspace(0, len(images) - 1, min(JUDGED, len(images))).astype(int)]
    same, near = k210.same_top1(source.graph, made, judged, reals)
    output.write(lambda file: file.write_bytes(content))
    if as_json:
        more = {"file": str(to), "calibrated_on": len(images), "same_top1": same, "cosine": near}
        print_json({**found.json(), **more, "input_range": scaling._asdict()})
        return
    out.print(tables.compiled(found))
    out.print(
        f"{to}: {len(content):,} bytes, calibrated on {len(images):,} images."
        f" Pixels are {scaling}.\n"
        f"Beside the float model: {same:.1%} same top-1, mean cosine {near:.4f}.\n"
        f"Next: ascua run {to} --board {board.name}",
        soft_wrap=True, highlight=False, markup=False,
    )  # fmt: skip


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
