"""Generated C as a user builds it: two libraries in one program, C++, CMake, symbols, names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ascua import boards
from ascua.boards import Board
from ascua.ir import Graph, Op, Tensor
from ascua.passes import prepare
from ascua.plan import plan
from ascua.run.tools import PICOLIBC
from ascua.targets.c import emit
from tests.support import generated_c, reference, samples
from tests.support.command import ascua, model_file
from tests.support.compilers import C11, COMPILERS, CPP17, tool
from tests.support.examples import small
from tests.support.tools import require_board, require_programs
from tests.test_cli_errors import dense

SANITIZE = ("-Og", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
BOTH = """
#include "first.h"
#include "second.h"
#include <stdio.h>
int first_main(void);
int second_main(void);
int main(void) {
    int8_t x[SECOND_INPUT_0_BYTES] = {1};
    int8_t y[SECOND_OUTPUT_0_BYTES];
    int wrong = first_main() + second_main();
    second_invoke(x, y); /* between two runs of the other */
    return wrong + first_main() + second_main();
}
"""
CPP = """
#include "first.h"
#include "second.h"
int main() {
    static_assert(FIRST_ARENA_BYTES > 0 && SECOND_INPUTS == 1, "macros");
    int8_t shape[] = SECOND_INPUT_0_SHAPE;
    first_run();
    second_run();
    return first_input(0) == second_input(0) || sizeof shape != 2 || SECOND_INPUT_0_SCALE <= 0;
}
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the libraries `first` and `second`."""
    require_board(boards.load("host"))
    folder = tmp_path_factory.mktemp("pair")
    for name, graph in (("first", small()), ("second", dense(40, 30))):
        model = model_file(folder, graph, "model")
        assert ascua("compile", model, "-b", "host", "-o", folder / name, "--name", name).code == 0
    return folder


def sources(pair: Path) -> list[object]:
    """Both libraries, for one command of the compiler."""
    found: list[object] = [f"-I{pair / name / 'include'}" for name in ("first", "second")]
    return [*found, *sorted(pair.glob("*/src/*.c"))]


def test_two_models_in_one_program(pair: Path, tmp_path: Path) -> None:
    (tmp_path / "both.c").write_text(BOTH)
    tests = []
    for name in ("first", "second"):
        for file in (f"{name}_selftest.c", "main.c"):
            tests.append(tmp_path / f"{name}_{file}.o")
            tool(["cc", *C11, *SANITIZE, f"-Dmain={name}_main", f"-I{pair / name / 'include'}",
                  "-c", pair / name / "test" / file, "-o", tests[-1]])  # fmt: skip
    program = tmp_path / "both"
    tool(["cc", *C11, *SANITIZE, *sources(pair), tmp_path / "both.c", *tests, "-o", program])
    lines = tool([program]).splitlines()
    assert [line.partition(", ")[2] or line for line in lines] == 4 * [
        *(4 * ["0 bytes differ"]),
        "PASS 4/4",
    ]


def test_a_wrong_byte_fails_the_selftest(pair: Path, tmp_path: Path) -> None:
    library = shutil.copytree(pair / "first", tmp_path / "first")
    code = library / "src/first.c"
    text = code.read_text()
    call = re.findall(r"^    first_step_0\d_fully_connected\(NET\);\n", text, re.MULTILINE)
    code.write_text(text.replace(call[0], ""))
    command = [
        "cc",
        "-Iinclude",
        *sorted(library.glob("src/*.c")),
        *sorted(library.glob("test/*.c")),
    ]
    subprocess.run([*map(str, command), "-o", "test.out"], cwd=library, check=True)
    done = subprocess.run([library / "test.out"], capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(r"FAIL [0-3]/4", done.stdout.splitlines()[-1])


def test_headers_are_cpp(pair: Path, tmp_path: Path) -> None:
    COMPILERS["gcc"].require()
    (tmp_path / "main.cpp").write_text(CPP)
    objects = []
    for path in sorted(pair.glob("*/src/*.c")):
        objects.append(tmp_path / f"{path.stem}.o")
        include = f"-I{path.parents[1] / 'include'}"
        tool(["cc", *C11, include, "-c", path, "-o", objects[-1]])
    includes = [c for c in sources(pair) if str(c).startswith("-I")]
    tool(["c++", *CPP17, *includes, tmp_path / "main.cpp", *objects, "-o", tmp_path / "main"])
    tool([tmp_path / "main"])


def test_cmake_builds_both(pair: Path, tmp_path: Path) -> None:
    require_programs("cmake", "cmake")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(both C)\n"
        f"add_subdirectory({pair}/first first)\nadd_subdirectory({pair}/second second)\n"
        f"add_executable(both {pair}/second/test/main.c {pair}/second/test/second_selftest.c)\n"
        "target_link_libraries(both first::first second::second)\n"
    )
    options = ["-DFIRST_TEST=ON", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
    tool(["cmake", "-S", tmp_path, "-B", tmp_path / "build", *options])
    tool(["cmake", "--build", tmp_path / "build"])
    assert tool([tmp_path / "build/both"]).endswith("PASS 4/4\n")
    assert tool([tmp_path / "build/first/first_selftest"]).endswith("PASS 4/4\n")
    commands = json.loads((tmp_path / "build/compile_commands.json").read_text())
    flags = {word for c in commands for word in c["command"].split()}
    assert not [f for f in flags if re.match("-[OW]", f)], "warnings and level are the user's"


@pytest.mark.parametrize("board", boards.names("c"))
def test_symbols_and_warnings_with_each_board_s_flags(board: str, tmp_path: Path) -> None:
    """Every symbol has the prefix; what is needed from outside is memcpy and the like."""
    target = boards.load(board)
    require_board(target)
    model = model_file(tmp_path, small())
    folder = tmp_path / "lib"
    assert ascua("compile", model, "-b", board, "-o", folder, "--name", "my_net").code == 0
    objects = []
    for path in sorted(folder.glob("src/*.c")):
        objects.append(tmp_path / f"{path.stem}.o")
        specs = ["--specs=picolibc.specs"] if target.cc in PICOLIBC else []
        flags = [*C11, "-O2", *target.flags, *specs, f"-I{folder / 'include'}"]
        tool([target.cc, *flags, "-c", path, "-o", objects[-1]])
    defined, undefined = symbols(target, objects)
    assert {"my_net_run", "my_net_invoke", "my_net_input"} <= defined
    assert not [s for s in defined if not s.startswith("my_net_")]
    allowed = r"mem(cpy|set|move)|__aeabi_\w+|_GLOBAL_OFFSET_TABLE_"
    if board == "mega2560":
        allowed += r"|__do_(copy_data|clear_bss)|__\w+[hsd]i[34]\w*"
    helpers = {s for s in undefined if re.fullmatch(allowed, s)}
    assert undefined - helpers - defined == set()


def symbols(board: Board, objects: Sequence[Path]) -> tuple[set[str], set[str]]:
    """Global symbols that are defined, and those that are wanted."""
    nm = board.cc.replace("gcc", "nm") if board.cc.endswith("gcc") else "nm"
    lines = [line.split() for line in tool([nm, "-g", *objects]).splitlines()]
    rows = [row for row in lines if len(row) in (2, 3) and not row[-1].endswith(":")]
    wanted = {row[-1] for row in rows if row[-2] == "U"}
    return {row[-1] for row in rows if row[-2] != "U"}, wanted


HOSTILE = (
    "*/ int broken; /*", "a\\", "new\nline", "#error of a name", "??/", "é漢\u202e", '"quoted" %s',
    "x" * 500, "//", "\x1b[31m", "/*", "*\\/",
)  # fmt: skip


def with_names(graph: Graph, names: Sequence[str]) -> Graph:
    """`graph` with these names for its tensors, over and over, and for itself."""
    made: dict[Tensor, Tensor] = {}

    def tensor(t: Tensor | None) -> Tensor | None:
        if t is None:
            return None
        name = f"{names[len(made) % len(names)]}{len(made)}"
        return made.setdefault(t, replace(t, name=name))

    def op(o: Op) -> Op:
        outputs = tuple(tensor(t) for t in o.outputs)
        return replace(o, inputs=tuple(tensor(t) for t in o.inputs), outputs=outputs)

    inputs = tuple(t for t in map(tensor, graph.inputs) if t)
    ops = tuple(op(o) for o in graph.ops)
    return Graph(names[0], inputs, ops[-1].outputs, ops)


def test_names_out_of_a_file_stay_in_comments() -> None:
    """What a name holds, it is neither code nor the end of a comment."""
    require_board(boards.load("host"))
    graph = with_names(small(), HOSTILE)
    xs = samples(graph, 2)
    assert (generated_c(graph, xs)[0] == reference(graph, xs)[0]).all()
    made = emit(plan(prepare(graph), boards.load("host")), "net")
    for path in made.files:
        text = made.text(path)
        assert "\x1b" not in text, path
        assert "\u202e" not in text, path
        assert "#error of a name" not in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL), path
