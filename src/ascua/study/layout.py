"""Writes a study's networks as the pruning project kept them: a folder a ranking, network, share.

`APOZ/LeNet_50/` has the network without half of its filters as Keras, .tflite and int8 .tflite
files, and a notebook that has looked at them.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ascua.errors import InputError, ToolFailed, ToolMissing
from ascua.files import folders
from ascua.study.cache import Cache, Outcome
from ascua.study.matrix import FLOAT, KERAS, NONE
from ascua.study.schedule import Cell, survey

FILES = {KERAS: "pruned.keras", FLOAT: "pruned.tflite", "int8": "pruned_int8.tflite"}
FORM = folders.Form(
    "pruned network", lambda path, _: path in FILES.values() or path.endswith(".ipynb"), "--out"
)
SECONDS = 1800
"""That a cell of a notebook may take."""


@dataclass(frozen=True)
class Entry:
    """One folder: a network, a ranking and a share, of the first seed that is known."""

    folder: Path
    name: str
    cells: Mapping[str, Cell]
    """By form."""


def entries(cells: Sequence[Cell], known: Mapping[str, Outcome]) -> Iterator[Entry]:
    """The folders of the cells whose networks are `known`, by definition of their stages."""
    found: dict[tuple[str, str, float], dict[int, dict[str, Cell]]] = {}
    for cell in cells:
        axes = cell.axes
        last = cell.stages["model" if axes["form"] == KERAS else "file"]
        if axes["form"] in FILES and last.definition in known:
            key = (axes["method"], axes["network"], axes["ratio"])
            found.setdefault(key, {}).setdefault(axes["seed"], {})[axes["form"]] = cell
    for (method, network, ratio), seeds in found.items():
        share = "" if method == NONE else f"_{100 * ratio:g}"
        ranking = method.replace("-", "_").upper()
        name = f"{network}{share}"
        yield Entry(Path(ranking) / name, name, seeds[min(seeds)])


def write(to: Path, cells: Sequence[Cell], cache: Cache, *, force: bool) -> Iterator[Path]:
    """Every folder when it is there; one that is there already, of the same networks, stays.

    Raises InputError where the cache has none of the networks, or something is in the way,
    ToolMissing without nbclient, ToolFailed where a notebook fails.
    """
    check()
    known = survey(cells, cache)
    wanted = list(entries(cells, known))
    if not wanted:
        raise InputError(
            f"{cache.address}: it has none of the study's networks.",
            ["`ascua study` makes them.", "Name another with `--cache`."],
        )
    for entry in wanted:
        yield _written(to / entry.folder, entry, cache, known, force=force)


def check() -> None:
    """Raise ToolMissing without what executes notebooks."""
    try:
        import ipykernel  # noqa: F401
        import nbclient  # noqa: F401
    except ImportError as e:
        raise ToolMissing(
            f"Notebooks are executed by nbclient: {e}.", ["`pip install '.[notebook]'`"]
        ) from e


def _written(
    folder: Path, entry: Entry, cache: Cache, known: Mapping[str, Outcome], *, force: bool
) -> Path:
    stages = {f: c.stages["model" if f == KERAS else "file"] for f, c in entry.cells.items()}
    about = {"networks": {f: known[s.definition].key for f, s in stages.items()}}
    if folders.about(folder, FORM).get("networks") == about["networks"] and not force:
        return folder
    folders.check(folder, FORM, force=force)
    with tempfile.TemporaryDirectory(prefix="ascua-") as at:
        here = Path(at) / entry.name
        here.mkdir()
        for form, stage in stages.items():
            cache.unpack(known[stage.definition].key, Path(at) / form)
            source = next(p for p in (Path(at) / form).iterdir() if p.is_file())
            source.rename(here / FILES[form])
        book = here / f"{entry.name}.ipynb"
        book.write_text(json.dumps(_executed(_notebook(entry), here), indent=1))
        content = {p.name: p.read_bytes() for p in here.iterdir() if p.is_file()}
    folders.fill(folder, FORM, content, about=about, force=force)
    return folder


def _executed(book: dict[str, Any], folder: Path) -> Any:
    """The notebook with what its cells print, run in `folder`."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    node = nbformat.from_dict(book)
    client = NotebookClient(
        node, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    try:
        with Path(os.devnull).open("wb") as nowhere:
            client.execute(env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, stderr=nowhere)
    except CellExecutionError as e:
        told = f"{e.ename}: {e.evalue.strip().splitlines()[0] if e.evalue.strip() else ''}"
        raise ToolFailed(
            f"{folder.name}: its notebook fails: {told}",
            ["`--data-dir` says where the data set is, as for `ascua study`."],
        ) from e
    return node


def _notebook(entry: Entry) -> dict[str, Any]:
    """The cells: what it is, its size, its layers, and how it does on test images."""
    first = next(iter(entry.cells.values()))
    axes, recipe = first.axes, first.stages["base"].settings["recipe"]
    gone = f"{100 * axes['ratio']:g} % of the channels removed by {axes['method']}"
    title = f"# {axes['network']}: {'whole' if axes['method'] == NONE else gone}"
    where = None if first.data_dir is None else str(first.data_dir.resolve())
    filters = KERAS in entry.cells
    parts: list[tuple[str, str]] = [
        ("markdown", f"{title}\n\nSeed {axes['seed']}. Written by `ascua report --layout`."),
        ("code", SIZES),
        *([("code", LAYERS)] if filters else []),
        ("code", DATA.format(dataset=recipe["dataset"], where=where, image=tuple(recipe["input"]))),
        *([("code", KERAS_RIGHT)] if filters else []),
        ("code", TFLITE_RIGHT),
    ]
    cells: list[dict[str, Any]] = [
        {"cell_type": kind, "id": f"cell{i}", "metadata": {}, "source": text}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for i, (kind, text) in enumerate(parts)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


SIZES = """\
from pathlib import Path

for file in sorted(Path().glob("pruned*")):
    print(f"{file.name:20} {file.stat().st_size:>10,} bytes")"""
LAYERS = """\
import keras

model = keras.models.load_model("pruned.keras", compile=False)
model.summary()"""
DATA = """\
import numpy as np
from pathlib import Path
from ascua import data

where = {where!r}
test = data.load({dataset!r}, where and Path(where), shape={image})
x = test.x_test.astype(np.float32) / 255
print(f"{{len(x):,}} test images, {{len(test.classes)}} classes")"""
KERAS_RIGHT = """\
scores = np.concatenate([np.asarray(model(x[i : i + 250])) for i in range(0, len(x), 250)])
print(f"pruned.keras: {np.mean(scores.argmax(1) == test.y_test):.2%} right")"""
TFLITE_RIGHT = """\
import tensorflow as tf

for file in sorted(Path().glob("*.tflite")):
    net = tf.lite.Interpreter(str(file))
    net.allocate_tensors()
    given, taken = net.get_input_details()[0], net.get_output_details()[0]
    scale, zero = given["quantization"]
    some = np.linspace(0, len(x) - 1, min(1000, len(x))).astype(int)
    right = 0
    for i in some:
        sample = np.round(x[i] / scale + zero) if scale else x[i]
        net.set_tensor(given["index"], sample[None].astype(given["dtype"]))
        net.invoke()
        right += net.get_tensor(taken["index"]).argmax() == test.y_test[i]
    print(f"{file.name}: {right / len(some):.2%} of {len(some):,} right, by TensorFlow Lite")"""
