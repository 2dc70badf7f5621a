"""Compilers as users have them, with the warnings that generated C is free of as errors."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ascua.artifact import Library
from tests.support.tools import require_programs

FIRMWARE_WARNINGS = (
    "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wcast-align", "-Wundef",
    "-Werror",
)  # fmt: skip
"""The harness cannot be pedantic: a vector table holds the stack's address among functions."""

WARNINGS = (*FIRMWARE_WARNINGS, "-Wpedantic")
C11 = ("-std=c11", *WARNINGS)
CPP17 = ("-std=c++17", *WARNINGS)
LEVELS = ("-O0", "-Os", "-O2", "-O3")


@dataclass(frozen=True)
class Compiler:
    """A compiler of C, that of C++ beside it, their flags, and the Debian packages of both."""

    c: str
    cpp: str
    packages: str
    flags: tuple[str, ...] = ()
    runs: bool = True
    """Whether this computer runs what it compiles."""

    def require(self) -> None:
        """Ends the test here unless both are there."""
        require_programs(self.packages, self.c, self.cpp)

    def compile(
        self, folder: Path, level: str, *flags: object, more: Sequence[str] = ()
    ) -> list[Path]:
        """The objects of the library in `folder`, and of `more` there, compiled as a user does."""
        sources = [*sorted(folder.glob("src/*.c")), *(folder / name for name in more)]
        out = folder / f"{self.c}{level}"
        out.mkdir(exist_ok=True)
        command = [self.c, *C11, level, *self.flags, *flags, "-I../include", "-c", *sources]
        tool(command, cwd=out)
        return [out / source.with_suffix(".o").name for source in sources]

    def compile_cpp(self, source: Path, level: str, includes: Sequence[Path]) -> Path:
        """The object of a C++ program."""
        out = source.with_suffix(".o")
        command = [self.cpp, *CPP17, level, *self.flags, *(f"-I{p}" for p in includes)]
        tool([*command, "-c", source, "-o", out])
        return out


COMPILERS = {
    "gcc": Compiler("gcc", "g++", "g++"),
    "clang": Compiler("clang", "clang++", "clang g++"),
    "arm": Compiler(
        "arm-none-eabi-gcc",
        "arm-none-eabi-g++",
        "gcc-arm-none-eabi",
        ("-mcpu=cortex-m4", "-mthumb", "--specs=picolibc.specs"),
        runs=False,
    ),
}


def tool(command: Sequence[object], cwd: Path | None = None) -> str:
    """Run a command that has to end well and say nothing on stderr; answers its stdout."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def write(folder: Path, library: Library, **more: bytes) -> Path:
    """`folder` with the files of `library` in it."""
    for name, data in {**library.files, **more}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
