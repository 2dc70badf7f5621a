"""The verb that makes an integer network of a float one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click
import numpy as np

from ascua import inputs, measure, tflite
from ascua import quantize as quantizer
from ascua.cli.terminal import (
    PATH,
    as_json,
    force,
    model_file,
    out,
    print_json,
    progress,
    verbose,
)
from ascua.errors import InputError
from ascua.files import Output
from ascua.files.kinds import TFLITE
from ascua.ir import Array, Graph
from ascua.passes import prepare
from ascua.quantize.best import Trial, quantize_best
from ascua.quantize.compare import Fidelity, compare
from ascua.quantize.options import (
    ALIASES,
    RANGES,
    SCHEME_NAMES,
    WEIGHTS,
    Options,
    Ranges,
    Schemes,
    Weights,
)
from ascua.quantize.rules import Range

LOW = 0.95
"""Where fewer decisions than this part stay the same, the user hears what to try."""


@click.command()
@model_file
@click.option(
    "--data",
    "-d",
    required=True,
    metavar="D",
    help="A data set's name, a folder of images, or an .npy or .npz file.",
)
@click.option("--out", "-o", "to", type=PATH, required=True, help="The .tflite file to write.")
@click.option(
    "--calibration",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="Samples of D that are looked at, at most.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides which.")
@click.option(
    "--input-range",
    type=float,
    nargs=2,
    default=(0.0, 1.0),
    show_default=True,
    metavar="LOW HIGH",
    help="What pixels 0 and 255 are for the float model.",
)
@click.option(
    "--scheme",
    type=click.Choice(SCHEME_NAMES),
    default="int8",
    show_default=True,
    help="Types: int16x8 has int16 activations, uint8-per-tensor is of TensorFlow 1.",
)
@click.option(
    "--ranges",
    type=click.Choice([*RANGES, *ALIASES]),
    default="minmax",
    show_default=True,
    help="How activations' ranges follow from their values.",
)
@click.option(
    "--percentile",
    type=click.FloatRange(50, 100, min_open=True),
    default=99.99,
    show_default=True,
    help="What --ranges percentile covers, in percent.",
)
@click.option(
    "--weights",
    type=click.Choice(WEIGHTS),
    default="minmax",
    show_default=True,
    help="Whether weights are clipped for the least error.",
)
@click.option("--equalize", is_flag=True, help="Scale channels between layers.")
@click.option(
    "--bias-correction/--no-bias-correction",
    default=True,
    show_default=True,
    help="Take mean errors off the biases.",
)
@click.option("--best", is_flag=True, help="Try all of these on held-out samples; minutes.")
@click.option("--adaround", is_flag=True, help="Learn which weights are rounded up; minutes.")
@click.option("--data-dir", type=PATH, help="Where the data set already is.")
@click.option("--skip-damaged", is_flag=True, help="Leave out images that cannot be read.")
@force
@as_json
@verbose
def quantize(
    model: Path, data: str, to: Path, calibration: int, seed: int,
    input_range: tuple[float, float], scheme: Schemes, ranges: str, percentile: float,
    weights: Weights, equalize: bool, bias_correction: bool, best: bool, adaround: bool,
    data_dir: Path | None, skip_damaged: bool, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Quantise a float MODEL to an int8 .tflite file.

    MODEL is a .tflite file; or a .keras or .h5 one or a SavedModel folder, which TensorFlow
    converts first.
    """
    output = Output(to, TFLITE, "--out OUT.tflite", (model, Path(data)), force)
    output.check()
    image = Range(*input_range)
    if not image.low < image.high < np.inf or image.low == -np.inf:
        raise InputError(f"--input-range {image.low:g} {image.high:g}: not an ascending range.")
    method = ALIASES[ranges] if ranges in ALIASES else cast(Ranges, ranges)
    options = Options(scheme, method, percentile, weights, equalize, bias_correction, adaround)
    graph = load_network(model)
    quantizer.check_float(graph, str(model))
    xs, pixels = samples(graph, data, calibration, seed, image, data_dir, skip_damaged)
    trials: tuple[Trial, ...] = ()
    pixel = image if pixels else None
    with progress() as bar:
        if best:
            small, trials = quantize_best(graph, xs, options, pixel, bar("trials"))
        else:
            small = quantizer.quantize(graph, xs, options, pixel, bar("quantising"))
    content = tflite.write(small)
    prepare(tflite.read(content, str(to)), str(to))
    fidelity = compare(graph, small, [x[:100] for x in xs])
    output.write(lambda file: file.write_bytes(content))
    if as_json:
        print_json(_json(to, content, len(xs[0]), fidelity, trials))
        return
    for trial in trials:
        mark = "kept " if trial.kept else "     "
        out.print(f"{mark} {trial.fidelity.sqnr_db:6.2f} dB  {trial.options}", highlight=False)
    said = [
        f"{to}: {len(content):,} bytes, calibrated on {len(xs[0]):,} samples.",
        f"Beside the float model: {fidelity}.",
    ]
    if fidelity.same_top1 < LOW and not best:
        said.append("That is low: `--best` tries what comes nearer.")
    said.append(f"Next: ascua run {to} --board lm3s6965evb")
    out.print("\n".join(said), soft_wrap=True, highlight=False, markup=False)


def _json(
    to: Path, content: bytes, samples: int, fidelity: Fidelity, trials: Sequence[Trial]
) -> dict[str, Any]:
    return {
        "schema": measure.SCHEMA,
        "tflite": str(to),
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "samples": samples,
        "sqnr_db": fidelity.sqnr_db,
        "same_top1": fidelity.same_top1,
        "trials": [
            {**asdict(t.options), "sqnr_db": t.fidelity.sqnr_db, "kept": t.kept} for t in trials
        ],
    }


def load_network(model: Path) -> Graph:
    """The float network in a .tflite, .keras or .h5 file, or in a SavedModel folder."""
    if not model.is_dir() and (model.suffix not in (".keras", ".h5") or not model.is_file()):
        return tflite.load(model)
    from ascua.train.export import float_file

    return tflite.read(float_file(model), str(model))


def samples(
    graph: Graph, source: str, count: int, seed: int, image: Range, data_dir: Path | None,
    skip_damaged: bool,
) -> tuple[list[Array], bool]:  # fmt: skip
    """Calibration samples, float32 (n, *shape) an input, and whether they are images of bytes."""
    from ascua.data import calibration

    path = Path(source)
    if path.suffix in (".npy", ".npz") and path.is_file():
        xs, pixels = inputs.load_real(path, graph, image)
        at = calibration.chosen(len(xs[0]), count, seed)
        return [x[at] for x in xs], pixels
    shape = graph.inputs[0].shape
    if len(graph.inputs) > 1 or len(shape) != 4 or shape[0] != 1:
        raise InputError(
            f"{source}: the model's input is {[list(t.shape) for t in graph.inputs]}, no image.",
            ["Give its samples in an .npy or .npz file."],
        )
    bytes_ = calibration.images(source, shape[1:], count, seed, data_dir, skip_damaged)
    return [inputs.real_images(bytes_, graph.inputs[0], image)], True
