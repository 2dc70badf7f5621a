"""The verb that lists networks; it imports Keras only for a user's own."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ascua import measure
from ascua.cli.options import as_json
from ascua.cli.terminal import out, print_json, verbose
from ascua.errors import InputError, did_you_mean
from ascua.report import tables

COLUMNS = ("network", "input", ">classes", ">parameters", ">MACs", ">int8 weights B", ">arena B")


@click.command()
@click.argument("name", required=False)
@as_json()
@verbose
def models(name: str | None, *, as_json: bool) -> None:
    """List the zoo's networks, or measure one of yours.

    With the name of a family: its arguments.

    NAME is a family, a network, a .keras or .h5 file, a SavedModel folder or module:function.
    """
    from ascua import zoo
    from ascua.zoo import variants

    if name is not None and zoo.is_own(name):
        rows, arguments = [_own(name)], None
    else:
        chosen = [v for v in variants.VARIANTS if name in (None, v.family, v.name)]
        if not chosen:
            known = {*zoo.names(), *(v.name for v in variants.VARIANTS)}
            hints = did_you_mean(str(name), known)
            raise InputError(f"There is no network called {name!r}.", hints)
        rows = [row(v) for v in chosen]
        arguments = zoo.defaults(chosen[0].family) if name else None
    if as_json:
        print_json({"schema": measure.SCHEMA, "models": rows, "arguments": arguments})
        return
    out.print(tables.table(COLUMNS, map(cells, rows)))
    if arguments is not None:
        out.print()
        shown = [(key, str(value)) for key, value in arguments.items()]
        out.print(tables.table(("argument", "default"), shown))


def row(variant: Any) -> dict[str, Any]:
    """The row of a network of the zoo."""
    known = {"name": variant.name, "family": variant.family, "input": list(variant.shape),
             "classes": variant.classes, "arguments": dict(variant.arguments)}  # fmt: skip
    return known | asdict(variant.size())


def _own(name: str) -> dict[str, Any]:
    """The row of a user's model."""
    from ascua import zoo

    model = zoo.load_own(name)
    shape, answer = model.inputs[0].shape[1:], model.outputs[0].shape[1:]
    classes = answer[0] if len(answer) == 1 else None
    return {"name": name, "family": None, "input": list(shape), "classes": classes,
            "arguments": {}, **asdict(zoo.size(model))}  # fmt: skip


def cells(row: dict[str, Any]) -> tuple[object, ...]:
    """The values of COLUMNS."""
    return (row["name"], "x".join(map(str, row["input"])), row["classes"], row["parameters"],
            row["macs"], row["weights_bytes"], row["arena_bytes"])  # fmt: skip
