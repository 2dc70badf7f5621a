"""Several networks in one program that have one arena, in turns; a buffer as an instance."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ascua import boards, tflite
from ascua.errors import DoesNotFit
from ascua.passes import prepare
from ascua.plan import STACK_BYTES, check_fit, check_fit_together, plan
from tests.ops.test_fully_connected import dense
from tests.support.command import ascua, refused
from tests.support.examples import small
from tests.support.states import STATEFUL

STREAM = next(iter(STATEFUL.values()))
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
ARENA = "first_second_arena"
PROGRAM = r"""
#include "first/include/first.h"
#include "second/include/second.h"
#include "first/test/first_selftest.h"
#include "first/test/first_vectors.h"
#include "second/test/second_selftest.h"
#include "second/test/second_vectors.h"
#include <string.h>

int main(void) {
    static _Alignas(8) int8_t buffer[FIRST_INSTANCE_BYTES + 8];
    int wrong = 0;
    for (int n = 0; n < 4; n++) {
        const int i = n % FIRST_VECTORS, j = n % SECOND_VECTORS;
        int8_t out[4096];
        first_invoke((const int8_t *)first_vector_inputs[i], out);
        wrong |= memcmp(out, first_vector_outputs[i], FIRST_OUTPUT_0_BYTES) != 0;
        second_invoke((const int8_t *)second_vector_inputs[j], out);
        wrong |= memcmp(out, second_vector_outputs[j], SECOND_OUTPUT_0_BYTES) != 0;
        first_t *net = first_instance_in(buffer, sizeof(buffer));
        first_invoke_on(net, (const int8_t *)first_vector_inputs[i], out);
        wrong |= memcmp(out, first_vector_outputs[i], FIRST_OUTPUT_0_BYTES) != 0;
    }
    wrong |= 2 * (first_instance_in(buffer + 1, FIRST_INSTANCE_BYTES) != 0);
    wrong |= 4 * (first_instance_in(buffer, FIRST_INSTANCE_BYTES - 1) != 0);
    return wrong;
}
"""


@pytest.fixture
def models(tmp_path: Path) -> list[str]:
    """Two files."""
    graphs = {"first": small(), "second": dense(k=300, oc=40)}
    for name, graph in graphs.items():
        (tmp_path / f"{name}.tflite").write_bytes(tflite.write(graph))
    return [str(tmp_path / f"{name}.tflite") for name in graphs]


def test_one_arena(models: list[str], tmp_path: Path) -> None:
    to = tmp_path / "libraries"
    result = ascua("compile", *models, "--share-arena", "--board", "lm3s6965evb", "-o", to)
    assert (result.code, result.err) == (0, "")
    manifests = [json.loads((to / n / "manifest.json").read_text()) for n in ("first", "second")]
    size = max(m["arena_bytes"] for m in manifests)
    assert all(m["shared_arena"] == {"name": ARENA, "bytes": size} for m in manifests)
    assert f"first and second share one arena of {size} bytes, {ARENA}: they run in" in result.out
    for name in ("first", "second"):
        readme = (to / name / "README.md").read_text()
        assert f"`{ARENA}` ({size} bytes" in readme
        assert f"-D{ARENA.upper()}_SECTION=" in readme
    (to / "main.c").write_text(PROGRAM)
    sources = [
        f"{n}/src/{n}{end}.c" for n in ("first", "second") for end in ("", "_weights", "_on")
    ]
    include = [f"-I{n}/{part}" for n in ("first", "second") for part in ("include", "src")]
    section = f'-D{ARENA.upper()}_SECTION=".mine"'
    flags = [section, "-std=c11", "-O1", *SANITIZE]
    subprocess.run(["cc", *flags, *include, "main.c", *sources, "-o", "both"], cwd=to, check=True)
    subprocess.run(["./both"], cwd=to, check=True)
    table = subprocess.run(
        ["objdump", "-t", "both"], cwd=to, check=True, capture_output=True, text=True
    )
    arenas = [line.split() for line in table.stdout.splitlines() if line.endswith(ARENA)]
    assert [(section, int(n, 16)) for *_, section, n, _ in arenas] == [(".mine", size)]


def test_what_cannot_share(models: list[str], tmp_path: Path) -> None:
    to = tmp_path / "libraries"
    board = ["--board", "lm3s6965evb", "-o", to]
    refused(ascua("compile", *models, *board), 1, "one MODEL", "--share-arena")
    refused(ascua("compile", models[0], "--share-arena", *board), 1, "several MODELs")
    twice = [models[0], models[0], "--share-arena", *board]
    refused(ascua("compile", *twice), 1, "would be called first")
    named = [*models, "--share-arena", "--name", "x", *board]
    refused(ascua("compile", *named), 1, "--name")
    apart = (boards.FOLDER / "stm32l476.toml").read_text().replace("0x18000", "0x5dc")
    (tmp_path / "apart.toml").write_text(apart)
    shared = [*models, "--share-arena", "--board", tmp_path / "apart.toml", "-o", to]
    refused(ascua("compile", *shared), 1, "first in sram2", "second in sram1")
    assert not to.exists()


def test_one_that_does_not_fit_leaves_nothing(models: list[str], tmp_path: Path) -> None:
    large = tmp_path / "large.tflite"
    large.write_bytes(tflite.write(dense(k=1000, oc=300)))
    to = tmp_path / "libraries"
    found = ascua("compile", *models, large, "--share-arena", "--board", "lm3s6965evb", "-o", to)
    refused(found, 3, "large does not fit")
    assert not to.exists()


def test_constants_of_all_are_in_one_flash(tmp_path: Path) -> None:
    """Each fits alone."""
    files = [tmp_path / "first.tflite", tmp_path / "second.tflite"]
    for path in files:
        path.write_bytes(tflite.write(dense(k=1000, oc=150)))
    to = tmp_path / "libraries"
    board = ["--board", "lm3s6965evb", "-o", to]
    found = ascua("compile", *files, "--share-arena", *board)
    refused(found, 3, "first and second do not fit lm3s6965evb in one program", "bytes of flash",
            "constants of first 15", "constants of second 15", "262,144")  # fmt: skip
    assert not to.exists()
    assert ascua("compile", files[0], *board).code == 0


def test_states_of_all_are_in_one_ram() -> None:
    """Beside one arena and one stack."""
    board = boards.load("lm3s6965evb")
    p = plan(prepare(STREAM), board)
    once = p.arena.bytes + STACK_BYTES

    def together(ram: int) -> None:
        memories = tuple(replace(m, bytes=ram) if m.name == "ram" else m for m in board.memories)
        small = replace(p, board=replace(board, memories=memories))
        check_fit(small)
        check_fit_together({"first": small, "second": small})

    together(once + 2 * p.state_bytes)
    with pytest.raises(DoesNotFit, match=f"ram .*states of second {p.state_bytes}"):
        together(once + 2 * p.state_bytes - 1)
