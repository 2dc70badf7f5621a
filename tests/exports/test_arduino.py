"""Arduino libraries: built by arduino-builder for a Mega 2560, run in QEMU; and for other cores."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from ascua.exports import FORMATS
from tests.support import pages
from tests.support.avr import INSTEAD
from tests.support.command import MODELS, ascua, refused
from tests.support.compilers import tool
from tests.support.exported import REAL, WARNINGS, exported, model
from tests.support.tools import require_programs

SECONDS = 60
"""The longest that a sketch runs."""
SKETCH = Path("examples/SelfTest")
ARDUINO_H = """
#pragma once
#ifdef __cplusplus
extern "C"
#endif
void written(const char *text);
#ifdef __cplusplus
struct Port {
    void begin(unsigned long) {}
    explicit operator bool() const { return true; }
    void print(const char *text) { written(text); }
};
extern Port Serial;
void setup();
void loop();
#endif
"""
"""Of Arduino's what the sketch uses."""
MAIN = """
#include <Arduino.h>
#include <cstdio>
Port Serial;
void written(const char *text) { std::fputs(text, stdout); }
int main() { setup(); loop(); }
"""
REQUIRED = {
    "name": r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}",
    "version": r"\d+\.\d+\.\d+",
    "author": r".+",
    "maintainer": r".+",
    "sentence": r".+\.",
    "paragraph": r".+",
    "category": r"Display|Communication|Signal Input/Output|Sensors|Device Control|Timing|"
    r"Data Storage|Data Processing|Other",
    "url": r"https?://\S+",
    "architectures": r"\*|[a-z0-9_]+(,[a-z0-9_]+)*",
    "includes": r"[\w.]+\.h(,[\w.]+\.h)*",
}
"""The keys that library.properties must have, and `includes`, with what they can be."""


def library(tmp_path: Path, name: str, *more: object, called: str = "net") -> Path:
    """A network as a library, in a folder of them."""
    to = tmp_path / "libraries" / called
    path = MODELS / "tinymaix_mnist_arduino_q.tflite" if name == "mnist" else model(tmp_path, name)
    if not path.exists():
        pytest.skip(f"{path.name} is no part of the repository")
    return exported("arduino", path, to, "--name", called, *more)


def build(sketch: Path, libraries: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """What arduino-builder says to a sketch; what it builds is in `build` beside the libraries."""
    require_programs(
        "arduino-builder arduino-core-avr gcc-avr avr-libc", "arduino-builder", "avr-gcc"
    )
    to = libraries.parent / "build"
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    core = libraries.parents[1] / "arduino"
    core.mkdir(exist_ok=True)
    return subprocess.run(
        [
            "arduino-builder", "-compile", "-hardware", "/usr/share/arduino/hardware",
            "-hardware", "/usr/share/arduino-builder", "-tools", "/usr/bin",
            "-libraries", str(libraries), "-fqbn", "arduino:avr:mega:cpu=atmega2560",
            "-build-path", str(to), "-warnings", "all",
            "-build-cache", str(core),
            "-prefs", "runtime.tools.avr-gcc.path=/usr",
            "-prefs", "compiler.cpp.extra_flags=-DDECIMAL_DIG=17",
            "-prefs", f"compiler.c.extra_flags={' '.join(flags)}", str(sketch),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def built(library: Path, *flags: str) -> Path:
    """The program of the library's own sketch."""
    sketch = library.parents[1] / "sketch/SelfTest"
    shutil.rmtree(sketch, ignore_errors=True)
    shutil.copytree(library / SKETCH, sketch)
    return program(sketch, library.parent, *flags)


def program(sketch: Path, libraries: Path, *flags: str) -> Path:
    """The program of a sketch. Nothing warns but the core of Arduino."""
    (sketch / "instead.c").write_text(INSTEAD)
    done = build(sketch / f"{sketch.name}.ino", libraries, *flags)
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if re.search(r": (warning|error):", line)]
    assert all("/cores/arduino/" in line for line in warned), warned
    return libraries.parent / f"build/{sketch.name}.ino.elf"


def printed(elf: Path, lines: int = 1) -> str:
    """What a program writes to UART0 until it has said PASS or FAIL as often as asked."""
    require_programs("qemu-system-misc", "qemu-system-avr")
    command = ["qemu-system-avr", "-M", "mega2560", "-bios", str(elf), "-display", "none"]
    command += ["-monitor", "none", "-serial", "stdio"]
    found = ""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as emulator:
        stop = threading.Timer(SECONDS, emulator.kill)
        stop.start()
        assert emulator.stdout is not None
        for line in emulator.stdout:
            found += line
            lines -= line.startswith(("PASS", "FAIL"))
            if not lines:
                break
        stop.cancel()
        emulator.kill()
    assert not lines, f"it did not end: {found}"
    return found


def sections(objects: list[Path], size: str) -> dict[str, int]:
    """Bytes of all sections of objects, by what their names begin with."""
    found: dict[str, int] = {}
    for kind, count in re.findall(r"^\.(\w+)\S*\s+(\d+)", tool([size, "-A", *objects]), re.M):
        found[kind] = found.get(kind, 0) + int(count)
    return found


@pytest.mark.emulator
def test_the_sketch_passes_on_a_mega(tmp_path: Path) -> None:
    assert printed(built(library(tmp_path, "mnist"))).endswith("PASS 4/4\n")


@pytest.mark.emulator
def test_static_ram_on_a_mega(tmp_path: Path) -> None:
    """Arena and packed constants to the byte; what is copied, no more than README.md says."""
    found = library(tmp_path, "small")
    told = json.loads((found / "manifest.json").read_text())
    assert printed(built(found, "-fno-lto")).endswith("PASS 4/4\n")
    objects = sorted((tmp_path / "build/libraries/net").glob("*.o"))
    assert [p.name for p in objects] == ["net.c.o", "net_on.c.o", "net_weights.c.o"]
    ram = sections(objects, "avr-size")
    assert (ram["bss"], ram["data"]) == (told["arena_bytes"], 0)
    assert sections(objects[2:], "avr-size")["rodata"] == told["constants_bytes"]
    said = re.search(
        r"RAM: ([\d,]+) bytes of arena and at most ([\d,]+) of constants",
        (found / "README.md").read_text(),
    )
    assert said is not None
    arena, constants = (int(n.replace(",", "")) for n in said.groups())
    assert arena == ram["bss"]
    assert told["constants_bytes"] < ram["rodata"] <= constants


@pytest.mark.emulator
def test_two_in_one_sketch(tmp_path: Path) -> None:
    """Each includes its own headers, though some have one name."""
    both = ("first", "second")
    made = [library(tmp_path, n, called=c) for n, c in zip(("two", "mnist"), both, strict=True)]
    headers = [{p.name for p in m.glob("src/ascua_*.h")} for m in made]
    assert headers[0] & headers[1]
    sketch = tmp_path / "Both"
    sketch.mkdir()
    for folder in made:
        for path in (folder / SKETCH).glob("*.[ch]"):
            shutil.copy(path, sketch)
    (sketch / "Both.ino").write_text(
        "#include <first.h>\n#include <second.h>\n"
        '#include "first_selftest.h"\n#include "second_selftest.h"\n'
        "static void print(const char *text) { Serial.print(text); }\n"
        "void setup() { Serial.begin(115200); first_selftest(print); second_selftest(print); }\n"
        "void loop() {}\n"
    )
    assert printed(program(sketch, tmp_path / "libraries"), 2).count("PASS 4/4\n") == 2
    for mine, other in (both, both[::-1]):
        read = [p.read_text() for p in (tmp_path / "build/libraries" / mine).glob("*.d")]
        assert read
        assert not any(f"libraries/{other}/" in text for text in read)


def test_what_is_too_large_for_a_mega(tmp_path: Path) -> None:
    """Planned for it, it is refused; planned for another board, it does not compile there."""
    done = ascua("export", "arduino", model(tmp_path, "ic"), "-o", tmp_path / "out")
    refused(done, 3, "ic does not fit mega2560")
    found = library(tmp_path, "ic", "--board", "stm32f446")
    said = build(found / SKETCH / "SelfTest.ino", found.parent)
    assert said.returncode
    assert "bytes in one piece: this core addresses fewer" in said.stderr


def test_faults_are_seen(tmp_path: Path) -> None:
    """A key misspelt, a source left out, by arduino-builder; a byte of a weight, by the sketch."""
    found = library(tmp_path, "small")
    sketch = found / SKETCH / "SelfTest.ino"
    properties = found / "library.properties"
    right = properties.read_text()
    properties.write_text(right.replace("name=", "naem="))
    assert "Missing 'name' from library" in build(sketch, found.parent).stderr
    properties.write_text(right)
    source = found / "src/net_weights.c"
    text = source.read_text()
    source.unlink()
    assert "undefined reference to `net_0" in build(sketch, found.parent).stderr
    at = text.index("{", text.index("02_conv2d_weights")) + 1
    source.write_text(f"{text[:at]}100, {text[at:].partition(',')[2]}")
    assert "FAIL" in printed_here(found)


@pytest.mark.parametrize(
    "name",
    ["small", "two", *(pytest.param(n, marks=pytest.mark.slow) for n in REAL)],
)
def test_the_sketch_compiles_for_a_cortex_and_passes_here(name: str, tmp_path: Path) -> None:
    """As Arduino's cores do it; static RAM as told; the same sources on this computer."""
    require_programs("gcc-arm-none-eabi", "arm-none-eabi-gcc", "arm-none-eabi-g++")
    plain = name in ("kws", "two")
    board, core = ("rp2040", "cortex-m0plus") if plain else ("stm32f446", "cortex-m4")
    found = library(tmp_path, name, "--board", board)
    told = json.loads((found / "manifest.json").read_text())
    arm = (f"-mcpu={core}", "-mthumb", "--specs=picolibc.specs", "-Os")
    objects = compiled(found, tmp_path / "arm", "arm-none-eabi-", *arm)
    own = [p for p in objects if not p.name.startswith(("SelfTest", "net_selftest"))]
    ram = sections(own, "arm-none-eabi-size")
    assert (ram["bss"], ram["data"]) == (told["arena_bytes"], 0)
    assert printed_here(found).endswith("PASS 4/4\n")


def printed_here(library: Path) -> str:
    """What the sketch prints on this computer."""
    require_programs("g++", "gcc", "g++")
    to = library.parents[1] / "here"
    objects = compiled(library, to, "", "-O1")
    (to / "main.cpp").write_text(MAIN)
    tool(["g++", "-I", to, to / "main.cpp", *objects, "-o", to / "it"])
    return subprocess.run([to / "it"], stdout=subprocess.PIPE, text=True, check=False).stdout


def compiled(library: Path, to: Path, prefix: str, *flags: str) -> list[Path]:
    """Objects of the sketch, in two C++, and of all C: its own, and what src/ holds."""
    to.mkdir()
    (to / "Arduino.h").write_text(ARDUINO_H)
    sketch = library / SKETCH
    (to / "SelfTest.cpp").write_text(
        f"#include <Arduino.h>\n{(sketch / 'SelfTest.ino').read_text()}"
    )
    common = ["-ffunction-sections", "-fdata-sections", *flags, *WARNINGS, "-c"]
    includes = [f"-I{p}" for p in (to, library / "src", sketch)]
    for standard in ("gnu++11", "gnu++17"):
        cpp = [f"{prefix}g++", f"-std={standard}", "-fno-exceptions", "-fno-rtti", *common]
        tool([*cpp, *includes, to / "SelfTest.cpp"], cwd=to)
    sources = [*sorted(library.glob("src/**/*.c")), *sketch.glob("*.c")]
    tool([f"{prefix}gcc", "-std=gnu11", *common, *includes, *sources], cwd=to)
    return sorted(to.glob("*.o"))


def test_the_c_warns_of_nothing_on_avr(tmp_path: Path) -> None:
    require_programs("gcc-avr avr-libc", "avr-gcc")
    for name in ("small", "two"):
        found = library(tmp_path, name, called=name)
        sources = [*found.glob("src/*.c"), *(found / SKETCH).glob("*.c")]
        avr = ["avr-gcc", "-mmcu=atmega2560", "-std=gnu11", "-Os", *WARNINGS, "-fsyntax-only"]
        tool([*avr, "-I", found / "src", "-I", found / SKETCH, *sources])


@pytest.mark.parametrize("name", ["small", "two"])
def test_properties(name: str, tmp_path: Path) -> None:
    """All keys that the specification asks for; every file where Arduino looks for it."""
    found = library(tmp_path, name, "--version", "1.2.3")
    lines = (found / "library.properties").read_text().splitlines()
    table = dict(line.split("=", 1) for line in lines)
    assert set(table) == set(REQUIRED)
    for key, pattern in REQUIRED.items():
        assert re.fullmatch(pattern, table[key]), f"{key}={table[key]}"
    assert (table["name"], table["version"]) == ("net", "1.2.3")
    assert (found / "src" / table["includes"]).is_file()
    assert not [p for p in found.glob("src/*") if p.is_dir()]
    assert (found / SKETCH / f"{SKETCH.name}.ino").is_file()


def test_names_and_boards_that_arduino_lacks(tmp_path: Path) -> None:
    path, out = model(tmp_path, "small"), tmp_path / "out"
    for options, words in (
        (["--name", "Wire"], ["'Wire' cannot", "<Wire.h> is a header of Arduino's", "net_Wire"]),
        (["--name", "print"], ["'print' cannot"]),
        (["--name", "arduino_net"], ["names that begin so are Arduino's own"]),
        (["--board", "host"], ["host: an Arduino library is for no such board", "rp2040"]),
        (["--board", "mps3-an547"], ["its core is cortex-m55"]),
    ):
        refused(ascua("export", "arduino", path, "-o", out, *options), 1, *words)
        assert not out.exists()
    assert FORMATS["arduino"].board == "mega2560"
    for board, fqbn in (("mega2560", "arduino:avr:mega"), ("rp2040", "FQBN")):
        found = exported("arduino", path, out, "--board", board)
        assert f"--fqbn {fqbn} examples/SelfTest" in (found / "README.md").read_text()


def test_the_page(tmp_path: Path) -> None:
    require_programs(
        "arduino-builder arduino-core-avr gcc-avr avr-libc", "arduino-builder", "avr-gcc"
    )
    shutil.move(model(tmp_path, "small"), tmp_path / "model.tflite")
    pages.run_page(pages.DOCS / "exports/arduino.md", tmp_path)
