"""Which layer of a kmodel computes which activation of a network, and what its bytes stand for.

Files of the K210 have no names, and scales only where bytes become floats. A few samples tell both:
layers are paired in their order and by size, the nearest of what is possible; what bytes stand for
is fitted to what the network makes of the same inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ascua.compare.chip import Chip, Layer, Origin, planes, shaped
from ascua.compare.network import Integers, Network, real
from ascua.compare.pairing import heaviest, layers, source
from ascua.compare.samples import Samples
from ascua.errors import InputError
from ascua.ir import Array, Graph, Tensor
from ascua.kmodel import Kmodel, v3, v4
from ascua.kmodel.flow import INPUT, flow
from ascua.quantize.floats import BATCH_BYTES

LEAST, MOST = 0, 255
"""Of bytes."""
SAMPLES = 32
"""That layers are paired and scales fitted on, at most."""
HANDED = (v3.Quantize, v3.Dequantize, v4.Quantize, v4.Dequantize)
"""Layers that change how values are held, and compute nothing."""
ALIKE = 0.5
"""A smaller correlation tells no scale: then bytes reach as far as what they should be."""
MOVED = 0.99
"""So alike are values that were only moved, at least."""
CHANNELS_LAST = (0, 2, 3, 1)


@dataclass(frozen=True)
class Trace:
    """What a kmodel makes of some samples, and where these values come from."""

    values: tuple[Array, ...]
    """(n, elements) each, numbered as `Chip.made` has them: of layers, then of outputs."""
    roots: tuple[Origin, ...]
    """Of each the first that has its values: itself, or one before it, or INPUT."""

    @property
    def own(self) -> list[int]:
        """What has values that nothing before it has."""
        return [i for i, root in enumerate(self.roots) if root.at == i]


def matched(a: Network, chip: Chip, samples: Samples) -> Chip:
    """`chip` with the layers that it shares with `a`, by their names there.

    Raises InputError for real samples where bytes are taken.
    """
    chip = _with_inputs(a.graph, chip, samples)
    few = samples.chosen(_count(a.graph, chip.model))
    xs = few.real(a.graph, 0, few.count)
    trace = traced(chip, chip.given(xs))
    twins = paired(a, xs, chip, trace)
    twins, held = _meanings(a, xs, twins, trace, stated(chip.model, trace))
    return _named(a, chip, twins, trace, held)


def _with_inputs(graph: Graph, chip: Chip, samples: Samples) -> Chip:
    """`chip` with the names and shapes of what goes in and comes out, and what pixels are."""
    ends = chip.graph
    inputs = [
        replace(t, dtype=own.dtype, quant=None)
        for t, own in zip(graph.inputs, ends.inputs, strict=True)
    ]
    if samples.image is None and any(t.dtype == "uint8" for t in inputs):
        raise InputError(
            f"{samples.source}: it holds real values, and {chip.name} takes bytes as a camera gives"
            " them.",
            ["Give uint8 images (n, h, w, c), or a folder of images."],
        )
    held = {}
    if samples.image is not None and inputs[0].dtype == "uint8":
        low, high = samples.image
        scale = (high - low) / MOST
        held[inputs[0]] = Integers(scale, -low / scale, LEAST, MOST)
    return chip.named(replace(ends, inputs=tuple(inputs)), {}, held)


def _count(graph: Graph, model: Kmodel) -> int:
    """Of how many samples all activations are held at once."""
    ours = sum(t.size for t in graph.tensors() if not t.const)
    theirs = sum(r.bytes for layer in model.layers for r in layer.writes)
    return int(min(SAMPLES, max(1, BATCH_BYTES // (4 * ours + theirs))))


def traced(chip: Chip, xs: Sequence[Array]) -> Trace:
    """What becomes of samples as `Chip.given` answers them."""
    rows = [[y.reshape(-1) for y in chip.made(xs, i)] for i in range(len(xs[0]))]
    values = tuple(np.stack(ys) for ys in zip(*rows, strict=True))
    given = planes(xs[0], chip.graph.inputs[0])
    sources = flow(chip.model)
    roots: list[Origin] = []
    for i, makers in enumerate((*sources.layers, *sources.outputs)):
        layer = chip.model.layers[i] if i < len(sources.layers) else None
        roots.append(Origin(i, last=False))
        if len(makers) == 1:
            (maker,) = makers
            read, before = given, Origin(INPUT, last=False)
            if maker != INPUT:
                read, before = values[maker], roots[maker]
            if _flattens(layer):
                roots[i] = Origin(before.at, last=True)
            elif isinstance(layer, HANDED) or np.array_equal(values[i], read):
                roots[i] = before
    return Trace(values, tuple(roots))


def _flattens(layer: object) -> bool:
    """Whether a layer puts channels last."""
    if isinstance(layer, v4.Transpose):
        return layer.perm == CHANNELS_LAST
    return isinstance(layer, v3.TensorflowFlatten)


def paired(a: Network, xs: Sequence[Array], chip: Chip, trace: Trace) -> dict[Tensor, int]:
    """What computes activations of `a`: as much as can be in order, the nearest of all that.

    What goes out of the one goes out of the other.
    """
    wanted = {op.y for op in layers(a.graph) if len(op.outputs) == 1}
    seen = {t: planes(real(y, a.integers(t)), t) for t, y in a.walk(a.given(xs)) if t in wanted}
    ours, theirs = list(seen), trace.own
    near = _nearness([seen[t] for t in ours], [trace.values[i] for i in theirs])
    weights = np.where(np.isnan(near), 0.0, 1 + np.clip(near, 0, 1) / (len(ours) + 1))
    for t, root in zip(a.graph.outputs, trace.roots[len(chip.model.layers) :], strict=True):
        last = source(t, a.graph)
        if last in seen and root.at in theirs:
            row, column = ours.index(last), theirs.index(root.at)
            weight = len(ours) if weights[row, column] else 0
            weights[row], weights[:, column], weights[row, column] = 0, 0, weight
    return {ours[i]: theirs[j] for i, j in heaviest(weights.tolist())}


def _nearness(xs: Sequence[Array], ys: Sequence[Array]) -> Array:
    """The correlations of values (n, elements), the first down; NaN of different sizes."""
    near = np.full((len(xs), len(ys)), np.nan)
    for size in {x.shape[1] for x in xs}:
        rows, columns = ([i for i, v in enumerate(vs) if v.shape[1] == size] for vs in (xs, ys))
        if columns:
            near[np.ix_(rows, columns)] = (
                _standard([xs[i] for i in rows]) @ _standard([ys[j] for j in columns]).T
            )
    return near


def _standard(vs: Sequence[Array]) -> Array:
    """Values without their mean, in a row each, whose length is 1; of constants, zeros."""
    rows = np.stack([v.reshape(-1).astype(np.float32) for v in vs])
    rows -= rows.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: Array = rows / np.where(lengths > 0, lengths, 1)
    return found


def stated(model: Kmodel, trace: Trace) -> dict[int, Integers]:
    """What the bytes of layers stand for, where the file makes floats of them."""
    found: dict[int, Integers] = {}
    for i, layer in enumerate(model.layers):
        match layer:
            case v3.Dequantize():
                scale, zero = layer.scale, -layer.bias / layer.scale
            case v4.Dequantize():
                scale, zero = 1 / layer.scale, float(layer.zero_point)
            case _:
                continue
        if np.isfinite(zero) and 0 < scale < np.inf:
            found.setdefault(trace.roots[i].at, Integers(scale, zero, LEAST, MOST))
    return found


def _meanings(
    a: Network, xs: Sequence[Array], twins: Mapping[Tensor, int], trace: Trace,
    known: Mapping[int, Integers],
) -> tuple[dict[Tensor, int], dict[int, Integers]]:  # fmt: skip
    """The twins that are some, and what the bytes of each layer stand for: as stated, or fitted.

    Fitted to what A's layer makes of what the layers before it have made, so that their errors are
    not this one's. What is not nearly that is no twin of an operator that only moves values: it is
    a step on the way to a later one.
    """
    kept, found = dict(twins), dict(known)

    def instead(t: Tensor, y: Array) -> Array:
        if t not in twins:
            return y
        i = twins[t]
        q, expected = trace.values[i], planes(real(y, a.integers(t)), t)
        maker = a.graph.makers[t]
        if maker.any_type and float(_nearness([expected], [q])[0, 0]) < MOVED:
            del kept[t]
            return y
        if q.dtype == np.uint8 and i not in found:
            found[i] = fitted(q, expected)
        got = real(q, found.get(i) if q.dtype == np.uint8 else None)
        return a.own(np.stack([shaped(one, t, last=False) for one in got]), t)

    a.rerun(xs, instead)
    return kept, found


def fitted(q: Array, x: Array) -> Integers:
    """What bytes stand for that come nearest to what real values `x` would be in bytes.

    By least squares, in bytes, as their errors are the layer's. What was clipped says nothing of
    the scale, where other values are there.
    """
    inside = (q > LEAST) & (q < MOST)
    if len(np.unique(q[inside])) < 2:
        inside = np.ones(q.shape, bool)
    steps, wanted = q[inside].astype(np.float64), x[inside].astype(np.float64)
    middle, mean = float(steps.mean()), float(wanted.mean())
    steps, wanted = steps - middle, wanted - mean
    spread, energy, both = float(steps @ steps), float(wanted @ wanted), float(steps @ wanted)
    if both > ALIKE * np.sqrt(spread * energy):
        scale = energy / both
    else:
        scale = float(np.sqrt(energy / spread)) if spread and energy else 1.0
    return Integers(scale, middle - mean / scale, LEAST, MOST, fitted=True)


def _named(
    a: Network, chip: Chip, twins: Mapping[Tensor, int], trace: Trace,
    held: Mapping[int, Integers],
) -> Chip:  # fmt: skip
    """`chip` whose layers have the names of their twins in `a`, or their own number."""
    theirs = {i: t for t, i in twins.items()}
    count = len(chip.model.layers)
    origins: dict[Tensor, Origin] = {}
    meanings = {t: known for t in chip.graph.inputs if (known := chip.integers(t))}

    def seen(name: str, shape: tuple[int, ...], origin: Origin) -> Tensor:
        values, root = trace.values[origin.at], trace.roots[origin.at].at
        t = Tensor(name, shape, str(values.dtype))
        origins[t] = origin
        if values.dtype == np.uint8 and root in held:
            meanings[t] = held[root]
        return t

    ops = []
    for i in trace.own:
        if i in theirs:
            y = seen(theirs[i].name, theirs[i].shape, Origin(i, last=False))
        elif i < count:
            title = f"layer {i} ({chip.model.layers[i].title})"
            y = Tensor(title, (1, trace.values[i].shape[1]), str(trace.values[i].dtype))
        else:
            continue
        ops.append(Layer((), (y,)))
    outputs = [
        seen(t.name, source(t, a.graph).shape, Origin(i, last=trace.roots[i].last))
        for i, t in enumerate(a.graph.outputs, count)
    ]
    graph = replace(chip.graph, outputs=tuple(outputs), ops=tuple(ops))
    return chip.named(graph, origins, meanings)
