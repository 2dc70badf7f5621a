"""CMake packages: built as users build them, here and for an emulated board."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from ascua import boards
from tests.support import firmware
from tests.support.command import MODELS, model_file
from tests.support.compilers import tool
from tests.support.exported import REAL, WARNINGS, exported, model
from tests.support.pages import DOCS, blocks, run_page
from tests.support.tools import require_programs
from tests.test_cli_errors import dense

PAGE = DOCS / "exports/cmake.md"
BOARD = boards.load("lm3s6965evb")
STRICT = tuple(f"-DCMAKE_{c}_FLAGS={' '.join(WARNINGS)}" for c in ("C", "CXX"))


def built(source: Path, build: Path, *more: object, target: str = "all") -> Path:
    """The folder of a build."""
    require_programs("cmake ninja-build", "cmake", "ninja")
    tool(["cmake", "-G", "Ninja", "-S", source, "-B", build, *more])
    tool(["cmake", "--build", build, "--target", target])
    return build


def test_the_examples_pass(tmp_path: Path) -> None:
    """Of all networks, in C and C++, without a warning; together they are one project."""
    there = ["small", "two", *(n for n in REAL if (MODELS / f"{n}.tflite").exists())]
    lines = ["cmake_minimum_required(VERSION 3.13)", "project(all C CXX)", "enable_testing()"]
    for name in there:
        folder = exported("cmake", model(tmp_path, name), tmp_path / "out" / name)
        lines.append(f"add_subdirectory({folder / 'example'} {name})")
    (tmp_path / "CMakeLists.txt").write_text("\n".join(lines))
    build = built(tmp_path, tmp_path / "build", *STRICT)
    for name in there:
        for program in (f"{name}_example", f"{name}_example_cpp"):
            assert tool([build / name / program]).endswith("PASS 4/4\n")


def test_an_installed_package_is_found(tmp_path: Path) -> None:
    """By its name and version; two of them in one program of C++."""
    for name in ("first", "second"):
        folder = exported("cmake", model(tmp_path, "small"), tmp_path / name, "--name", name)
        built(folder, tmp_path / f"build_{name}")
        tool(["cmake", "--install", tmp_path / f"build_{name}", "--prefix", tmp_path / "usr"])
    told = [f"-DCMAKE_PREFIX_PATH={tmp_path / 'usr'}", "-DFIRST_INSTALLED=ON"]
    weights = tmp_path / "first/src/first_weights.c"
    weights.write_text("#error not compiled\n" + weights.read_text())
    example = built(tmp_path / "first/example", tmp_path / "build_example", *told)
    assert tool([example / "first_example"]).endswith("PASS 4/4\n")
    done = subprocess.run(
        ["cmake", "-S", tmp_path / "first/example", "-B", tmp_path / "own", told[0]],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = subprocess.run(["cmake", "--build", tmp_path / "own"], capture_output=True, text=True)
    assert "not compiled" in done.stderr, "it tests an installed package"
    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.cpp").write_text(
        "#include <first.h>\n#include <second.h>\n"
        "int main() { first_run(); second_run(); return first_output_0()[0] !="
        " second_output_0()[0]; }\n"
    )
    (tmp_path / "app/CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(app CXX)\n"
        "find_package(first 1.0 REQUIRED)\nfind_package(second 1.0.0 REQUIRED)\n"
        "add_executable(app main.cpp)\ntarget_compile_features(app PRIVATE cxx_std_17)\n"
        "target_link_libraries(app first::first second::second)\n"
    )
    where = f"-DCMAKE_PREFIX_PATH={tmp_path / 'usr'}"
    tool([built(tmp_path / "app", tmp_path / "build", where) / "app"])
    (tmp_path / "app/CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(app C)\nfind_package(first 2.0 REQUIRED)\n"
    )
    done = subprocess.run(
        ["cmake", "-S", tmp_path / "app", "-B", tmp_path / "none", where],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode
    assert "version: 1.0.0" in done.stderr


def toolchain(folder: Path) -> str:
    """The option that names the page's toolchain file, which is written to `folder`."""
    firmware.require(BOARD)
    require_programs("gcc-arm-none-eabi", "arm-none-eabi-g++")
    (block,) = [b for b in blocks(PAGE) if b.kind == "cmake" and b.words]
    (folder / block.words).write_text(block.text)
    return f"-DCMAKE_TOOLCHAIN_FILE={folder / block.words}"


@pytest.mark.emulator
@pytest.mark.parametrize(
    "name", ["small", *(pytest.param(n, marks=pytest.mark.slow) for n in REAL)]
)
def test_it_runs_on_a_board(name: str, tmp_path: Path) -> None:
    """By a toolchain file; its RAM in the linker's map is what the manifest tells."""
    path, on = model(tmp_path, name), ("--name", "net", "--board", BOARD.name)
    folder = exported("cmake", path, tmp_path / "out", *on)
    chain = toolchain(tmp_path)
    strict = f"-DCMAKE_PROJECT_INCLUDE={tmp_path / 'strict.cmake'}"
    (tmp_path / "strict.cmake").write_text(f"add_compile_options(-Os {' '.join(WARNINGS)})\n")
    program = built(folder / "example", tmp_path / "build", chain, strict, target="net_example")
    program /= "net_example"
    assert firmware.printed(BOARD, program).endswith("PASS 4/4\n")
    ram = firmware.static_ram(program.with_suffix(".map"), r"libnet\.a\(")
    assert ram == json.loads((folder / "manifest.json").read_text())["arena_bytes"]


def test_what_is_wrong_is_seen(tmp_path: Path) -> None:
    """A changed weight by the program, a source that is not listed by the linker."""
    path = model_file(tmp_path, dense(8, 4), "dense")
    folder = exported("cmake", path, tmp_path / "out", "--name", "net")
    weights, lists = folder / "src/net_weights.c", folder / "CMakeLists.txt"
    right = weights.read_text()
    weights.write_text(re.sub(r"^1, ", "99, ", right, count=1, flags=re.MULTILINE))
    assert weights.read_text() != right
    build = built(folder / "example", tmp_path / "build")
    done = subprocess.run([build / "net_example"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "FAIL" in done.stdout
    listed = lists.read_text()
    lists.write_text(listed.replace("src/net_weights.c", "", 1))
    assert lists.read_text() != listed
    with pytest.raises(AssertionError, match="undefined reference to `net_"):
        built(folder / "example", tmp_path / "build")


@pytest.mark.emulator
def test_the_page(tmp_path: Path) -> None:
    toolchain(tmp_path)
    require_programs("cmake ninja-build", "cmake", "ninja")
    model(tmp_path, "small").rename(tmp_path / "model.tflite")
    run_page(PAGE, tmp_path)
