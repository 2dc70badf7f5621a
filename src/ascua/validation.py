"""Compares every executor's outputs byte for byte, and finds the first layer that differs."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ascua import tflite
from ascua.errors import PIP_TRAIN, AscuaError, DoesNotFit, ToolFailed, ToolMissing
from ascua.executors import Answer, Executor, Progress
from ascua.executors.board import OnBoard
from ascua.executors.oracles import LiteRT, Tflm
from ascua.executors.reference import Reference
from ascua.ir import Array, Graph, Op, Tensor
from ascua.model import Model, stayed
from ascua.nearness import cosine, decibels
from ascua.passes import drop_dead, fold_constants
from ascua.passes.unsigned import is_uint8
from ascua.plan import Plan
from ascua.run import ToolStatus, litert, tflm
from ascua.samples import differing, mismatches


@dataclass(frozen=True)
class Difference:
    """How far the outputs of one layer are from what they should be, in quantised steps."""

    layer: str
    op: str
    mismatched: int
    elements: int
    max_error: float
    cosine: float
    sqnr_db: float


@dataclass(frozen=True)
class FirstValue:
    """The first value of a layer that is not what it should be, and how many are not."""

    index: tuple[int, ...]
    value: float
    expected: float
    mismatched: int
    elements: int


@dataclass(frozen=True)
class Check:
    """One executor against the oracle; `mismatched_bytes` is None where it could not run.

    `error` says why it could not, when that is not what the caller had to expect.
    """

    executor: str
    against: str
    mismatched_bytes: int | None
    bytes: int
    note: str = ""
    first: Difference | None = None
    error: AscuaError | None = None

    def json(self) -> dict[str, Any]:
        """The object that `--json` prints; docs/json.md describes it."""
        return {
            "executor": self.executor,
            "against": self.against,
            "mismatched_bytes": self.mismatched_bytes,
            "bytes": self.bytes,
            "note": self.note,
            "first": asdict(self.first) if self.first else None,
        }


@dataclass(frozen=True, eq=False)
class InFile:
    """An executor of a model's own file: of a part of what is planned, it runs the file's part."""

    executor: Executor
    model: Model

    @property
    def name(self) -> str:
        """The executor's."""
        return self.executor.name

    def run(
        self,
        graph: Graph,
        xs: Sequence[Array],
        states: Sequence[Array] | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """As `Executor.run`, of the channels that `graph` has."""
        part, origins = self.model.in_file(graph)
        answer = self.executor.run(part, xs, states, progress)
        return replace(answer, outputs=stayed(answer.outputs, origins))


def validate(
    model: Model,
    xs: Sequence[Array],
    plans: Sequence[Plan],
    build: Path,
    progress: Progress | None = None,
) -> tuple[Check, ...]:
    """Run samples `xs` (n, *shape) on the reference and by each plan, against an oracle.

    It is `tflite-micro`, or LiteRT where the network is uint8. TFLM computes no shapes: it is given
    a file whose batch is open with those of one. Where it is not installed or refuses the model,
    the reference is what the boards are compared with, and `unasked` says so.
    """
    graph = model.graph
    executors: list[Executor] = [Reference(), *(OnBoard(planned, build) for planned in plans)]
    truth: Executor = InFile(Reference(), model)
    expected = truth.run(graph, xs).outputs
    notes: list[Check] = []
    uint8 = is_uint8(graph)
    oracle, name, command = (litert, "litert", PIP_TRAIN) if uint8 else _TFLM
    if oracle.version() is not None:
        try:
            expected = _asked(name, oracle, model, xs)
            truth = InFile(LiteRT(model.original) if uint8 else Tflm(), model)
        except ToolFailed as e:
            notes.append(Check(name, NOTHING, None, 0, e.what, error=e))
    else:
        note = f"not installed: {command}"
        missing = ToolMissing(f"{name} is not installed.", [f"`{command}`"])
        notes.append(Check(name, NOTHING, None, 0, note, error=missing))
    checks = []
    for i, executor in enumerate(executors):
        checks.append(_check(graph, xs, expected, executor, truth))
        if progress:
            progress(i + 1, len(executors))
    return (*checks, *notes)


NOTHING = "-"
"""What an oracle is compared with that could not be asked."""

_TFLM = (tflm, "tflite-micro", "pip install tflite-micro")


def _file(model: Model) -> bytes:
    """The model's file, or what became of one of another form.

    Where it computes shapes of an open batch, the same for a batch of 1.
    """
    if model.path.suffix != ".tflite" or not model.path.is_file():
        return tflite.write(model.original)
    said = {t.name: t.shape for t in model.original.tensors()}
    if all(said.get(t.name, t.shape) == t.shape for t in model.prepared.tensors()):
        return model.path.read_bytes()
    return tflite.write(drop_dead(fold_constants(model.original)))


def _asked(name: str, oracle: Any, model: Model, xs: Sequence[Array]) -> list[Array]:
    """The oracle's outputs (n, *shape). Raises ToolFailed where it gives none of that shape."""
    outputs = model.graph.outputs
    try:
        ys: list[Array] = oracle.run(_file(model), xs, len(outputs))
        pairs = list(zip(ys, outputs, strict=True))
    except (OSError, LookupError, ValueError) as e:
        raise ToolFailed(f"{name} ran, and its answer cannot be read: {e}") from e
    for y, t in pairs:
        if y.size != len(xs[0]) * t.size:
            raise ToolFailed(f"{name} answers '{t.name}' in another shape: {list(y.shape)}.")
    return ys


def unasked(checks: Sequence[Check]) -> Check | None:
    """The oracle, where it could not be asked: then Ascua was compared with Ascua alone."""
    return next((c for c in checks if c.against == NOTHING), None)


def _check(
    graph: Graph, xs: Sequence[Array], expected: list[Array], executor: Executor, truth: Executor
) -> Check:
    name, against = executor.name, truth.name
    size = sum(y.nbytes for y in expected)
    try:
        wrong = mismatches(executor.run(graph, xs).outputs, expected, graph.tolerance)
    except DoesNotFit as e:
        return Check(name, against, None, size, "does not fit", error=e)
    except (ToolMissing, ToolFailed) as e:
        note = " ".join([e.what.splitlines()[0], *e.things_to_try[:1]])
        return Check(name, against, None, size, note, error=e)
    first = None
    if wrong:
        with contextlib.suppress(AscuaError):  # of a part of the network: the whole one ran
            first = first_difference(graph, xs, executor, truth)
    return Check(name, against, wrong, size, first=first)


def first_difference(
    graph: Graph, xs: Sequence[Array], executor: Executor, truth: Executor
) -> Difference | None:
    """The first layer whose output differs between two executors, found by bisection.

    The network is cut after a layer and run again; None when no cut shows a difference.
    """
    ops = [op for op in graph.ops if not op.view]
    good, bad = -1, len(ops) - 1
    found = _at(ops[bad], graph, xs, executor, truth)
    while bad - good > 1:
        middle = (good + bad) // 2
        here = _at(ops[middle], graph, xs, executor, truth)
        if here is None:
            good = middle
        else:
            bad, found = middle, here
    return found


def layer_by_layer(
    graph: Graph, xs: Sequence[Array], executor: Executor, truth: Executor
) -> Iterator[tuple[Op, FirstValue | None]]:
    """Each layer in order, and the first value that differs between two executors, if one does.

    Raises what the executors raise.
    """
    for op in graph.ops:
        if not op.view:
            part = graph.until(op)
            pairs = zip(executor.run(part, xs).outputs, truth.run(part, xs).outputs, strict=True)
            found = (first_value(y, expected) for y, expected in pairs)
            yield op, next((f for f in found if f is not None), None)


def first_value(y: Array, expected: Array) -> FirstValue | None:
    """The first value of `y` that differs from `expected` (NaN equals NaN), if one does."""
    wrong = (y != expected) & ~((y != y) & (expected != expected))
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    count = int(np.count_nonzero(wrong))
    return FirstValue(index, y[index].item(), expected[index].item(), count, y.size)


def _at(
    op: Op, graph: Graph, xs: Sequence[Array], executor: Executor, truth: Executor
) -> Difference | None:
    part = graph.until(op)
    pairs = zip(executor.run(part, xs).outputs, truth.run(part, xs).outputs, strict=True)
    for i, (y, expected) in enumerate(pairs):
        if np.any(differing(y, expected.reshape(y.shape), part.tolerance)):
            return difference(op, y, expected, i)
    return None


def difference(op: Op, y: Array, expected: Array, output: int = 0) -> Difference:
    """Cosine and signal to quantisation noise of one output of `op`, its zero point removed."""
    t = op.outputs[output]
    zero = _zero(t)
    a, b = y.astype(np.float64) - zero, expected.astype(np.float64) - zero
    signal = float((b**2).sum())
    return Difference(
        layer=t.name,
        op=op.kind,
        mismatched=int(np.count_nonzero(y != expected)),
        elements=y.size,
        max_error=float(np.abs(a - b).max()),
        cosine=cosine(float((a**2).sum()), signal, float((a * b).sum())),
        sqnr_db=decibels(signal, float(((a - b) ** 2).sum())),
    )


def _zero(t: Tensor) -> int:
    return t.quant.zero_point if t.quant is not None else 0


def python_extras() -> tuple[ToolStatus, ...]:
    """The optional Python packages, and how to add them."""
    rows = []
    for module, package, command in (
        ("keras", "keras", PIP_TRAIN),
        ("tensorflow", "tensorflow-cpu", PIP_TRAIN),
        ("sklearn", "scikit-learn", PIP_TRAIN),
        ("PIL", "pillow", PIP_TRAIN),
        ("tflite_micro", "tflite-micro", "pip install tflite-micro"),
        ("onnx", "onnx", "pip install '.[onnx]', in Ascua's folder"),
        ("kflash", "kflash", "pip install '.[maix]', in Ascua's folder"),
    ):
        found = importlib.util.find_spec(module) is not None
        rows.append(
            ToolStatus(
                package,
                found=found,
                version=_version(package),
                boards=(),
                install=command,
                needed=False,
            )
        )
    return tuple(rows)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
