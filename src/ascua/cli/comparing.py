"""The verb that compares two networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from ascua import compare as comparing
from ascua import inputs, k210, measure
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
from ascua.cli.quantizing import check_image
from ascua.cli.terminal import PLAN, log, out, print_json, printable, progress, verbose
from ascua.compare import Comparison, Network, Observed, Samples, scaling
from ascua.compare.chip import Chip
from ascua.compare.matching import matched
from ascua.compare.network import check_together, quantized
from ascua.compare.verdict import culprit, verdict
from ascua.errors import InputError
from ascua.quantize.fidelity import dequantized
from ascua.quantize.rules import Range
from ascua.quantize.scaling import PROBED, Scaling, check_real, doubt_real
from ascua.report.comparison import comparison
from ascua.report.comparison_page import check_target, files, write


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
    check_image(input_range)
    if k210.is_kmodel(a):
        raise InputError(
            f"{a}: a kmodel does not say what its bytes stand for: it is compared with the network"
            " that it was made of.",
            ["Give that network first, then the kmodel: `ascua compare X.tflite Y.kmodel`."],
        )
    sides = _with_kmodel if k210.is_kmodel(b) else _two_networks
    first, second, chosen, scalings = sides(a, b, data, samples, input_range)
    comparing.check_ranges(first, second, chosen)
    with progress() as bar:
        found = comparing.compare(
            first, second, chosen, top=top, cuts=min(cuts, chosen.count), progress=bar("samples"),
            cut_progress=bar("layer after layer") if cuts else None,
        )  # fmt: skip
    if markdown is not None:
        write(markdown, files(found, chosen), force=force)
    if as_json:
        print_json(_json(found, chosen, scalings))
    else:
        classes = tuple(map(printable, chosen.classes))
        out.print(comparison(found, classes, whole=log.isEnabledFor(PLAN)), soft_wrap=False)
        for name, each in zip("AB", scalings, strict=False):
            out.print(f"Pixels are for {name} {each}.", markup=False, highlight=False)


class Sides(NamedTuple):
    """What is compared on which samples, and what pixels are for A, and for B as far as it says."""

    a: Network
    b: Observed
    samples: Samples
    scalings: tuple[Scaling, ...]


def _two_networks(
    a: Path, b: Path, data: Data, count: int | None, image: tuple[float, float] | None
) -> Sides:
    """The networks in two files."""
    sources = [networks.network(p) for p in (a, b)]
    pair = zip(sources, (a, b), strict=True)
    first, second = (comparing.prepared(s.graph, str(p)) for s, p in pair)
    check_together(first, second)
    chosen = _samples((first, second), data).chosen(count)
    comparing.check(first, second, chosen)
    if chosen.arrays[0].dtype == np.uint8:
        firsts = [s.first for s in sources]
        same = scaling.both((first, second), firsts, chosen.arrays[0], chosen.labels, image)
        return Sides(same.a, same.b, replace(chosen, image=Range(*same.image)), same.scalings)
    some = chosen.chosen(PROBED)
    for net, source in zip((first, second), sources, strict=True):
        if quantized(t := net.graph.inputs[0]):
            continue
        xs = some.real(net.graph, 0, some.count)
        check_real(net.name, net.graph, source.first, xs, image)
        if inputs.calibrated(net.graph, t) is None:
            doubt_real(net.name, net.graph, xs, some.labels)
    return Sides(first, second, chosen, ())


def _with_kmodel(
    a: Path, b: Path, data: Data, count: int | None, image: tuple[float, float] | None
) -> Sides:
    """The network in a file, and a kmodel."""
    source = networks.network(a)
    first, second = comparing.prepared(source.graph, str(a)), Chip.of(k210.load(b).network, str(b))
    check_together(first, second)
    chosen = _samples((first,), data).chosen(count)
    comparing.check(first, second, chosen)
    x, scalings = chosen.arrays[0], []
    if x.dtype == np.uint8:
        scalings.append(scaling.scaling(first, source.first, x, chosen.labels, image))
        chosen = replace(chosen, image=Range(*scalings[0].image))
    return Sides(first, matched(first, second, chosen), chosen, tuple(scalings))


def _samples(nets: tuple[Network, ...], data: Data) -> Samples:
    """The samples in an .npy or .npz file, or the labelled images of a data set or a folder."""
    graph, source, path = nets[0].graph, data.data, Path(data.data)
    if path.suffix in (".npy", ".npz"):
        return _arrays(path, nets, data.labels)
    if data.labels is not None:
        raise InputError(
            f"--labels {data.labels}: {source} has labels of its own.", ["Leave out `--labels`."]
        )
    shape = graph.inputs[0].shape
    if len(graph.inputs) > 1 or shape[:1] != (1,):
        raise InputError(
            f"{source}: the networks take {[list(t.shape) for t in graph.inputs]}, no sample.",
            ["Give samples in an .npy or .npz file."],
        )
    from ascua.data.labelled import labelled

    found = labelled(source, shape[1:], data.data_dir, skip_damaged=data.skip_damaged)
    count = np.arange(len(found.x))
    return Samples(source, (found.x,), None, found.y, found.classes, count)


def _arrays(path: Path, nets: tuple[Network, ...], labels: Path | None) -> Samples:
    """The samples in an .npy or .npz file: real ones, pixels, or integers of a network's input."""
    real = tuple(replace(t, dtype="float32", quant=None) for t in nets[0].graph.inputs)
    graph = replace(nets[0].graph, inputs=real)
    pixels = inputs.load_pixels(path, graph)
    held = next((n.graph for n in nets if inputs.same_types(path, n.graph)), graph)
    xs = [pixels] if pixels is not None else [
        dequantized(x, t) for x, t in zip(inputs.load(path, held), held.inputs, strict=True)
    ]  # fmt: skip
    count = len(xs[0])
    y = None if labels is None else inputs.load_labels(labels, count, graph.outputs[0].size)
    return Samples(str(path), tuple(xs), None, y, (), np.arange(count))


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
