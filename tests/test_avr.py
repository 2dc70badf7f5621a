"""Generated C on an AVR, where `int` has 16 bits, in QEMU: every byte is the oracles'."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from ascua import boards, kernels, tflite
from ascua.errors import AscuaError, DoesNotFit
from ascua.ir import Array, Graph
from ascua.ops.relu import Relu
from ascua.passes import prepare
from ascua.plan import GOALS, STACK_BYTES, Goal, check_fit, plan
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.fuzz.everywhere import cases
from tests.fuzz.networks import Network, joined, networks
from tests.ops.test_conv2d import conv as conv_net
from tests.support import activation, network, oracle, reference, samples
from tests.support.avr import INSTEAD
from tests.support.compilers import tool, write
from tests.support.examples import small
from tests.support.golden_files import FOLDER as GOLDEN
from tests.support.tools import require_programs
from tests.support.wide import widened
from tests.test_golden import NAMES, arrays

pytestmark = pytest.mark.emulator

BOARD = boards.load("mega2560")
MODELS = Path(__file__).parents[2] / "shared" / "models"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wundef", "-Werror")
SECONDS = 120
"""The longest that a program runs."""
MANY = {"SEED": 300_000, "COUNT": 300}
"""The first seed and how many of them the slow test takes, unless the environment says so."""
OWN = 32
"""Bytes of the variables of a program beside its library."""
TOGETHER = 16
"""Networks in one program at first; those that do not fit together are halved."""

MAIN = r"""
#include "net.h"
#include <avr/io.h>
#include <avr/pgmspace.h>

static const uint8_t inputs[] PROGMEM = {@inputs@};

extern uint8_t _end;

@instead@
static void put(uint8_t byte) {
    while (!(UCSR0A & _BV(UDRE0))) {
    }
    UDR0 = byte;
}

static void hex(uint8_t byte) {
    put((uint8_t)"0123456789abcdef"[byte >> 4]);
    put((uint8_t)"0123456789abcdef"[byte & 15]);
}

int main(void) {
    UCSR0B = _BV(TXEN0);
    /* What is not painted any more was stack. */
    uint8_t *const free = &_end;
    for (uint8_t *p = free; p < (uint8_t *)SP - 16; p++) {
        *p = 0xC5;
    }
    const uint8_t *from = inputs;
    for (uint8_t sample = 0; sample < @samples@; sample++) {
        for (int i = 0; i < NET_INPUTS; i++) {
            memcpy_P(net_input(i), from, (size_t)net_input_bytes(i));
            from += net_input_bytes(i);
        }
        net_run();
        for (int i = 0; i < NET_OUTPUTS; i++) {
            const uint8_t *y = net_output(i);
            for (int32_t n = net_output_bytes(i); n > 0; n--) {
                hex(*y++);
            }
        }
    }
    const uint8_t *p = free;
    while (*p == 0xC5) {
        p++;
    }
    const uint16_t stack = (uint16_t)(RAMEND + 1 - (uint16_t)p);
    put(' ');
    hex((uint8_t)(stack >> 8));
    hex((uint8_t)stack);
    put('\n');
    for (;;) {
    }
}
"""
"""Prints all outputs of all samples, and how deep the stack went."""


@pytest.fixture(autouse=True)
def tools() -> None:
    require_programs("gcc-avr avr-libc", "avr-gcc")
    require_programs("qemu-system-misc", "qemu-system-avr")


def on_avr(graph: Graph, xs: Sequence[Array], folder: Path, goal: Goal) -> list[Array]:
    """The outputs (n, *shape) of `graph` on the board. Raises DoesNotFit."""
    count = len(xs[0])
    prepared = prepare(graph)
    planned = plan(prepared, BOARD, goal)
    check_fit(planned)
    given = ",".join(map(str, pack(xs)))
    text = MAIN.replace("@inputs@", given).replace("@samples@", str(count))
    text = text.replace("@instead@", INSTEAD)
    elf = built(write(folder, emit(planned, "net"), **{"main.c": text.encode()}), planned.ram_bytes)
    written, stack = printed(elf).split()
    assert int(stack, 16) <= STACK_BYTES
    return unpack(bytes.fromhex(written), prepared, count)


def built(folder: Path, expected: int) -> Path:
    """The program of a library and main.c, whose variables take no more than what is expected."""
    elf = folder / "main.elf"
    sources = [folder / "main.c", *sorted(folder.glob("src/*.c"))]
    tool(["avr-gcc", *BOARD.flags, "-Os", "-std=gnu11", *WARNINGS, "-ffunction-sections",
          "-Wl,--gc-sections", "-I", folder / "include", *sources, "-o", elf])  # fmt: skip
    sizes = re.findall(r"^\.(?:data|bss)\s+(\d+)", tool(["avr-size", "-A", elf]), re.MULTILINE)
    assert sum(map(int, sizes)) <= expected + OWN
    return elf


def printed(elf: Path) -> str:
    """The line that a program writes to UART0."""
    command = ["qemu-system-avr", "-M", "mega2560", "-bios", str(elf), "-display", "none"]
    command += ["-monitor", "none", "-serial", "stdio"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as emulator:
        stop = threading.Timer(SECONDS, emulator.kill)
        stop.start()
        assert emulator.stdout is not None
        line = emulator.stdout.readline()
        stop.cancel()
        emulator.kill()
    assert line.endswith("\n"), f"it did not end: {line[:80]}"
    return line


@dataclass(frozen=True, eq=False)
class Asked:
    """A network, samples an input, and the outputs that an oracle has for them."""

    name: str
    graph: Graph
    xs: list[Array]
    ys: list[Array]


def wrong(asked: Sequence[Asked], folder: Path, goal: Goal) -> tuple[list[str], int]:
    """What goes wrong with networks, and how many of them ran: as many as fit are one program."""
    try:
        graph = asked[0].graph if len(asked) == 1 else joined([a.graph for a in asked])
        with tempfile.TemporaryDirectory(dir=folder) as build:
            outputs = on_avr(graph, [x for a in asked for x in a.xs], Path(build), goal)
    except AscuaError as e:
        if len(asked) == 1:
            return ([], 0) if isinstance(e, DoesNotFit) else ([f"{asked[0].name}: {e.what}"], 1)
        half = len(asked) // 2
        parts = [wrong(part, folder, goal) for part in (asked[:half], asked[half:])]
        return parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]
    found, at = [], iter(outputs)
    for a in asked:
        for y, expected in zip([next(at) for _ in a.ys], a.ys, strict=True):
            if y.tobytes() != expected.tobytes():
                found.append(f"{a.name}: {np.argwhere(y != expected)[:1].tolist()} of {y.shape}")
    return found, len(asked)


def check(asked: Sequence[Asked], folder: Path) -> int:
    """Fails where an output differs; answers how many networks ran. Goals take turns."""
    ran = 0
    for turn, first in enumerate(range(0, len(asked), TOGETHER)):
        goal = replace(GOALS[turn % len(GOALS)], seconds=0.1)
        found, count = wrong(asked[first : first + TOGETHER], folder, goal)
        assert not found, f"{goal.kind}: {found}"
        ran += count
    return ran


def planned_here(graph: Graph) -> bool:
    """Whether there is a kernel for each operator: none computes in floats."""
    return all(
        any(k.runs_on(BOARD.core) and op.dtypes <= {*k.types} for k in kernels.of(type(op)))
        for op in prepare(graph).ops
        if not op.view
    )


def golden(name: str) -> Asked:
    """A golden case: its outputs are those of tflite-micro, of uint8 those of LiteRT."""
    graph = tflite.load(GOLDEN / name / "model.tflite")
    xs, ys = arrays(name, "x"), arrays(name, "y")
    for y, expected in zip(reference(prepare(graph), xs), ys, strict=True):
        np.testing.assert_array_equal(y, expected)
    return Asked(name, graph, xs, ys)


def test_every_operator(tmp_path: Path) -> None:
    asked = [golden(name) for name in NAMES]
    here = [a for a in asked if planned_here(a.graph)]
    floats = {op.tflite for a in asked if a not in here for op in a.graph.ops}
    assert len(here) >= len(asked) - 12, floats
    states = [a for a in here if a.graph.states]
    assert check([a for a in here if not a.graph.states], tmp_path) == len(here) - len(states)
    for a in states:
        assert wrong([a], tmp_path, Goal(seconds=0.1)) == ([], 1)


@pytest.mark.parametrize("name", ["tinymaix_mnist_arduino_q", "hello_world_int8"])
def test_a_model(name: str, tmp_path: Path) -> None:
    path = MODELS / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the folder of the peers' models")
    graph = tflite.load(path)
    xs = samples(graph, 8)
    expected = oracle(path.read_bytes(), xs)
    for y, e in zip(reference(graph, xs), expected, strict=True):
        np.testing.assert_array_equal(y, e)
    for goal in GOALS:
        assert wrong([Asked(name, graph, xs, expected)], tmp_path, goal) == ([], 1)


def drawn(first: int, count: int) -> list[Asked]:
    """Random networks, and what tflite-micro has for them; the second half has int16."""
    found = networks(first, count)
    found += [w for n in found if (w := wider(n)) is not None]
    found = [n for n in found if planned_here(n.graph)]
    return [
        Asked(f"seed {c.network.seed}", c.graph, c.xs, c.expected)
        for c in cases(found)
        if not isinstance(c.expected, str)
    ]


def wider(n: Network) -> Network | None:
    """The network with int16 activations; None where an operator has no such."""
    try:
        model = tflite.write(widened(n.graph))
        graph = tflite.read(model, n.graph.name)
        prepare(graph)
    except AscuaError:
        return None
    return replace(n, model=model, graph=graph)


def test_random_networks(tmp_path: Path) -> None:
    asked = drawn(0, 12)
    assert check(asked, tmp_path) > len(asked) // 2 > 5


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_random_networks(tmp_path: Path) -> None:
    asked = drawn(*(int(os.environ.get(f"ASCUA_FUZZ_{k}", v)) for k, v in MANY.items()))
    assert check(asked, tmp_path) > len(asked) // 2


def refused(folder: Path) -> str:
    """What the compiler says of the sources in `folder`, which it refuses."""
    command = ["avr-gcc", *BOARD.flags, "-I", folder / "include", "-I", kernels.FOLDER]
    command += ["-fsyntax-only", *sorted(folder.glob("src/*.c"))]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr


def test_kernels_compile_where_they_are_exact(tmp_path: Path) -> None:
    here = sorted({k.name for k in kernels.every() if k.runs_on(BOARD.core)})
    elsewhere = sorted({k.name for k in kernels.every() if k.int_bits == 32})
    assert {k.name for k in kernels.every()} == {*here, *elsewhere}
    source = tmp_path / "src" / "kernels.c"
    source.parent.mkdir()
    source.write_text("".join(f'#include "{name}.h"\n' for name in here))
    tool(["avr-gcc", *BOARD.flags, *WARNINGS, "-I", kernels.FOLDER, "-fsyntax-only", source])
    for name in elsewhere:
        source.write_text(f'#include "{name}.h"\n')
        assert "this kernel needs an int of 32 bits" in refused(tmp_path), name


def test_what_no_index_reaches_is_refused(tmp_path: Path) -> None:
    graph = network(
        Relu((activation("x", (1, 200, 200, 1)),), (activation("y", (1, 200, 200, 1)),))
    )
    library = emit(plan(prepare(graph), BOARD), "net")
    assert "40000 bytes in one piece" in refused(write(tmp_path, library))
    assert "PTRDIFF_MAX" not in emit(plan(prepare(conv_net()), BOARD), "net").text("include/net.h")


@pytest.mark.parametrize("std", ["c11", "gnu11"])
@pytest.mark.parametrize("level", ["-O0", "-Os", "-O3"])
def test_no_warning_no_heap_no_libm(std: str, level: str, tmp_path: Path) -> None:
    folder = write(tmp_path, emit(plan(prepare(tflite.read(tflite.write(small()))), BOARD), "net"))
    for source in sorted(folder.glob("src/*.c")):
        out = source.with_suffix(".o")
        tool(["avr-gcc", *BOARD.flags, level, f"-std={std}", *WARNINGS, "-Wpedantic", "-Wshadow",
              "-I", folder / "include", "-c", source, "-o", out])  # fmt: skip
        asked = re.findall(r"U (\w+)", tool(["avr-nm", "-u", out]))
        foreign = [s for s in asked if not s.startswith(("net_", "__"))]
        assert {*foreign} <= {"memcpy", "memset"}


@pytest.mark.parametrize("name", ["mega2560", "lm3s6965evb"])
def test_constants_are_blamed_where_they_are_copied_alone(name: str) -> None:
    """With less RAM than the stack takes, so that no arena fits."""
    board = boards.load(name)
    memories = tuple(replace(m, bytes=1000) if "w" in m.use else m for m in board.memories)
    with pytest.raises(DoesNotFit) as e:
        check_fit(plan(prepare(small()), replace(board, memories=memories)))
    assert ("copied to RAM" in str(e.value)) == (name == "mega2560")
