"""Names of libraries: any works, as no symbol, macro or file of a library has a name of others."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, kernels
from ascua.artifact import Library
from ascua.errors import InputError
from ascua.ir import Array, Graph
from ascua.passes import prepare
from ascua.plan import plan
from ascua.run import run
from ascua.run.build import FIRMWARE
from ascua.samples import pack, unpack
from ascua.targets.c import emit, extras
from ascua.targets.c.names import HEADERS, STANDARD_HEADERS, TYPES, check_name, identifier
from tests.ops.test_conv2d import conv
from tests.support import reference, samples
from tests.support.compilers import COMPILERS, tool, write
from tests.support.examples import ALL, small
from tests.support.states import STATEFUL
from tests.support.tools import require_board, require_programs

NAMES = (
    "copy", "KERNEL", "window", "requantize", "conv2d_s8", "UNTERMINATED", "ascua",
    "x_weights", "int", "main", "int8_t", "NULL", "INT8_MAX", "memcpy", "class", "this", "arena",
    "rows", "p", "in", "step_00_conv2d", "states",
)  # fmt: skip
"""Of helpers of the kernels, C, C++, and of what is generated."""
IN_THE_HARNESS = ("harness", "bare", "network", "NETWORK", "main", "INT8_MAX", "fcntl", "JOIN")
IN_CMAKE = ("test", "all", "install", "clean", "package", "help", "CMAKE", "PROJECT", "C")


def words(text: str) -> set[str]:
    """The identifiers of C code, of its macros and of its directives."""
    code = re.sub(r'/\*.*?\*/|"(\\.|[^"\\])*"', " ", text, flags=re.DOTALL)
    return set(re.findall(r"\b[A-Za-z_]\w*", code))


def library(name: str, graph: Graph) -> Library:
    return emit(plan(prepare(graph), boards.load("host")), name)


def vectors() -> tuple[list[Array], list[Array]]:
    """Samples of the small network, and its outputs."""
    xs = samples(small(), 2)
    return xs, reference(small(), xs)


@pytest.fixture(scope="module")
def generated() -> set[str]:
    """The identifiers in libraries named `zzz`, of every example."""
    found: set[str] = set()
    for graph in (*(g for graphs in ALL.values() for g in graphs), *STATEFUL.values()):
        made = library("zzz", graph)
        xs = samples(graph, 1)
        files = {**made.files, **extras(made, xs, reference(graph, xs))}
        texts = {path: data.decode() for path, data in files.items()}
        for path, text in texts.items():
            if path.endswith((".c", ".h")) and not path.startswith("src/ascua/"):
                found |= words(text)
    return found


def form(generated: set[str]) -> re.Pattern[str]:
    """What the names of a library look like: those of any network before one of the ends."""
    ends = {re.sub(r"(?<=_)\d+", r"\\d+", w[3:]) for w in generated if w[:3].lower() == "zzz"}
    assert {"_run", "_invoke", r"_step_\d+_conv2d", r"_INPUT_\d+_BYTES", "_INCLUDED"} <= ends
    ends.remove("_t")  # beside a kernel's types it is not declared, and those of C are refused
    return re.compile(rf"[A-Za-z]\w*({'|'.join(sorted(ends))})")


def test_kernels_and_harness_have_no_name_that_a_library_may_have(generated: set[str]) -> None:
    others = {w for w in generated if w[:3].lower() != "zzz"}
    for path in (*kernels.FOLDER.glob("*.h"), *FIRMWARE.glob("*.[ch]")):
        others |= words(path.read_text())
    assert {"conv2d_s8", "KERNEL", "window_padded", "board_infer", "arena"} <= others
    theirs = form(generated)
    assert [w for w in sorted(others) if theirs.fullmatch(w)] == []


@pytest.mark.parametrize("compiler", COMPILERS)
def test_c_has_no_name_that_a_library_may_have(compiler: str, generated: set[str]) -> None:
    cc = COMPILERS[compiler]
    cc.require()
    lines = "#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n"
    theirs = form(generated)
    for more in ((), ("-dM",)):
        command = [cc.c, *cc.flags, "-std=c11", "-E", *more, "-x", "c", "-"]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
        assert "int8_t" in words(done.stdout) or more
        assert [w for w in sorted(words(done.stdout)) if theirs.fullmatch(w)] == []


def test_any_name_compiles(tmp_path: Path) -> None:
    """Networks of treacherous names, in one C++ program that includes all of their headers."""
    cc = COMPILERS["gcc"]
    cc.require()
    graph = conv()
    xs = samples(graph, 1)
    ys = reference(graph, xs)
    objects, folders = [], []
    for name in NAMES:
        folders.append(write(tmp_path / name, library(name, graph)))
        objects += cc.compile(folders[-1], "-O0")
    x, y = (", ".join(map(str, a[0].reshape(-1).tolist())) for a in (xs[0], ys[0]))
    calls = "".join(
        f"    {n}_invoke(x, y);\n    wrong += memcmp(y, expected, sizeof y) != 0;\n" for n in NAMES
    )
    (tmp_path / "all.cpp").write_text(
        "".join(f'#include "{n}.h"\n' for n in NAMES) + "#include <cstring>\nint main() {\n"
        f"    static const int8_t x[] = {{{x}}}, expected[] = {{{y}}};\n"
        f"    int8_t y[sizeof expected];\n    int wrong = 0;\n{calls}    return wrong;\n}}\n"
    )
    program = cc.compile_cpp(tmp_path / "all.cpp", "-O0", [f / "include" for f in folders])
    tool([cc.cpp, program, *objects, "-o", tmp_path / "all"])
    tool([tmp_path / "all"])


@pytest.mark.parametrize("name", IN_THE_HARNESS)
def test_any_name_runs(name: str, tmp_path: Path) -> None:
    host = boards.load("host")
    require_board(host)
    xs, ys = vectors()
    outcome = run(host, library(name, small()), pack(xs), len(xs[0]), build_dir=tmp_path)
    np.testing.assert_array_equal(unpack(outcome.outputs, small(), len(xs[0]))[0], ys[0])


def test_any_name_is_a_project_of_cmake(tmp_path: Path) -> None:
    """All of them in one project, beside a program that has the name of one."""
    require_programs("cmake", "cmake")
    lines = ["cmake_minimum_required(VERSION 3.13)", "project(many C)"]
    for name in IN_CMAKE:
        made = library(name, small())
        write(tmp_path / name, made, **extras(made, *vectors()))
        lines += [f"set({name.upper()}_TEST ON)", f"add_subdirectory({name} build_{name})"]
    lines += ["add_executable(C_network_user C/test/main.c C/test/C_selftest.c)",
              "target_link_libraries(C_network_user C::C)"]  # fmt: skip
    (tmp_path / "CMakeLists.txt").write_text("\n".join([*lines, ""]))
    tool(["cmake", "-S", tmp_path, "-B", tmp_path / "build"])
    tool(["cmake", "--build", tmp_path / "build"])
    for name in IN_CMAKE:
        said = tool([tmp_path / f"build/build_{name}/{name}_selftest"])
        assert said.endswith("PASS 2/2\n"), name


@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_library_hides_a_header(compiler: str) -> None:
    """What the headers of C and C++ include in turn cannot be the name of a library."""
    cc = COMPILERS[compiler]
    cc.require()
    for name in sorted(STANDARD_HEADERS):
        assert included([cc.c, *cc.flags, "-x", "c"], f"{name}.h") <= HEADERS
    if compiler == "gcc":
        everything = included([cc.cpp, "-x", "c++"], "bits/stdc++.h")
        assert {"string", "features"} <= everything <= HEADERS


def included(command: Sequence[str], header: str) -> set[str]:
    """The headers that `header` includes, those that a library might be called like."""
    done = subprocess.run(
        [*command, "-E", "-v", "-H", "-"], input=f"#include <{header}>\n", capture_output=True,
        text=True,
    )  # fmt: skip
    searched = re.findall(r"^ (/\S*)$", done.stderr, re.MULTILINE)
    found = re.findall(r"^\.+ (\S*)\.h$", done.stderr, re.MULTILINE)
    # C++ includes <backward/...> by that name.
    folders = {Path(f).resolve() for f in searched if not f.endswith("/backward")}
    stems = {Path(p).name for p in found if Path(p).parent.resolve() in folders}
    return {stem for stem in stems if re.fullmatch(r"[A-Za-z]\w*", stem)}


@pytest.mark.parametrize("compiler", COMPILERS)
def test_types_of_c_are_refused(compiler: str) -> None:
    cc = COMPILERS[compiler]
    cc.require()
    headers = ("stdint", "stddef", "stdio", "string", "time", "wchar", "stdlib", "signal")
    lines = "".join(f"#include <{h}.h>\n" for h in headers)
    command = [cc.c, *cc.flags, "-std=c11", "-E", "-x", "c", "-"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    types = {w[:-2] for w in words(done.stdout) if re.fullmatch(r"[A-Za-z]\w*_t", w)}
    assert {"int8", "size", "time"} <= types
    assert {t for t in types if not (TYPES.fullmatch(t) or t in HEADERS)} == set()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("kws", "kws"), ("My Model-v2", "my_model_v2"), ("1x", "model_1x"), ("Ünï", "n"),
        ("", "model"), ("..", "model"), ("int", "int"), ("String", "model_string"),
        ("_x_", "x"), ("x" * 99, "x" * 63), ("a" * 62 + " b", "a" * 62), ("模型", "model"),
        ("features", "model_features"), ("int8", "model_int8"), ("Size", "model_size"),
    ],
)  # fmt: skip
def test_identifier(text: str, name: str) -> None:
    assert identifier(text) == name
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "1x", "_x", "a b", "a-b", "é", "String", "string", "x" * 64, "size"]
)
def test_check_name(name: str) -> None:
    with pytest.raises(InputError) as caught:
        check_name(name)
    proposed = re.search(r"--name (\w+)", str(caught.value))
    assert proposed is not None
    assert check_name(proposed[1])
