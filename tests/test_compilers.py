"""Generated C compiles without a warning: GCC and Clang, at every level, as a part of C++."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from ascua import boards, tflite
from ascua.artifact import Library
from ascua.errors import ModelError, Unsupported
from ascua.ir import Array, Graph
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.max_pool2d import MaxPool2D
from ascua.passes import prepare
from ascua.plan import plan
from ascua.targets.c import emit, extras
from ascua.targets.c.names import identifier
from tests.fuzz.networks import networks
from tests.ops.test_conv2d import conv
from tests.ops.test_depthwise_conv2d import depthwise
from tests.ops.test_fully_connected import dense
from tests.ops.test_mean import mean
from tests.ops.test_transpose_conv import transpose_conv
from tests.support import FAST, SHARED, as_int4, beside, reference, samples, untold
from tests.support.command import MODELS
from tests.support.compilers import COMPILERS, LEVELS, Compiler, tool, write
from tests.support.examples import ALL
from tests.support.pools import pool

HOST = boards.load("host")
FILES = sorted([*MODELS.glob("**/*.tflite"), *MODELS.parent.glob("cases/*.tflite")])
IN_CI = (20, 10)
SLOW = (30, 91)
"""First seeds and counts of random networks."""

EVERY = [(c, level) for c in COMPILERS for level in LEVELS]


def libraries(graph: Graph, name: str, level: str) -> list[Library]:
    """The library of a network, and where compilers analyse loops, one with shared kernels alone.

    GCC makes copies of those that have one caller, with that caller's constants.
    """
    made = [emit(plan(graph, HOST), name)]
    if level in ("-O2", "-O3"):
        made.append(emit(plan(graph, HOST, SHARED), f"{name}_shared"))
    return made


@cache
def drawn(first: int, count: int) -> list[tuple[str, Graph, list[Array], list[Array]]]:
    """Random networks with their names, a sample, and the outputs."""
    found = []
    for network in networks(first, count):
        graph = prepare(network.graph)
        xs = samples(graph, 1)
        found.append((f"n{network.seed}", graph, xs, reference(graph, xs)))
    return found


def check_networks(seeds: tuple[int, int], cc: Compiler, level: str, folder: Path) -> None:
    """Random networks compile, and in a C++ program their self-tests pass where it can run."""
    cc.require()
    objects: list[Path] = []
    folders: list[Path] = []
    for name, graph, xs, ys in drawn(*seeds):
        for made in libraries(graph, name, level):
            more = extras(made, xs, ys)
            at = write(folder / made.name, made, **more)
            objects += cc.compile(at, level, more=(f"test/{made.name}_selftest.c",))
            folders.append(at)
    program = cpp_program([at.name for at in folders], folder)
    objects.append(
        cc.compile_cpp(program, level, [at / d for at in folders for d in ("include", "test")])
    )
    if cc.runs:
        tool([cc.cpp, *objects, "-o", folder / "program"])
        said = tool([folder / "program"]).splitlines()
        assert [line for line in said if "vector" not in line] == ["PASS 1/1"] * len(folders)


def cpp_program(names: Sequence[str], folder: Path) -> Path:
    """A program that includes the headers and runs the self-tests."""
    path = folder / "program.cpp"
    path.write_text(
        "".join(f'#include "{n}.h"\n' for n in names)
        + "".join(f'#include "{n}_selftest.h"\n' for n in names)
        + "#include <stdio.h>\n\nstatic void print(const char *text) { fputs(text, stdout); }\n"
        + "int main() {\n    int wrong = 0;\n"
        + "".join(f"    wrong += {n}_selftest(print) + ({n}_input(0) == nullptr);\n" for n in names)
        + "    return wrong;\n}\n"
    )
    return path


@pytest.mark.parametrize(("compiler", "level"), [(c, o) for c, o in EVERY if o in ("-Os", "-O3")])
def test_random_networks(compiler: str, level: str, tmp_path: Path) -> None:
    check_networks(IN_CI, COMPILERS[compiler], level, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("compiler", "level"), EVERY)
def test_more_random_networks(compiler: str, level: str, tmp_path: Path) -> None:
    check_networks(SLOW, COMPILERS[compiler], level, tmp_path)


WITH_FPU = {
    "cortex-m4": ("mps2-an386", "-mfpu=fpv4-sp-d16"),
    "cortex-m7": ("mps2-an500", "-mfpu=fpv5-d16"),
    "cortex-m33": ("mps2-an505", "-mfpu=fpv5-sp-d16"),
}
"""Boards by the cores that have a floating-point unit, which their flags leave out."""


ON_CORES = [("cortex-m4", "-O2"), *((core, "-O0") for core in WITH_FPU)]
"""What is compiled in every run of the tests."""


@pytest.mark.parametrize(
    ("core", "level"),
    [
        pytest.param(core, level, marks=[] if (core, level) in ON_CORES else pytest.mark.slow)
        for core in WITH_FPU
        for level in LEVELS
    ],
)
def test_cores_with_a_floating_point_unit(core: str, level: str, tmp_path: Path) -> None:
    """There compilers keep more registers to themselves, above all without optimisation."""
    board, fpu = WITH_FPU[core]
    arm = COMPILERS["arm"]
    arm.require()
    cc = replace(arm, flags=(*arm.flags[1:], f"-mcpu={core}", fpu, "-mfloat-abi=hard"))
    graphs = {
        "conv": conv(ih=8, iw=8, ic=8, oc=8, scale=1e-3),
        "conv_s2": conv(ih=9, iw=13, ic=8, oc=8, stride=(2, 2), scale=1e-3),
        "wide": conv(kh=5, kw=5, ic=16, oc=8),
        "pixels": conv(ih=32, iw=32, kh=1, kw=1, ic=15, oc=17),
        **{n: make() for n, make in ONE_CALLER.items()},
    }
    targets = [boards.load(board), untold(boards.load(board))]
    if level == "-O2":
        targets.append(boards.load("mps2-an385"))
    for name, graph in graphs.items():
        for i, target in enumerate(targets):
            made = emit(plan(prepare(graph), target), identifier(f"{name}_{i}"))
            at = write(tmp_path / made.name, made)
            cc.compile(at, level)
            if level == "-O2":
                cc.compile(at, level, "-fpic", "-msingle-pic-base")


VECTORS = {"mps3-an547": "-O2", "xilinx-zynq-a9": "-O3", "host": "-O2"}
"""Boards whose cores have vectors, each with the level that every run of the tests compiles at."""


@pytest.mark.parametrize(
    ("board", "level"),
    [
        pytest.param(board, level, marks=[] if level == usual else pytest.mark.slow)
        for board, usual in VECTORS.items()
        for level in LEVELS
    ],
)
def test_vectors(board: str, level: str, tmp_path: Path) -> None:
    """Those of the core, and the plain C beside them."""
    target = boards.load(board)
    cc = COMPILERS["gcc" if board == "host" else "arm"]
    cc.require()
    libc = [flag for flag in cc.flags if flag.startswith("--specs")]
    flags = (*target.core.cflags, *libc)
    wide = conv(kh=5, kw=5, ic=16, oc=7)
    made_of = {kind: ALL[kind] for kind in ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM")}
    # One of each, and in the slow test all.
    some = None if level != VECTORS[board] else 1
    pairs = {
        f"{kind} {i}": g for kind, several in made_of.items() for i, g in enumerate(several[:some])
    }
    others = {n: make() for n, make in ONE_CALLER.items()}
    graph = beside({n: prepare(g) for n, g in {"wide": wide, **pairs, **others}.items()})
    other = replace(FAST, avoid=frozenset({"conv2d_s8_vectors"}))
    for i, goal in enumerate((FAST, other, SHARED)):
        made = emit(plan(graph, target, goal), "net")
        at = write(tmp_path / str(i), made)
        for plain in ((), ("-DASCUA_PLAIN_C",))[: 1 if goal is other else 2]:
            replace(cc, flags=flags).compile(at, level, *plain)


ONE_CALLER = {
    "conv": lambda: conv(ih=4, iw=4, ic=52, oc=16),
    "conv_int4": lambda: as_int4(conv(ih=4, iw=4, ic=52, oc=16)),
    "transpose_conv": lambda: transpose_conv(oc=8),
    "depthwise": lambda: depthwise(ic=52, kh=5, kw=5),
    "dense": lambda: dense(k=52, oc=8),
    "max_pool": lambda: pool(MaxPool2D, 16, 16, 52, (4, 4), (4, 4)),
    "average_pool": lambda: pool(AveragePool2D, 16, 16, 52, (4, 4), (4, 4)),
    "mean": lambda: mean((1, 6, 6, 52)),
}
"""Networks of one operator, whose channels come in fours without a rest."""


@pytest.mark.parametrize("compiler", ["gcc", "arm"])
def test_a_shared_kernel_with_one_caller(compiler: str, tmp_path: Path) -> None:
    cc = COMPILERS[compiler]
    cc.require()
    for name, made in ONE_CALLER.items():
        for library in libraries(prepare(made()), name, "-O2")[1:]:
            cc.compile(write(tmp_path / name, library), "-O2")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("flag", ["-fomit-frame-pointer", "-fno-omit-frame-pointer"])
def test_kernels_of_a_core(level: str, flag: str, tmp_path: Path) -> None:
    """Assembly leaves the compiler the registers that it needs itself."""
    cc = COMPILERS["arm"]
    cc.require()
    for name, made in ONE_CALLER.items():
        library = emit(plan(prepare(made()), boards.load("mps2-an386")), name)
        cc.compile(write(tmp_path / name, library), level, flag)


def test_a_static_analyser_has_no_complaint(tmp_path: Path) -> None:
    if shutil.which("cppcheck") is None:
        pytest.skip("cppcheck is not installed")
    for name, graph, *_ in drawn(*IN_CI)[:6]:
        at = write(tmp_path / name, emit(plan(graph, HOST), name))
        command = ["cppcheck", "-q", "--enable=warning,portability", "--std=c11"]
        assert tool([*command, f"-I{at}/include", *at.glob("src/*.c")]) == ""


def taken(path: Path) -> Graph:
    """The network of the file, simplified; skips what Ascua does not take."""
    try:
        return prepare(tflite.read(path.read_bytes(), path.stem))
    except (ModelError, Unsupported) as e:
        pytest.skip(e.what)


def check_file(path: Path, compiler: str, level: str, folder: Path) -> None:
    cc = COMPILERS[compiler]
    cc.require()
    for made in libraries(taken(path), identifier(path.stem), level):
        at = write(folder / made.name, made)
        cc.compile(at, level)
        program = at / "program.cpp"
        program.write_text(f'#include "{made.name}.h"\nint main() {{ {made.name}_run(); }}\n')
        cc.compile_cpp(program, level, [at / "include"])


LONG = ("person_detect", "vww", "tinymaix_mbnet96_0.25_q")
"""Files that take longest: of what they have others have some, too."""


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.slow) if p.stem in LONG else p for p in FILES],
    ids=lambda p: p.stem,
)
def test_files(path: Path, tmp_path: Path) -> None:
    """At the level, and with the compiler, whose loop analysis goes farthest."""
    check_file(path, "arm", "-O3", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
@pytest.mark.parametrize(("compiler", "level"), EVERY)
def test_files_everywhere(path: Path, compiler: str, level: str, tmp_path: Path) -> None:
    check_file(path, compiler, level, tmp_path)
