"""The verb that makes a .tflite file of a network of another form."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from ascua import measure
from ascua.cli import networks
from ascua.cli.networks import names
from ascua.cli.options import PATH, as_json, force, model_file, to
from ascua.cli.terminal import out, print_json, printable, verbose
from ascua.convert import Ends, Network
from ascua.errors import InputError
from ascua.files import Output
from ascua.files.kinds import DOT, TFLITE
from ascua.ir import Tensor
from ascua.ncc.dots import dot as drawn


@click.command()
@model_file()
@to(help="The .tflite file to write.")
@click.option("--input-arrays", metavar="A,B", callback=names, help="Names of the inputs.")
@click.option("--output-arrays", metavar="A,B", callback=names, help="Names of the outputs.")
@click.option(
    "--input-shapes", metavar="1,H,W,C:…", help="Of inputs whose file leaves them open, in order."
)
@click.option("--signature", metavar="KEY", help="Of a SavedModel with several.")
@click.option("--dot", type=PATH, metavar="FILE", help="Draw the graph, as Graphviz reads it.")
@force()
@as_json()
@verbose
def convert(
    model: Path, to: Path | None, input_arrays: tuple[str, ...], output_arrays: tuple[str, ...],
    input_shapes: str | None, signature: str | None, dot: Path | None, *, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a .tflite file of a Keras, TensorFlow or ONNX network.

    MODEL is a .keras or .h5 file, a SavedModel folder, a frozen graph (.pb) or an .onnx file. All
    verbs that take a network take these; this one keeps what they are converted to.
    """
    if to is None and dot is None:
        raise InputError("Nothing is to be written.", ["Name it: `--out OUT.tflite`."])
    outputs = [
        Output(path, kind, f"{option} {name}", (model,), force=force)
        for path, kind, option, name in (
            (to, TFLITE, "--out", "OUT.tflite"), (dot, DOT, "--dot", "OUT.dot"),
        )
        if path is not None
    ]  # fmt: skip
    for output in outputs:
        output.check()
    shapes = networks.shapes(input_shapes, input_arrays, "--input-shapes", "--input-arrays")
    ends = Ends(input_arrays, output_arrays, shapes, signature)
    found = networks.network(model, ends)
    contents = {to: found.content, dot: drawn(found.graph).encode()}
    for output in outputs:
        output.write(partial(_put, content=contents[output.path]))
    if as_json:
        print_json(_json(found, to, dot))
        return
    if to is not None:
        kind = "float" if _float(found) else "integers"
        out.print(f"{to}: {len(found.content):,} bytes, {kind}, of {found.form}.", markup=False)
    for what, tensors in (("input", found.graph.inputs), ("output", found.graph.outputs)):
        for t in tensors:
            line = _said(t)
            if t.name in found.moved:
                line += f", channels last; {_sizes(found.moved[t.name])} in ONNX"
            out.print(f"{what}  {printable(line)}", markup=False, highlight=False)
    if to is not None:
        verb = "quantize" if _float(found) else "analyze"
        into = shlex.quote(str(to.with_suffix(".int8.tflite")))
        more = f" --data D --out {into}" if _float(found) else ""
        following = f"Next: ascua {verb} {shlex.quote(str(to))}{more}"
        out.print(printable(following), markup=False, highlight=False, soft_wrap=True)


def _put(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def _float(found: Network) -> bool:
    return all(t.dtype == "float32" for t in found.graph.inputs)


def _said(t: Tensor) -> str:
    shape = _sizes(t.shape)
    more = "" if t.quant is None else f", scale {t.q.scale:.6g}, zero point {t.q.zero_point}"
    return f"{t.name}  {shape}  {t.dtype}{more}"


def _sizes(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _json(found: Network, to: Path | None, dot: Path | None) -> dict[str, object]:
    def ends(tensors: tuple[Tensor, ...]) -> list[dict[str, object]]:
        return [{"name": t.name, "shape": list(t.shape), "dtype": t.dtype} for t in tensors]

    return {
        "schema": measure.SCHEMA,
        "form": found.form,
        "tflite": None if to is None else str(to),
        "dot": None if dot is None else str(dot),
        "bytes": len(found.content),
        "model_sha256": hashlib.sha256(found.content).hexdigest(),
        "inputs": ends(found.graph.inputs),
        "outputs": ends(found.graph.outputs),
        "operators": [op.tflite for op in found.graph.ops],
    }
