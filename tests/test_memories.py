"""Several memories: the hottest nearest, wishes first, and where the linker has put it all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ascua import boards
from ascua.boards import Board, Memory
from ascua.errors import DoesNotFit, InputError
from ascua.ir import Graph
from ascua.measure import run_model
from ascua.model import load_model
from ascua.passes import prepare
from ascua.plan import STATES, Goal, Plan, check_fit, memories, plan
from ascua.plan.memories import BESIDE, Thing
from ascua.plan.place import Span
from ascua.run import run
from ascua.run.build import firmware
from ascua.run.elf import Elf
from ascua.samples import pack, sample_vectors, unpack
from ascua.targets.c import emit, extras
from tests.support import reference, samples
from tests.support.command import ascua, model_file, refused
from tests.support.compilers import C11, tool, write
from tests.support.examples import ALL, small
from tests.support.random_nets import random_net
from tests.support.states import STATEFUL
from tests.support.tools import require_board
from tests.test_library import array, built

HOST, M3 = boards.load("host"), boards.load("lm3s6965evb")
M55 = boards.load("mps3-an547")
EXAMPLES = Path(__file__).parents[1] / "examples/boards"
NETS = {seed: prepare(random_net(seed)) for seed in (5, 11)}


def several(board: Board, near: int, far: int = 0x200000, wait: int = 1) -> Board:
    """A board with two RAMs, the nearer of so many bytes, and code in one that waits."""
    return replace(board, memories=(
        Memory("boot", 0x10000000, 0x40000, "rx", 4, 16),
        Memory("itcm", 0x10040000, 0x40000, "rx"),
        Memory("dtcm", 0x30000000, near, "rw"),
        Memory("sram", 0x31000000, far, "rw", wait),
    ))  # fmt: skip


def cut(graph: Graph, board: Board = M55, share: float = 0.6, goal: Goal | None = None) -> Plan:
    """A plan that has only a share of its arena in the nearer RAM."""
    goal = goal or Goal()
    whole = plan(graph, several(board, 0x80000), goal)
    found = plan(graph, several(board, round(share * whole.arena.bytes) + 1024 + 512), goal)
    assert [a.memory for a in found.tensor_arenas] == ["dtcm", "sram"]
    return found


@pytest.mark.parametrize("name", [n for n in boards.names("c") if boards.load(n).memories])
def test_what_fits_the_nearest_lies_there_alone(name: str) -> None:
    """As it did before boards had several: no section, no script."""
    planned = plan(prepare(small()), boards.load(name))
    first = boards.load(name).memory("w")
    assert first is not None
    assert [a.memory for a in planned.arenas] == [first.name]
    assert not planned.spread
    library = emit(planned, "net")
    assert (library.script, library.loads) == (None, False)
    assert not any("section(" in library.text(p) and "_SECTION" not in library.text(p)
                   for p in library.files)  # fmt: skip


@pytest.mark.parametrize("seed", NETS)
def test_arenas_have_room_and_nothing_overlaps(seed: int) -> None:
    planned = cut(NETS[seed])
    check_fit(planned)
    near, far = planned.tensor_arenas
    room = planned.board.memories[2].bytes - 1024
    assert 0 < near.bytes <= room
    assert {b.memory for b in planned.buffers} == {"dtcm", "sram"}
    assert [b.other for b in planned.buffers] == [b.memory == "sram" for b in planned.buffers]
    for a in (near, far):
        assert all(b.offset + b.bytes <= a.bytes for b in planned.buffers if b.memory == a.memory)


def test_the_hottest_lies_nearest() -> None:
    """Of three that live at once, one has room; a fourth lies where it was, as it comes later."""
    board = several(M55, 1024 + BESIDE + 100)
    spans = [Span(100, 0, 2), Span(100, 1, 3), Span(60, 0, 3), Span(40, 4, 5), Span(40, 0, 5)]
    heats = [(1.0, None), (3.0, None), (2.0, None), (0.5, None), (9.0, "sram")]
    things = [Thing((i,), heat, memory) for i, (heat, memory) in enumerate(heats)]
    laid = memories.cut(board, spans, things, {}, states=0)
    assert laid is not None
    assert laid.memories == ("sram", "dtcm", "sram", "dtcm", "sram")
    assert {a.memory: a.bytes for a in laid.arenas} == {"dtcm": 100, "sram": 200}
    scarce = several(M55, 1024 + BESIDE + 100, far=120)
    assert memories.cut(scarce, spans, things[:4], {}, states=0) is None


def test_constants_that_are_read_most_often_lie_nearest() -> None:
    """Until the nearer memory is full; what is read once stays in flash."""
    board = replace(several(M55, 0x8000), memories=(
        Memory("flash", 0, 0x40000, "rx", 4), Memory("ram", 0x30000000, 6000, "rw")
    ))  # fmt: skip
    planned = plan(NETS[11], board, Goal("ram"))
    check_fit(planned)
    assert planned.near.code is None
    consts = {const.key: (c.op, const) for c in planned.calls for const in c.consts}
    reads = {key: memories.reads_of(*found) / found[1].bytes for key, found in consts.items()}
    near = {key for key in consts if planned.near.consts.get(key) == "ram"}
    assert near
    assert near != {*consts}
    assert min(reads[key] for key in near) > 1
    left = [key for key in consts if key not in near and reads[key] > 1]
    room = board.memories[1].bytes - BESIDE - sum(planned.uses(1024)[1].parts.values())
    hotter = [key for key in left if reads[key] > min(reads[k] for k in near)]
    assert all(consts[key][1].bytes > room for key in hotter)


def test_a_memory_as_near_takes_all_of_what_is_too_large_for_the_first() -> None:
    graph = NETS[5]
    need = plan(graph, several(M55, 0x80000)).arena.bytes
    board = several(M55, need - 64, wait=0)
    planned = plan(graph, board)
    assert [a.memory for a in planned.arenas] == ["sram"]
    check_fit(planned)
    assert ".bss.net_sram" in emit(planned, "net").text("net_memories.ld")


@pytest.mark.parametrize("goal", [Goal(), Goal("ram")], ids=["balanced", "ram"])
@pytest.mark.parametrize("seed", NETS)
def test_the_same_bytes_on_this_computer(seed: int, goal: Goal, tmp_path: Path) -> None:
    """The C of a plan in several memories, under sanitizers."""
    planned = cut(NETS[seed], M3, 0.6, goal)
    equal(replace(planned, board=HOST), NETS[seed], tmp_path, sanitize=True)


def test_states_stay_with_the_variables() -> None:
    graph = prepare(next(iter(STATEFUL.values())))
    name = next(t.name for t in graph.inputs)
    planned = plan(graph, several(M55, 0x8000), Goal(placements=((name, "sram"),)))
    assert [a.memory for a in planned.arenas] == ["dtcm", "sram", STATES]
    near = next(u for u in planned.uses(0) if u.memory.name == "dtcm")
    assert near.parts["states"] == planned.state_bytes
    kept = graph.states[0].tensor.name
    with pytest.raises(InputError, match="is kept between runs"):
        plan(graph, several(M55, 0x8000), Goal(placements=((kept, "sram"),)))


def equal(planned: Plan, graph: Graph, folder: Path, *, sanitize: bool = False) -> None:
    """The plan's C computes what the reference does."""
    xs, library = samples(graph, 3), emit(planned, "net")
    done = run(planned.board, library, pack(xs), 3, build_dir=folder, sanitize=sanitize)
    for y, expected in zip(unpack(done.outputs, library, 3), reference(graph, xs), strict=True):
        np.testing.assert_array_equal(y, expected)


def inside(elf: Elf, board: Board, name: str, memory: str) -> bool:
    """Whether an array or a function of the program lies in a memory."""
    m = next(m for m in board.memories if m.name == memory)
    found = [s for s in (*elf.arrays, *elf.functions) if s.name == name]
    return len(found) == 1 and m.origin <= found[0].first and found[0].end <= m.origin + m.bytes


@pytest.mark.emulator
@pytest.mark.parametrize("goal", [Goal(), Goal("ram")], ids=["balanced", "ram"])
def test_addresses_and_bytes_on_a_board(goal: Goal, tmp_path: Path) -> None:
    """ITCM, DTCM and SRAM in use; what is loaded is copied there, from where the code is kept."""
    require_board(M55)
    graph = NETS[5]
    planned = cut(graph, goal=goal)
    equal(planned, graph, tmp_path)
    library = emit(planned, "net")
    elf = firmware(planned.board, library, tmp_path)
    assert planned.near.code == "itcm"
    for array_name, memory in (("arena", "dtcm"), ("arena_sram", "sram")):
        assert inside(elf, planned.board, array_name, memory)
    assert all(inside(elf, planned.board, f, "itcm") for f in library.steps)
    assert inside(elf, planned.board, "net_run", "boot")
    assert planned.near.consts
    placed = [s.name for s in elf.arrays if s.name.startswith("net_") and "weights" in s.name]
    assert any(inside(elf, planned.board, name, "itcm") for name in placed)
    loaded = next(s for s in elf.sections if s.name == ".net_itcm")
    assert loaded.load is not None
    assert 0x10000000 < loaded.load < 0x10040000 <= loaded.address


@pytest.mark.emulator
def test_placed_on_a_board(tmp_path: Path) -> None:
    """An activation and the weights of a layer, on a board as it comes."""
    require_board(M55)
    model = model_file(tmp_path, small())
    graph = load_model(model).graph
    x, w = graph.inputs[0].name, next(t.name for t in graph.ops[0].inputs[1:] if t is not None)
    goal = Goal(placements=((x, "sram"), (w, "dtcm")))
    planned = load_model(model).plan(M55, goal)
    elf = firmware(M55, emit(planned, "net"), tmp_path / "build")
    assert inside(elf, M55, "arena", "dtcm")
    assert inside(elf, M55, "arena_sram", "sram")
    placed = [s.name for s in elf.arrays if "weights" in s.name]
    assert sum(inside(elf, M55, name, "dtcm") for name in placed) == 1
    assert sum(inside(elf, M55, name, "itcm") for name in placed) == len(placed) - 1
    result = run_model(load_model(model), planned, sample_vectors(graph), build=tmp_path / "build")
    assert result.measurement.mismatched_bytes == 0
    assert result.measurement.ram.arena == planned.arena_bytes
    said = ascua("run", model, "-b", "mps3-an547", "--place", f"{x}=sram",
                 "--build-dir", tmp_path / "build")  # fmt: skip
    assert said.code == 0, said.err
    said = ascua("validate", model, "-b", "mps3-an547", "--place", f"{x}=sram", "-v",
                 "--build-dir", tmp_path / "build")  # fmt: skip
    assert said.code == 0, said.err
    assert "sram@0" in said.err


@pytest.mark.emulator
def test_a_board_that_counts_for_another_has_not_its_memories(tmp_path: Path) -> None:
    stand_in = boards.load("mps2-an386")
    require_board(stand_in)
    path = tmp_path / "mine.toml"
    path.write_text((boards.FOLDER / "stm32l476.toml").read_text().replace("0x18000", "0x800"))
    mine = boards.load(str(path))
    model = load_model(model_file(tmp_path, small()))
    goal = Goal(placements=((model.graph.inputs[0].name, "sram2"),))
    planned = model.plan(mine, goal)
    assert planned.spread
    found = run_model(model, planned, sample_vectors(model.graph), build=tmp_path / "build")
    assert found.measurement.mismatched_bytes == 0
    assert found.measurement.counted_on == "mps2-an386"


SCRIPT = """
MEMORY {
    FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 2M
    ITCMRAM (rx) : ORIGIN = 0x00000000, LENGTH = 64K
    DTCMRAM (rw) : ORIGIN = 0x20000000, LENGTH = 128K
    RAM_D1 (rw) : ORIGIN = 0x24000000, LENGTH = 512K
}
REGION_ALIAS("flash", FLASH)
REGION_ALIAS("itcm", ITCMRAM)
REGION_ALIAS("dtcm", DTCMRAM)
REGION_ALIAS("axi", RAM_D1)
INCLUDE net_memories.ld
ENTRY(main)
SECTIONS {
    .isr_vector : { KEEP(*(.isr_vector)) } > FLASH
    .text : { *(.text .text*) } > FLASH
    .rodata : { *(.rodata .rodata*) } > FLASH
    .data : { *(.data .data*) } > DTCMRAM AT > FLASH
    .bss (NOLOAD) : { *(.bss .bss*) *(COMMON) } > DTCMRAM
}
"""
"""As STM32CubeIDE writes it, and the lines that a user adds."""

PROGRAM = """
#include "net.h"
__attribute__((section(".isr_vector"))) void *const table[2] = {0, 0};
int main(void) {
    net_load();
    net_run();
    return 0;
}
"""


def library_of(planned: Plan, folder: Path) -> Path:
    """The files of a library as `ascua compile` writes them."""
    made = emit(planned, "net")
    xs = samples(planned.graph, 2)
    return write(folder, made, **extras(made, xs, reference(planned.graph, xs)))


@pytest.mark.parametrize("own", [False, True], ids=["script", "macro"])
def test_in_a_linker_script_of_the_user_s(own: bool, tmp_path: Path) -> None:
    """On an STM32H7, which nothing here runs; and where a macro says otherwise."""
    board = boards.load(str(EXAMPLES / "stm32h7.toml"))
    require_board(board)
    graph = NETS[5]
    planned = plan(graph, board, Goal(placements=((graph.inputs[0].name, "axi"),)))
    folder = library_of(planned, tmp_path)
    assert "net_load()" in (folder / "README.md").read_text()
    mine = ".mine 0x24040000 (NOLOAD) : { *(.mine) } > RAM_D1"
    script = SCRIPT.replace("SECTIONS {", f"SECTIONS {{\n    {mine}") if own else SCRIPT
    (folder / "mine.ld").write_text(script)
    (folder / "main.c").write_text(PROGRAM)
    flags = [*C11, *board.flags, "-O2", *(['-DNET_ARENA_AXI_SECTION=".mine"'] if own else [])]
    linked = ["--specs=picolibc.specs", "-nostartfiles", "-Wl,-emain", "-L.", "-T", "mine.ld"]
    sources = [*emit(planned, "net").sources, "main.c"]
    tool([str(board.cc), *flags, "-Iinclude", *sources, *linked, "-o", "net.elf"], cwd=folder)
    elf = Elf(folder / "net.elf")
    assert inside(elf, board, "arena", "dtcm")
    assert inside(elf, board, "arena_axi", "axi")
    assert inside(elf, board, "net_run", "flash")
    assert all(inside(elf, board, f, "itcm") for f in emit(planned, "net").steps)
    first = next(s.first for s in elf.arrays if s.name == "arena_axi")
    assert first == (0x24040000 if own else 0x24000000)


def test_firmware_for_the_example_compiles(tmp_path: Path) -> None:
    """For a board that has a compiler and no runner: compiled, linked, refused to run."""
    path = EXAMPLES / "stm32h7.toml"
    board = boards.load(str(path))
    require_board(board)
    planned = plan(NETS[5], board)
    elf = firmware(board, emit(planned, "net"), tmp_path)
    assert inside(elf, board, "arena", "dtcm")
    assert planned.near.code == "itcm"
    assert inside(elf, board, emit(planned, "net").steps[0], "itcm")
    model = model_file(tmp_path, small())
    refused(ascua("run", model, "-b", path), 1, "names no runner")
    said = ascua("compile", model, "-b", path, "-o", tmp_path / "lib", "--name", "net")
    assert said.code == 0, said.err
    assert (tmp_path / "lib/net_memories.ld").exists()
    manifest = json.loads((tmp_path / "lib/manifest.json").read_text())
    assert manifest["memories"]["dtcm"]["arena"] == manifest["arena_bytes"]
    assert ascua("compile", model, "-b", path, "-o", tmp_path / "lib", "--flat").code == 0


def test_a_board_to_plan_for(tmp_path: Path) -> None:
    """`analyze` shows what each memory holds; a wish is seen."""
    path, model = EXAMPLES / "esp32s3.toml", model_file(tmp_path, small())
    x = small().inputs[0].name
    said = ascua("analyze", model, "-b", path)
    assert said.code == 0, said.err
    assert "sram of esp32s3" in said.out
    assert "psram" not in said.out
    said = ascua("analyze", model, "-b", path, "--place", f"{x}=psram")
    assert said.code == 0, said.err
    assert "psram of esp32s3" in said.out
    assert f"'{x}' as you placed it" in said.out
    assert "10 wait states" in said.out
    twice = ("--place", f"{x}=psram", "--place", f"{x}=sram")
    refused(ascua("analyze", model, "-b", path, *twice), 1, "placed in psram already")
    said = ascua("analyze", model, "-b", path, "--place", f"{x}=psram", "--json")
    held = {m["name"]: m for m in json.loads(said.out)["memories"]}
    assert held["psram"]["parts"] == {"arena": held["psram"]["bytes"]}
    assert held["sram"]["bytes"] == sum(held["sram"]["parts"].values()) <= held["sram"]["room"]
    refused(ascua("run", model, "-b", path), 1, "names no compiler")


def test_instances_have_all_arenas(tmp_path: Path) -> None:
    graph = NETS[11]
    planned = replace(cut(graph, M3), board=HOST)
    planned = replace(planned, near=replace(planned.near, consts={}, code=None))
    folder = library_of(planned, tmp_path)
    xs = samples(graph, 2)
    said = built(folder, f"""
#include "net.h"
#include <stdio.h>
#include <string.h>
{array("xs", xs[0])}{array("ys", reference(graph, xs)[0])}
static net_t net;
int main(void) {{
    int wrong = (int)(sizeof net < NET_ARENA_BYTES + NET_ARENA_SRAM_BYTES);
    static int8_t out[sizeof ys[0]];
    for (int i = 0; i < 2; i++) {{
        net_invoke_on(&net, xs[i], out);
        wrong += memcmp(out, ys[i], sizeof out) != 0;
        memcpy(net_input(0), xs[i], sizeof xs[i]);
        net_run();
        wrong += memcmp(net_output(0), ys[i], sizeof out) != 0;
    }}
    printf("%d", wrong);
}}
""")  # fmt: skip
    assert said == "0"


def test_what_is_refused(tmp_path: Path) -> None:
    model, x = model_file(tmp_path, small()), small().inputs[0].name
    on = ("-b", "mps3-an547")

    def said(*wishes: str, board: tuple[str, ...] = on) -> object:
        given = [word for wish in wishes for word in ("--place", wish)]
        return ascua("analyze", model, *board, *given)

    refused(said("nothing=sram"), 1, "no tensor 'nothing'")
    assert "placed" in ascua("analyze", model, *on, "--place", f"{x[:3]}...=sram").out
    refused(said("=sram"), 1, "write it as TENSOR=MEMORY")
    refused(said("po=sram"), 1, "no single one whose name begins so")
    refused(said(f"{x}=srma"), 1, "mps3-an547 has no memory 'srma'", "'sram'")
    refused(said(f"{x}=itcm"), 1, "itcm holds no variables", "dtcm, sram")
    refused(said(x), 1, "write it as TENSOR=MEMORY")
    refused(said(f"{x}=sram", board=()), 1, "on which board")
    refused(said(f"{x}=sram", board=("-b", "host")), 1, "host has no memories of its own")
    refused(ascua("validate", model, "--place", f"{x}=sram"), 1, "on which board")


def test_a_placement_that_does_not_fit() -> None:
    graph = NETS[5]
    x = graph.inputs[0]
    small_far = several(M55, 0x80000, far=64)
    planned = plan(graph, small_far, Goal(placements=((x.name, "sram"),)))
    need = f"{-(-x.bytes // 4) * 4:,} bytes of sram .* and there are 64"
    with pytest.raises(DoesNotFit, match=rf"(?s){need}.*'{x.name}'.*--place {x.name}=sram"):
        check_fit(planned)


def test_what_fits_no_two_memories_together_says_so() -> None:
    graph = NETS[5]
    need = plan(graph, several(M55, 0x80000)).arena.bytes
    planned = plan(graph, several(M55, 2048, far=need // 2))
    with pytest.raises(DoesNotFit, match=r"bytes of sram \(arena"):
        check_fit(planned)


@pytest.mark.parametrize("name", ["CONV_2D", "ADD", "CONCATENATION", "SPLIT", "MEAN"])
def test_whatever_lies_in_the_farther_memory(name: str, tmp_path: Path) -> None:
    """Inputs and outputs of any number, on this computer."""
    graph = prepare(ALL[name][0])
    wishes = tuple((t.name, "sram") for t in (*graph.inputs, *graph.outputs))
    planned = plan(graph, several(M3, 0x8000), Goal(placements=wishes))
    equal(replace(planned, board=HOST), graph, tmp_path, sanitize=True)
