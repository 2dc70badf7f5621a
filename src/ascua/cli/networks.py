"""The networks that verbs take: of every form, through one door."""

from __future__ import annotations

from pathlib import Path

import click

from ascua import convert
from ascua.cli.options import Taking
from ascua.cli.terminal import waiting
from ascua.convert import Ends, Network, Shape
from ascua.errors import InputError
from ascua.model import Model, model_of


def network(path: Path, ends: Ends | None = None) -> Network:
    """The network at `path`; says that it takes its time where TensorFlow converts it."""
    if not convert.needs_tensorflow(path):
        return convert.network(path, ends)
    with waiting(f"Converting {path} by TensorFlow"):
        return convert.network(path, ends)


def model(path: Path, taking: Taking) -> Model:
    """The network at `path`, ready for a board. Raises as `convert.network` and `load_model`."""
    found = network(path)
    smaller, floats = not taking.no_optimize, taking.floats
    return model_of(found.graph, path, found.content, smaller=smaller, floats=floats)


def names(_context: click.Context, _option: click.Parameter, said: str | None) -> tuple[str, ...]:
    """Names with commas between them, as TensorFlow's converters take them."""
    return tuple(filter(None, (said or "").split(",")))


def shapes(
    said: str | None, inputs: tuple[str, ...], option: str, naming: str
) -> dict[str, Shape]:  # fmt: skip
    """The shapes of `1,28,28,1:1,10`, by the names of the inputs. Raises InputError.

    `option` has said them, and `naming` the names.
    """
    if not said:
        return {}
    try:
        listed = [tuple(int(d) for d in one.split(",")) for one in said.split(":")]
    except ValueError as e:
        raise InputError(
            f"{option} {said}: not shapes.",
            ["Numbers with commas, a colon between inputs: `1,224,224,3` or `1,96,1:1,10`."],
        ) from e
    if any(d < 1 for one in listed for d in one):
        raise InputError(f"{option} {said}: a size is below 1.", ["Firmware has fixed shapes."])
    if len(listed) != len(inputs):
        raise InputError(
            f"{option}: {len(listed)} shapes for {len(inputs)} inputs.",
            [f"Name the inputs, one a shape: `{naming} A,B {option} 1,8:1,4`."],
        )
    return dict(zip(inputs, listed, strict=True))
