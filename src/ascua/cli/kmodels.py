"""What `analyze`, `run` and `validate` do with a kmodel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ascua import k210, kmodel
from ascua.boards import Board, names
from ascua.boards import load as load_board
from ascua.cli import following, networks
from ascua.cli.options import Reading, Switches, Taking
from ascua.cli.terminal import PLAN, err, log, out, print_json, printable, progress
from ascua.convert import Network
from ascua.errors import InputError, Mismatch, ToolFailed
from ascua.executors.kpu import Kpu, RunsKmodels, Runtime
from ascua.files import Output
from ascua.files.kinds import KMODEL
from ascua.inputs import check_outputs, save_outputs
from ascua.ir import Array, Graph
from ascua.labels import Labels
from ascua.quantize import Options, Range, check_float
from ascua.quantize.scaling import Scaling
from ascua.report import kmodel as tables
from ascua.report.tables import checked, validation
from ascua.samples import load_or_random
from ascua.targets.k210.nncase.compiling import Like, Version
from ascua.verbs.bringing import DataSource
from ascua.verbs.quantizing import JUDGED, check_range, chosen, scaling_of

HOST = "host"
"""The board that is this computer."""


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
    build: Path,
    *,
    check: int | None,
    as_json: bool,
) -> None:
    """Run samples on the board, print what is known, and write the `outputs`."""
    k210.check_board(model, board)
    k210.check_runner(board)
    executor: RunsKmodels
    if k210.simulated(board):
        if check is not None:
            raise InputError(
                f"--check: {board.name} is the simulated chip, which others are compared with.",
                ["Leave it out, or choose `--board k210-virt`."],
            )
        executor = Kpu(switches.rounding, fused=switches.fused)
    else:
        switches.refuse_on(board.name)
        executor = Runtime(board, build)
    if outputs is not None:
        check_outputs(outputs, model.ends, **spared)
    xs, labels = samples()
    with progress() as bar:
        done = k210.run(
            model, board, xs, labels=labels, executor=executor, progress=bar(board.name),
            check=check,
        )  # fmt: skip
    _show(done.measurement)
    if outputs is not None:
        save_outputs(outputs, model.ends, done.ys, **spared)
    if as_json:
        print_json(done.measurement.json())
    else:
        out.print(tables.run(done.measurement))
    counted = done.measurement.counted
    if counted is not None and counted.mismatched_bytes:
        raise Mismatch(
            f"{counted.mismatched_bytes} output bytes of {board.name} differ from the simulated"
            f" chip's{checked(counted.checked_samples, done.measurement.samples)}.",
            [f"`ascua validate {model.path} --board host` tells whether the emulator matters."],
        )


def validate(
    path: Path, inputs: Path | None, only: Sequence[str], build: Path, *, as_json: bool
) -> None:
    """Compare the simulated chip with the runtime in C, here and on emulated cores."""
    model = k210.load(path)
    known = [load_board(name) for name in (only or (HOST, *(n for n in names() if n != HOST)))]
    chosen = [b for b in known if _compares(b)]
    for board in known if only else ():
        if not _compares(board):
            raise InputError(
                f"{board.name}: it does not run the runtime of kmodels in C.",
                ["Name `host` or `k210-virt`, or leave out `--board`."],
            )
    xs = load_or_random(model.ends, inputs)
    with progress() as bar:
        checks = k210.validate(model, xs, chosen, build, bar("executors"))
    if as_json:
        print_json({
            "schema": k210.SCHEMA, "model_sha256": model.sha256, "samples": len(xs[0]),
            "oracle": Kpu.name, "executors": [c.json() for c in checks],
        })  # fmt: skip
    else:
        out.print(validation(checks))
    if wrong := [c.executor for c in checks if c.mismatched_bytes]:
        raise Mismatch(f"{path}: outputs differ on {', '.join(wrong)}.")
    ran = [c for c in checks if c.mismatched_bytes is not None]
    for check in checks:
        if check.error is not None and (only or not ran or isinstance(check.error, ToolFailed)):
            raise check.error


def _compares(board: Board) -> bool:
    """Whether the runtime in C runs there: on this computer, and where the core is emulated."""
    if board.name == HOST:
        return True
    return k210.has_one(board) and not k210.simulated(board) and board.cc is not None


@dataclass(frozen=True)
class Compiling(Reading):
    """How a network becomes a kmodel; other boards take none of these."""

    kmodel: Literal["3", "4"] | None
    data: str | None
    calibration: int
    seed: int
    input_range: tuple[float, float] | None
    like: Version | None
    bias_correction: bool | None
    """None where nobody said."""
    weight_bits: Literal["8", "16"] | None

    @property
    def bits(self) -> int:
        """Of weights."""
        return 16 if self.weight_bits == "16" else 8

    @property
    def version(self) -> Literal[3, 4]:
        """Of the file."""
        if self.like is not None:
            return Like(self.like).runtime
        return 3 if self.kmodel == "3" else 4

    def check(self) -> None:
        """Raise InputError where options contradict each other."""
        version = f"{self.like} wrote version {self.version}"
        none = f"{self.like} corrected no biases"
        for option, given, why in (
            (f"--kmodel {self.kmodel}", self.kmodel not in (None, str(self.version)), version),
            ("--bias-correction", self.bias_correction is True, none),
            ("--no-bias-correction", self.bias_correction is False, none),
        ):
            if self.like is not None and given:
                raise InputError(
                    f"{option}: {why}.",
                    ["Leave it out.", "Leave out `--like`: Ascua's own numbers take it."],
                )
        if self.weight_bits == "16" and self.version != 3:
            raise InputError(
                "--weight-bits 16: version 3 alone has such weights.",
                ["Add `--kmodel 3`." if self.like is None else "Leave it out."],
            )

    def refuse(self, board: Board) -> None:
        """Raise InputError where samples or a version are given for a board without a K210."""
        given = {"--kmodel": self.kmodel, "--data": self.data, "--input-range": self.input_range,
                 "--like": self.like, "--weight-bits": self.weight_bits}  # fmt: skip
        for option, value in given.items():
            if value is not None:
                raise InputError(
                    f"{option}: {board.name} takes no kmodel.",
                    ["Leave it out, or name a board with a K210: `--board maix-go`."],
                )


def compile_(
    path: Path, board: Board, to: Path, how: Compiling, *, force: bool, as_json: bool
) -> None:  # fmt: skip
    """Write the kmodel of the network at `path` to the file `to`."""
    taken = (path, *([] if how.data is None else [Path(how.data)]))
    output = Output(to, KMODEL, "--out OUT.kmodel", taken, force=force)
    output.check()
    how.check()
    check_range(how.input_range)
    source = networks.network(path)
    if all(t.dtype == "float32" for t in source.graph.inputs):
        steps, more = _of_floats(path, source, how)
        made = steps.network
    else:
        made, more = _of_integers(path, how), Calibrated()
    finish(made, more, board, output, as_json=as_json)


def finish(
    made: kmodel.Kmodel, more: Calibrated, board: Board, output: Output, *, as_json: bool,
    beside: Callable[[], object] = lambda: None,
) -> None:  # fmt: skip
    """Write a kmodel that fits the board, and print what is known of it.

    `beside` writes what goes with the file; where that fails, there is no file either.
    """
    content, to = kmodel.write(made), output.path
    found = k210.analyze(k210.Model(to, hashlib.sha256(content).hexdigest(), made), board)
    k210.check_fit(found, board)

    def fill(file: Path) -> None:
        file.write_bytes(content)
        beside()

    output.write(fill)
    if as_json:
        print_json({**found.json(), "file": str(to), **asdict(more)})
        return
    out.print(tables.compiled(found))
    said = [f"{to}: {len(content):,} bytes{more.said}."]
    if more.same_top1 is not None and more.cosine is not None:
        said.append(
            f"Beside the float model: {more.same_top1:.1%} same top-1, mean cosine"
            f" {more.cosine:.4f}."
        )
    said.append(f"Next: {printable(following.run(to, board.name))}")
    out.print("\n".join(said), soft_wrap=True, highlight=False, markup=False)


@dataclass(frozen=True)
class Calibrated:
    """What calibration found: nothing, where a network brought its scales."""

    calibrated_on: int | None = None
    input_range: dict[str, Any] | None = None
    same_top1: float | None = None
    cosine: float | None = None

    @property
    def said(self) -> str:
        """In words, behind the size of the file."""
        if self.calibrated_on is None or self.input_range is None:
            return ", by the scales of the model"
        low, high = self.input_range["image"]
        return f", calibrated on {self.calibrated_on:,} images whose pixels are {low:g}..{high:g}"


def _of_floats(path: Path, source: Network, how: Compiling) -> tuple[k210.Compiled, Calibrated]:
    """What becomes of a float network, and how it was calibrated."""
    check_float(source.graph, str(path))
    if how.data is None:
        raise InputError(
            f"{path}: a float network is calibrated on images when it becomes a kmodel.",
            ["Name a folder of images, a data set or an .npy file of uint8 images: `--data D`."],
        )
    told = DataSource(how.data, None, how.data_dir, skip_damaged=how.skip_damaged)
    given = chosen(source.graph, told, how.calibration, how.seed)
    scaling = scaling_of(str(path), source, given, how.input_range)
    if scaling is None:
        raise InputError(
            f"{how.data}: it holds real values, and the K210 takes bytes as a camera gives them.",
            ["Give uint8 images (n, h, w, c), or a folder of images."],
        )
    made: Callable[..., k210.Compiled]
    if how.like is not None:
        made = partial(k210.compile_like, like=Like(how.like, how.bits))
    else:
        options = Options(bias_correction=how.bias_correction is not False)
        made = partial(k210.compile_floats, version=how.version, options=options, bits=how.bits)
    return calibrated(source.graph, given.xs[0], scaling, made)


def calibrated(
    graph: Graph, images: Array, scaling: Scaling, compiled: Callable[..., k210.Compiled]
) -> tuple[k210.Compiled, Calibrated]:
    """What becomes of a float `graph`, and what calibration on uint8 images (n, h, w, c) found.

    `compiled` makes it of the graph, the images and what they mean, and tells its `progress`.
    """
    reals = Range(*scaling.image)
    with progress() as bar:
        made = compiled(graph, images, reals, progress=bar("calibrating"))
    judged = images[np.linspace(0, len(images) - 1, min(JUDGED, len(images))).astype(int)]
    same, near = k210.beside_float(graph, made.network, judged, reals)
    return made, Calibrated(len(images), scaling._asdict(), same, near)


def _of_integers(path: Path, how: Compiling) -> kmodel.Kmodel:
    """The kmodel of a quantised network."""
    if how.like is not None:
        raise InputError(
            f"{path}: it is quantised already, and {how.like} took float networks.",
            ["Leave out `--like`, or give the float model."],
        )
    if how.data is not None or how.input_range is not None or how.weight_bits == "16":
        raise InputError(
            f"{path}: it is quantised already: its own scales and weights are taken.",
            ["Leave out `--data`, `--input-range` and `--weight-bits`, or give the float model."],
        )
    return k210.compile_quantized(
        networks.model(path, Taking(no_optimize=True, floats=False)).graph, how.version
    )


def _show(found: k210.Measurement) -> None:
    """The registers on stderr, with -v."""
    if log.isEnabledFor(PLAN):
        err.print(tables.registers(found.model.network))
