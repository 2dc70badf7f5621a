"""What the pixels of images stand for in a network: found out, or checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.compare.layers import run
from ascua.compare.network import Network, limits, quantized
from ascua.compare.samples import Samples
from ascua.errors import InputError
from ascua.quantize.rules import Range

USUAL = (Range(0.0, 1.0), Range(0.0, 255.0), Range(-1.0, 1.0))
"""What pixels 0 and 255 are in most networks."""
PROBED = 64
"""Samples on which the usual ranges are tried."""
BETTER = 0.25
"""More accuracy than the range in use has shows that it is the wrong one."""


def stated(a: Network, b: Network) -> Range | None:
    """What quantised inputs say that pixels 0 and 255 are: the ends of their range.

    Raises InputError where the two networks say different things.
    """
    found = [(n, Range(*limits(t))) for n in (a, b) if quantized(t := n.graph.inputs[0])]
    if len(found) == 2 and not np.allclose(found[0][1], found[1][1], rtol=0.05):
        said = " and ".join(f"{n.name} {r.low:.4g} to {r.high:.4g}" for n, r in found)
        raise InputError(
            f"The two networks take pixels in different ranges: {said}.",
            ["Say which holds for both: `--input-range LOW HIGH`."],
        )
    return found[0][1] if found else None


def check(net: Network, samples: Samples) -> None:
    """Raise InputError where another usual range makes far better answers on a few samples."""
    few = samples.chosen(PROBED)
    if few.labels is None or few.image is None or quantized(net.graph.inputs[0]):
        return
    here = _accuracy(net, few)
    for other in USUAL:
        there = _accuracy(net, replace(few, image=other))
        if there > here + BETTER:
            low, high = few.image
            raise InputError(
                f"{net.name}: with pixels from {low:.4g} to {high:.4g} it has {here:.0%} of"
                f" {few.count} samples right, with {other.low:g} to {other.high:g} {there:.0%}.",
                [
                    f"Scale as in training: `--input-range {other.low:g} {other.high:g}`.",
                    f"If this is right: `--input-range {low:.4g} {high:.4g}`.",
                ],
            )


def _accuracy(net: Network, samples: Samples) -> float:
    _, ys = run(net, samples.real(net.graph, 0, samples.count), {})
    return float(np.mean(ys[0].reshape(samples.count, -1).argmax(axis=1) == samples.labels))
