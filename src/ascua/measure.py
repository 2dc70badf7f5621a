"""Takes a model to a board and measures it: what `analyze`, `compile` and `run` answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ascua import inputs, targets
from ascua.artifact import Artifact
from ascua.boards import Board
from ascua.boards import load as load_board
from ascua.errors import DoesNotFit
from ascua.estimate import Estimate, estimate
from ascua.executors import Progress
from ascua.executors.board import OnBoard
from ascua.executors.reference import reference
from ascua.ir import Array
from ascua.labels import Labels, Score, as_labels
from ascua.model import Model
from ascua.passes import drop_dead, fold_constants
from ascua.plan import BALANCED, GOALS, Goal, Plan, check_fit
from ascua.run import Cycles, Outcome, Region, Sizes
from ascua.samples import mismatches, picked, spread

SCHEMA = 1
"""The version of the JSON object; it grows when a key changes its meaning."""


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
    """One step of the plan; `instructions` and model `cycles` are means an inference."""

    name: str
    op: str
    kernel: str
    macs: int
    weights_bytes: int
    instructions: float | None
    output_shape: tuple[int, ...]
    cycles: float | None = None


@dataclass(frozen=True)
class Expected:
    """What the plan for a goal is expected to take, before any build."""

    goal: str
    instructions: int
    cycles: int | None
    flash_bytes: int
    arena_bytes: int
    kernels: tuple[str, ...]
    """Of each step."""
    estimate: Estimate | None = None

    def json(self) -> dict[str, Any]:
        """As `--json` has it."""
        return {**asdict(self), "estimate": self.estimate and self.estimate.json()}


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
    extremes: tuple[int, int] | None = None
    cycles: Cycles | None = None
    counted_on: str | None = None
    """The emulated board that all this was counted on, where `board` is not emulated."""
    estimate: Estimate | None = None
    checked_samples: int | None = None
    """How many of the samples were compared with the reference."""
    mismatched_bytes: int | None = None
    """In those."""
    score: Score | None = None
    tools: Mapping[str, str] | None = None
    regions: tuple[Region, ...] = ()
    expected: tuple[Expected, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """The score, where that is an accuracy."""
        return self.score and self.score.accuracy

    def row(self) -> dict[str, Any]:
        """The figures alone, as a table's row: `pandas.DataFrame([m.row() for m in found])`."""
        time, energy = (
            (None, None) if self.estimate is None else (self.estimate.ms, self.estimate.uj)
        )
        return {
            "board": self.board,
            "macs": self.macs,
            "instructions": whole(self.instructions),
            "cycles": None if self.cycles is None else round(self.cycles.total.assumed),
            "flash_bytes": self.flash_bytes,
            "ram_bytes": self.ram.total,
            "arena_bytes": self.ram.arena,
            "samples": self.samples,
            "checked_samples": self.checked_samples,
            "mismatched_bytes": self.mismatched_bytes,
            **({} if self.score is None else {self.score.metric: self.score.value}),
            "ms": time and time.value,
            "uj": energy and energy.value,
        }

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
                    "cycles": None if layer.cycles is None else round(layer.cycles),
                    "output_shape": list(layer.output_shape),
                }
                for layer in self.layers
            ],
            "expected": [e.json() for e in self.expected] or None,
            "samples": self.samples,
            "instructions": whole(self.instructions),
            "instructions_min": self.extremes and self.extremes[0],
            "instructions_max": self.extremes and self.extremes[1],
            "cycles": None
            if self.cycles is None
            else {
                "core": self.cycles.core,
                "kind": self.cycles.kind,
                "wait": self.cycles.wait,
                "assumed": round(self.cycles.total.assumed),
                "least": round(self.cycles.total.least),
                "most": round(self.cycles.total.most),
                "unknown": list(self.cycles.unknown),
            },
            "counted_on": self.counted_on,
            "estimate": self.estimate and self.estimate.json(),
            "checked_samples": self.checked_samples,
            "mismatched_bytes": self.mismatched_bytes,
            "accuracy": None,
            **({} if self.score is None else {self.score.metric: self.score.value}),
            "tools": self.tools,
        }


def whole(count: float | None) -> float | int | None:
    """A mean without a needless `.0`."""
    return int(count) if count is not None and count == int(count) else count


def analyze(
    model: Model, board: Board | str | None, goal: Goal = BALANCED,
    period_s: float | None = None,
) -> tuple[Plan, Measurement]:  # fmt: skip
    """What is known before any build; without a board, for one of unlimited memory.

    `period_s` is as `estimate` takes it.
    """
    board = load_board(board) if isinstance(board, str) else board
    planned = model.plan(board or load_board("host"), goal)
    found = known(model, planned)
    if board is None:
        return planned, replace(found, board=None)
    if planned.cost is None:
        return planned, found
    goals = (goal if g.kind == goal.kind else replace(goal, kind=g.kind, patch=1.0) for g in GOALS)
    plans = [planned if g == goal else model.plan(board, g) for g in goals]
    return planned, replace(found, expected=tuple(expected(p, period_s) for p in plans))


def expected(planned: Plan, period_s: float | None = None) -> Expected:
    """Of a plan for a board whose core has a table of costs."""
    cost = planned.cost
    assert cost is not None
    return Expected(
        estimate=estimate(planned.board, cost.cycles or None, period_s),
        goal=planned.goal.kind,
        instructions=round(cost.instructions),
        cycles=round(cost.cycles) or None,
        flash_bytes=planned.const_bytes + planned.code_estimate,
        arena_bytes=planned.arena_bytes,
        kernels=tuple(s.kernels for s in planned.steps),
    )


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
        ram=Ram(planned.arena_bytes, planned.ram_bytes - planned.arena_bytes or None),
        layers=layers,
    )


def compile_model(model: Model, planned: Plan, name: str | None) -> Artifact:
    """What the target makes of `planned`, the plan of `model`, called `name` or as the file is.

    Raises InputError for a name that the target has no use for, DoesNotFit.
    """
    check_fit(planned)
    target = targets.of(planned.board)
    chosen = target.named(model.path.stem) if name is None else name
    artifact: Artifact = target.emit(planned, chosen)
    return artifact


def linked(found: Measurement, planned: Plan, size: Sizes) -> Measurement:
    """`found` with the sizes of the linked firmware."""
    return replace(
        found,
        flash_bytes=size.flash_bytes,
        code_bytes=size.flash_bytes - planned.payload,
        ram=replace(found.ram, static=size.static_bytes),
        regions=size.regions,
    )


def _runnable(planned: Plan) -> Plan:
    """The plan, on the emulated board that counts for its own, if that is not emulated."""
    check_fit(planned)
    stand_in = planned.board.counts_on
    return replace(planned, board=load_board(stand_in)) if stand_in else planned


def _elsewhere(found: Measurement, planned: Plan, name: str) -> Measurement:
    """`found`, which the board called `name` counted, of the plan's. Raises DoesNotFit."""
    flash = planned.board.memory("x")
    if flash is not None and found.flash_bytes is not None and found.flash_bytes > flash.bytes:
        raise DoesNotFit(
            f"{planned.graph.name} does not fit {planned.board.name}: it needs"
            f" {found.flash_bytes:,} bytes of {flash.name}, and there are {flash.bytes:,}.",
            ["`--goal size`.", "A board with more memory: `ascua boards` lists them."],
        )
    return replace(found, regions=(), counted_on=name)


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A measured run: `ys` are the board's outputs (n, *shape).

    `expected` are the reference's (m, *shape) for the samples at `checked`, (m,) increasing
    indices: those that were compared.
    """

    plan: Plan
    measurement: Measurement
    ys: tuple[Array, ...]
    expected: tuple[Array, ...]
    checked: Array
    outcome: Outcome
    score_reference: Score | None
    """None also where not all samples were compared."""

    def __repr__(self) -> str:
        return f"Run({self.plan!r}, {len(self.ys[0])} samples)"

    @property
    def accuracy_reference(self) -> float | None:
        """The reference's score, where that is an accuracy."""
        return self.score_reference and self.score_reference.accuracy


def run_model(
    model: Model,
    planned: Plan,
    xs: Sequence[Array] | Array,
    *,
    labels: Labels | Array | None = None,
    build: Path | str = "build/firmware",
    on_board: Progress | None = None,
    on_reference: Progress | None = None,
    sanitize: bool = False,
    period_s: float | None = None,
    check: int | None = None,
) -> Run:
    """Run samples `xs` (n, *shape) on the board of `planned`, the plan of `model`.

    `xs` may be the one array of a network with one input; float samples and uint8 pixels become its
    integers, as `inputs.convert` has it. A board that is not emulated has another
    count for it. Every byte is compared with the reference of all that the file computes; with
    `check` (1 or more) those of so many samples, as `samples.spread` chooses them. `labels`
    may be class indices (n,); `period_s` is as `estimate` takes it.
    Raises InputError, DoesNotFit, ToolMissing, ToolFailed; differing outputs are counted, not
    raised.
    """
    told, build = as_labels(labels), Path(build)
    arrays = [
        inputs.convert(x, t, f"input '{t.name}'")
        for x, t in zip([xs] if isinstance(xs, np.ndarray) else xs, model.graph.inputs, strict=True)
    ]
    count = len(arrays[0])
    checked = spread(count, check, sequence=bool(model.prepared.states))
    name = targets.of(planned.board).named(model.path.stem)
    executor = OnBoard(_runnable(planned), build, name, sanitize=sanitize)
    answer = executor.run(model.graph, arrays, progress=on_board)
    ys, outcome = answer.outputs, answer.outcome
    assert outcome is not None  # a board tells
    expected = reference(model.prepared, picked(arrays, checked), on_reference)
    found = known(model, planned)
    if outcome.sizes is not None:
        found = linked(found, planned, outcome.sizes)
    if executor.name != planned.board.name:
        found = _elsewhere(found, planned, executor.name)
    none = (None,) * len(found.layers)
    counts = outcome.step_instructions or none
    cycles = none if outcome.cycles is None else [s.assumed for s in outcome.cycles.steps]
    measured = replace(
        found,
        layers=tuple(
            replace(layer, instructions=n, cycles=c)
            for layer, n, c in zip(found.layers, counts, cycles, strict=True)
        ),
        ram=replace(found.ram, stack=outcome.stack_bytes),
        samples=count,
        instructions=outcome.instructions,
        counter=outcome.counter,
        extremes=outcome.extremes,
        cycles=outcome.cycles,
        estimate=estimate(
            planned.board, outcome.cycles.total.assumed if outcome.cycles else None, period_s
        ),
        checked_samples=len(checked),
        mismatched_bytes=mismatches(picked(ys, checked), expected, planned.graph.tolerance),
        score=None if told is None else told.score(ys),
        tools=outcome.tools,
    )
    score = None if told is None or len(checked) < count else told.score(expected)
    return Run(planned, measured, tuple(ys), tuple(expected), checked, outcome, score)
