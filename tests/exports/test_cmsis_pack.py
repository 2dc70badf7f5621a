"""CMSIS-Packs: read strictly; what each core chooses is compiled for it, linked and run."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest

from ascua import boards
from ascua.boards import Board
from tests.support import firmware
from tests.support.command import ascua, model_file, refused
from tests.support.compilers import tool
from tests.support.exported import WARNINGS, exported, hashes, model
from tests.support.pages import DOCS, run_page
from tests.support.pdsc import CORES, Pack, read
from tests.support.states import delays
from tests.test_cli_errors import dense

STRICT = ("-std=c11", *WARNINGS, "-O1", "-ffunction-sections", "-fdata-sections")
SOURCE = 12
"""Bytes of what keeps the function that hands rows over: no part of the arena."""
DSP = ("Cortex-M4", "Cortex-M7", "Cortex-M55", "Cortex-M85")
OPTIONAL = ("Cortex-M33", "Cortex-M35P", "Cortex-M52", "Star-MC1")
"""Cores with DSP instructions, and those whose makers choose."""
HELIUM = ("Cortex-M52", "Cortex-M55", "Cortex-M85")
"""Cores whose makers choose vectors."""


def target(
    core: str, *, dsp: bool = False, mve: str = "NO_MVE", compiler: str = "GCC", options: str = ""
) -> dict[str, str]:
    """What conditions are asked for."""
    return {
        "Dcore": core, "Ddsp": "DSP" if dsp else "NO_DSP", "Dmve": mve,
        "Tcompiler": compiler, "Toptions": options,
    }  # fmt: skip


@dataclass(frozen=True)
class Device:
    """A core as packs of devices describe it, what it chooses, and where it is emulated."""

    target: Mapping[str, str]
    chooses: str
    board: Board


def device(core: str, chooses: str, board: str, of: str) -> Device:
    """The device with a core; `of` is Ascua's name for it."""
    emulated = replace(boards.load(board), core=boards.load_core(of, board))
    mve = "FP_MVE" if chooses == "helium" else "NO_MVE"
    return Device(target(core, dsp=chooses != "plain", mve=mve), chooses, emulated)


DEVICES = {
    # Of the boards with a Cortex-M0 none has the RAM: its code runs on a Cortex-M3.
    "M0": device("Cortex-M0", "plain", "mps2-an385", "cortex-m0"),
    "M4": device("Cortex-M4", "dsp", "mps2-an386", "cortex-m4"),
    "M55": device("Cortex-M55", "helium", "mps3-an547", "cortex-m55"),
}


PLANNED = {"plain": "mps2-an385", "dsp": "mps2-an386", "helium": "mps3-an547"}
"""Boards whose own plans are those of a pack's folders."""


@dataclass(frozen=True)
class Installed:
    """A pack as tools unpack it."""

    folder: Path
    pack: Pack

    def component(self, of: Mapping[str, str]) -> list[str | Path]:
        """What a device compiles: sources, and flags for the folders of public headers."""
        chosen = [f.attrib for f in self.pack.chosen(of)]
        public = [f for f in chosen if f["category"] == "header" and f.get("scope") != "private"]
        sources = [self.folder / f["name"] for f in chosen if f["category"] == "source"]
        return [f"-I{(self.folder / f['name']).parent}" for f in public] + sources

    def example(self) -> list[Path]:
        """The sources of its example."""
        return sorted(self.folder.glob("example/*.c"))

    def program(self, on: Device, to: Path) -> Path:
        """The example on a device, from objects whose names in the map begin with the folder."""
        to.mkdir(parents=True)
        flags = [*on.board.core.cflags, *firmware.PICOLIBC, *STRICT]
        tool(["arm-none-eabi-gcc", *flags, "-c", *self.component(on.target), *self.example()], to)
        return firmware.program(on.board, to / "program.elf", sorted(to.glob("*.o")))


def installed(path: Path, to: Path) -> Installed:
    """The pack in the file or the folder `path`, unpacked to a new folder."""
    (path,) = path.glob("*.pack") if path.is_dir() else (path,)
    with zipfile.ZipFile(path) as file:
        file.extractall(to)
    return Installed(to, read(path))


def changed(folder: Path, to: Path, name: str, old: str, new: str) -> Path:
    """The pack in `folder` with a text in one of its files replaced."""
    (path,) = folder.glob("*.pack")
    to.mkdir()
    with zipfile.ZipFile(path) as had, zipfile.ZipFile(to / path.name, "w") as made:
        for each in had.namelist():
            data = had.read(each).decode()
            assert each != name or old in data
            made.writestr(each, data.replace(old, new, 1) if each == name else data)
    return to / path.name


@pytest.mark.emulator
@pytest.mark.parametrize(
    "name", ["small", "two", "kws", "seed", pytest.param("ic", marks=pytest.mark.slow)]
)
def test_what_each_core_chooses_is_exact(name: str, tmp_path: Path) -> None:
    """Without a warning, in the RAM that the analysis tells; emulated, each byte is right."""
    for each in DEVICES.values():
        firmware.require(each.board)
    folder = exported("cmsis-pack", model(tmp_path, name), tmp_path / "out", "--name", "net")
    here = installed(folder, tmp_path / "unpacked")
    assert hashes(here.folder).items() < hashes(folder).items()
    ram = said(folder)
    assert ram["dsp"] == json.loads((folder / "manifest.json").read_text())["arena_bytes"]
    large = name in ("ic", "seed")
    for core, on in DEVICES.items():
        program = here.program(on, tmp_path / core)
        assert firmware.static_ram(program.with_suffix(".map"), r"/net\w*\.o$") == ram[on.chooses]
        if not large:
            assert firmware.printed(on.board, program).endswith("PASS 4/4\n")


@pytest.mark.emulator
@pytest.mark.parametrize("kind", ["rows", "states"])
def test_rows_and_states(kind: str, tmp_path: Path) -> None:
    """A network that asks for its rows, and one that keeps states, which are RAM too."""
    path = model_file(tmp_path, delays(), "net") if kind == "states" else model(tmp_path, "small")
    more = ["--input-by-rows"] if kind == "rows" else []
    folder = exported("cmsis-pack", path, tmp_path / "out", "--name", "net", *more)
    here = installed(folder, tmp_path / "unpacked")
    told = json.loads((folder / "manifest.json").read_text())
    assert told["by_rows"] == (kind == "rows")
    assert ("state_bytes" in told) == (kind == "states")
    assert said(folder)["dsp"] == told["arena_bytes"] + told.get("state_bytes", 0)
    for core in ("M0", "M4"):
        on = DEVICES[core]
        firmware.require(on.board)
        program = here.program(on, tmp_path / core)
        ram = firmware.static_ram(program.with_suffix(".map"), r"/net\w*\.o$")
        assert ram == said(folder)[on.chooses] + (SOURCE if kind == "rows" else 0)
        assert firmware.printed(on.board, program).endswith("PASS 4/4\n")


def said(folder: Path) -> dict[str, int]:
    """The bytes of static RAM that README.md tells of each folder."""
    rows = re.findall(
        r"^\| `(\w+)/` .*RAM: ([\d,]+) bytes of arena(?: and ([\d,]+) of states)?",
        (folder / "README.md").read_text(), re.MULTILINE,
    )  # fmt: skip
    return {part: sum(int(n.replace(",", "") or 0) for n in counts) for part, *counts in rows}


@pytest.mark.parametrize("name", ["small", "kws"])
def test_a_folder_is_what_boards_of_its_cores_plan(name: str, tmp_path: Path) -> None:
    """The packs for a Cortex-M3, M4 and M55 have the same three plans."""
    path = model(tmp_path, name)
    files, ram = [], {}
    for plan, board in PLANNED.items():
        folder = exported("cmsis-pack", path, tmp_path / plan, "--board", board)
        files.append({p: h for p, h in hashes(folder).items() if p.split("/")[0] in PLANNED})
        ram[plan] = json.loads((folder / "manifest.json").read_text())["arena_bytes"]
        told = said(folder)
    assert files[0] == files[1]
    assert told == ram


def test_conditions(tmp_path: Path) -> None:
    """Every core and compiler that may have the component chooses one of the plans."""
    folder = exported("cmsis-pack", model(tmp_path, "small"), tmp_path / "out")
    pack = installed(folder, tmp_path / "unpacked").pack
    for core in CORES:
        for dsp, mve in product((False, True), ("NO_MVE", "MVE", "FP_MVE")):
            chosen = pack.chosen(target(core, dsp=dsp, mve=mve))
            parts = {f.attrib["name"].split("/")[0] for f in chosen} - {"README.md"}
            usual = "dsp" if core in DSP or (dsp and core in OPTIONAL) else "plain"
            assert parts == {"helium" if core in HELIUM and mve != "NO_MVE" else usual}
    assert not pack.chosen(target("Cortex-A9"))
    for compiler, options, there in (
        ("GCC", "", True), ("CLANG", "", True), ("ARMCC", "AC6", True), ("ARMCC", "AC5", False),
        ("IAR", "", False),
    ):  # fmt: skip
        asked = target("Cortex-M4", compiler=compiler, options=options)
        assert bool(pack.chosen(asked)) == there


@pytest.mark.emulator
def test_two_packs_in_one_project(tmp_path: Path) -> None:
    """Two components and one program; a consumer in C++17 too."""
    on = DEVICES["M4"]
    firmware.require(on.board)
    inputs: list[str | Path] = []
    for name, network in (("first", "small"), ("second", "two")):
        path = model(tmp_path, network)
        folder = exported("cmsis-pack", path, tmp_path / name, "--name", name)
        here = installed(folder, tmp_path / f"unpacked_{name}")
        tests = [p for p in here.example() if p.name != "main.c"]
        inputs += [*here.component(on.target), *tests, f"-I{here.folder / 'example'}"]
    includes = [i for i in inputs if isinstance(i, str)]
    (tmp_path / "main.cpp").write_text(
        "#include <stdio.h>\n#include <first.h>\n#include <second.h>\n"
        "#include <first_selftest.h>\n#include <second_selftest.h>\n"
        "static void print(const char *text) { fputs(text, stdout); }\n"
        "int main() { return first_selftest(print) + second_selftest(print) != 0; }\n"
    )
    main, flags = tmp_path / "main.o", [*on.board.core.cflags, *firmware.PICOLIBC]
    cpp = ["arm-none-eabi-g++", "-std=c++17", "-fno-exceptions", *WARNINGS, *flags, *includes]
    tool([*cpp, "-c", tmp_path / "main.cpp", "-o", main])
    program = firmware.program(on.board, tmp_path / "both.elf", [*inputs, main], *STRICT)
    assert firmware.printed(on.board, program).count("PASS 4/4\n") == 2


FAULTS = {
    # The file, what is wrong there, and what the reader says.
    "a condition misspelt": (
        "Ascua.net.pdsc", 'condition="dsp"/>\n', 'condition="dps"/>\n', "conditions unknown.*dps",
    ),
    "a source left out": (
        "Ascua.net.pdsc", '<file category="source" name="dsp/src/net.c" condition="dsp"/>', "",
        "files unknown or unnamed.*'dsp/src/net.c'",
    ),
    "a file that is not there": (
        "Ascua.net.pdsc", "plain/src/net.c", "plain/src/nat.c", "unnamed.*nat.c",
    ),
    "a wrong key": (
        "Ascua.net.pdsc", 'accept Dcore="Cortex-M0"', 'accept Core="Cortex-M0"', "attribute Core",
    ),
    "a core that there is not": (
        "Ascua.net.pdsc", '"Cortex-M0"', '"Cortex-M00"', "Dcore is 'Cortex-M00'",
    ),
    "another version": (
        "Ascua.net.pdsc", 'release version="1.0.0"', 'release version="1.0.1"', "1.0.1.pack",
    ),
    "conditions in a circle": (
        "Ascua.net.pdsc", 'Dcore="Cortex-M33" Ddsp="DSP"', 'condition="plain"', "in a circle",
    ),
    "an element at a wrong place": (
        "Ascua.net.pdsc", "<project>", "<project/><project>", "its children are",
    ),
    "a project without a source": (
        "example/net_example.cproject.yml", "- file: main.c\n", "", "unnamed.*main.c",
    ),
}  # fmt: skip


def test_the_reader_sees_what_is_wrong(tmp_path: Path) -> None:
    folder = exported("cmsis-pack", model(tmp_path, "small"), tmp_path / "out", "--name", "net")
    for what, (file, old, new, says) in FAULTS.items():
        path = changed(folder, tmp_path / what, file, old, new)
        with pytest.raises(AssertionError, match=says):
            read(path)


@pytest.mark.emulator
def test_the_program_sees_what_is_wrong(tmp_path: Path) -> None:
    """A changed weight is counted; a source that no condition chooses is missed by the linker."""
    on = DEVICES["M4"]
    firmware.require(on.board)
    path = model_file(tmp_path, dense(8, 4), "dense")
    folder = exported("cmsis-pack", path, tmp_path / "out", "--name", "net")
    weights = "dsp/src/net_weights.c"
    first = re.findall(r"^-?\d+, ", (folder / weights).read_text(), re.MULTILINE)[0]
    path = changed(folder, tmp_path / "weight", weights, first, f"{int(first[:-2]) + 98}, ")
    program = installed(path, tmp_path / "unpacked").program(on, tmp_path / "program")
    assert "FAIL" in firmware.printed(on.board, program)
    line = 'name="dsp/src/net_weights.c" condition="dsp"'
    path = changed(
        folder, tmp_path / "left", "Ascua.net.pdsc", line, line.replace('"dsp"', '"plain"')
    )
    with pytest.raises(AssertionError, match="undefined reference"):
        installed(path, tmp_path / "without").program(on, tmp_path / "none")


def test_a_name_that_no_component_has(tmp_path: Path) -> None:
    path, name = model(tmp_path, "small"), "n" * 33
    done = ascua("export", "cmsis-pack", path, "-o", tmp_path / "out", "--name", name)
    refused(done, 1, name, "33 characters", "32 at most")
    assert not (tmp_path / "out").exists()


def test_a_board_with_another_core(tmp_path: Path) -> None:
    arguments = [model(tmp_path, "small"), "-o", tmp_path / "out"]
    for board in ("xilinx-zynq-a9", "riscv32-virt", "host"):
        done = ascua("export", "cmsis-pack", *arguments, "--board", board)
        refused(done, 1, board, "Choose one of", "mps2-an386")


def test_the_page(tmp_path: Path) -> None:
    model(tmp_path, "small").rename(tmp_path / "model.tflite")
    run_page(DOCS / "exports/cmsis-pack.md", tmp_path)
