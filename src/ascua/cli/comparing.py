"""The verb that compares two networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ascua import k210, measure
from ascua.cli import networks
from ascua.cli.options import (
    PATH,
    Data,
    as_json,
    data_dir,
    data_set,
    force,
    gathered,
    input_range,
    labels_file,
    samples_count,
    skip_damaged,
)
from ascua.cli.terminal import PLAN, log, out, print_json, printable, progress, verbose
from ascua.compare import Comparison, Samples
from ascua.compare.verdict import culprit, verdict
from ascua.errors import InputError
from ascua.quantize.scaling import Scaling
from ascua.report.comparison import comparison
from ascua.report.comparison_page import check_target, files, write
from ascua.verbs.bringing import DataSource
from ascua.verbs.comparing import compared, two_networks, with_kmodel
from ascua.verbs.quantizing import check_range


@click.command()
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@data_set(help="A data set's name, a folder of images by class, or an .npy or .npz file.")
@labels_file()
@samples_count(help="How many, spread over D; default: all.")
@click.option(
    "--cuts", type=click.IntRange(0), default=500, show_default=True,
    help="Of these, how many to follow through the layers.",
)  # fmt: skip
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="The k of top-k.")
@input_range(help="What pixels 0 and 255 are for both; default: found for each, or asked for.")
@data_dir()
@skip_damaged()
@click.option("--markdown", type=PATH, metavar="DIR", help="Write DIR/report.md with pictures.")
@force()
@as_json()
@verbose
@gathered(data=Data)
def compare(
    a: Path, b: Path, data: Data, samples: int | None, cuts: int, top: int,
    input_range: tuple[float, float] | None, markdown: Path | None, *, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compare networks A and B: layer by layer, and in their answers.

    Each is a file of any form that `ascua convert` takes, float or quantised; B may also be a
    .kmodel that was made of A. The table names the layer at which B's answers part from
    A's.
    """
    if markdown is not None:
        check_target(markdown, force=force)
    check_range(input_range)
    if k210.is_kmodel(a):
        raise InputError(
            f"{a}: a kmodel does not say what its bytes stand for: it is compared with the network"
            " that it was made of.",
            ["Give that network first, then the kmodel: `ascua compare X.tflite Y.kmodel`."],
        )
    told = DataSource(data.data, data.labels, data.data_dir, skip_damaged=data.skip_damaged)
    first = networks.network(a), str(a)
    if k210.is_kmodel(b):
        sides = with_kmodel(first, b, told, samples, input_range)
    else:
        sides = two_networks((first, (networks.network(b), str(b))), told, samples, input_range)
    with progress() as bar:
        layers = bar("layer after layer") if cuts else None
        found = compared(sides, cuts, top, bar("samples"), layers)
    chosen = sides.samples
    if markdown is not None:
        write(markdown, files(found, chosen), force=force)
    if as_json:
        print_json(_json(found, chosen, sides.scalings))
    else:
        classes = tuple(map(printable, chosen.classes))
        out.print(comparison(found, classes, whole=log.isEnabledFor(PLAN)), soft_wrap=False)
        for name, each in zip("AB", sides.scalings, strict=False):
            out.print(f"Pixels are for {name} {each}.", markup=False, highlight=False)


def _json(c: Comparison, samples: Samples, scalings: tuple[Scaling, ...]) -> dict[str, Any]:
    """The object that `--json` prints; docs/json.md describes it."""
    found = culprit(c)
    return {
        "schema": measure.SCHEMA,
        "a": c.a,
        "b": c.b,
        "data": samples.source,
        "samples": c.samples,
        "input_ranges": [s._asdict() for s in scalings],
        "classes": list(samples.classes),
        "verdict": verdict(c),
        "culprit": None if found is None else {"layer": found.layer.name, "by": found.by},
        "output_sqnr_db": c.output_sqnr_db,
        "cut_samples": c.cut_samples,
        "cut_start": c.start,
        "layers": [
            {**x._asdict(), "cut": x.cut._asdict() if x.cut else None} for x in c.layers
        ],
        "alone_a": c.alone_a,
        "alone_b": c.alone_b,
        "answers": None
        if c.answers is None
        else {**c.answers._asdict(), "changed": [x._asdict() for x in c.answers.changed]},
    }  # fmt: skip
