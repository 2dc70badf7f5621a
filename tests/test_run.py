"""Runs the stub network on every board: outputs, counts, stack, and what goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ascua import boards, run
from ascua.artifact import Library
from ascua.errors import DoesNotFit, InputError, ToolFailed, ToolMissing
from ascua.run import build, child, qemu, tools
from ascua.run.child import Child
from ascua.run.outcome import Outcome
from tests.support import stub
from tests.support.tools import require_board, require_tool

EMULATED = [name for name in boards.names() if boards.load(name).runner == "qemu"]
PROCESSES = [name for name in boards.names() if boards.load(name).runner == "qemu-user"]
M0, M3, A9, RISCV = "microbit", "lm3s6965evb", "xilinx-zynq-a9", "riscv64-virt"
emulator = pytest.mark.emulator


@pytest.fixture(scope="session")
def build_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests here, so that each program is compiled once."""
    return tmp_path_factory.mktemp("build")


def run_on(
    name: str, library: Library, build_dir: Path, count: int = 3, stall_seconds: float = 60.0
) -> Outcome:
    board = boards.load(name)
    require_board(board)
    inputs = stub.samples(count)
    return run.run(board, library, inputs, count, build_dir=build_dir, stall_seconds=stall_seconds)


@emulator
@pytest.mark.parametrize("name", EMULATED)
def test_emulated_board(name: str, build_dir: Path) -> None:
    require_tool("qemu plugin")
    outcome = run_on(name, stub.library(), build_dir)
    assert outcome.outputs == stub.reference(stub.samples(3))
    assert outcome.counter == "qemu plugin"
    assert outcome.step_instructions is not None
    assert outcome.glue_instructions is not None
    assert outcome.step_instructions[1:3] == (stub.SPIN, stub.FRAME)
    assert outcome.instructions == sum(outcome.step_instructions) + outcome.glue_instructions
    # The step's frame, and the return address that stub_run keeps in an aligned piece of stack.
    board = boards.load(name)
    assert outcome.stack_bytes == stub.FRAME_BYTES + (16 if board.startup == "riscv" else 8)
    assert outcome.sizes is not None
    assert 200 < outcome.sizes.flash_bytes < 3500  # with a float product of the C library
    assert outcome.sizes.static_bytes == 4
    assert {board.cc, board.run[0]} <= set(outcome.tools)


@emulator
@pytest.mark.parametrize("name", PROCESSES)
def test_emulated_process(name: str, build_dir: Path) -> None:
    require_tool("qemu plugin")
    outcome = run_on(name, stub.library(), build_dir)
    assert outcome.outputs == stub.reference(stub.samples(3))
    assert outcome.counter == "qemu plugin"
    assert outcome.step_instructions is not None
    assert outcome.step_instructions[1:3] == (stub.SPIN, stub.FRAME)
    assert outcome.stack_bytes is None
    assert outcome.sizes is None
    with pytest.raises(ToolFailed, match="SIGSEGV"):
        run_on(name, stub.library(WRITE % "8"), build_dir)


@emulator
def test_process_without_plugin_counts_nothing(
    build_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "plugin", lambda _: None)
    outcome = run_on(PROCESSES[0], stub.library(), build_dir)
    assert outcome.outputs == stub.reference(stub.samples(3))
    assert (outcome.counter, outcome.instructions, outcome.resolution) == ("none", None, None)


@emulator
@pytest.mark.parametrize("name", [M3, PROCESSES[0]])
def test_plugin_that_does_not_load_is_left_out(name: str, tmp_path: Path) -> None:
    board = boards.load(name)
    require_board(board)
    require_tool("qemu plugin")
    assert qemu.plugin_for(board, tmp_path)
    (tmp_path / "bad.so").write_text("not a plugin")
    assert not qemu._loads(board.run[0], tmp_path / "bad.so", hosted=board.hosted)


@pytest.mark.parametrize("sanitize", [False, True])
def test_host(sanitize: bool, build_dir: Path) -> None:
    board = boards.load("host")
    require_board(board)
    seen: list[tuple[int, int]] = []
    outcome = run.run(
        board,
        stub.library(),
        stub.samples(200),
        200,
        build_dir=build_dir,
        sanitize=sanitize,
        progress=lambda done, of: seen.append((done, of)),
    )
    assert outcome.outputs == stub.reference(stub.samples(200))
    assert outcome.instructions is None
    assert seen[-1] == (200, 200)


def test_as_many_processes_as_cores(build_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is work for them: whatever their number, the outputs are in order."""
    started: list[int] = []

    def counted(children: Sequence[Child], *others: Any) -> tuple[int | None, ...]:
        started.append(len(children))
        return child.run_all(children, *others)

    monkeypatch.setattr("ascua.run.parts.run_all", counted)
    for cores in (1, 3, 6):
        monkeypatch.setattr("ascua.run.parts.cores", lambda cores=cores: cores)
        outcome = run_on("host", stub.library(), build_dir, 400)
        assert outcome.outputs == stub.reference(stub.samples(400))
    assert run_on("host", stub.library(), build_dir, 130).outputs
    assert started == [1, 3, 6, 2]


@emulator
def test_counts_of_two_runs_are_equal(build_dir: Path) -> None:
    """With two processes (200 samples) as with one, whatever the order they end in."""
    first = run_on(M3, stub.library(), build_dir, 200)
    again = run_on(M3, stub.library(), build_dir, 200)
    assert replace(first, seconds=0.0) == replace(again, seconds=0.0)
    few = run_on(M3, stub.library(), build_dir, 2)
    assert few.step_instructions == first.step_instructions


@emulator
@pytest.mark.parametrize("name", [M0, M3, "mps3-an547", A9, "riscv32-virt", RISCV])
def test_timer_agrees_with_plugin(name: str, build_dir: Path) -> None:
    """To 0.1 %, or to the timer's resolution and the instructions that read it."""
    require_tool("qemu plugin")
    library = stub.library("for (int i = 0; i < 100; i++) {\n        stub_spin();\n    }")
    exact = run_on(name, library, build_dir, 20)
    timed = qemu.run(
        boards.load(name), library, stub.samples(20), 20, build_dir=build_dir, use_plugin=False
    )
    assert timed.outputs == exact.outputs
    assert timed.counter == "icount timer"
    assert timed.step_instructions is None
    assert exact.instructions is not None
    assert timed.instructions is not None
    assert timed.resolution is not None
    assert exact.instructions > 100 * stub.SPIN
    allowed = max(0.001 * exact.instructions, timed.resolution + 25)
    assert abs(timed.instructions - exact.instructions) <= allowed


@emulator
@pytest.mark.parametrize("count", [1, 3, 200])
def test_extremes_of_samples(count: int, build_dir: Path) -> None:
    """Samples of their own costs: a loop as long as a byte of each says, and floats."""
    require_tool("qemu plugin")
    loop = "for (int n = arena[16] & 15; n > 0; n--) {\n        stub_spin();\n    }"
    outcome = run_on(M3, stub.library(loop), build_dir, count)
    turns = [stub.samples(count)[20 * i + 16] & 15 for i in range(count)]
    assert outcome.extremes is not None
    assert outcome.instructions is not None
    least, most = outcome.extremes
    assert least <= outcome.instructions <= most
    assert round((most - least) / stub.SPIN) == max(turns) - min(turns)
    if count == 1:
        assert least == most


@emulator
def test_calls_are_charged_to_the_step(build_dir: Path) -> None:
    """A step called again from the run counts twice; the loop around it counts as glue."""
    require_tool("qemu plugin")
    once = run_on(M3, stub.library(), build_dir)
    twice = run_on(M3, stub.library("stub_frame();"), build_dir)
    assert once.step_instructions is not None
    assert twice.step_instructions is not None
    assert twice.step_instructions[2] == 2 * stub.FRAME
    assert twice.step_instructions[3] == once.step_instructions[3]


@emulator
def test_interrupts_are_not_counted(build_dir: Path) -> None:
    """Without `-icount` the timer of this board wraps each 0.67 s of ours, within a step."""
    require_tool("qemu plugin")
    calls = 500_000
    more = f"for (int i = 1; i < {calls}; i++) {{\n        stub_spin();\n    }}"
    outcome = run_on("mps2-an385", stub.library(more), build_dir, 2)
    assert outcome.step_instructions is not None
    assert outcome.step_instructions[1] == calls * stub.SPIN


@emulator
def test_no_plugin_falls_back_to_the_timer(
    build_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "plugin", lambda _: None)
    assert run_on(M3, stub.library(), build_dir).counter == "icount timer"


WRITE = "int *volatile p = (int *)%s; *p = 1;"
UNDEFINED = '__asm__ volatile("udf #0");'
LOOP = "volatile int on = 1; while (on) {\n    }"
CRASHES = {
    "wild write": (WRITE % "0x68000000", "mps2-an385", "bus fault in stub_run.*0x68000000"),
    "undefined": (UNDEFINED, M3, "usage fault in stub_run at 0x"),
    "m55 wild write": (WRITE % "0x0f000000", "mps3-an547", "(bus|secure) fault in stub_run"),
    "m0 wild write": (WRITE % "0x68000000", M0, "hard fault in stub_run"),
    "null write": (WRITE % "4", A9, "data abort in stub_run.*0x4"),
    "a9 undefined": (UNDEFINED, A9, "undefined instruction in stub_run"),
    "risc-v null write": (WRITE % "8", RISCV, "data abort in stub_run.*0x8"),
    "risc-v undefined": ('__asm__ volatile("unimp");', RISCV, "undefined instruction in stub_run"),
    "risc-v wild call": ("((void (*)(void))12)();", RISCV, "prefetch abort.*accessing 0xc"),
}


@emulator
@pytest.mark.parametrize(("more", "name", "message"), CRASHES.values(), ids=CRASHES)
def test_crash_on_a_board(more: str, name: str, message: str, build_dir: Path) -> None:
    with pytest.raises(ToolFailed, match=message):
        run_on(name, stub.library(more), build_dir)


def test_crash_on_the_host(build_dir: Path) -> None:
    with pytest.raises(ToolFailed, match="SIGSEGV"):
        run_on("host", stub.library(WRITE % "8"), build_dir)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("volatile int i = 80; arena[i] = 1;", "runtime error: index 80 out of bounds"),
        ("volatile int i = 2147483647; i = i + 1;", "signed integer overflow"),
    ],
)
def test_sanitizers_find(more: str, message: str, build_dir: Path) -> None:
    board = boards.load("host")
    require_board(board)
    library = stub.library(more)
    with pytest.raises(ToolFailed, match=message):
        run.run(board, library, stub.samples(1), 1, build_dir=build_dir, sanitize=True)


@emulator
@pytest.mark.parametrize("name", ["host", M3])
def test_endless_loop_is_stopped(name: str, build_dir: Path) -> None:
    with pytest.raises(ToolFailed, match=r"no result for 0\.5 seconds"):
        run_on(name, stub.library(LOOP), build_dir, stall_seconds=0.5)
    assert not list(build_dir.glob(".running-*"))


@emulator
def test_large_arena_does_not_fit(build_dir: Path) -> None:
    with pytest.raises(DoesNotFit, match=r"needs \d\d\d,\d\d\d bytes of ram, have 65,536"):
        run_on(M3, stub.library(arena_bytes=200_000), build_dir)
    assert not list(build_dir.glob(".building-*"))


@emulator
def test_large_stack_does_not_fit(build_dir: Path) -> None:
    more = (
        "volatile char deep[1 << 16]; for (int i = 0; i < (1 << 16); i += 64) deep[i] = 1;"
        "arena[0] = (uint8_t)deep[0];"
    )
    with pytest.raises(DoesNotFit, match="stack overflowed"):
        run_on(M3, stub.library(more), build_dir)


@emulator
def test_compiler_error_is_told(build_dir: Path) -> None:
    with pytest.raises(ToolFailed, match=r"stub\.c:\d+:\d+: error: .*nonsense"):
        run_on(M3, stub.library("nonsense;"), build_dir)
    assert not list(build_dir.glob(".building-*"))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("/usr/bin/ld: final link failed: No space left on device\ncollect2: error: ld returned 1",
         "a disk is full"),
        ("a.c:1:1: fatal error: error writing to /tmp/cc5.s: No space left on device", "full"),
        ("/tmp/cc1.s: Fatal error: can't close x.o: Disk quota exceeded", "a disk is full"),
        ("collect2: fatal error: ld terminated with signal 7 [Bus error], core dumped", "full"),
        ("collect2: fatal error: ld terminated with signal 25 [File size limit exceeded]", "full"),
        ("gcc: fatal error: Killed signal terminated program cc1", "no memory left"),
        ("cc1: out of memory allocating 65536 bytes after a total of 9", "no memory left"),
        ("", "no memory left"),
    ],
)  # fmt: skip
def test_what_no_code_is_at_fault_for(said: str, words: str) -> None:
    error = build.compile_error("arm-none-eabi-gcc", said)
    assert error.exit_code == 2
    assert words in error.what
    assert said.partition("\n")[0] in error.what
    assert "fault of Ascua" not in str(error)
    assert error.things_to_try


@emulator
def test_step_that_is_not_there(build_dir: Path) -> None:
    require_tool("qemu plugin")
    with pytest.raises(ToolFailed, match="no function stub_other"):
        run_on(M3, stub.without_step("stub_other"), build_dir)


@pytest.mark.parametrize("name", ["host", M3])
def test_missing_compiler(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    board = boards.load(name)
    with pytest.raises(ToolMissing, match=r"(?s)not found.*apt install gcc"):
        run.run(board, stub.library(), stub.samples(1), 1, build_dir=tmp_path)
    assert {s.name for s in tools.board_ready(board)} >= {board.cc}


def test_inputs_of_the_wrong_length(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="39 bytes of input are not 2 samples of 20 bytes"):
        run.run(boards.load("host"), stub.library(), bytes(39), 2, build_dir=tmp_path)


def test_sanitizers_are_for_the_host(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="host"):
        run.run(boards.load(M3), stub.library(), bytes(20), 1, build_dir=tmp_path, sanitize=True)


def test_serial_boards_come_later(tmp_path: Path) -> None:
    board = replace(boards.load(M3), runner="serial")
    with pytest.raises(InputError, match="cannot be run yet"):
        run.run(board, stub.library(), bytes(20), 1, build_dir=tmp_path)


@emulator
@pytest.mark.parametrize("script", ["", "echo > output.bin", "echo > report.bin"])
def test_a_board_whose_command_does_nothing(script: str, build_dir: Path) -> None:
    require_board(boards.load(M3))
    board = replace(boards.load(M3), run=("sh", "-c", script))
    with pytest.raises(ToolFailed, match="ended without the outputs"):
        run.run(board, stub.library(), bytes(20), 1, build_dir=build_dir)


@emulator
def test_interrupt_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C during a run: the emulator dies with us, and no folder of the run stays."""
    require_board(boards.load(M3))
    script = (
        "from pathlib import Path; from ascua import boards, run; from tests.support import stub\n"
        f"library = stub.library({LOOP!r})\n"
        f"run.run(boards.load({M3!r}), library, bytes(20), 1, build_dir=Path({str(tmp_path)!r}))"
    )
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".running-*/0/output.bin")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert b"KeyboardInterrupt" in stderr
    assert not list(tmp_path.glob(".*"))
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_two_builds_at_once(tmp_path: Path) -> None:
    board = boards.load("host")
    require_board(board)
    paths: list[Path] = []
    threads = [
        threading.Thread(
            target=lambda: paths.append(build.firmware(board, stub.library(), tmp_path).path)
        )
        for _ in range(3)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(paths) == 3
    assert len(set(paths)) == 1
    assert not list(tmp_path.glob(".*"))


def test_a_program_of_another_processor_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = boards.load("host")
    require_board(board)
    assert "__GNUC__" in tools.processor(board)
    mine = build.firmware(board, stub.library(), tmp_path).path
    monkeypatch.setattr(tools, "processor", lambda _: "another")
    assert build.firmware(board, stub.library(), tmp_path).path != mine


def test_doctor_knows_every_board() -> None:
    told = tools.doctor()
    named = {name for status in told for name in status.boards}
    assert named == {n for n in boards.names() if boards.load(n).runner != boards.KPU}
    for status in told:
        assert status.install.startswith("apt install ")
        assert (status.version is not None) == status.found
    assert {s.name for s in told if not s.needed} == {"qemu plugin"}


def test_missing_tool_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("REQUIRE_TOOLS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt install"):
        require_board(boards.load(M3))
    monkeypatch.setenv("REQUIRE_TOOLS", "1")
    with pytest.raises(pytest.fail.Exception, match="apt install"):
        require_tool("qemu plugin")
