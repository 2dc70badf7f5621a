"""The verb that makes an integer network of a float one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click

from ascua import measure, pixels
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
from ascua.cli.terminal import out, print_json, printable, progress, verbose
from ascua.files import Output
from ascua.files.kinds import TFLITE
from ascua.quantize import check_float
from ascua.quantize.options import (
    ALIASES,
    RANGES,
    SCHEME_NAMES,
    WEIGHTS,
    Options,
    Ranges,
)
from ascua.verbs.bringing import DataSource
from ascua.verbs.quantizing import Quantized, check_range, chosen, quantized

LOW, NEAR = 0.95, 35.0
"""Where fewer decisions than this part stay the same, and the signal to error is below so many dB,
the user hears what to try: what answers no classes has many values alike."""


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
    check_range(input_range)
    source = networks.network(model)
    check_float(source.graph, str(model))
    told = DataSource(sampling.data, labels, sampling.data_dir, skip_damaged=sampling.skip_damaged)
    given = chosen(source.graph, told, sampling.calibration, sampling.seed)
    with progress() as bar:
        done = quantized(str(model), source, given, options, input_range, best=best, bar=bar)
    output.write(lambda file: file.write_bytes(done.content))
    if as_json:
        print_json(_json(to, done))
        return
    if done.trials:
        out.print("Signal to error of the scores, before a softmax, on samples held out:")
    for trial in done.trials:
        mark = "kept " if trial.kept else "     "
        out.print(f"{mark} {trial.fidelity.sqnr_db:6.2f} dB  {trial.options}", highlight=False)
    said = [f"{to}: {len(done.content):,} bytes, calibrated on {done.samples:,} samples."]
    if done.scaling is not None:
        said.append(f"Pixels are {done.scaling}.")
    else:
        said.append(f"Values are taken as they are: {', '.join(map(pixels.said, done.values))}.")
    said.append(f"Beside the float model: {done.fidelity}.")
    if done.fidelity.right is not None:
        real, whole = done.fidelity.right
        said.append(
            f"Accuracy on {done.judged} labelled samples: float {real:.1%}, quantised {whole:.1%}."
        )
    low = done.fidelity.same_top1 < LOW and done.fidelity.sqnr_db < NEAR
    if low and done.unlike:
        said.append(
            "That is low: channels of the input have very unlike ranges, and share one scale. Begin"
            " the network with `keras.layers.Normalization()`, adapted to its data: int8 then reads"
            " each by its own (docs/sensors.md)."
        )
    elif low and not best:
        said.append("That is low: `--best` tries what comes nearer.")
    known = None if given.labels is None else sampling
    said.append(f"Next: {printable(following.run_somewhere(to, known))}")
    out.print("\n".join(said), soft_wrap=True, highlight=False, markup=False)


def _json(to: Path, done: Quantized) -> dict[str, Any]:
    """The object that `--json` prints; docs/json.md describes it."""
    found = done.fidelity
    return {
        "schema": measure.SCHEMA,
        "tflite": str(to),
        "model_sha256": done.sha256,
        "bytes": len(done.content),
        "samples": done.samples,
        "input_range": None if done.scaling is None else done.scaling._asdict(),
        "sqnr_db": found.sqnr_db,
        "same_top1": found.same_top1,
        "one_answer": found.one_answer,
        "accuracy_float": found.right[0] if found.right else None,
        "accuracy_quantized": found.right[1] if found.right else None,
        "trials": [
            {**asdict(t.options), "sqnr_db": t.fidelity.sqnr_db, "kept": t.kept}
            for t in done.trials
        ],
    }
