"""Compares two networks, layer by layer and in their answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ascua import compare as comparing
from ascua import inputs, k210
from ascua.compare import Comparison, Network, Observed, Samples, scaling
from ascua.compare.chip import Chip
from ascua.compare.matching import matched
from ascua.compare.network import check_together, quantized
from ascua.convert import Network as Converted
from ascua.errors import InputError
from ascua.ir import Array
from ascua.quantize.fidelity import dequantized
from ascua.quantize.ranges import Progress
from ascua.quantize.rules import Range
from ascua.quantize.scaling import PROBED, Scaling, check_real, doubt_real
from ascua.verbs.bringing import Data, DataSource, network
from ascua.verbs.quantizing import check_range

Load = Callable[[Path], Converted]
"""Reads the network in a file."""


class Sides(NamedTuple):
    """What is compared on which samples, and what pixels are for A, and for B as far as it says."""

    a: Network
    b: Observed
    samples: Samples
    scalings: tuple[Scaling, ...]


def compare_models(
    a: Any, b: Any, data: Data, *, labels: Path | str | Array | None = None,
    samples: int | None = None, cuts: int = 500, top: int = 5,
    input_range: tuple[float, float] | None = None, data_dir: Path | str | None = None,
    skip_damaged: bool = False,
) -> Comparison:  # fmt: skip
    """What becomes of network `a` in network `b`, as `ascua compare` tells it.

    Each is a Keras model or the file of a network; `b` may be a .kmodel that was made of `a`.
    `data`, `labels` and `input_range` are as `quantize_model` takes them; `samples` of them are
    compared (None: all), `cuts` of these followed through the layers; `top` is the k of top-k.
    Raises AscuaError.
    """
    check_range(input_range)
    folder = None if data_dir is None else Path(data_dir)
    told = DataSource(data, labels, folder, skip_damaged=skip_damaged)
    is_file = isinstance(b, Path | str)
    if is_file and k210.is_kmodel(Path(b)):
        sides = with_kmodel(network(a), Path(b), told, samples, input_range)
    else:
        sides = two_networks((network(a), network(b)), told, samples, input_range)
    return compared(sides, cuts, top)


def compared(
    sides: Sides, cuts: int, top: int, progress: Progress | None = None,
    cut_progress: Progress | None = None,
) -> Comparison:  # fmt: skip
    """The comparison of two sides at hand."""
    comparing.check_ranges(sides.a, sides.b, sides.samples)
    return comparing.compare(
        sides.a, sides.b, sides.samples, top=top, cuts=min(cuts, sides.samples.count),
        progress=progress, cut_progress=cut_progress if cuts else None,
    )  # fmt: skip


def two_networks(
    both: tuple[tuple[Converted, str], tuple[Converted, str]], told: DataSource, count: int | None,
    image: tuple[float, float] | None,
) -> Sides:  # fmt: skip
    """Two networks, each with what it is called, on `count` samples."""
    sources = [source for source, _ in both]
    first, second = (comparing.prepared(source.graph, name) for source, name in both)
    check_together(first, second)
    some = _samples((first, second), told).chosen(count)
    comparing.check(first, second, some)
    if some.arrays[0].dtype == np.uint8:
        firsts = [s.first for s in sources]
        same = scaling.both((first, second), firsts, some.arrays[0], some.labels, image)
        return Sides(same.a, same.b, replace(some, image=Range(*same.image)), same.scalings)
    few = some.chosen(PROBED)
    for net, source in zip((first, second), sources, strict=True):
        if quantized(t := net.graph.inputs[0]):
            continue
        xs = few.real(net.graph, 0, few.count)
        check_real(net.name, net.graph, source.first, xs, image)
        if inputs.calibrated(net.graph, t) is None:
            doubt_real(net.name, net.graph, xs, few.labels)
    return Sides(first, second, some, ())


def with_kmodel(
    a: tuple[Converted, str], b: Path, told: DataSource, count: int | None,
    image: tuple[float, float] | None,
) -> Sides:  # fmt: skip
    """A network, with what it is called, and a kmodel, on `count` samples."""
    source, name = a
    first, second = comparing.prepared(source.graph, name), Chip.of(k210.load(b).network, str(b))
    check_together(first, second)
    some = _samples((first,), told).chosen(count)
    comparing.check(first, second, some)
    x, scalings = some.arrays[0], []
    if x.dtype == np.uint8:
        scalings.append(scaling.scaling(first, source.first, x, some.labels, image))
        some = replace(some, image=Range(*scalings[0].image))
    return Sides(first, matched(first, second, some), some, tuple(scalings))


def _samples(nets: tuple[Network, ...], told: DataSource) -> Samples:
    """Arrays that are at hand, or the labelled samples of a data set or a folder."""
    if (held := told.arrays(nets[0].graph.inputs)) is not None:
        return _arrays(held, nets, told)
    told.refuse_labels()
    graph, source = nets[0].graph, told.name
    shape = graph.inputs[0].shape
    if len(graph.inputs) > 1 or shape[:1] != (1,):
        raise InputError(
            f"{source}: the networks take {[list(t.shape) for t in graph.inputs]}, no sample.",
            ["Give samples in an .npy or .npz file."],
        )
    if (recipe := told.recipe()) is not None:
        data = told.dataset(recipe, shape[1:])
        count = np.arange(len(data.x_test))
        return Samples(source, (data.x_test,), None, data.y_test, data.classes, count)
    from ascua.data.labelled import labelled

    found = labelled(source, shape[1:], told.data_dir, skip_damaged=told.skip_damaged)
    count = np.arange(len(found.x))
    return Samples(source, (found.x,), None, found.y, found.classes, count)


def _arrays(held: inputs.Held, nets: tuple[Network, ...], told: DataSource) -> Samples:
    """The samples in arrays: real ones, pixels, or integers of a network's input."""
    real = tuple(replace(t, dtype="float32", quant=None) for t in nets[0].graph.inputs)
    graph = replace(nets[0].graph, inputs=real)
    pixels = inputs.taken_pixels(held, graph, told.name)
    own = next((n.graph for n in nets if inputs.same_types(held, n.graph)), graph)
    xs = [pixels] if pixels is not None else [
        dequantized(x, t)
        for x, t in zip(inputs.taken(held, own, told.name), own.inputs, strict=True)
    ]  # fmt: skip
    y = told.labelled(len(xs[0]), graph.outputs[0].size)
    return Samples(told.name, tuple(xs), None, y, (), np.arange(len(xs[0])))
