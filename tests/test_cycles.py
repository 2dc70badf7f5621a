"""Model cycles: loops counted by hand on each core, what the tables say, and what they lack."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ascua import boards, run
from ascua.artifact import Library
from ascua.boards.timing import InstructionClass, Timing
from ascua.errors import InputError, ToolFailed
from ascua.run import cycles
from ascua.run.cycles import Block, Executed
from ascua.run.disassembly import Instruction, parse
from ascua.run.outcome import Cycles
from tests.support import stub
from tests.support.tools import require_board, require_tool

M0, M3, M4, M55 = "microbit", "mps2-an385", "mps2-an386", "mps3-an547"
A9, RISCV = "xilinx-zynq-a9", "riscv32-virt"
RETURN = 1 + 2
"""Of `bx lr` on a core with the pipeline of the Cortex-M3: 1 + P, P = 2 assumed."""

LOOPS = {
    # The step is called by a branch, which is not its own, and returns by one, which is.
    "m3 straight": (M3, "movs r0, #1; adds r0, r0, r0; lsls r0, r0, #2; bx lr", 3 + RETURN),
    "m3 loads in a row": (M3, "ldr r0, [sp]; ldr r1, [sp, #4]; ldr r2, [sp, #8]; bx lr",
                          4 + RETURN),
    "m3 load of a loaded address": (M3, "str sp, [sp, #-8]; ldr r0, [sp, #-8]; ldr r0, [r0]; bx lr",
                                    1 + 2 + 2 + RETURN),
    "m3 load of a computed address": (M3, "mov r3, sp; ldr r0, [r3]; bx lr", 1 + 3 + RETURN),
    "m3 load and store": (M3, "ldr r0, [sp, #-8]; str r0, [sp, #-8]; bx lr", 2 + 1 + RETURN),
    "m3 multiply": (M3, "mul r0, r1, r2; mla r0, r1, r2, r3; bx lr", 1 + 2 + RETURN),
    "m3 multiply long": (M3, "smull r0, r1, r2, r3; bx lr", 4 + RETURN),
    "m3 list": (M3, "push {r4, r5, r6, lr}; pop {r4, r5, r6, pc}", 5 + 5 + 2),
    "m3 list of a computed address": (M3, "sub sp, sp, #8; pop {r0, r1}; bx lr",
                                      1 + 1 + 3 + RETURN),
    "m3 table": (M3, "movs r0, #0; tbb [pc, r0]; .byte 1; .byte 1; bx lr", 1 + 7 + RETURN),
    "m3 not taken": (M3, "cmp sp, #0; beq 1f; 1: bx lr", 1 + 1 + RETURN),
    "m3 loop": (M3, "movs r3, #100; 1: subs r3, r3, #1; bne 1b; bx lr", 1 + 200 + 99 * 2 + RETURN),
    # QEMU cuts the loop where a page ends, in the midst of an instruction.
    "m3 across a page": (M3, "b 1f; .balign 1024; .space 1014; 1: movs r3, #100; 2: ldr r0, [sp];"
                         " mla r0, r1, r2, r0; adds.w r1, r1, #1; subs r3, r3, #1; bne 2b; bx lr",
                         3 + 1 + 100 * (2 + 2 + 1 + 1 + 1) + 99 * 2 + RETURN),
    "m4 multiply": (M4, "mla r0, r1, r2, r3; smull r0, r1, r2, r3; smlad r0, r1, r2, r3; bx lr",
                    3 + RETURN),
    "m4 loop": (M4, "movs r3, #100; 1: ldr r0, [sp]; ldr r1, [sp]; mla r2, r0, r1, r2;"
                    " subs r3, r3, #1; bne 1b; bx lr", 1 + 100 * (3 + 1 + 1 + 1) + 99 * 2 + RETURN),
    "m0 loop": (M0, "movs r3, #100; 1: ldr r0, [sp]; muls r0, r0, r0; subs r3, r3, #1; bne 1b;"
                    " bx lr", 1 + 100 * (2 + 1 + 1 + 1) + 99 * 2 + 3),
    "m0 list": (M0, "push {r4, lr}; pop {r4, pc}", 3 + 6),
    "m55 vector": (M55, "vldrb.u8 q0, [sp]; vldrb.u8 q1, [sp]; vmladava.s8 r0, q0, q1; bx lr",
                   2 + 1 + 1 + RETURN),
    "m55 chained": (M55, "vldrb.u8 q0, [sp]; vadd.i8 q1, q0, q0; vmul.i8 q2, q1, q1; bx lr",
                    3 + RETURN),
    "m55 one unit": (M55, "vadd.i8 q0, q0, q0; vadd.i8 q1, q1, q1; bx lr", 2 + 1 + RETURN),
    "m55 load and use": (M55, "ldr r0, [sp]; add.w r0, r0, r0; bx lr", 2 + 1 + RETURN),
    "m55 pairs": (M55, "movs r0, #1; movs r1, #2; bx lr", 1 + RETURN),
    "riscv load and use": (RISCV, "lw t0, 0(sp); addi t0, t0, 1; ret", 2 + 1 + 1),
    "riscv multiply": (RISCV, "mul t0, t1, t1; addi t0, t0, 1; ret", 5 + 1 + 1),
    "riscv loop": (RISCV, "li t0, 100; 1: addi t0, t0, -1; bnez t0, 1b; ret", 1 + 200 + 1),
    "a9 two a cycle": (A9, "mov r0, #1; mov r1, #2; mov r2, #3; bx lr", 2),
    "a9 address unit": (A9, "ldrb r0, [sp]; ldrb r1, [sp]; ldrb r2, [sp]; bx lr", 6),
}  # fmt: skip
"""A board, a step in assembly, and its cycles by hand from the core's document."""


def with_step(assembly: str) -> Library:
    """The stub, whose step `stub_spin` is the `assembly`."""
    library = stub.library()
    source = library.files["src/stub.c"].decode()
    lines = "\\n\\t".join([*assembly.split("; ")])
    step = f'__asm__(".syntax unified\\n\\t{lines}");'.replace(
        '".syntax unified\\n\\t', '"' if "t0" in assembly else '".syntax unified\\n\\t'
    )
    assert "__asm__(SPIN);" in source
    files = {**library.files, "src/stub.c": source.replace("__asm__(SPIN);", step).encode()}
    return replace(library, files=files)


def cycles_of(name: str, library: Library, build_dir: Path) -> Cycles | None:
    board = boards.load(name)
    require_board(board)
    require_tool("qemu plugin")
    return run.run(board, library, stub.samples(2), 2, build_dir=build_dir).cycles


@pytest.fixture(scope="session")
def build_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests here, so that the plugin is compiled once."""
    return tmp_path_factory.mktemp("cycles")


@pytest.mark.emulator
@pytest.mark.parametrize(("name", "assembly", "expected"), LOOPS.values(), ids=LOOPS)
def test_by_hand(name: str, assembly: str, expected: int, build_dir: Path) -> None:
    found = cycles_of(name, with_step(assembly), build_dir)
    assert found is not None
    assert found.unknown == ()
    assert found.steps[1].assumed == expected
    assert found.steps[1].least <= expected <= found.steps[1].most


@pytest.mark.emulator
@pytest.mark.parametrize("name", [n for n in boards.names() if boards.load(n).emulator])
def test_cycles_of_every_board(name: str, build_dir: Path) -> None:
    """The parts add up; no instruction of the stub and its C library is without a timing."""
    board = boards.load(name)
    found = cycles_of(name, stub.library(), build_dir)
    if board.core.timing is None:
        assert found is None
        return
    assert found is not None
    assert (found.kind, found.core, found.unknown) == (board.core.timing.kind, board.core.name, ())
    assert found.total.assumed > sum(s.assumed for s in found.steps) > 0
    assert 0 < found.total.least <= found.total.assumed <= found.total.most


@pytest.mark.parametrize("name", boards.cores())
def test_every_class_has_its_source(name: str) -> None:
    timing = boards.load_core(name, "").timing
    if timing is None:
        assert name in {"avr", "host", "rv64gc", "rv64imac"}
        return
    assert timing.source
    for c in timing.classes:
        assert c.source, c.name


def test_a_fitted_core_is_another_one_times_a_factor() -> None:
    m4, m7 = (boards.load_core(n, "").timing for n in ("cortex-m4", "cortex-m7"))
    assert m4 is not None
    assert m7 is not None
    assert m7.classes == m4.classes
    code = {i.address: i for i in LINES[:3]}
    executed = [Executed(Block(0, 3), 0, 10, 10)]
    board = boards.load("mps2-an500")
    a, b = (cycles.modelled(executed, 1, code, t, board).regions[0] for t in (m4, m7))
    assert b.assumed == pytest.approx(a.assumed * m7.factor[1])
    assert b.most == pytest.approx(a.most * m7.factor[2])


LINES = (
    Instruction(0, 2, "ldr", "r0, [sp, #0]"),
    Instruction(2, 2, "adds", "r0, r0, #1"),
    Instruction(4, 2, "bx", "lr"),
    Instruction(6, 2, "ufo", "r0, r1"),
)


def m4() -> Timing:
    timing = boards.load("mps2-an386").core.timing
    assert timing is not None
    return timing


def test_what_the_table_lacks_is_named_and_counted_as_one_cycle() -> None:
    executed = [Executed(Block(0, 4), 0, 5, 0), Executed(Block(100, 2), 0, 7, 0)]
    code = {i.address: i for i in LINES}
    found = cycles.modelled(executed, 1, code, m4(), boards.load("mps2-an386"))
    assert found.unknown == ("?", "ufo")  # bytes that are no known instruction are named, too
    assert found.regions[0].assumed == 5 * (2 + 1 + 1 + 1) + 7 * 2


def test_wait_states_are_of_lines_of_the_memory_that_code_is_in() -> None:
    board = boards.load("mps2-an386")
    slow = replace(board.memories[0], wait=5, line=4)
    code = {i.address: i for i in LINES[:3]}
    executed = [Executed(Block(0, 3), 0, 10, 10)]
    plain, waiting = (
        cycles.modelled(executed, 1, code, m4(), b).regions[0]
        for b in (board, replace(board, memories=(slow, *board.memories[1:])))
    )
    assert waiting.assumed - plain.assumed == 10 * 2 * 5  # six bytes lie in two lines
    assert waiting.most - plain.most == 10 * 2 * 5
    assert waiting.least == plain.least


def test_what_objdump_prints_is_understood() -> None:
    text = """
00000018 <f>:
  18:	f8d3 0004 	ldr.w	r0, [r3, #4]
  1c:	e8bd 8070 	ldmia.w	sp!, {r4, r5, r6, pc}
  20:	2d00      	cmp	r5, #0
  22:	dd1c      	ble.n	18 <f>
  24:	0000012c 	.word	0x0000012c
  28:	eb05 0583 	add.w	r5, r5, r3, lsl #2	@ a comment
"""
    found = parse(text)
    assert sorted(found) == [0x18, 0x1C, 0x20, 0x22, 0x28]
    load, many, _, branch, add = (found[a] for a in sorted(found))
    assert (load.mnemonic, load.size, load.addressed_by) == ("ldr", 4, {"r3"})
    assert load.written(1) == {"r0"}
    assert many.written(-1) == many.listed == {"r4", "r5", "r6", "pc"}
    assert (branch.mnemonic, branch.target) == ("ble", 0x18)
    assert parse("   0:\tb530 \tpush\t{r4, lr}\n")[0].addressed_by == {"sp"}
    assert add.operands == "r5, r5, r3, lsl #2"
    assert add.read(1) == {"r5", "r3"}


def test_a_core_of_a_boards_file_may_be_like_another(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    board = (boards.FOLDER / "mps2-an385.toml").read_text().replace('core = "cortex-m3"\n', "")
    core = """[core]
name = "mine"
cflags = ["-mcpu=cortex-m3", "-mthumb"]
[core.timing]
kind = "fitted"
source = "measured"
factor = [0.9, 1.0, 1.1]
like = "cortex-m3"
"""
    path.write_text(board + core)
    timing = boards.load(str(path)).core.timing
    of = boards.load("mps2-an385").core.timing
    assert timing is not None
    assert of is not None
    assert timing.classes == of.classes
    path.write_text(board + core.replace('"cortex-m3"\n', '"cortex-m7"\n'))
    with pytest.raises(InputError, match="'cortex-m7' is no core with a timing of its own"):
        boards.load(str(path))


def test_conditions_are_no_part_of_a_name() -> None:
    timing = m4()
    for mnemonic, operands, name in (
        ("bls", "18 <f>", "branch"), ("bl", "18 <f>", "branch"), ("addeq", "r0, r1", "process"),
        ("ldrbne", "r0, [r1, r2]", "load"), ("strb", "r0, [r1, r2]", "store, register offset"),
        ("strb", "r0, [r1], #1", "store"), ("mls", "r0, r1, r2, r3", "multiply"),
        ("ldr", "pc, [r0]", "load to pc"), ("pop", "{r4, pc}", "load many"),
        ("ittee", "eq", "if-then"), ("vdivge.f32", "s14, s18, s17", "float, divide"),
        ("vmovls.f32", "s3, s1", "float, move"), ("vmov", "s0, s1, r0, r1", "float, move of two"),
        ("smull", "r0, r1, r2, r3", "multiply long"),
        ("smlabb", "r0, r1, r2, r3", "multiply halves"),
    ):  # fmt: skip
        found = timing.class_of(mnemonic, operands)
        assert found is not None, mnemonic
        assert found.name == name


@pytest.mark.emulator
def test_a_program_without_symbols_is_refused(build_dir: Path) -> None:
    board = boards.load(M3)
    require_board(board)
    require_tool("qemu plugin")
    stripped = replace(board, name="stripped", cflags=("-s",))
    with pytest.raises(ToolFailed, match="no symbols"):
        run.run(stripped, stub.library(), stub.samples(1), 1, build_dir=build_dir)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "model", "source": "s", "classes": [{"name": "a", "match": "(", "source": "s"}]},
         "match"),
        ({"kind": "guess", "source": "s", "classes": []}, "'guess' is not known"),
        ({"kind": "fitted", "source": "s", "classes": []}, "`like` names the core"),
        ({"kind": "model", "source": "s", "classes": [
            {"name": "a", "match": "b", "source": "s", "cycles": [3, 1, 2]}]}, "least, assumed"),
        ({"kind": "model", "source": "s", "classes": [], "unknown": []}, "unknown is one number"),
        ({"kind": "bound", "source": "s", "classes": [], "issue": 0}, "issue is a positive"),
        ({"kind": "model", "source": "s", "classes": [
            {"name": "a", "match": "b", "source": "s", "latency": -1}]}, "latency is one number"),
        ({"kind": "model", "source": "s", "classes": [
            {"name": "a", "match": "b", "source": "s", "after": ["c"]}]}, "no class c"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused(table: dict[str, object], message: str) -> None:
    core = {"name": "mine", "cflags": [], "timing": table}
    with pytest.raises(InputError, match=re.escape(message)):
        boards.build(boards.Core, core, "mine.toml")


def test_a_class_of_three_numbers_has_three() -> None:
    with pytest.raises(ValueError, match="least, assumed and most"):
        InstructionClass("a", "b", "c", cycles=(1.0, 2.0))
