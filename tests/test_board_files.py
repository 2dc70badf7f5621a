"""The board files that come with Ascua, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ascua import boards
from ascua.errors import InputError
from tests.support.command import ascua, model_file, refused
from tests.support.examples import small

GOOD = (boards.FOLDER / "lm3s6965evb.toml").read_text()


@pytest.mark.parametrize("name", boards.names())
def test_board_file(name: str) -> None:
    board = boards.load(name)
    assert board.name == name
    if board.counts_on:
        assert board.clock_hz
        assert boards.load(board.counts_on).counter == "instructions"
    elif board.runner not in (*boards.IN_PROCESS, None):
        assert board.counter == "instructions"
        assert {f"-mcpu={board.core.name}", f"-march={board.core.name}"} & set(board.flags)
        generic = board.hosted or board.startup == "riscv"
        assert generic or board.clock_hz


def test_known_boards() -> None:
    cores = {boards.load(n).core.name for n in boards.names()}
    assert cores == {
        "host", "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33",
        "cortex-m55", "cortex-a9", "rv32imac", "rv64imac", "rv64gc", "avr",
    }  # fmt: skip


def test_unknown_board() -> None:
    with pytest.raises(InputError, match=r"(?s)no board called 'mps2-an38'.*mps2-an38[56]"):
        boards.load("mps2-an38")


def test_board_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace('"lm3s6965evb"', '"mine"', 1))
    assert boards.load(str(path)).name == "mine"


def test_board_with_a_core_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    core = '[core]\nname = "new"\ncflags = ["-mcpu=new"]\nfeatures = ["dsp"]\n'
    path.write_text('cflags = ["-mthumb"]\n' + GOOD.replace('core = "cortex-m3"\n', "") + core)
    board = boards.load(str(path))
    assert (board.core.name, board.core.features) == ("new", {"dsp"})
    assert board.flags == ("-mcpu=new", "-mthumb")


def test_a_board_without_a_runner_is_asked_and_not_run(tmp_path: Path) -> None:
    path, model = tmp_path / "mine.toml", model_file(tmp_path, small())
    asked = "".join(
        line for line in GOOD.splitlines(keepends=True)
        if not line.startswith(("cc", "runner", "run =", "counter"))
    )  # fmt: skip
    path.write_text(asked)
    assert ascua("analyze", model, "-b", path).code == 0
    assert ascua("compile", model, "-b", path, "-o", tmp_path / "lib").code == 0
    result = ascua("run", model, "-b", path, "--build-dir", tmp_path)
    refused(result, 1, "names no compiler (cc): it can be asked, and not run", "`ascua analyze`")
    path.write_text('cc = "arm-none-eabi-gcc"\n' + asked)
    refused(ascua("run", model, "-b", path), 1, "names no runner")


WRONG = {
    "key": ('core = "', 'kore = "', r"(?s)unknown key 'kore'.*'core'"),
    "type": ("clock_hz = 50_000_000", 'clock_hz = "fast"', "clock_hz: expected int"),
    "runner": ('runner = "qemu"', 'runner = "qemo"', r"(?s)'qemo' is not known.*'qemu'"),
    "memory key": ("origin = 0x00000000", "start = 0", "unknown key 'start'"),
    "memory use": ('use = "rx"', 'use = "x"', "'x' is not known"),
    "memory name": ('name = "flash"', 'name = "my flash"', "is no name for a memory"),
    "same name": ('name = "flash"', 'name = "ram"', "same name"),
    "size": ("bytes = 0x40000", "bytes = 0", "flash: origin, bytes"),
    "overlap": ("origin = 0x20000000", "origin = 0x3ffff", "flash and ram overlap"),
    "no variables": ('use = "rw"', 'use = "rx"', "one for variables"),
    "no command": ('run = ["qemu-system-arm", "-M", "lm3s6965evb"]', "run = []", "`run` is empty"),
    "hosted": ('runner = "qemu"', 'runner = "qemu-user"', "startup: .* takes 'posix' alone"),
    "startup": ("clock_hz", 'startup = "cortex-x"\nclock_hz', "'cortex-x' is none of cortex-a9"),
    "missing": ('core = "cortex-m3"', "", "the key 'core' is missing"),
    "core": (
        '"cortex-m3"',
        '"cortex-m2"',
        r"(?s)'cortex-m2' is none of avr.*`\[core\]`",
    ),
    "no clock": ("50_000_000", "0", "clock_hz: 0 is no positive number"),
    "clock": ("50_000_000", "-5", "clock_hz: -5 is no positive number"),
    "kpu": ('runner = "qemu"', 'runner = "kpu"', "'kpu' runs kmodels alone: state target = 'k210'"),
    "syntax": ('core = "', "core = ", "not a TOML file"),
}


@pytest.mark.parametrize(("old", "new", "message"), WRONG.values(), ids=WRONG)
def test_wrong_board_file(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in GOOD
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        boards.load(str(path))
