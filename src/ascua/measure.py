"""Takes a model to a board and measures it: what `analyze`, `compile` and `run` answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ascua import inputs, pixels, tflite
from ascua.boards import Board
from ascua.boards import load as load_board
from ascua.ir import Array, Graph, limits
from ascua.library import Library
from ascua.passes import drop_dead, fold_constants, prepare
from ascua.plan import Plan, check_fit, plan
from ascua.run import Outcome, Region, Sizes, run, sizes
from ascua.targets.c import emit
from ascua.targets.c.names import identifier

SCHEMA = 1
"""The version of the JSON object; it grows when a key changes its meaning."""

CHUNK_BYTES = 1 << 25
"""Activations that the reference holds at once are a small multiple of this."""

Progress = Callable[[int, int], None]
"""Hears how many samples are done, and of how many."""


@dataclass(frozen=True)
class Ram:
    """Bytes of RAM: planned tensors and scratch, variables, and the stack's high-water mark."""

    arena: int
    static: int | None = None
    stack: int | None = None

    @property
    def total(self) -> int | None:
        """The sum, once all parts are known."""
        if self.static is None or self.stack is None:
            return None
        return self.arena + self.static + self.stack


@dataclass(frozen=True)
class Layer:
    """One step of the plan; `instructions` is the mean an inference."""

    name: str
    op: str
    kernel: str
    macs: int
    weights_bytes: int
    instructions: float | None
    output_shape: tuple[int, ...]


@dataclass(frozen=True)
class Measurement:
    """What is known of a model on a board; what has not been measured is None.

    `flash_bytes` is the linked network without the harness, `weights_bytes` the weights and biases
    in the file, `code_bytes` the flash without them and without 8 bytes a requantised channel.
    """

    board: str | None
    model_sha256: str
    macs: int
    macs_model: int
    weights_bytes: int
    ram: Ram
    layers: tuple[Layer, ...]
    flash_bytes: int | None = None
    code_bytes: int | None = None
    samples: int | None = None
    instructions: float | None = None
    counter: str | None = None
    mismatched_bytes: int | None = None
    accuracy: float | None = None
    tools: Mapping[str, str] | None = None
    regions: tuple[Region, ...] = ()

    def json(self) -> dict[str, Any]:
        """The object that `--json` prints; docs/json.md describes it."""
        return {
            "schema": SCHEMA,
            "board": self.board,
            "model_sha256": self.model_sha256,
            "macs": self.macs,
            "macs_model": self.macs_model,
            "flash_bytes": self.flash_bytes,
            "weights_bytes": self.weights_bytes,
            "code_bytes": self.code_bytes,
            "ram_bytes": {
                "arena": self.ram.arena,
                "static": self.ram.static,
                "stack": self.ram.stack,
                "total": self.ram.total,
            },
            "layers": [
                {
                    "name": layer.name,
                    "op": layer.op,
                    "kernel": layer.kernel,
                    "macs": layer.macs,
                    "instructions": whole(layer.instructions),
                    "output_shape": list(layer.output_shape),
                }
                for layer in self.layers
            ],
            "samples": self.samples,
            "instructions": whole(self.instructions),
            "mismatched_bytes": self.mismatched_bytes,
            "accuracy": self.accuracy,
            "tools": self.tools,
        }


def whole(count: float | None) -> float | int | None:
    """A mean without a needless `.0`."""
    return int(count) if count is not None and count == int(count) else count


@dataclass(frozen=True, eq=False)
class Model:
    """A .tflite file as it is, and prepared for planning."""

    path: Path
    sha256: str
    original: Graph
    graph: Graph

    def plan(self, board: Board) -> Plan:
        """The plan for `board`. Raises Unsupported."""
        return plan(self.graph, board)


def load_model(path: Path) -> Model:
    """Read and check the model at `path`. Raises ModelError, Unsupported or InputError."""
    original = tflite.load(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(path, digest, original, prepare(original, str(path)))


def analyze(model: Model, board: Board | None) -> tuple[Plan, Measurement]:
    """What is known before any build; without a board, for one of unlimited memory."""
    planned = model.plan(board or load_board("host"))
    found = known(model, planned)
    return planned, found if board else replace(found, board=None)


def known(model: Model, planned: Plan) -> Measurement:
    """What is known of `planned`, the plan of `model`, before any build."""
    layers = tuple(
        Layer(
            name=s.op.name,
            op=s.op.kind,
            kernel=s.kernels,
            macs=s.macs,
            weights_bytes=s.weights_bytes,
            instructions=None,
            output_shape=s.op.y.shape,
        )
        for s in planned.steps
    )
    return Measurement(
        board=planned.board.name,
        model_sha256=model.sha256,
        macs=planned.macs,
        # What no output depends on is never checked: its shapes may be none.
        macs_model=drop_dead(fold_constants(model.original)).macs(),
        weights_bytes=planned.weights_bytes,
        ram=Ram(planned.arena.bytes, planned.state_bytes or None),
        layers=layers,
    )


def compile_model(model: Model, planned: Plan, name: str | None) -> Library:
    """The C library of `planned`, the plan of `model`, its symbols prefixed with `name`.

    Raises InputError for a name that C has no use for, DoesNotFit.
    """
    check_fit(planned)
    return emit(planned, identifier(model.path.stem) if name is None else name)


def linked(found: Measurement, planned: Plan, size: Sizes) -> Measurement:
    """`found` with the sizes of the linked firmware."""
    return replace(
        found,
        flash_bytes=size.flash_bytes,
        code_bytes=size.flash_bytes - planned.payload,
        ram=replace(found.ram, static=size.static_bytes),
        regions=size.regions,
    )


def linked_sizes(found: Measurement, planned: Plan, library: Library, build: Path) -> Measurement:
    """`found` with the sizes that compiling and linking for the board gives."""
    size = sizes(planned.board, library, build)
    return linked(found, planned, size) if size else found


@dataclass(frozen=True, eq=False)
class Run:
    """A measured run: `ys` are the board's outputs (n, *shape), `expected` the reference's."""

    plan: Plan
    measurement: Measurement
    ys: tuple[Array, ...]
    expected: tuple[Array, ...]
    outcome: Outcome
    accuracy_reference: float | None


def run_model(
    model: Model,
    planned: Plan,
    xs: Sequence[Array],
    *,
    labels: Array | None = None,
    build: Path,
    on_board: Progress | None = None,
    on_reference: Progress | None = None,
    sanitize: bool = False,
) -> Run:
    """Run samples `xs` (n, *shape) on the board of `planned`, the plan of `model`.

    Every byte is compared with the reference.
    Raises DoesNotFit, ToolMissing, ToolFailed; differing outputs are counted, not raised.
    """
    library = compile_model(model, planned, None)
    outcome = run(
        planned.board,
        library,
        pack(xs),
        len(xs[0]),
        build_dir=build,
        progress=on_board,
        sanitize=sanitize,
    )
    ys = unpack(outcome.outputs, model.graph, len(xs[0]))
    expected = reference(model.graph, xs, on_reference)
    found = known(model, planned)
    if outcome.sizes is not None:
        found = linked(found, planned, outcome.sizes)
    counts = outcome.step_instructions or (None,) * len(found.layers)
    measured = replace(
        found,
        layers=tuple(
            replace(layer, instructions=c) for layer, c in zip(found.layers, counts, strict=True)
        ),
        ram=replace(found.ram, stack=outcome.stack_bytes),
        samples=len(xs[0]),
        instructions=outcome.instructions,
        counter=outcome.counter,
        mismatched_bytes=mismatches(ys, expected),
        accuracy=None if labels is None else inputs.accuracy(ys[0], labels),
        tools=outcome.tools,
    )
    right = None if labels is None else inputs.accuracy(expected[0], labels)
    return Run(planned, measured, tuple(ys), tuple(expected), outcome, right)


def pack(xs: Sequence[Array]) -> bytes:
    """Samples (n, *shape) an input as bytes: sample after sample, its inputs in order."""
    rows = [np.ascontiguousarray(x).reshape(len(x), -1).view(np.uint8) for x in xs]
    return np.concatenate(rows, axis=1).tobytes()


def unpack(raw: bytes, graph: Graph, samples: int) -> list[Array]:
    """The outputs (n, *shape) in `raw`, as `pack` would order them."""
    rows = np.frombuffer(raw, np.uint8).reshape(samples, -1)
    ys, at = [], 0
    for t in graph.outputs:
        part = np.ascontiguousarray(rows[:, at : at + t.bytes])
        ys.append(part.view(t.dtype).reshape(samples, *t.shape))
        at += t.bytes
    return ys


def reference(graph: Graph, xs: Sequence[Array], progress: Progress | None = None) -> list[Array]:
    """The reference's outputs (n, *shape), computed in chunks of bounded memory.

    Where there are states, the samples are one sequence: each run goes on from the one before.
    """
    n = len(xs[0])
    largest = max((t.size for t in graph.tensors() if not t.const), default=1)
    chunk = 1 if graph.states else max(1, min(n, CHUNK_BYTES // (8 * largest)))
    states = graph.initial(1)
    parts: list[list[Array]] = []
    for start in range(0, n, chunk):
        ys, states = graph.eval([x[start : start + chunk] for x in xs], states)
        parts.append([ys[t.name] for t in graph.outputs])
        if progress:
            progress(min(start + chunk, n), n)
    return [np.concatenate(ys) for ys in zip(*parts, strict=True)]


def mismatches(ys: Sequence[Array], expected: Sequence[Array]) -> int:
    """Output bytes that differ."""
    return sum(
        int(np.count_nonzero(a.reshape(-1).view(np.uint8) != b.reshape(-1).view(np.uint8)))
        for a, b in zip(ys, expected, strict=True)
    )


def bring(graph: Graph, path: Path | None) -> list[Array]:
    """The samples in the file at `path`, or the fixed pseudo-random one without a file."""
    return inputs.pseudo_random(graph) if path is None else inputs.load(path, graph)


def bring_labels(graph: Graph, path: Path | None, samples: int) -> Array | None:
    """The labels in the file at `path`, if there is one. Raises InputError."""
    if path is None:
        return None
    return inputs.load_labels(path, samples, inputs.classes(graph.outputs[0]))


def load_or_random(graph: Graph, path: Path | None, samples: int = 4) -> list[Array]:
    """The samples in the file at `path`; without one the fixed sample, and random ones."""
    return sample_vectors(graph, samples) if path is None else inputs.load(path, graph)


def sample_vectors(graph: Graph, samples: int = 4) -> list[Array]:
    """The fixed pseudo-random sample and random ones, (n, *shape) an input; always the same."""
    rng = np.random.default_rng(1)
    xs = []
    for fixed, t in zip(inputs.pseudo_random(graph), graph.inputs, strict=True):
        shape = (samples - 1, *t.shape)
        if t.dtype == "float32":
            more: Array = rng.normal(0, 1, shape).astype(np.float32)
        else:
            low, high = limits(t.dtype)
            more = rng.integers(low, high + 1, shape).astype(t.dtype)
        xs.append(np.concatenate([fixed, more]))
    return xs


def image_inputs(graph: Graph, images: Array) -> list[Array]:
    """uint8 images (n, h, w, c) as the model's input: bytes for bytes, value - 128 for int8.

    Real values are in the range that the input was calibrated for; 0..1 where none is known.
    """
    x = graph.inputs[0]
    if x.dtype in ("int8", "uint8"):
        return [inputs.convert(images, x, f"input '{x.name}'")]
    held = inputs.calibrated(graph, x)
    low, high = (0.0, 1.0) if held is None else inputs.reach(held)
    if held is not None and held.dtype == "int16":
        low = 0.0
    if pixels.near((low, high), pixels.USUAL[0]):
        return [inputs.convert(images / np.float32(255), x, f"input '{x.name}'")]
    real = np.float32(low) + images.astype(np.float32) * np.float32((high - low) / 255)
    return [inputs.convert(real, x, f"input '{x.name}'")]
