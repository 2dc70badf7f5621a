"""The verb that writes a finished network smaller, with the same outputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from ascua import k210, measure, tflite
from ascua.cli import networks
from ascua.cli.options import as_json, force, model_file, to
from ascua.cli.terminal import log, out, print_json, verbose, waiting
from ascua.errors import InputError, Mismatch, brief
from ascua.executors.reference import reference
from ascua.files import Output
from ascua.files.kinds import TFLITE
from ascua.ir import Graph, Signature, Tensor
from ascua.model import Model
from ascua.passes import drop_dead, prepare
from ascua.passes import optimize as optimized
from ascua.passes.names import bare
from ascua.passes.optimizing import weights
from ascua.passes.saving import Saving
from ascua.passes.unsigned import is_uint8
from ascua.report import tables
from ascua.samples import mismatches, sample_vectors

CHECKED = 4
"""Samples on which the file that is written must give the outputs of the one that was read."""


@dataclass(frozen=True)
class Size:
    """What a network has, and its file."""

    weights: int
    macs: int
    bytes: int

    def json(self) -> dict[str, int]:
        """As `--json` has it."""
        return {"weights": self.weights, "macs": self.macs, "bytes": self.bytes}


@click.command()
@model_file()
@to(required=True, help="The .tflite file to write.")
@click.option(
    "--keep", multiple=True, metavar="OUTPUT",
    help="Leave out all outputs but this one; may be repeated.",
)  # fmt: skip
@click.option("--report", is_flag=True, help="Say what went, where, and why nothing changes by it.")
@force()
@as_json()
@verbose
def optimize(
    model: Path, to: Path, keep: tuple[str, ...], *, report: bool, force: bool, as_json: bool
) -> None:
    """Write an int8 MODEL.tflite smaller, without a change in any bit of its outputs.

    Channels go that are constant, unread, or equal to others, and what no kernel reads.
    """
    if k210.is_kmodel(model):
        raise InputError(
            f"{model}: it is a kmodel, and this takes .tflite files.",
            ["Optimise the .tflite file that it was made of, and compile that."],
        )
    output = Output(to, TFLITE, "--out OUT.tflite", (model,), force=force)
    output.check()
    original = with_outputs(networks.network(model).graph, keep, model)
    prepared = prepare(original, str(model))
    savings: tuple[Saving, ...] = ()
    if is_uint8(prepared):
        log.warning(
            "warning: %s is uint8, whose arithmetic is LiteRT's: its layers stay as they are", model
        )
        small = drop_dead(original)
    else:
        with waiting(f"Looking for what no output of {model} depends on"):
            found = optimized(prepared)
        small, savings = found.graph, found.savings
    content = tflite.write(bare(small), small=True)
    _check(prepared, content, to)
    savings += tuple(of_file(original, prepared, small, len(content)))
    before = Size(weights(prepared), prepared.macs(), model.stat().st_size)
    after = Size(weights(small), small.macs(), len(content))
    output.write(lambda file: file.write_bytes(content))
    if as_json:
        print_json({
            "schema": measure.SCHEMA, "tflite": str(to),
            "model_sha256": hashlib.sha256(content).hexdigest(),
            "outputs": [t.name for t in small.outputs],
            "before": before.json(), "after": after.json(),
            "savings": [{"pass": s.by, "layer": s.layer, "op": s.op, "what": s.what, "why": s.why}
                        for s in savings],
        })  # fmt: skip
        return
    _print(before, after, savings if report else ())
    if before == after:
        out.print("Nothing goes: all of it reaches an output.")
    out.print(f"{to}: the outputs of {model}, bit for bit", markup=False, soft_wrap=True)


def with_outputs(graph: Graph, keep: Sequence[str], model: Path) -> Graph:
    """The graph with the outputs of these names alone, in its own order; all where none is named.

    An output has the name of its tensor, and those that signatures give it. Raises InputError.
    """
    if not keep:
        return graph
    names: dict[str, set[Tensor]] = {}
    for t in graph.outputs:
        names.setdefault(t.name, set()).add(t)
    own = set(names)
    for s in graph.signatures:
        for name, t in s.outputs:
            if name not in own:
                names.setdefault(name, set()).add(t)
    if unknown := [name for name in keep if name not in names]:
        listed = ", ".join(f"'{brief(name)}'" for name in names)
        raise InputError(
            f"{model}: it has no output '{brief(unknown[0])}'.",
            [f"`--keep` one of these: {listed}."],
        )
    wanted = {t for name in keep for t in names[name]}
    kept = (
        Signature(s.key, s.inputs, tuple(end for end in s.outputs if end[1] in wanted))
        for s in graph.signatures
    )
    return replace(
        graph,
        outputs=tuple(t for t in graph.outputs if t in wanted),
        signatures=tuple(s for s in kept if s.outputs),
    )


def of_file(original: Graph, prepared: Graph, small: Graph, size: int) -> Iterator[Saving]:
    """What else goes of the file: operators that no run needs, and what no kernel reads."""
    if (n := len(original.ops) - len(prepared.ops)) > 0:
        yield Saving(
            "prepare", "", "", f"{n} operator{'s' if n > 1 else ''}",
            "no output depends on them, they are known before any input as shapes are, or several"
            " are one dilated convolution",
        )  # fmt: skip
    if (n := len(tflite.write(replace(small, layout=None))) - size) > 0:
        yield Saving(
            "names", "", "", f"{n:,} bytes",
            "no kernel reads the names of constants, nor the ranges that scales were made of; and"
            " equal vectors need to be there once",
        )  # fmt: skip


def _check(prepared: Graph, content: bytes, to: Path) -> None:
    """Raise Mismatch unless the file gives what the network gave: proofs may have faults."""
    read = prepare(tflite.read(content, str(to)), str(to))
    xs = sample_vectors(prepared, CHECKED)
    for x in xs:
        if x.dtype.kind == "i":
            info = np.iinfo(x.dtype)
            x[0], x[1] = info.min, info.max
    if wrong := mismatches(reference(read, xs), reference(prepared, xs)):
        raise Mismatch(
            f"{to}: not written: {wrong} bytes of its outputs would differ. That is a fault of"
            " Ascua's.",
            [
                "Report it, with the model if you may.",
                "`ascua compile` and `run` take the file as it is with `--no-optimize`.",
            ],
        )


def _print(before: Size, after: Size, savings: Sequence[Saving]) -> None:
    rows = [
        ("weights", before.weights, after.weights),
        ("MACs", before.macs, after.macs),
        ("bytes of the file", before.bytes, after.bytes),
    ]
    out.print(tables.table(("", ">before", ">after"), rows))
    if savings:
        what = [(s.by, brief(s.layer, 40), s.op, s.what, s.why) for s in savings]
        out.print()
        out.print(tables.table(("pass", "layer", "operator", "what went", "why"), what))


def saved(model: Model) -> str:
    """A sentence on what goes of a network without a change of its outputs; none where nothing."""
    found = model.optimized or optimized(model.prepared)
    before, after = ((weights(g), g.macs()) for g in (model.prepared, found.graph))
    if before == after:
        return ""
    how = "which is what is planned" if model.optimized else "without `--no-optimize`"
    return (
        f"The same outputs with {after[0]:,} of {before[0]:,} weights and {after[1]:,} of"
        f" {before[1]:,} MACs, {how}; `ascua optimize` writes it."
    )
