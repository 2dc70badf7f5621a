"""The verbs of nncase's `ncc`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from ascua import k210
from ascua.cli.ncc_compile import compile_
from ascua.cli.ncc_samples import (
    Colors,
    check_image,
    check_scale,
    dataset,
    dataset_format,
    input_mean,
    input_std,
)
from ascua.cli.options import PATH, as_json, force, labels_file, model_file
from ascua.cli.terminal import log, out, print_json, printable, progress, verbose
from ascua.data.ncc import FORMATS, Wanted
from ascua.kmodel import Kmodel
from ascua.kpu.ram import DTYPES
from ascua.ncc.classes import Class, best, read_names
from ascua.ncc.folder import check, names, write
from ascua.ncc.infer import content, infer, one_input, said

TOP = 5
"""Classes that are told of a file."""


@click.group("ncc")
def ncc() -> None:
    """What nncase's ncc 0.2 does with .kmodel files of the Kendryte K210."""


ncc.add_command(compile_)


@ncc.command("infer")
@model_file()
@click.argument("outdir", type=PATH)
@dataset(required=True, help="A folder of samples, or one file.")
@dataset_format(help="JPEG, PNG and BMP images, or raw numbers as the input takes them.")
@input_mean(help="Taken off the values, which are 0 to 1 of images; of a float input alone.")
@input_std(help="What they are then divided by; of a float input alone.")
@labels_file(help="Names of the classes, one a line: prints the best of each file.")
@click.option(
    "--top-k", type=click.IntRange(1), help=f"How many; without labels, by number. [default: {TOP}]"
)
@force()
@as_json()
@verbose
def infer_(
    model: Path, outdir: Path, dataset: Path, dataset_format: str, input_mean: float,
    input_std: float, labels: Path | None, top_k: int | None, *, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run MODEL.kmodel on files, and write each one's outputs to OUTDIR.

    A .bin file has the numbers of all outputs in NCHW and nothing else, floats or bytes as the
    model has them.
    """
    loaded = k210.load(model)
    network = loaded.network
    wanted = _wanted(network, dataset_format, input_mean, input_std)
    known = read_names(labels, network.outputs[0].count) if labels is not None else []
    kind = FORMATS[dataset_format]
    paths = kind.files(dataset)
    made = names(paths)
    check(outdir, dataset, force=force)
    colors = Colors()
    with progress() as bar:
        samples = colors.noted(kind.samples(paths, wanted))
        outputs = infer(network, samples, len(paths), bar(kind.what))
    colors.warn(len(paths))
    files = {name: content(ys) for name, ys in zip(made, outputs, strict=True)}
    write(outdir, files, {"file": model.name, "sha256": loaded.sha256}, force=force)
    for name in files:
        log.debug("%s", outdir / name)
    count = top_k or (TOP if labels else 0)
    top = [best(ys[0], count, known) if count else [] for ys in outputs]
    rows = list(zip(paths, made, top, strict=True))
    if as_json:
        print_json({"schema": k210.SCHEMA, "model_sha256": loaded.sha256, "outdir": str(outdir),
                    **_json(network, rows)})  # fmt: skip
        return
    for path, _, found in rows if count else ():
        _print(str(path))
        for line in _lines(found):
            _print(line)
    noun, each = ("file", "") if len(files) == 1 else ("files", " each")
    _print(f"{len(files):,} {noun} in {outdir}: {said(network.outputs)}{each}")


def _json(network: Kmodel, rows: Iterable[tuple[Path, str, list[Class]]]) -> dict[str, object]:
    """What the files hold, and each with its best classes."""
    kinds = [DTYPES[o.dtype].name for o in network.outputs]
    return {
        "outputs": [
            {"dtype": kind, "elements": o.count}
            for kind, o in zip(kinds, network.outputs, strict=True)
        ],
        "files": [
            {"input": str(path), "output": name, "top": [c.json() for c in found]}
            for path, name, found in rows
        ],
    }


def _wanted(network: Kmodel, format_: str, mean: float, std: float) -> Wanted:
    """What the input of the network takes. Raises InputError where it can take no such files."""
    check_scale(mean, std)
    port = one_input(network)
    _, c, h, w = port.shape
    dtype = DTYPES[port.range.dtype]
    check_image(network.name, (h, w, c), format_)
    if dtype == np.uint8 and (mean, std) != (0, 1):
        log.warning(
            "warning: %s takes bytes, as a camera gives them: `--input-mean` and `--input-std`"
            " have no effect. What bytes stand for was said when it was compiled.",
            network.name,
        )
    return Wanted((h, w, c), dtype, mean, std)


def _lines(found: Sequence[Class]) -> Iterator[str]:
    """Scores and names, one below the other."""
    scores = [f"{c.score:.6g}" for c in found]
    width = max(map(len, scores))
    for score, c in zip(scores, found, strict=True):
        yield f"  {score:>{width}}  {c.name}"


def _print(text: str) -> None:
    out.print(printable(text), markup=False, highlight=False, soft_wrap=True)
