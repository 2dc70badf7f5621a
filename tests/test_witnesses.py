"""Reference and kernels are two witnesses: what is wrong in either half, each comparison sees.

A fault is let into one half, the examples of all operators run, and the outputs of the reference
and of the C on this computer must differ.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import FrameType

import numpy as np
import pytest

from ascua import boards, fixed, kernels, ops
from ascua.artifact import Library
from ascua.ir import Array, Graph, Op, Quant
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.quantize import Quantize
from ascua.passes import prepare
from ascua.plan import Goal, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import beside, network, reference, samples
from tests.support.command import ascua, model_file
from tests.support.examples import ALL, UINT8, small
from tests.support.pools import pool
from tests.support.tools import require_board
from tests.support.wide import widened

HALVES = {"ops": str(Path(ops.__file__).parent), "kernels": str(kernels.FOLDER)}
SAMPLES = 4
PLAIN = Goal(inline=False, seconds=0.1)
"""What is quickest to plan and to compile."""

CANCELS = frozenset(
    """CAST EQUAL GREATER GREATER_EQUAL L2_NORMALIZATION LESS LESS_EQUAL LOGICAL_AND LOGICAL_NOT
    LOGICAL_OR NOT_EQUAL""".split()  # noqa: SIM905
)
"""Operators that rescale nothing, or both sides alike: numbers and truths as they are, a length
that is divided by another, two values of one scale that are compared."""

TABLES = frozenset({"ELU", "LOGISTIC", "TANH", "table"})
"""Where scales go into a table of reals, and no factor becomes a multiplier and a shift."""

EDGES = frozenset({"DEQUANTIZE", "QUANTIZE"})
"""Between floats and integers."""

CLAMPS = frozenset({"RELU6", "RELU_N1_TO_1"})
"""Activations whose bounds depend on a scale; RELU6 is an operator as well."""


@cache
def examples() -> dict[str, Graph]:
    """The examples of all operators that have code, prepared, by a name of their own."""
    pools = [pool(kind, act=act) for kind in (AveragePool2D, MaxPool2D) for act in sorted(CLAMPS)]
    every = [*((name, g) for name in ALL for g in ALL[name]), *(("clamped", g) for g in pools)]
    every += [("clamped", widened(g)) for g in pools]
    found = {f"{name} {i}": prepare(g) for i, (name, g) in enumerate(every)}
    # Without the edges, whose factors would speak for the operator between them.
    for name, graph in UINT8.items():
        inner = (op for op in prepare(graph).ops if not isinstance(op, Quantize))
        found[name] = network(*inner)
    return {name: g for name, g in found.items() if not all(op.view for op in g.ops)}


@cache
def whole() -> Graph:
    """All examples side by side, so that one program runs them."""
    return beside(examples())


def rescales(op: Op) -> bool:
    """Whether a factor of scales becomes a multiplier and a shift."""
    integers = not (op.in_float or "float32" in op.dtypes)
    return integers and not (
        op.one_scale or op.any_type or op.view or op.tflite in CANCELS | TABLES
    )


def scaled(op: Op) -> bool:
    """Whether values depend on a scale: by a factor, a table or a bound."""
    clamps = {op.tflite, getattr(op, "activation", "NONE")} & CLAMPS
    return rescales(op) or op.tflite in TABLES | EDGES or bool(clamps)


def faulty(half: str) -> bool:
    """Whether a module of that half calls what calls this."""
    return sys._getframe(2).f_code.co_filename.startswith(HALVES[half])


@contextmanager
def factors(half: str) -> Iterator[None]:
    """Factors that one half makes multipliers and shifts of are 5 % too large."""
    right = fixed.quantize_multiplier

    def wrong(real: float) -> tuple[int, int]:
        return right(real * 1.05 if faulty(half) else real)

    with pytest.MonkeyPatch.context() as patch:
        for module in [m for name, m in sys.modules.items() if name.startswith("ascua.")]:
            if vars(module).get("quantize_multiplier") is right:
                patch.setattr(module, "quantize_multiplier", wrong)
        yield


@contextmanager
def scales(half: str) -> Iterator[None]:
    """Scales that one half reads are 5 % too large; those of outputs of examples, too small."""
    wrong = {id(t.quant): 1.05 for t in whole().tensors() if t.quant and not t.const}
    wrong |= {id(t.quant): 0.95 for t in whole().outputs}

    def scale(quant: Quant) -> float:
        return quant.scales[0] * (wrong.get(id(quant), 1.0) if faulty(half) else 1.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Quant, "scale", property(scale))
        yield


def library() -> Library:
    """The C of all examples."""
    return emit(plan(whole(), boards.load("host"), PLAIN), "net")


@cache
def inputs() -> list[Array]:
    return samples(whole(), SAMPLES)


ANSWERS: dict[tuple[tuple[str, str], ...], list[Array]] = {}
"""What a library has computed, by its files."""


def computed(made: Library) -> list[Array]:
    """The outputs of all examples as the C has them."""
    key = tuple(sorted(made.files.items()))
    if key not in ANSWERS:
        with tempfile.TemporaryDirectory() as folder:
            raw = run(boards.load("host"), made, pack(inputs()), SAMPLES, build_dir=Path(folder))
        ANSWERS[key] = unpack(raw.outputs, whole(), SAMPLES)
    return ANSWERS[key]


def differing(ys: list[Array], others: list[Array]) -> set[str]:
    """The examples whose outputs are not the same."""
    pairs = zip(whole().outputs, ys, others, strict=True)
    return {t.name.partition("/")[0] for t, y, other in pairs if not np.array_equal(y, other)}


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("fault", [factors, scales], ids=["factors", "scales"])
def test_a_fault_in_either_half_is_seen(
    fault: Callable[[str], AbstractContextManager[None]], half: str
) -> None:
    require_board(boards.load("host"))
    right, expected = library(), reference(whole(), inputs())
    with fault(half):
        made, ys = library(), reference(whole(), inputs())
    touched = {name for name, data in made.files.items() if data != right.files[name]}
    assert bool(touched) == (half == "kernels"), f"kernels take something from ops: {touched}"
    assert bool(differing(ys, expected)) == (half == "ops"), "eval takes something from kernels"
    seen = differing(computed(made), ys)
    concerned = rescales if fault is factors else scaled
    for name, graph in examples().items():
        if any(map(concerned, graph.ops)):
            assert name in seen
        elif not any(map(scaled, graph.ops)):
            assert name not in seen


def test_without_a_fault_none_differs() -> None:
    require_board(boards.load("host"))
    assert differing(computed(library()), reference(whole(), inputs())) == set()


@pytest.mark.parametrize("half", [*HALVES, None])
def test_run_reports_it(half: str | None, tmp_path: Path) -> None:
    require_board(boards.load("host"))
    graph = small()
    model = model_file(tmp_path, graph.until(graph.ops[-2]))  # Softmax would saturate
    with factors(half) if half else nullcontext():
        result = ascua("run", model, "-b", "host", "--build-dir", tmp_path / "build")
    assert result.code == (4 if half else 0), result.err
    assert ("differ" in result.err) == bool(half)


def test_kernels_call_nothing_of_operators() -> None:
    """But their properties, whatever the examples make a kernel do."""
    modules = [import_module(f"{ops.__name__}.{m.name}") for m in iter_modules(ops.__path__)]
    kinds = {k for m in modules for k in vars(m).values() if isinstance(k, type)}
    getters = {f.fget.__code__ for k in kinds for f in vars(k).values() if isinstance(f, property)}
    found = set()

    def watch(frame: FrameType, event: str, _: object) -> None:
        caller = frame.f_back
        if event == "call" and caller and frame.f_code not in getters:
            called = frame.f_code.co_filename.startswith(HALVES["ops"])
            if called and caller.f_code.co_filename.startswith(HALVES["kernels"]):
                found.add((caller.f_code.co_qualname, frame.f_code.co_qualname))

    every = [(op, k) for op in whole().ops for k in kernels.of(type(op))]
    sys.setprofile(watch)
    try:
        for op, kernel in every:
            if op.dtypes <= {*kernel.types} and kernel.fits(op):
                for ask in (kernel.params, kernel.consts, kernel.scratch, kernel.work):
                    ask(op)
    finally:
        sys.setprofile(None)
    assert found == set()
