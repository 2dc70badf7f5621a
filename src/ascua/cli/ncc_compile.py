"""`ncc compile`: nncase's command line for a float network that becomes a kmodel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import click
import numpy as np

from ascua import boards, k210
from ascua.cli import kmodels, networks
from ascua.cli.ncc_samples import (
    Colors,
    check_image,
    check_scale,
    dataset,
    dataset_format,
    input_mean,
    input_std,
)
from ascua.cli.options import PATH, as_json, force, gathered, like, seconds_option
from ascua.cli.terminal import log, progress, verbose
from ascua.convert import Network
from ascua.data.ncc import PIXELS, Wanted
from ascua.errors import InputError
from ascua.files import Output, folders
from ascua.files.kinds import KMODEL
from ascua.ir import Array, Graph
from ascua.ncc import dots
from ascua.ncc.samples import sound
from ascua.quantize import Options, check_float
from ascua.quantize.options import ALIASES, RANGES, Ranges
from ascua.quantize.scaling import Scaling, find
from ascua.targets.k210.nncase.compiling import Like, Version

BOARD = "maix-go"
"""A board with the chip, at its nominal clock: files of one run on all."""
BYTES = np.dtype("u1")
ONNX = "`onnx2tf -i NET.onnx` makes a float .tflite of ONNX."
ROADS: dict[str, tuple[str, str, dict[str, tuple[str, ...]]]] = {
    "-i": ("tflite", "reads float .tflite files", {
        "onnx": (ONNX,),
        "caffe": ("Make ONNX of it first (caffe2onnx); then " + ONNX,),
        "paddle": ("Make ONNX of it first (paddle2onnx); then " + ONNX,),
    }),
    "-o": ("kmodel", "writes kmodels", {
        "tflite": ("`ascua quantize` writes int8 .tflite files.",),
    }),
    "-t": ("k210", "compiles for the K210", {
        "cpu": (
            "`ascua quantize`, then `ascua compile` with a microcontroller's `--board`: it becomes"
            " C for its CPU.",
        ),
        "k510": ("nncase 1 compiles for that chip.",),
    }),
    "--inference-type": ("uint8", "compiles for the KPU, which computes with bytes", {
        "float": (
            "Leave it out, and name images with `--dataset`: what loses accuracy is told.",
            "On a CPU in floats a K210 has no use of its KPU: take the .tflite file's own runtime.",
        ),
    }),
    "--input-type": ("uint8", "makes networks that take bytes, as a camera gives them", {
        "float": (
            "Leave it out; a program with floats x gives round(255 * (x * std + mean)).",
        ),
    }),
}  # fmt: skip
"""Of options with one value here: it, what Ascua does, and for other values what to do instead."""


@dataclass(frozen=True)
class Dialect:
    """What nncase takes further values for."""

    input_format: str
    output_format: str
    target: str
    inference_type: str
    input_type: str
    max_allocator_solve_secs: float | None

    def refuse(self) -> None:
        """Raise InputError for what Ascua's compiler has not; warn of what changes nothing."""
        given = zip(ROADS.items(), (
            self.input_format, self.output_format, self.target, self.inference_type,
            self.input_type if self.input_type != "default" else "uint8",
        ), strict=True)  # fmt: skip
        for (option, (taken, what, roads)), value in given:
            if value != taken:
                raise InputError(
                    f"`{option} {value}`: `ascua ncc compile` {what}, and nothing else.",
                    roads.get(value, (f"Give `{option} {taken}`, or leave it out.",)),
                )
        if self.max_allocator_solve_secs is not None:
            log.warning(
                "warning: `--max-allocator-solve-secs %g` changes nothing: places in memory are"
                " found in a fixed number of steps, the same each time.",
                self.max_allocator_solve_secs,
            )


@dataclass(frozen=True)
class Calibrating:
    """The samples, and what they mean."""

    dataset: Path | None
    dataset_format: str
    input_mean: float
    input_std: float
    calibrate_method: str
    like: Version | None

    @property
    def compiled(self) -> Callable[..., k210.Compiled]:
        """What makes a kmodel with ranges by that method. Raises InputError for one not had."""
        name = self.calibrate_method
        if self.like is None:
            options = Options(ranges=ALIASES.get(name) or cast(Ranges, name))
            return partial(k210.compile_floats, version=4, options=options)
        like = Like(self.like, l2=name == "l2")
        methods = ("no_clip",) if like.runtime == 3 else tuple(ALIASES)
        if name not in methods:
            raise InputError(
                f"--calibrate-method {name}: {self.like} had no such method.",
                [
                    "Leave it out: it averaged the ranges of images."
                    if like.runtime == 3
                    else f"Give one of its own: {' or '.join(methods)}.",
                    "Leave out `--like`.",
                ],
            )
        return partial(k210.compile_like, like=like)

    @property
    def image(self) -> tuple[float, float]:
        """What pixels 0 and 255 are: (v / 255 - mean) / std."""
        mean, std = self.input_mean, self.input_std
        return (0 - mean) / std, (1 - mean) / std

    def checked(self, where: str) -> Path:
        """The samples' place. Raises InputError without one, and for numbers that scale nothing."""
        if self.dataset is None:
            raise InputError(
                f"{where}: a float network is calibrated on samples when it becomes a kmodel.",
                ["Name a folder of images, some hundreds as in training: `--dataset FOLDER`."],
            )
        check_scale(self.input_mean, self.input_std)
        low, high = self.image
        with np.errstate(over="ignore"):
            usable = -np.inf < np.float32(low) < np.float32(high) < np.inf
        if not usable:
            raise InputError(
                f"`--input-mean {self.input_mean:g} --input-std {self.input_std:g}`: pixels 0 and"
                f" 255 would be {low:g} and {high:g}, which is no ascending range.",
                ["Give numbers as in training: `--input-mean 0.5 --input-std 0.5` for -1..1."],
            )
        return self.dataset

    def images(self, where: str, graph: Graph, place: Path) -> Array:
        """All samples at `place` for the input of `graph`, uint8 (n, h, w, c)."""
        shape = graph.inputs[0].shape if len(graph.inputs) == 1 else ()
        if len(shape) != 4 or shape[0] != 1:
            raise InputError(
                f"{where}: its input is {[list(t.shape) for t in graph.inputs]}, no image.",
                ["The KPU takes images: (1, rows, columns, channels), one input."],
            )
        check_image(where, shape[1:], self.dataset_format)
        kind, colors = PIXELS[self.dataset_format], Colors()
        paths = kind.files(place)
        with progress() as bar:
            samples = colors.noted(kind.samples(paths, Wanted(shape[1:], BYTES)))
            images = np.stack(list(sound(samples, len(paths), bar(kind.what))))
        colors.warn(len(paths))
        return images

    def scaling(self, where: str, source: Network, images: Array) -> Scaling:
        """What pixels are, with a warning where the network says something else."""
        found = find(where, source.first, images, None, self.image)
        return found._replace(why="as `--input-mean` and `--input-std` say")


@click.command("compile")
@click.argument("model", type=PATH, metavar="IN.tflite")
@click.argument("to", type=PATH, metavar="OUT.kmodel")
@click.option(
    "-i", "--input-format", default="tflite", show_default=True, help="Of IN; nothing else."
)
@click.option(
    "-o", "--output-format", default="kmodel", show_default=True, help="Of OUT; nothing else."
)
@click.option("-t", "--target", default="k210", show_default=True, help="Nothing else.")
@dataset(help="A folder of samples to calibrate on, or one file.")
@dataset_format(
    help="JPEG, PNG and BMP images, or raw numbers: bytes, or floats that are bytes / 255."
)
@click.option(
    "--inference-type", type=click.Choice(["uint8", "float"]), default="uint8", show_default=True,
    help="What the KPU computes with; float is refused.",
)  # fmt: skip
@input_mean(help="Taken off the pixels, which are 0 to 1, as in training.")
@input_std(help="What they are then divided by.")
@click.option(
    "--calibrate-method", type=click.Choice([*ALIASES, *RANGES]), default="no_clip",
    show_default=True, help="How activations' ranges follow from their values.",
)  # fmt: skip
@like(help="With the numbers that this nncase chose; of 0.1.0-rc5, in version 3.")
@click.option(
    "--input-type", type=click.Choice(["default", "uint8", "float"]), default="default",
    show_default=True, help="What the kmodel takes: uint8, the default; float is refused.",
)  # fmt: skip
@seconds_option(help="Changes nothing here.")
@click.option("--dump-ir", is_flag=True, help="Write graphs in DOT to the folder OUT.kmodel.ir.")
@force()
@as_json()
@verbose
@gathered(dialect=Dialect, how=Calibrating)
def compile_(
    model: Path, to: Path, dialect: Dialect, how: Calibrating, *, dump_ir: bool, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Write the float network IN.tflite as a kmodel.

    It is of version 4, as from ncc 0.2, and calibrated on all samples of a folder.
    """
    dialect.refuse()
    compiled = how.compiled
    samples = how.checked(str(model))
    output = Output(to, KMODEL, "OUT.kmodel", (model, samples), force=force)
    output.check()
    folder = dots.beside(to)
    if dump_ir:
        folders.check(folder, dots.FORM, force=force)
    source = networks.network(model)
    _check_network(str(model), source.graph)
    images = how.images(str(model), source.graph, samples)
    scaling = how.scaling(str(model), source, images)
    made, more = kmodels.calibrated(source.graph, images, scaling, compiled)

    def dump() -> None:
        if dump_ir:
            graphs = {dots.PASSES: made.steps.passes, dots.CHIP: made.steps.chip}
            dots.write(folder, graphs, force=force)

    board = boards.load(BOARD)
    kmodels.finish(made.network, more, board, output, as_json=as_json, beside=dump)


def _check_network(where: str, graph: Graph) -> None:
    """Raise ModelError or InputError unless it is a float network."""
    if any(t.dtype != "float32" for t in graph.inputs):
        raise InputError(
            f"{where}: it is quantised already, and samples have nothing to say of its scales.",
            [
                f"`ascua compile` with `--board {BOARD}` takes it, by its own scales.",
                "Give the float network that it comes from.",
            ],
        )
    check_float(graph, where)
