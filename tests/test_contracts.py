"""Contracts over the registries: every operator, kernel, board and recipe, with nothing to list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards, kernels, ops, recipes
from ascua.ir import Graph, Op
from ascua.kernels import Kernel
from ascua.ops import OPERATORS
from ascua.passes import prepare
from ascua.plan import plan
from ascua.plan.choose import options
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import FAST, beside, network, oracle, reference, samples, untold
from tests.support.examples import ALL, FOLDED, UINT8
from tests.support.tools import RUNNABLE, require_tool
from tests.support.wide import widened

KERNELS = kernels.FOLDER
TESTS = Path(__file__).parent
EVERY = {k.name: k for k in kernels.every()}
CASES = [(name, graph) for name in sorted(ALL) for graph in ALL[name]]
TOGETHER = 30
"""Examples in one build."""
EVERY_GRAPH = [*(graph for _, graph in CASES), *UINT8.values()]


BY_FEATURES = {b.core.features: untold(b) for b in map(boards.load, RUNNABLE)}
"""A board of each kind of core."""


def steps(graph: Graph) -> list[tuple[Kernel[Any], Op]]:
    """The kernels that can run `graph` on any board, and what."""
    ready = prepare(graph)
    return [
        (o.kernel, o.op)
        for board in BY_FEATURES.values()
        for op in ready.ops
        if not op.view
        for o in options(ready, op, board, FAST)
        if o.inline
    ]


def test_the_test_of_an_operator_is_found_by_its_name() -> None:
    """Also where most of it is in a relative's."""
    operators = {p.stem for p in Path(ops.__file__).parent.glob("[!_]*.py")}
    assert {f"test_{name}.py" for name in operators} <= {p.name for p in (TESTS / "ops").iterdir()}


def test_helpers_of_tests_are_in_a_folder_of_their_own() -> None:
    """In support/; the random networks, in fuzz/, are one of their own."""
    others = [p for p in TESTS.rglob("*.py") if not p.name.startswith("test_")
              and p.name not in ("__init__.py", "conftest.py")]  # fmt: skip
    assert {p.relative_to(TESTS).parts[0] for p in others} == {"support", "fuzz"}


def test_every_operator_has_an_example() -> None:
    assert set(ALL) == set(OPERATORS) - FOLDED


def test_every_kernel_is_used_by_an_example() -> None:
    """Those on float32 alone by the floats of an example, in `test_floats`."""
    used = {k for graph in EVERY_GRAPH for k, _ in steps(graph)}
    elsewhere = {k for name in FOLDED for k in kernels.of(OPERATORS[name])}
    assert used >= {k for k in kernels.every() if k.types != ("float32",)} - elsewhere


def test_headers_are_kernels_or_are_included_by_one() -> None:
    included = {
        name for path in KERNELS.glob("*.h") for name in re.findall(r'#include "(.*)"',
                                                                     path.read_text())
    }  # fmt: skip
    there = {path.name for path in KERNELS.glob("*.h")}
    assert there - included - {f"{name}.h" for name in EVERY} == {"window.h"}


@pytest.mark.parametrize("name", sorted(ALL))
def test_an_operator_takes_the_types_it_states_and_no_others(name: str) -> None:
    """An example has each type, and passes `check`; int16 is refused where it is not stated."""
    kind = OPERATORS[name]
    ops = [op for graph in ALL[name] for op in prepare(graph).ops if type(op) is kind]
    there = kernels.of(kind)
    if there:
        assert {d for op in ops for d in op.dtypes} >= set(kind.types)
        assert {t for k in there for t in k.types} >= set(kind.types)
    if there and "int16" not in kind.types and "int8" in kind.types:
        for op in widened(network(ops[0])).ops:
            assert "int16" in str(op.check()), name


@pytest.mark.parametrize("name", [*sorted(ALL), *UINT8])
def test_struct_fields_are_the_parameters(name: str) -> None:
    graphs = ALL[name] if name in ALL else (UINT8[name],)
    for kernel, op in (pair for graph in graphs for pair in steps(graph)):
        text = (KERNELS / f"{kernel.name}.h").read_text()
        struct = re.search(r"typedef struct \{([^}]*)\} " + kernel.name + "_t;", text)
        assert struct, f"{kernel.name}_t"
        fields = re.sub(r"/\*.*?\*/", "", struct[1], flags=re.S)
        names = re.findall(r"(\w+)(?:\[\w+\])?\s*[,;]", fields)
        assert names == list(kernel.params(op)), kernel.name


@pytest.mark.parametrize("kernel", sorted(EVERY), ids=str)
def test_headers_are_small_and_say_what_they_do(kernel: str) -> None:
    text = (KERNELS / f"{kernel}.h").read_text()
    assert text.startswith("/* ")
    assert re.search(rf"KERNEL void\s+{kernel}\(const {kernel}_t \*p", text)
    assert not re.search(r"#include <(?!stdint|string)", text)
    for body in re.findall(r"^KERNEL .*?^\}", text, flags=re.S | re.M):
        assert body.count("\n") <= 80, body.splitlines()[0]


@pytest.mark.parametrize("name", sorted(ALL))
def test_options_survive_the_file(name: str) -> None:
    from ascua import tflite

    for graph in ALL[name]:
        once = tflite.read(tflite.write(graph))
        twice = tflite.read(tflite.write(once))
        for op, first, back in zip(graph.ops, once.ops, twice.ops, strict=True):
            assert type(op) is type(back)
            assert list(op.write()) == list(back.write())
            assert first.write() == back.write()
        prepare(twice)


def test_optimised_c_equals_tflm(tmp_path: Path) -> None:
    """Every example at -O2, as users compile it, and not only under sanitizers."""
    require_tool("cc")
    from ascua import tflite

    host = boards.load("host")
    for start in range(0, len(CASES), TOGETHER):
        cases = {f"{i}{name}": graph for i, (name, graph) in enumerate(CASES[start:][:TOGETHER])}
        whole = beside(cases)
        given = [samples(graph, 4) for graph in cases.values()]
        xs = [x for each in given for x in each]
        library = emit(plan(prepare(whole), host), "net")
        outcome = run(host, library, pack(xs), 4, build_dir=tmp_path)
        ys = iter(unpack(outcome.outputs, whole, 4))
        for (name, graph), own in zip(cases.items(), given, strict=True):
            expected = oracle(tflite.write(graph), own)
            for e, y, by_reference in zip(expected, ys, reference(graph, own), strict=False):
                np.testing.assert_array_equal(y, e, name)
                np.testing.assert_array_equal(by_reference, e, name)
        assert next(ys, None) is None


@pytest.mark.parametrize("name", recipes.names())
def test_recipes_name_what_exists(name: str) -> None:
    recipe = recipes.load(name)
    assert recipe.name == name
    assert recipe.board in ("", *boards.names())
