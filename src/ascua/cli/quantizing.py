"""The verb that makes an integer network of a float one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, cast

import click
import numpy as np

from ascua import chance, inputs, measure, pixels, tflite
from ascua import quantize as quantizer
from ascua.cli import following, networks
from ascua.cli.options import (
    Sampling,
    as_json,
    bias_correction,
    calibration,
    data_dir,
    data_set,
    force,
    gathered,
    input_range,
    labels_file,
    model_file,
    seed,
    skip_damaged,
    to,
)
from ascua.cli.terminal import log, out, print_json, printable, progress, verbose
from ascua.convert import Network
from ascua.errors import InputError
from ascua.files import Output
from ascua.files.kinds import TFLITE
from ascua.ir import Array, Graph
from ascua.passes import prepare
from ascua.quantize.best import Trial, quantize_best
from ascua.quantize.fidelity import Fidelity, beside
from ascua.quantize.options import (
    ALIASES,
    RANGES,
    SCHEME_NAMES,
    WEIGHTS,
    Options,
    Ranges,
)
from ascua.quantize.rules import Range
from ascua.quantize.scaling import Scaling, check_real, doubt_real, find, labelled
from ascua.quantize.scores import without_index

LOW = 0.95
"""Where fewer decisions than this part stay the same, the user hears what to try."""
JUDGED = 100
"""Samples on which the two networks are compared, spread over those of the calibration."""
FEW, ONE = 20, 0.95
"""From so many samples on it is odd that this part of them gets one class."""


def _ranges(_context: click.Context, _option: click.Parameter, name: str) -> Ranges:
    """The method that `--ranges` names, maybe as other tools do."""
    return ALIASES[name] if name in ALIASES else cast(Ranges, name)


@click.command()
@model_file()
@data_set(help="A data set's name, a folder of images, or an .npy or .npz file.")
@to(required=True, help="The .tflite file to write.")
@labels_file()
@calibration()
@seed(default=1, show_default=True, help="Decides which.")
@input_range(help="What pixels 0 and 255 are for the float model; default: found, or asked for.")
@click.option(
    "--scheme", type=click.Choice(SCHEME_NAMES), default="int8", show_default=True,
    help="Types: int16x8 has int16 activations, uint8-per-tensor is of TensorFlow 1.",
)  # fmt: skip
@click.option(
    "--ranges", type=click.Choice([*RANGES, *ALIASES]), default="minmax",
    show_default=True, callback=_ranges, help="How activations' ranges follow from their values.",
)  # fmt: skip
@click.option(
    "--percentile", type=click.FloatRange(50, 100, min_open=True), default=99.99,
    show_default=True, help="What --ranges percentile covers, in percent.",
)  # fmt: skip
@click.option(
    "--weights", type=click.Choice(WEIGHTS), default="minmax", show_default=True,
    help="Whether weights are clipped for the least error.",
)  # fmt: skip
@click.option("--equalize", is_flag=True, help="Scale channels between layers.")
@bias_correction()
@click.option("--best", is_flag=True, help="Try all of these on held-out samples; minutes.")
@click.option("--adaround", is_flag=True, help="Learn which weights are rounded up; minutes.")
@data_dir()
@skip_damaged()
@force()
@as_json()
@verbose
@gathered(sampling=Sampling, options=Options)
def quantize(
    model: Path, sampling: Sampling, to: Path, input_range: tuple[float, float] | None,
    options: Options, *, best: bool, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Quantise a float MODEL to an int8 .tflite file.

    MODEL is a .tflite file, or one of another form, which is converted first: `ascua convert`.
    """
    labels = sampling.labels
    taken = (model, Path(sampling.data), *([] if labels is None else [labels]))
    output = Output(to, TFLITE, "--out OUT.tflite", taken, force=force)
    output.check()
    check_image(input_range)
    source = networks.network(model)
    graph = source.graph
    quantizer.check_float(graph, str(model))
    given = samples(graph, sampling)
    scaling = scaling_of(str(model), source, given, input_range)
    xs, pixel = given.xs, None
    if scaling is not None:
        xs = [inputs.real_images(given.xs[0], graph.inputs[0], scaling.image)]
        pixel = Range(*scaling.image)
    trials: tuple[Trial, ...] = ()
    with progress() as bar:
        if best:
            small, trials = quantize_best(graph, xs, options, pixel, bar("trials"))
        else:
            small = quantizer.quantize(graph, xs, options, pixel, bar("quantising"))
    content = tflite.write(small)
    prepare(tflite.read(content, str(to)), str(to))
    judged = np.linspace(0, len(xs[0]) - 1, min(JUDGED, len(xs[0]))).astype(int)
    classes = None if given.labels is None else given.labels[judged]
    fidelity = beside(graph, small, [x[judged] for x in xs], classes)
    _warn_of_the_judge(str(model), fidelity, classes, len(judged))
    output.write(lambda file: file.write_bytes(content))
    if as_json:
        print_json(_json(to, content, len(xs[0]), scaling, fidelity, trials))
        return
    for trial in trials:
        mark = "kept " if trial.kept else "     "
        out.print(f"{mark} {trial.fidelity.sqnr_db:6.2f} dB  {trial.options}", highlight=False)
    said = [f"{to}: {len(content):,} bytes, calibrated on {len(xs[0]):,} samples."]
    if scaling is not None:
        said.append(f"Pixels are {scaling}.")
    else:
        found = ", ".join(pixels.said((float(x.min()), float(x.max()))) for x in xs)
        said.append(f"Values are taken as they are: {found}.")
    said.append(f"Beside the float model: {fidelity}.")
    if fidelity.right is not None:
        real, whole = fidelity.right
        said.append(
            f"Accuracy on {len(judged)} labelled samples: float {real:.1%}, quantised {whole:.1%}."
        )
    if fidelity.same_top1 < LOW and not best:
        said.append("That is low: `--best` tries what comes nearer.")
    known = None if given.labels is None else sampling
    said.append(f"Next: {printable(following.run_somewhere(to, known))}")
    out.print("\n".join(said), soft_wrap=True, highlight=False, markup=False)


def check_image(given: tuple[float, float] | None) -> None:
    """Raise InputError unless what `--input-range` says, if anything, is a range."""
    if given is not None and not -np.inf < given[0] < given[1] < np.inf:
        raise InputError(
            f"--input-range {given[0]:g} {given[1]:g}: not an ascending range.",
            ["What pixels 0 and 255 are, in this order: `--input-range 0 1`."],
        )


def scaling_of(
    where: str, source: Network, given: Given, asked: tuple[float, float] | None
) -> Scaling | None:
    """What pixels 0 and 255 are; None where the samples are real values, which are checked."""
    if given.pixels:
        known = labelled(source.graph, given.xs[0], given.labels)
        return find(where, source.first, given.xs[0], known, asked)
    check_real(where, source.graph, source.first, given.xs, asked)
    doubt_real(where, source.graph, given.xs, given.labels)
    return None


def _warn_of_the_judge(
    where: str, fidelity: Fidelity, labels: Array | None, count: int
) -> None:  # fmt: skip
    """Say so where the float network itself knows nothing of the samples: then all is alike."""
    if count < FEW:
        return
    if fidelity.right is not None and labels is not None:
        share, right = chance.guessing(labels), round(fidelity.right[0] * count)
        if share < ONE and chance.by_chance(right, count, share) > chance.SURE:
            log.warning(
                "warning: %s: the float network has %d of %d labelled samples right, no more than"
                " chance: are data, their scale and labels those of its training?",
                where, right, count,
            )  # fmt: skip
    elif fidelity.one_answer is not None and fidelity.one_answer >= ONE:
        log.warning(
            "warning: %s: the float network gives %d of %d samples the same class: are the data"
            " scaled as in its training?",
            where, round(fidelity.one_answer * count), count,
        )  # fmt: skip


def _json(
    to: Path, content: bytes, samples: int, scaling: Scaling | None, fidelity: Fidelity,
    trials: Sequence[Trial],
) -> dict[str, Any]:  # fmt: skip
    return {
        "schema": measure.SCHEMA,
        "tflite": str(to),
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "samples": samples,
        "input_range": None if scaling is None else scaling._asdict(),
        "sqnr_db": fidelity.sqnr_db,
        "same_top1": fidelity.same_top1,
        "one_answer": fidelity.one_answer,
        "accuracy_float": fidelity.right[0] if fidelity.right else None,
        "accuracy_quantized": fidelity.right[1] if fidelity.right else None,
        "trials": [
            {**asdict(t.options), "sqnr_db": t.fidelity.sqnr_db, "kept": t.kept} for t in trials
        ],
    }


class Given(NamedTuple):
    """Samples for calibration."""

    xs: list[Array]
    """(n, *shape) an input: float32, or the bytes of images."""
    pixels: bool
    """Whether they are bytes."""
    labels: Array | None


def samples(graph: Graph, wanted: Sampling) -> Given:
    """Some samples out of an .npy or .npz file, a data set or a folder. Raises InputError."""
    from ascua.data import calibration

    source, labels = wanted.data, wanted.labels
    path, classes = Path(source), max(2, without_index(graph).outputs[0].size)
    if path.suffix in (".npy", ".npz") and path.is_file():
        pixels = inputs.load_pixels(path, graph)
        xs = inputs.load(path, graph) if pixels is None else [pixels]
        y = None if labels is None else inputs.load_labels(labels, len(xs[0]), classes)
        at = calibration.chosen(len(xs[0]), wanted.calibration, wanted.seed)
        y = None if y is None else y[at]
        return Given([x[at] for x in xs], pixels=pixels is not None, labels=y)
    if labels is not None:
        raise InputError(
            f"--labels {labels}: they go with an .npy or .npz file.",
            ["Leave them out: of a data set, or a folder with a folder a class, they are known."],
        )
    shape = graph.inputs[0].shape
    if len(graph.inputs) > 1 or shape[:1] != (1,):
        raise InputError(
            f"{source}: the model's input is {[list(t.shape) for t in graph.inputs]}, no sample.",
            ["Give its samples in an .npy or .npz file."],
        )
    found = calibration.samples(
        source, shape[1:], classes, wanted.calibration, wanted.seed, wanted.data_dir,
        skip_damaged=wanted.skip_damaged,
    )  # fmt: skip
    if found.x.dtype != np.uint8:
        return Given([found.x[:, None]], pixels=False, labels=found.y)
    return Given([found.x], pixels=True, labels=found.y)
