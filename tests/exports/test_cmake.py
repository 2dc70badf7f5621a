"""CMake packages: built as users build them, here and for an emulated board."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.compilers import tool
from tests.support.exported import REAL, WARNINGS, exported, model
from tests.support.tools import require_programs

STRICT = f"-DCMAKE_C_FLAGS={' '.join(WARNINGS)}"


def built(source: Path, build: Path, *more: object) -> Path:
    """The folder of a build."""
    require_programs("cmake ninja-build", "cmake", "ninja")
    tool(["cmake", "-G", "Ninja", "-S", source, "-B", build, *more])
    tool(["cmake", "--build", build])
    return build


@pytest.mark.parametrize("name", ["small", "two", *REAL])
def test_the_example_passes(name: str, tmp_path: Path) -> None:
    folder = exported("cmake", model(tmp_path, name), tmp_path / "out", "--name", "net")
    build = built(folder / "example", tmp_path / "build", STRICT)
    for program in ("net_example", "net_example_cpp"):
        assert tool([build / program]).endswith("PASS 4/4\n")


def test_an_installed_package_is_found(tmp_path: Path) -> None:
    """By its name and version; two of them in one program of C++."""
    for name in ("first", "second"):
        folder = exported("cmake", model(tmp_path, "small"), tmp_path / name, "--name", name)
        built(folder, tmp_path / f"build_{name}")
        tool(["cmake", "--install", tmp_path / f"build_{name}", "--prefix", tmp_path / "usr"])
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
