"""What the pixels of images stand for in two networks, which may have learnt on different ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ascua import inputs, pixels
from ascua.compare.network import Network
from ascua.errors import InputError
from ascua.ir import Array, Op, Tensor
from ascua.ops.add import Add
from ascua.ops.mul import Mul
from ascua.pixels import First, Image
from ascua.quantize.scaling import Scaling, find, labelled


class Both(NamedTuple):
    """Two networks that take the same values, and what pixels 0 and 255 are in these."""

    a: Network
    b: Network
    image: Image
    scalings: tuple[Scaling, Scaling]
    """What pixels were for each before."""


def both(
    nets: tuple[Network, Network], firsts: Sequence[First], images: Array, labels: Array | None,
    asked: Image | None,
) -> Both:  # fmt: skip
    """The two networks as takers of the same values of the bytes `images` (n, ...).

    A quantised input says what pixels are: the ends of its range; in a float network that is found
    as `quantize.scaling.find` does. Where the two differ, a float one gets a factor and an offset
    in front. Raises InputError where nothing tells, and for two quantised ones that differ.
    """
    stated = [_stated(net) for net in nets]
    known = [image for image in stated if image is not None]
    if asked is None and len(known) == 2 and not pixels.near(known[0], known[1], pixels.ALIKE):
        says = " and ".join(
            f"{n.name} {r[0]:.4g} to {r[1]:.4g}" for n, r in zip(nets, known, strict=True)
        )
        raise InputError(
            f"The two networks take pixels in different ranges: {says}.",
            ["Say which holds for both: `--input-range LOW HIGH`."],
        )
    twin = known[0] if known else None
    a, b = (
        scaling(net, first, images, labels, asked, twin)
        for net, first in zip(nets, firsts, strict=True)
    )
    first, second = nets
    if pixels.near(a.image, b.image, pixels.ALIKE):
        return Both(first, second, (b if stated[1] else a).image, (a, b))
    if stated[1]:
        return Both(_taking(first, b.image, a.image), second, b.image, (a, b))
    return Both(first, _taking(second, a.image, b.image), a.image, (a, b))


def scaling(
    net: Network, first: First, images: Array, labels: Array | None, asked: Image | None,
    twin: Image | None = None,
) -> Scaling:  # fmt: skip
    """What the bytes `images` (n, ...) stand for in one network. Raises InputError."""
    own = _stated(net)
    if own is not None:
        return Scaling(asked or own, "asked" if asked else "input", "as its input says")
    return find(net.name, first, images, labelled(net.graph, images, labels), asked, twin)


def _stated(net: Network) -> Image | None:
    """The ends of the range of an input that is quantised, or quantised at once."""
    t = inputs.calibrated(net.graph, net.graph.inputs[0])
    return inputs.reach(t) if t is not None else None


def _taking(net: Network, given: Image, own: Image) -> Network:
    """The float `net`, which takes pixels in the range `own`, as one that is `given` others."""
    factor = (own[1] - own[0]) / (given[1] - given[0])
    old = net.graph.inputs[0]
    x, y = (replace(old, name=f"{old.name}{end}") for end in ("/given", "/scaled"))
    ops: list[Op] = [
        Mul((x, _constant(f"{old.name}/factor", factor)), (y,), "NONE"),
        Add((y, _constant(f"{old.name}/offset", own[0] - given[0] * factor)), (old,), "NONE"),
    ]
    graph = replace(net.graph, inputs=(x, *net.graph.inputs[1:]), ops=(*ops, *net.graph.ops))
    return replace(net, graph=graph)


def _constant(name: str, value: float) -> Tensor:
    return Tensor(name, (1,), "float32", None, np.array([value], np.float32))
