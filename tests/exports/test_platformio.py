"""PlatformIO libraries: packed and built by `pio`, which finds what it needs in a folder of ours.

Its registry is absent: SCons is PyPI's, and platforms are a few lines here. How the library and
the project are found, and which sources are compiled, is PlatformIO's own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from ascua.exports.platformio import BOARDS, EXAMPLE
from tests.support import pages
from tests.support.compilers import tool
from tests.support.exported import REAL, WARNINGS, exported, hashes, model
from tests.support.tools import require_package, require_programs

NATIVE = """
from SCons.Script import Default, DefaultEnvironment
env = DefaultEnvironment()
program = env.BuildProgram()
run = env.VerboseAction("$PROG_PATH", "Executing")
env.AddPlatformTarget("exec", program, run, "Execute")
Default(program)
"""
ARM = """
from SCons.Script import Default, DefaultEnvironment
env = DefaultEnvironment()
env.Replace(**{tool: "arm-none-eabi-" + name for tool, name in (
    ("AR", "gcc-ar"), ("CC", "gcc"), ("CXX", "g++"), ("LINK", "g++"), ("RANLIB", "gcc-ranlib"))})
env.Append(CCFLAGS=["-mcpu=cortex-m4", "-mthumb", "-Os", "--specs=picolibc.specs"],
           CXXFLAGS=["-fno-exceptions", "-fno-rtti"], LINKFLAGS=["-r", "-nostdlib"])
env.BuildFrameworks(env.get("PIOFRAMEWORK"))
Default(env.BuildProgram())
"""
"""Links into one object, so that no start-up code is needed."""
FRAMEWORK = """
import os
from SCons.Script import DefaultEnvironment
env = DefaultEnvironment()
folder = os.path.join(env.PioPlatform().get_dir(), "arduino")
env.Append(CPPDEFINES=["ARDUINO"], CPPPATH=[folder], CFLAGS=["-std=gnu11"])
"""
ARDUINO_H = """
#pragma once
struct Port {
    void begin(unsigned long) {}
    explicit operator bool() const { return true; }
    void print(const char *) {}
};
extern Port Serial;
"""
SCONS = {"name": "tool-scons", "version": "4.41101.0"}
"""The package of SCons that PlatformIO 6.2 asks for: 4.11.1."""


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where PlatformIO finds its tools and platforms, and no network."""
    require_package("platformio")
    require_package("SCons")
    folder = tmp_path / "core"
    scons = folder / "packages/tool-scons"
    whose = {"type": "tool", **SCONS, "spec": {"owner": "platformio", "name": SCONS["name"]}}
    written(scons, {
        "package.json": json.dumps({**SCONS, "description": "PyPI's"}),
        ".piopm": json.dumps(whose),
        "scons.py": "from SCons.Script import main\nmain()\n",
    })  # fmt: skip
    platform(folder, "native", NATIVE)
    name, board = BOARDS["stm32f446"]
    platform(folder, name, ARM, board)
    nowhere = "http://127.0.0.1:9"
    for key, value in {
        "PLATFORMIO_CORE_DIR": str(folder), "HOME": str(tmp_path / "home"),
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no", "PLATFORMIO_BUILD_FLAGS": " ".join(WARNINGS),
        "http_proxy": nowhere, "https_proxy": nowhere,
    }.items():  # fmt: skip
        monkeypatch.setenv(key, value)
    return folder


def written(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts below a folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def platform(core: Path, name: str, builder: str, board: str = "") -> None:
    """Add a platform, and a board of it with Arduino's framework."""
    table = {"name": name, "title": name, "version": "1.0.0", "packages": {}}
    files = {"builder/main.py": builder}
    if board:
        told = {"name": board, "build": {"mcu": "it", "cpu": "it", "f_cpu": "1"}, "url": "",
                "vendor": "", "upload": {"maximum_size": 1 << 20, "maximum_ram_size": 1 << 17},
                "frameworks": ["arduino"]}  # fmt: skip
        table["frameworks"] = {"arduino": {"script": "builder/arduino.py"}}
        files |= {"builder/arduino.py": FRAMEWORK, "arduino/Arduino.h": ARDUINO_H,
                  f"boards/{board}.json": json.dumps(told)}  # fmt: skip
    written(core / "platforms" / name, {"platform.json": json.dumps(table), **files})


def pio(*arguments: object) -> subprocess.CompletedProcess[str]:
    """What `pio` says."""
    command = [sys.executable, "-m", "platformio", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run(project: Path, environment: str, *more: str) -> str:
    """What building a project says; it has to end well."""
    done = pio("run", "-d", project, "-e", environment, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize(
    "name", ["small", "two", *(pytest.param(n, marks=pytest.mark.slow) for n in REAL)]
)
def test_the_example_passes(name: str, tmp_path: Path) -> None:
    """Every source once, and nothing else."""
    folder = exported("platformio", model(tmp_path, name), tmp_path / "net", "--name", "net")
    said = run(folder / EXAMPLE, "native", "-t", "exec")
    assert "\nPASS 4/4\n" in said
    found = sorted(Path(p).stem for p in re.findall(r"^Compiling (\S+)$", said, re.M))
    assert found == ["main", "net", "net_on", "net_selftest", "net_weights"]


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("name", ["small", pytest.param("ic", marks=pytest.mark.slow)])
def test_on_a_board_with_arduino(name: str, tmp_path: Path) -> None:
    """By Arm's compiler, with Arduino's framework; static RAM is what the manifest says."""
    require_programs("gcc-arm-none-eabi", "arm-none-eabi-gcc", "arm-none-eabi-g++")
    path, more = model(tmp_path, name), ["--name", "net", "--board", "stm32f446"]
    folder = exported("platformio", path, tmp_path / "net", *more)
    board = BOARDS["stm32f446"][1]
    run(folder / EXAMPLE, board)
    built = folder / EXAMPLE / ".pio/build" / board
    told = json.loads((folder / "manifest.json").read_text())
    (library,) = built.glob("lib*/libnet.a")
    sizes = tool(["arm-none-eabi-size", "-A", library])
    ram = sum(map(int, re.findall(r"^\.(?:bss|data)\S*\s+(\d+)", sizes, re.M)))
    assert ram == told["arena_bytes"]
    symbols = tool(["arm-none-eabi-nm", "-C", built / "program"])
    assert all(re.search(rf" [TD] {name}(\(\))?$", symbols, re.M) for name in ("setup", "loop"))
    assert not re.search(r" U (malloc|expf|powf)$", symbols, re.M)


@pytest.mark.usefixtures("core")
def test_two_in_one_project(tmp_path: Path) -> None:
    """In its `lib`: each includes its own headers, though some have one name."""
    for name, called in (("small", "first"), ("two", "second")):
        to = tmp_path / "app/lib" / called
        exported("platformio", model(tmp_path, name), to, "--name", called)
        shutil.copytree(to / EXAMPLE / "src", tmp_path / "app/src", dirs_exist_ok=True)
    written(tmp_path / "app", {
        "platformio.ini": "[env:native]\nplatform = native\n",
        "src/main.cpp": "#include <first.h>\n#include <second.h>\n"
        '#include "first_selftest.h"\n#include "second_selftest.h"\n#include <cstdio>\n'
        "static void print(const char *text) { std::fputs(text, stdout); }\n"
        "int main() { return first_selftest(print) + second_selftest(print) != 0; }\n",
    })  # fmt: skip
    assert run(tmp_path / "app", "native", "-t", "exec").count("PASS 4/4\n") == 2


@pytest.mark.usefixtures("core")
def test_a_package(tmp_path: Path) -> None:
    """It holds every file, and is built from a project that knows only the package."""
    path = model(tmp_path, "small")
    folder = exported("platformio", path, tmp_path / "net", "--name", "net", "--version", "1.2.3")
    table = json.loads((folder / "library.json").read_text())
    assert (table["name"], table["version"]) == ("net", "1.2.3")
    assert (folder / "include" / table["headers"]).is_file()
    listed = {f"{e['base']}/{f}" for e in table["examples"] for f in e["files"]}
    assert listed == {p for p in hashes(folder) if p.startswith("examples/")}
    packed = tmp_path / "net.tar.gz"
    done = pio("pkg", "pack", folder, "-o", packed)
    assert done.returncode == 0, done.stderr
    with tarfile.open(packed) as tar:
        assert sorted(tar.getnames()) == sorted(hashes(folder))
    app = tmp_path / "app"
    shutil.copytree(folder / EXAMPLE, app)
    written(app, {"platformio.ini":
        f"[env:native]\nplatform = native\nlib_deps = file://{packed}\n"})  # fmt: skip
    said = run(app, "native", "-t", "exec")
    assert "net @ 1.2.3" in said
    assert "\nPASS 4/4\n" in said


@pytest.mark.usefixtures("core")
def test_faults_are_seen(tmp_path: Path) -> None:
    """A key misspelt, a source left out, a weight of each layer changed."""
    folder = exported("platformio", model(tmp_path, "small"), tmp_path / "net", "--name", "net")
    manifest = folder / "library.json"
    right = manifest.read_text()
    manifest.write_text(right.replace('"version"', '"verison"'))
    done = pio("pkg", "pack", folder, "-o", tmp_path / "net.tar.gz")
    assert done.returncode
    assert "Missing data for required field" in done.stderr
    left = right.replace('"srcDir"', '"srcFilter": "+<*> -<*_weights.c>", "srcDir"')
    manifest.write_text(left)
    done = pio("run", "-d", folder / EXAMPLE, "-e", "native")
    assert done.returncode
    assert "undefined reference to `net_0" in done.stderr
    manifest.write_text(right)
    source = folder / "src/net_weights.c"
    text = source.read_text()
    source.write_text(re.sub(r"(int8_t net_\w+\[\d+\] = \{\s*)-?\d+", r"\g<1>100", text))
    done = pio("run", "-d", folder / EXAMPLE, "-e", "native", "-t", "exec")
    assert done.returncode
    assert "FAIL" in done.stdout


def test_environments(tmp_path: Path) -> None:
    """This computer's always, and that of a board which PlatformIO has."""
    path = model(tmp_path, "small")
    for board, (platform_name, name) in BOARDS.items():
        folder = exported("platformio", path, tmp_path / "out", "--board", board)
        text = (folder / EXAMPLE / "platformio.ini").read_text()
        assert f"\n[env:{name}]\nplatform = {platform_name}\nboard = {name}\n" in text
        assert f"-e {name} -t upload" in (folder / "README.md").read_text()
    folder = exported("platformio", path, tmp_path / "out", "--board", "mps3-an547")
    assert (folder / EXAMPLE / "platformio.ini").read_text().count("[env:") == 1
    assert "upload" not in (folder / "README.md").read_text()


def test_the_page(tmp_path: Path, core: Path) -> None:
    assert os.environ["PLATFORMIO_CORE_DIR"] == str(core)
    shutil.move(model(tmp_path, "small"), tmp_path / "model.tflite")
    pages.run_page(pages.DOCS / "exports/platformio.md", tmp_path)
