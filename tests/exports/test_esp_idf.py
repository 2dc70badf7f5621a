"""Components of ESP-IDF: read by its component manager, built by a small stand-in for its CMake."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from tests.support.command import MODELS, ascua, model_file, refused
from tests.support.compilers import C11, CPP17, tool
from tests.support.examples import small
from tests.support.exported import REAL, WARNINGS, exported, hashes, model
from tests.support.pages import DOCS, run_page
from tests.support.states import ring
from tests.support.tools import require_package, require_programs
from tests.test_cli_errors import dense

IDF = Path(__file__).parent / "idf"
BOARDS = Path(__file__).parents[2] / "examples/boards"
EXAMPLE = "examples/selftest"
CHIP = (f"-DCMAKE_TOOLCHAIN_FILE={IDF / 'rv32imc.cmake'}",)
VIRT = """qemu-system-riscv32 -M virt -bios none -display none -serial none -monitor none
    -chardev stdio,id=said -semihosting-config enable=on,chardev=said -kernel"""
XTENSA = ("xtensa-lx106-elf-gcc", *C11, "-O2", "-ffreestanding", "-mlongcalls", "-c")
SLOWER = [pytest.param(name, marks=pytest.mark.slow) for name in ("two", *REAL)]
STRING_H = """#pragma once
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
"""


def component(tmp_path: Path, name: str = "small", *more: object) -> Path:
    """The folder of a component, called as it is."""
    path = model_file(tmp_path, ring(), name) if name == "ring" else model(tmp_path, name)
    return exported("esp-idf", path, tmp_path / "net", "--name", "net", *more)


def manifest(folder: Path) -> dict[str, Any]:
    """What Ascua says of it."""
    told = json.loads((folder / "manifest.json").read_text())
    assert isinstance(told, dict)
    return told


def spoil(path: Path, old: str, new: str) -> None:
    """Put `new` in place of `old` in a file that has it once."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def build(folder: Path, to: Path, *more: object) -> subprocess.CompletedProcess[str]:
    """What CMake, with the arguments `more`, and the compiler say; a warning is an error."""
    require_programs("cmake ninja-build", "cmake", "ninja")
    if more == CHIP:
        require_programs("gcc-riscv64-unknown-elf", "riscv64-unknown-elf-gcc")
        require_programs("qemu-system-misc", "qemu-system-riscv32")
    strict = f"-DCMAKE_C_FLAGS_DEBUG=-O2 {' '.join(WARNINGS)}"
    command = ["cmake", "-G", "Ninja", "-S", folder / EXAMPLE, "-B", to, *more, strict]
    command += ["-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_COMPILER_WORKS=ON"]
    there = {**os.environ, "IDF_PATH": str(IDF)}
    done = subprocess.run(command, env=there, capture_output=True, text=True)
    if done.returncode:
        return done
    return subprocess.run(["cmake", "--build", to], capture_output=True, text=True)


def built(folder: Path, to: Path, *more: object) -> Path:
    """The example's program."""
    done = build(folder, to, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return to / "net_selftest"


def compote(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What the component manager says."""
    require_package("idf_component_manager")
    program = Path(sys.executable).parent / "compote"
    quiet = {**os.environ, "IDF_COMPONENT_CHECK_NEW_VERSION": "0", "COLUMNS": "200"}
    return subprocess.run(
        [program, *arguments], cwd=cwd, env=quiet, capture_output=True, text=True
    )  # fmt: skip


def in_ram(objects: Iterable[Path]) -> dict[str, int]:
    """Bytes of the sections of objects that are written, by name."""
    found: dict[str, int] = {}
    for path in objects:
        with path.open("rb") as file:
            for s in ELFFile(file).iter_sections():
                if s["sh_flags"] & SH_FLAGS.SHF_WRITE and s["sh_size"]:
                    found[s.name] = found.get(s.name, 0) + s["sh_size"]
    return found


@pytest.mark.parametrize(
    "name", ["small", "ring", "two", "kws", "seed", SLOWER[REAL.index("ic") + 1]]
)
def test_the_example_passes_with_the_instructions_of_a_c3(name: str, tmp_path: Path) -> None:
    """In as much RAM as the manifest says."""
    folder = component(tmp_path, name)
    program = built(folder, tmp_path / "build", *CHIP)
    assert tool([*VIRT.split(), program]).endswith("PASS 4/4\n")
    objects = [*(tmp_path / "build/net").rglob("*.obj")]
    assert {o.name.partition(".")[0] for o in objects} == {"net", "net_on", "net_weights"}
    told = manifest(folder)
    assert sum(in_ram(objects).values()) == told["arena_bytes"] + told.get("state_bytes", 0)


@pytest.mark.slow
def test_rows_are_handed_over(tmp_path: Path) -> None:
    folder = component(tmp_path, "kws", "--input-by-rows")
    program = built(folder, tmp_path / "build", *CHIP)
    assert tool([*VIRT.split(), program]).endswith("PASS 4/4\n")


@pytest.mark.parametrize("name", ["small", *SLOWER])
def test_no_warning_for_xtensa(name: str, tmp_path: Path) -> None:
    """Compiled for the nearest core that Debian has a compiler for; it has no C library."""
    require_programs("gcc-xtensa-lx106", XTENSA[0])
    folder = component(tmp_path, name, "--board", "host")
    (tmp_path / "string.h").write_text(STRING_H)
    for path in (*folder.glob("src/*.c"), *folder.glob(f"{EXAMPLE}/main/net_*.c")):
        includes = (folder / "include", folder / "src", tmp_path)
        tool([*XTENSA, *(f"-I{p}" for p in includes), path, "-o", tmp_path / f"{path.stem}.o"])


def test_arena_and_constants_lie_where_the_project_says(tmp_path: Path) -> None:
    """As its README has it: what is written, and what a section takes from flash."""
    folder = component(tmp_path)
    readme = (folder / "README.md").read_text()
    said = dict(re.findall(r"`set\((\w+) (\S+)\)`", readme))
    assert set(said) == {"NET_ARENA_SECTION", "NET_WEIGHTS_SECTION"}
    project = folder / EXAMPLE / "CMakeLists.txt"
    lines = "".join(f"set({name} {section})\n" for name, section in said.items())
    project.write_text(project.read_text().replace("project(", f"{lines}project(", 1))
    program = built(folder, tmp_path / "build")
    assert tool([program]).endswith("PASS 4/4\n")
    objects = [*(tmp_path / "build/net").rglob("*.o")]
    assert in_ram(objects) == {".ext_ram.bss.net": manifest(folder)["arena_bytes"]}
    assert any(".dram1.net" in tool(["objdump", "-h", o]) for o in objects)


def test_two_models_in_one_project(tmp_path: Path) -> None:
    """Neither knows of the other; a program in C++ can have both."""
    require_programs("g++", "g++")
    for name in ("net", "second"):
        exported("esp-idf", model(tmp_path, "small"), tmp_path / name, "--name", name)
    main = tmp_path / "net" / EXAMPLE / "main"
    for path in (tmp_path / "second" / EXAMPLE / "main").glob("second_*"):
        shutil.copy(path, main)
    spoil(main / "CMakeLists.txt", '"main.c"', '"main.c" "second_selftest.c"')
    spoil(main / "main.c", "#include <stdio.h>", '#include "second_selftest.h"\n#include <stdio.h>')
    spoil(main / "main.c", "net_selftest(print);", "net_selftest(print);second_selftest(print);")
    named = '  second:\n    version: "*"\n    override_path: ../../../../second\n'
    spoil(main / "idf_component.yml", "../../..\n", f"../../..\n{named}")
    said = tool([built(tmp_path / "net", tmp_path / "build")])
    assert said.count("PASS 4/4\n") == 2
    (tmp_path / "app.cpp").write_text('#include "net.h"\n#include "second.h"\n')
    includes = (f"-I{tmp_path / name / 'include'}" for name in ("net", "second"))
    tool(["g++", *CPP17, "-fsyntax-only", *includes, tmp_path / "app.cpp"])


FAULTS = {
    "a source left out": ("CMakeLists.txt", ' "src/net_weights.c"', ""),
    "a word misspelt": ("CMakeLists.txt", "PRIV_INCLUDE_DIRS", "PRIVATE_INCLUDE_DIRS"),
    "another name": (f"{EXAMPLE}/main/idf_component.yml", "  net:", "  nets:"),
}


@pytest.mark.parametrize(("path", "old", "new"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_project_is_seen(path: str, old: str, new: str, tmp_path: Path) -> None:
    folder = component(tmp_path)
    spoil(folder / path, old, new)
    assert build(folder, tmp_path / "build").returncode


def test_weights_of_other_values_are_seen(tmp_path: Path) -> None:
    folder = component(tmp_path, "kws")
    path = folder / "src/net_weights.c"
    numbers = r"(int8_t net_\w+\[\d+\] = \{\s*)(-?\d+)"
    text, changed = re.subn(numbers, lambda m: f"{m[1]}{int(m[2]) ^ 64}", path.read_text())
    assert changed
    path.write_text(text)
    assert "FAIL" in tool([built(folder, tmp_path / "build")])


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("idf_component.yml", "version", "verzion"),
        (f"{EXAMPLE}/main/idf_component.yml", "override_path", "over_path"),
    ],
)
def test_a_fault_of_a_manifest_is_seen(path: str, old: str, new: str, tmp_path: Path) -> None:
    folder = component(tmp_path)
    spoil(folder / path, old, new)
    commands = (["manifest", "lint"], ["component", "pack", "--name", "net"])
    assert any(compote(*command, cwd=folder).returncode for command in commands)


def test_names_and_boards_that_it_lacks(tmp_path: Path) -> None:
    path, out = model(tmp_path, "small"), tmp_path / "out"
    for name, words in {
        "x": "two letters", "net_": "two letters", "a__b": "two letters",
        "log": "yours would replace", "esp_net": "yours would replace",
    }.items():  # fmt: skip
        refused(ascua("export", "esp-idf", path, "-o", out, "--name", name), 1, words, "--name")
        assert not out.exists()
    done = ascua("export", "esp-idf", path, "-o", out, "--board", "nrf52840")
    refused(done, 1, "its core is cortex-m4", "riscv32-virt")


def test_it_is_planned_for_a_chip_of_a_file(tmp_path: Path) -> None:
    """Whose memory is then what it has to fit."""
    board = BOARDS / "esp32c3.toml"
    folder = component(tmp_path, "small", "--board", board)
    assert manifest(folder)["board"] == "esp32c3"
    large = model_file(tmp_path, dense(2000, 4000), "large")
    done = ascua("export", "esp-idf", large, "-o", tmp_path / "out", "--board", board)
    refused(done, 3, "esp32c3", "flash")


def test_the_page(tmp_path: Path) -> None:
    """It has the manifests read, and what is packed is all but Ascua's own."""
    require_package("idf_component_manager")
    shutil.copy(BOARDS / "esp32c3.toml", tmp_path)
    model_file(tmp_path, small(), "model")
    run_page(DOCS / "exports/esp-idf.md", tmp_path)
    with tarfile.open(tmp_path / "components/net/dist/net_1.0.0.tgz") as archive:
        packed = {m.name.removeprefix("./") for m in archive if m.isfile()}
    # The page makes that component anew then, for another board.
    assert packed - {"CHECKSUMS.json"} == set(hashes(component(tmp_path))) - {"manifest.json"}


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(MODELS.glob("*.tflite")), ids=lambda p: p.stem)
def test_every_model_passes_or_is_refused(path: Path, tmp_path: Path) -> None:
    done = ascua("export", "esp-idf", path, "-o", tmp_path / "net", "--name", "net")
    if done.code:
        refused(done, 1, path.name)
        return
    program = built(tmp_path / "net", tmp_path / "build", *CHIP)
    assert tool([*VIRT.split(), program]).endswith("PASS 4/4\n")
