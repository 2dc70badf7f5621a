"""Takes a kmodel to a board with a K210: what `analyze` and `run` answer of such a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ascua import inputs, kmodel, tflite
from ascua.boards import K210, KPU, Board
from ascua.errors import DoesNotFit, InputError, ToolFailed, ToolMissing
from ascua.executors import Progress
from ascua.executors.kpu import Kpu, RunsKmodels, Runtime
from ascua.ir import Array, Graph
from ascua.kmodel import Kmodel, Layer, Range, Usage
from ascua.kpu.ends import ends
from ascua.kpu.latency import ERROR, NOMINAL_HZ, Clocks, Latency, latency
from ascua.labels import Labels, Score
from ascua.nearness import cosine
from ascua.quantize.floats import evaluated
from ascua.quantize.options import DEFAULT, Options
from ascua.quantize.ranges import LEVELS
from ascua.quantize.rules import Range as Reals
from ascua.run import Outcome
from ascua.samples import mismatches, picked, spread
from ascua.targets.k210.affines import Pixels
from ascua.targets.k210.budgets import check_budget
from ascua.targets.k210.compiling import Quantized, quantized, quantized_already
from ascua.targets.k210.lower import lowered
from ascua.targets.k210.nncase.compiling import Like, quantized_like
from ascua.targets.k210.ops import Runtime as Version
from ascua.validation import Check

SCHEMA = 1
"""The version of the JSON object; it grows when a key changes its meaning."""
VERSIONS: tuple[Version, ...] = (3, 4)
"""Of files."""


@dataclass(frozen=True, eq=False)
class Model:
    """A kmodel file."""

    path: Path
    sha256: str
    network: Kmodel

    @property
    def ends(self) -> Graph:
        """Its inputs and outputs, as a graph without operators."""
        return ends(self.network)


@dataclass(frozen=True)
class Counted:
    """What the runtime in C takes on an emulated core, a sample: the KPU's work is none of it."""

    input: int
    """Instructions that put the sample where the network finds it."""
    layers: tuple[int, ...]
    """Instructions of each layer."""
    code_bytes: int
    """Of the program without the file, the KPU in C with it."""
    static_bytes: int
    """Of variables, the workspace and the samples with them, and the KPU in C."""
    stack_bytes: int
    checked_samples: int
    """Those whose outputs were compared with the simulated chip's."""
    mismatched_bytes: int
    """In those."""

    @property
    def instructions(self) -> int:
        """Of all layers."""
        return sum(self.layers)

    @classmethod
    def of(cls, model: Kmodel, outcome: Outcome, checked: int, mismatched: int) -> Counted | None:
        """What an emulator counted; None of one that does not tell layers apart."""
        steps, sizes = outcome.step_instructions, outcome.sizes
        if steps is None or sizes is None or outcome.stack_bytes is None:
            return None
        first, *layers, _ = map(round, steps)
        code = sizes.flash_bytes - len(kmodel.write(model))
        return cls(
            first, tuple(layers), code, sizes.static_bytes + model.main_bytes,
            outcome.stack_bytes, checked, mismatched,
        )  # fmt: skip


COUNTED = {
    "instructions": "instructions", "input_instructions": "input", "code_bytes": "code_bytes",
    "static_bytes": "static_bytes", "stack_bytes": "stack_bytes",
    "checked_samples": "checked_samples", "mismatched_bytes": "mismatched_bytes",
}  # fmt: skip
"""Keys of the JSON object, null where nothing counted, and the fields of Counted."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """What is known of a kmodel: memory, an estimate of its time, and a score where it ran."""

    board: str | None
    model: Model
    usage: Usage
    latency: Latency
    samples: int | None = None
    score: Score | None = None
    counted: Counted | None = None
    """Where Ascua's runtime in C ran it."""

    def json(self) -> dict[str, Any]:
        """The object that `--json` prints; docs/json.md describes it."""
        network, usage, seconds = self.model.network, self.usage, self.latency
        return {
            "schema": SCHEMA,
            "board": self.board,
            "model_sha256": self.model.sha256,
            "kmodel": network.version,
            "weight_bits": network.weight_bits,
            "file_bytes": usage.file_bytes,
            "main_bytes": usage.main_bytes,
            "kpu_lines": usage.kpu_lines,
            "kpu_layer": usage.kpu_layer,
            "budgets": [
                {
                    "name": fit.budget.name,
                    "bytes": fit.bytes,
                    "room": fit.budget.bytes,
                    "most": fit.budget.most,
                    "verdict": fit.verdict,
                }
                for fit in usage.fits
            ],
            "layers": [
                {
                    "type": layer.title,
                    "reads": [_range(r) for r in layer.reads],
                    "writes": [_range(r) for r in layer.writes],
                    "macs": macs(layer),
                    "seconds": asdict(taken),
                    "instructions": None if self.counted is None else self.counted.layers[i],
                }
                for i, (layer, taken) in enumerate(zip(network.layers, seconds.layers, strict=True))
            ],
            **{key: getattr(self.counted, name, None) for key, name in COUNTED.items()},
            "seconds": {
                **asdict(seconds.total),
                "total": seconds.total.total,
                "error": list(ERROR),
            },
            "samples": self.samples,
            "accuracy": None,
            **({} if self.score is None else {self.score.metric: self.score.value}),
        }


def _range(r: Range) -> dict[str, Any]:
    return {"memory": r.memory.name.lower(), "start": r.start, "bytes": r.bytes}


def macs(layer: Layer) -> int | None:
    """The products of a convolution by the KPU; None of other layers."""
    conv = getattr(layer, "conv", None)
    return conv.macs if isinstance(conv, kmodel.Conv) else None


def load(path: Path) -> Model:
    """The kmodel at `path`. Raises InputError, ModelError or Unsupported."""
    network = kmodel.load(path)
    return Model(path, hashlib.sha256(path.read_bytes()).hexdigest(), network)


def is_kmodel(path: Path) -> bool:
    """Whether the file at `path` begins as a kmodel, or is called one."""
    if path.suffix == ".kmodel":
        return True
    try:
        if not path.is_file():  # a pipe may never say anything
            return False
        with path.open("rb") as f:
            return kmodel.begins(f.read(8))
    except OSError:
        return False


def has_one(board: Board) -> bool:
    """Whether the board runs kmodels."""
    return board.target == K210


def check_board(model: Model, board: Board) -> None:
    """Raise InputError for a board that runs no kmodels."""
    if not has_one(board):
        raise InputError(
            f"{model.path}: a kmodel is for the K210, and {board.name} has none.",
            ["Name a board that has one: `--board maix-go`.", "`ascua boards` lists all."],
        )


def simulated(board: Board) -> bool:
    """Whether the board is the simulated chip: else Ascua's runtime in C runs there."""
    return board.runner == KPU


def check_runner(board: Board) -> None:
    """Raise InputError for a board that runs neither the simulated chip nor the runtime in C."""
    if not simulated(board) and (board.runner is None or board.cc is None):
        raise InputError(
            f"{board.name}: its runner is not {KPU!r}: it can be asked, and not run.",
            ["`ascua analyze` takes it.", f'State `runner = "{KPU}"` in its file to simulate it.'],
        )


def analyze(model: Model, board: Board | None) -> Measurement:
    """What is known before any run; without a board, at the nominal clock. Raises InputError."""
    if board is not None:
        check_board(model, board)
    hz = NOMINAL_HZ if board is None or board.clock_hz is None else board.clock_hz
    network = model.network
    estimate = latency(network, Clocks(cpu=hz, kpu=hz))
    return Measurement(board.name if board else None, model, kmodel.usage(network), estimate)


def check_fit(found: Measurement, board: Board) -> None:
    """Raise DoesNotFit where the board's memories, or what firmware in C leaves, are too small.

    File and workspace lie in RAM, the file in flash, maps in the memory called `kpu`.
    """
    usage = found.usage
    both = usage.file_bytes + usage.main_bytes
    said = f"file {usage.file_bytes:,}, workspace {usage.main_bytes:,}"
    kpu = next((m for m in board.memories if m.name == KPU), None)
    needs = [
        (m.name, what, need, m.bytes)
        for m, need, what in (
            (board.memory("w"), both, said),
            (board.memory("x"), usage.file_bytes, "the file"),
            (kpu, usage.kpu_bytes, f"maps of layer {usage.kpu_layer}"),
        )
        if m is not None
    ]
    for where, what, need, room in needs:
        if need > room:
            raise DoesNotFit(
                f"{found.model.path} does not fit {board.name}: it needs {need:,} bytes of"
                f" {where} ({what}) and there are {room:,}.",
                ["A smaller network: fewer channels, or 8-bit weights instead of 16."],
            )
    check_budget(found.model.network, "C")


@dataclass(frozen=True, eq=False)
class Compiled:
    """A kmodel, and what a float network was on the way to it."""

    steps: Quantized
    network: Kmodel


def compile_floats(
    graph: Graph,
    images: Array,
    image: Reals,
    version: Version,
    options: Options = DEFAULT,
    *,
    bits: int = 8,
    progress: Progress | None = None,
) -> Compiled:
    """The kmodel of `version` of a float `graph` with one input, calibrated on `images`.

    They are uint8 (n, h, w, c), and `image` is what bytes 0 and 255 mean; weights have 8 `bits`, or
    in version 3 16. Raises Unsupported for what neither the KPU nor the runtime's layers compute,
    DoesNotFit.
    """
    pixels = Pixels((image.high - image.low) / LEVELS, image.low)
    steps = quantized(graph, [images], pixels, version, options, bits, progress)
    return Compiled(steps, lowered(steps.chip, version))


def compile_pixels(
    content: bytes, images: Array, version: Version, progress: Progress | None = None
) -> Kmodel:
    """As `compile_floats`, of a float .tflite file that takes images in 0..1."""
    graph = tflite.read(content, "model")
    made = compile_floats(graph, images, Reals(0.0, 1.0), version, progress=progress)
    return made.network


def compile_like(
    graph: Graph, images: Array, image: Reals, like: Like, *, progress: Progress | None = None
) -> Compiled:
    """As `compile_floats`, with the numbers that nncase chose, and none where it had none."""
    pixels = Pixels((image.high - image.low) / LEVELS, image.low)
    steps = quantized_like(graph, [images], pixels, like, progress)
    return Compiled(steps, lowered(steps.chip, like.runtime))


def compile_quantized(graph: Graph, version: Version) -> Kmodel:
    """As `compile_floats`, of a prepared `graph` of int8: by its own scales."""
    return lowered(quantized_already(graph, version), version)


def beside_float(graph: Graph, network: Kmodel, images: Array, image: Reals) -> tuple[float, float]:
    """How often the float `graph` and its kmodel put `images` first, and the mean cosine.

    Of the first output, for uint8 images (n, h, w, c).
    """
    reals = inputs.real_images(images, graph.inputs[0], (image.low, image.high))
    expected = evaluated(graph, [reals])[0].reshape(len(images), -1).astype(np.float64)
    found = Kpu().run(network, [images]).outputs[0].astype(np.float64)
    same = float(np.mean(expected.argmax(axis=1) == found.argmax(axis=1)))
    near = [
        cosine(float(a @ a), float(b @ b), float(a @ b))
        for a, b in zip(found, expected, strict=True)
    ]
    return same, float(np.mean(near))


@dataclass(frozen=True, eq=False)
class Run:
    """A run on the simulated chip: `ys` are the outputs (n, elements)."""

    measurement: Measurement
    ys: list[Array]


def run(
    model: Model,
    board: Board,
    xs: Sequence[Array],
    *,
    labels: Labels | None = None,
    executor: RunsKmodels | None = None,
    progress: Progress | None = None,
    check: int | None = None,
) -> Run:
    """Run samples `xs` (n, h, w, c) on `board`, by default as the simulated chip computes them.

    By Ascua's runtime in C, if that is the `executor`: then each output byte is held against the
    simulated chip's; with `check` those of so many samples, as `samples.spread` chooses them.
    Raises InputError, DoesNotFit, Unsupported for a layer that no runtime executes, or what a
    runner raises.
    """
    found = analyze(model, board)
    check_runner(board)
    check_fit(found, board)
    checked = spread(len(xs[0]), check)
    answer = (executor or Kpu()).run(model.network, xs, progress=progress)
    ys, counted = answer.outputs, None
    if answer.outcome is not None:
        expected = Kpu().run(model.network, picked(xs, checked)).outputs
        wrong = mismatches(picked(ys, checked), expected)
        counted = Counted.of(model.network, answer.outcome, len(checked), wrong)
    score = None if labels is None else labels.score(ys)
    return Run(replace(found, samples=len(xs[0]), score=score, counted=counted), ys)


def validate(
    model: Model, xs: Sequence[Array], boards: Sequence[Board], build: Path,
    progress: Progress | None = None,
) -> tuple[Check, ...]:  # fmt: skip
    """Run samples `xs` by the runtime in C on each of `boards`, beside the simulated chip."""
    expected = Kpu().run(model.network, xs).outputs
    size = sum(y.nbytes for y in expected)
    checks = []
    for i, board in enumerate(boards):
        try:
            ys = Runtime(board, build).run(model.network, xs).outputs
            checks.append(Check(board.name, Kpu.name, mismatches(ys, expected), size))
        except (DoesNotFit, ToolMissing, ToolFailed) as e:
            note = " ".join([e.what.splitlines()[0], *e.things_to_try[:1]])
            checks.append(Check(board.name, Kpu.name, None, size, note, error=e))
        if progress:
            progress(i + 1, len(boards))
    return tuple(checks)
