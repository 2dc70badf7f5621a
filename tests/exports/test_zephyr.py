"""Modules of Zephyr: read by Kconfig and west, built by a stand-in for Zephyr, and by Zephyr."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ascua import boards
from ascua.exports.zephyr import CORES, RESERVED
from ascua.exports.zephyr._boards import BOARDS
from tests.support import zephyr
from tests.support.command import ascua, refused
from tests.support.compilers import COMPILERS, tool
from tests.support.exported import REAL, WARNINGS, exported, model
from tests.support.pages import DOCS, run_page
from tests.support.tools import require_package, require_programs

STUB = Path(__file__).parent / "zephyr"
NETWORKS = ("small", "two", *REAL)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module of a small network; its folder is not changed."""
    folder = tmp_path_factory.mktemp("west")
    return exported("zephyr", model(folder, "small"), folder / "net", "--name", "net")


def warnings(module: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, str], list[str]]:
    """The settings that module and application make, and what Kconfig warns of."""
    require_package("kconfiglib")
    import kconfiglib

    monkeypatch.setenv("MODULE", str(module))
    monkeypatch.setenv("srctree", str(STUB))
    found = kconfiglib.Kconfig("Kconfig", warn_to_stderr=False)
    found.warn_assign_undef = True
    off = {s.name for s in found.unique_defined_syms if s.str_value == "n"}
    assert f"ASCUA_{module.name.upper()}" in off, "it is compiled without being asked for"
    found.load_config(str(module / "app/prj.conf"))
    return {s.name: s.str_value for s in found.unique_defined_syms}, found.warnings


def test_kconfig_knows_what_the_application_sets(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, warned = warnings(net, monkeypatch)
    assert warned == []
    asked = dict(
        line.removeprefix("CONFIG_").split("=")
        for line in (net / "app/prj.conf").read_text().splitlines() if line.startswith("CONFIG_")
    )  # fmt: skip
    assert {name: settings[name] for name in asked} == asked
    assert asked["ASCUA_NET"] == "y"
    shutil.copytree(net, tmp_path / "net")
    path = tmp_path / "net/app/prj.conf"
    path.write_text(path.read_text().replace("ASCUA_NET", "ASCUA_NTE"))
    _, warned = warnings(tmp_path / "net", monkeypatch)
    assert "undefined symbol ASCUA_NTE" in warned[0]


MODULE = {
    "name": str,
    "build": {"cmake": str, "kconfig": str, "depends": list, "settings": dict},
    "tests": list, "samples": list, "boards": list, "blobs": list,
}  # fmt: skip
"""Keys of zephyr/module.yml that Zephyr 3.0 to 3.7 know."""
SCENARIO = {
    "arch_allow": str, "arch_exclude": str, "build_only": bool, "depends_on": str,
    "extra_args": str, "extra_configs": list, "filter": str, "harness": str,
    "harness_config": {"type": str, "regex": list, "ordered": bool, "repeat": int},
    "integration_platforms": list, "min_flash": int, "min_ram": int, "platform_allow": str,
    "platform_exclude": str, "tags": str, "timeout": int,
}  # fmt: skip
"""Keys of a scenario of twister's."""


def known(table: Any, keys: dict[str, Any], where: str = "") -> list[str]:
    """What a table of YAML has that a schema has not."""
    found = []
    for name, value in table.items():
        kind = keys.get(name)
        if isinstance(kind, dict):
            found += known(value, kind, f"{where}{name}/")
        elif kind is None or not isinstance(value, kind):
            found.append(f"{where}{name}: {value!r}")
    return found


@pytest.mark.parametrize("name", ["small", "two"])
def test_the_keys_of_its_yaml(name: str, tmp_path: Path) -> None:
    require_package("yaml")
    import yaml

    folder = exported("zephyr", model(tmp_path, name), tmp_path / "net", "--name", "net")
    module = yaml.safe_load((folder / "zephyr/module.yml").read_text())
    assert known(module, MODULE) == []
    assert (folder / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (folder / module["build"]["kconfig"]).is_file()
    assert all((folder / p / "sample.yaml").is_file() for p in module["samples"])
    sample = yaml.safe_load((folder / "app/sample.yaml").read_text())
    assert set(sample) == {"sample", "common", "tests"}
    assert known(sample["common"], SCENARIO) == []
    assert sample["common"]["harness_config"]["regex"] == ["PASS 4/4"]
    assert {n: known(t, SCENARIO) for n, t in sample["tests"].items()} == {"ascua.net": []}
    assert known({**module, "bild": {}}, MODULE) == ["bild: {}"]


def git(folder: Path, *arguments: str) -> str:
    """What git says in `folder`, whatever the user's settings are."""
    return tool(["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *arguments])


def test_west_resolves_the_manifest(tmp_path: Path) -> None:
    """In a workspace that has a Zephyr of three modules, two of which the application needs."""
    require_package("west")
    require_programs("git", "git")
    exported("zephyr", model(tmp_path, "small"), tmp_path / "net", "--board", "nrf52840",
             "--name", "net")  # fmt: skip
    there = tmp_path / "zephyr"
    there.mkdir()
    names = ("cmsis", "hal_nordic", "hal_other")
    projects = "".join(f"    - {{name: {name}, url: 'https://x.y/{name}'}}\n" for name in names)
    (there / "west.yml").write_text(f"manifest:\n  projects:\n{projects}")
    git(there, "init", "-q")
    git(there, "add", "west.yml")
    git(there, "commit", "-q", "-m", "x")
    git(there, "update-ref", "refs/heads/manifest-rev", "HEAD")
    import west.manifest

    (tmp_path / ".west").mkdir()
    (tmp_path / ".west/config").write_text("[manifest]\npath = net\nfile = west.yml\n")
    found = west.manifest.Manifest.from_topdir(topdir=tmp_path)
    assert [p.name for p in found.projects] == ["manifest", "zephyr", "cmsis", "hal_nordic"]
    assert found.get_projects(["zephyr"])[0].revision == "v3.7.1"
    assert found.projects[0].path == "net"


def configured(app: Path, build: Path, *more: object) -> Path:
    """The folder of a build of an application by the stand-in."""
    require_programs("cmake ninja-build", "cmake", "ninja")
    command = ["cmake", "-G", "Ninja", "-S", app, "-B", build, f"-DZephyr_DIR={STUB}", *more]
    tool(command)
    return build


def said(build: Path) -> str:
    """What the program of a build prints, or what is said where it does not build."""
    done = subprocess.run(["ninja", "-C", build], capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stdout
    return subprocess.run([build / "zephyr"], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("name", NETWORKS)
def test_the_application_passes(name: str, tmp_path: Path) -> None:
    """Without a warning, in the memory that the manifest tells."""
    path = model(tmp_path, name)
    folder = exported("zephyr", path, tmp_path / "net", "--name", "net")
    build = configured(folder / "app", tmp_path / "build")
    assert said(build).endswith("PASS 4/4\n")
    assert static(build, "net") == promised(folder)


def promised(folder: Path) -> int:
    """Static RAM by the manifest of an exported folder."""
    told = json.loads((folder / "manifest.json").read_text())
    return int(told["arena_bytes"]) + int(told.get("state_bytes", 0))


def static(build: Path, name: str) -> int:
    """Bytes of variables in the library of a build."""
    text = tool(["size", "-A", *build.rglob(f"lib{name}_network.a")])
    rows = [line.split() for line in text.splitlines()]
    return sum(int(r[1]) for r in rows if r and r[0].startswith((".bss", ".data")) and r[1] != "0")


def test_what_is_broken_is_seen(tmp_path: Path) -> None:
    """A source that is left out, a symbol that is misspelt, a weight that is another one."""
    trained = min((zephyr.RESULTS / "models").rglob("*.tflite"), key=lambda p: p.stat().st_size)
    folder = exported("zephyr", trained, tmp_path / "net", "--name", "net")
    build = configured(folder / "app", tmp_path / "build")
    assert "PASS 4/4" in said(build)
    for path, old, new, seen in (
        (folder / "zephyr/CMakeLists.txt", "src/net.c", "src/net_on.c", "undefined reference"),
        (folder / "zephyr/CMakeLists.txt", "ASCUA_NET", "ASCUA_NTE", "net.h: No such file"),
        (folder / "app/src/main.c", "net_selftest(", "net_selftests(", "net_selftests"),
        (folder / "src/net_weights.c", None, None, "FAIL"),
    ):
        text = path.read_text()
        path.write_text(another_byte(text) if old is None else text.replace(old, str(new), 1))
        assert path.read_text() != text
        assert seen in said(build), f"{path.name}: {old}"
        path.write_text(text)
    assert "PASS 4/4" in said(build)


def another_byte(text: str) -> str:
    """C with the first number of its last array of weights changed."""
    head, array, rest = text.rpartition("_weights[")
    changed = re.sub(r"\{\n(-?\d+)", lambda m: f"{{\n{int(m[1]) ^ 64}", rest, count=1)
    return head + array + changed


def test_two_modules_in_one_application(net: Path, tmp_path: Path) -> None:
    other = exported("zephyr", model(tmp_path, "two"), tmp_path / "other", "--name", "other")
    app = tmp_path / "app"
    shutil.copytree(net / "app", app)
    shutil.copytree(other / "app/src", app / "src", dirs_exist_ok=True)
    (app / "prj.conf").write_text("CONFIG_ASCUA_NET=y\nCONFIG_ASCUA_OTHER=y\n")
    (app / "src/main.c").write_text(
        '#include "net_selftest.h"\n#include "other_selftest.h"\n'
        "#include <zephyr/sys/printk.h>\n"
        'static void print(const char *text) { printk("%s", text); }\n'
        "int main(void) { return (int)(net_selftest(print) + other_selftest(print)); }\n"
    )
    lists = app / "CMakeLists.txt"
    lists.write_text(
        lists.read_text()
        .replace("${CMAKE_CURRENT_SOURCE_DIR}/..", f"{net} {other}")
        .replace("src/main.c", "src/main.c src/other_selftest.c")
    )
    assert said(configured(app, tmp_path / "build")).count("PASS 4/4") == 2


@pytest.mark.parametrize("name", NETWORKS)
def test_it_compiles_for_a_cortex(name: str, tmp_path: Path) -> None:
    """As Zephyr compiles it, and with the strictest warnings."""
    arm = COMPILERS["arm"]
    arm.require()
    folder = exported("zephyr", model(tmp_path, name), tmp_path / "net", "--name", "net")
    command = [arm.c, "-std=c11", "-Os", "-ffreestanding", *WARNINGS, *arm.flags, "-DKERNEL", "-c",
               "-I", folder / "include", "-I", folder / "src", "-I", STUB]  # fmt: skip
    tool([*command, *sorted(folder.glob("app/src/*.c"))], cwd=tmp_path)
    tool([*command, "-O2", "-fbuiltin", *sorted(folder.glob("src/*.c"))], cwd=tmp_path)
    names = tool(["arm-none-eabi-nm", *sorted(tmp_path.glob("*.o"))]).split()
    assert not {"malloc", "free", "expf", "printf"} & set(names)


def test_every_board_has_a_name(net: Path) -> None:
    """Those of its cores, but for programs that an operating system starts."""
    fit = {
        b.name for b in map(boards.load, boards.names("c")) if b.core.name in CORES and not b.hosted
    }
    assert set(BOARDS) == fit - {"mps2-an385-m0"}  # which there is emulated alone
    assert "west build -b qemu_cortex_m3 net/app\n" in (net / "README.md").read_text()


@pytest.mark.parametrize(
    ("board", "names"),
    [
        ("mps2-an385", ["mps2_an385", "mps2/an385"]),
        ("mps3-an547", ["mps3_an547", "mps3/an547", "mps3/corstone300/an547"]),
        ("riscv32-virt", ["qemu_riscv32"]),
        ("own.toml", ["BOARD"]),
    ],
)
def test_the_readme_has_every_spelling(board: str, names: list[str], tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    text = (boards.FOLDER / "lm3s6965evb.toml").read_text()
    own.write_text(text.replace('name = "lm3s6965evb"', 'name = "own"'))
    asked = own if board == "own.toml" else board
    path = model(tmp_path, "small")
    folder = exported("zephyr", path, tmp_path / "net", "--name", "net", "--board", asked)
    readme = (folder / "README.md").read_text()
    found = [w.split()[3] for w in readme.splitlines() if w.startswith("west build -b")]
    assert found == names
    arch = "riscv" if board.startswith("riscv") else "arm"
    assert f"arch_allow: {arch}\n" in (folder / "app/sample.yaml").read_text()


def test_what_zephyr_has_no_place_for(tmp_path: Path) -> None:
    path, out = model(tmp_path, "small"), tmp_path / "out"
    for board in ("host", "arm-linux", "xilinx-zynq-a9", "riscv64-linux"):
        done = ascua("export", "zephyr", path, "-o", out, "--board", board)
        refused(done, 1, "is for no such board", "lm3s6965evb")
    for name in RESERVED.split():
        done = ascua("export", "zephyr", path, "-o", out, "--name", name)
        refused(done, 1, "Zephyr has something of that name", f"--name {name}_net")
    assert not out.exists()


def test_the_page(tmp_path: Path) -> None:
    model(tmp_path, "small").rename(tmp_path / "model.tflite")
    run_page(DOCS / "exports/zephyr.md", tmp_path)


@pytest.mark.emulator
@pytest.mark.parametrize("board", zephyr.TARGETS)
def test_zephyr_builds_and_runs_it(board: str, tmp_path: Path) -> None:
    """By the one that ZEPHYR_BASE names."""
    base = zephyr.base()
    if base is None:
        pytest.skip("ZEPHYR_BASE is not set: there is no Zephyr here")
    path = model(tmp_path, "small")
    folder = exported("zephyr", path, tmp_path / "net", "--name", "net", "--board", board)
    found = zephyr.built(folder / "app", zephyr.target(base, board), tmp_path / "build")
    assert found.settings["HEAP_MEM_POOL_SIZE"] == "0"
    assert zephyr.console(found.elf, board).rstrip().endswith("PASS 4/4")
    assert static(tmp_path / "build", "net") == promised(folder)
