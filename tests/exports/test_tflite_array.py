"""Arrays for TFLM: the example is built with a small stand-in for it, which knows its answers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from tflite import BuiltinOperator, Model

from ascua import tflite
from ascua.exports.tflite_array import LACKS, methods
from ascua.exports.tflite_array._arena import arena_bytes
from ascua.ops import OPERATORS
from ascua.ops.exp import Exp
from ascua.ops.gelu import Gelu
from ascua.samples import sample_vectors
from tests.support import activation, network, oracle
from tests.support.command import MODELS, ascua, model_file, refused
from tests.support.compilers import tool
from tests.support.examples import ALL, FOLDED, UINT8, small
from tests.support.exported import REAL, WARNINGS, exported, model
from tests.support.islands import island
from tests.support.pages import DOCS, run_page
from tests.support.states import STATEFUL, ring
from tests.support.tools import require_package, require_programs

TFLM = Path(__file__).parent / "tflm"
CPP = ("g++", "-std=c++17", "-O1", "-fno-rtti", "-fno-exceptions", *WARNINGS, "-Wpedantic")
RESOLVER = TFLM / "tensorflow/lite/micro/micro_mutable_op_resolver.h"
KNOWN = re.findall(r"ADDS\((\w+)\)", RESOLVER.read_text().partition("public:\n    MicroM")[2])
"""What TFLM's resolver calls its operators."""
CODES = {v: k for k, v in vars(BuiltinOperator).items() if isinstance(v, int)}


def stated(content: bytes) -> set[str]:
    """The operators that a file has, as TFLM's resolver calls them."""
    root = Model.GetRootAs(content)
    subgraphs = [root.Subgraphs(i) for i in range(root.SubgraphsLength())]
    used = {g.Operators(i).OpcodeIndex() for g in subgraphs for i in range(g.OperatorsLength())}
    listed = [root.OperatorCodes(i) for i in used]
    names = [CODES[max(c.BuiltinCode(), c.DeprecatedBuiltinCode())] for c in listed]
    known = {name.lower(): name for name in KNOWN}
    return {known[name.replace("_", "").lower()] for name in names}


def allocated(content: bytes, capfd: pytest.CaptureFixture[str]) -> int:
    """Bytes of the arena that TFLM takes, as it says."""
    require_package("tflite_micro")
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(content, arena_size=1 << 22)
    interpreter.invoke()
    interpreter.print_allocations()
    return int(re.findall(r"Arena allocation total (\d+)", capfd.readouterr().err)[-1])


def answers(path: Path, content: bytes, arena: int) -> None:
    """Write to `path` what TFLM makes of the fixed samples, and what the file says."""
    graph = tflite.read(content)
    xs = sample_vectors(graph)
    ys = oracle(content, xs)

    def table(name: str, arrays: list[np.ndarray]) -> str:
        rows = np.concatenate([a.reshape(len(a), -1).view(np.uint8) for a in arrays], axis=1)
        body = ",".join("{" + ",".join(map(str, r)) + "}" for r in rows.tolist())
        return f"const uint8_t {name}[{rows.shape[0]}][{rows.shape[1]}] = {{{body}}};\n"

    def listed(kind: str, name: str, values: list[object]) -> str:
        return f"const {kind} {name}[] = {{{', '.join(map(str, values))}}};\n"

    path.write_text(
        "#include <cstddef>\n#include <cstdint>\nnamespace answers {\n"
        + listed("char *const", "operators", [f'"{name}"' for name in sorted(stated(content))])
        + listed("size_t", "inputs", [t.bytes for t in graph.inputs])
        + listed("size_t", "outputs", [t.bytes for t in graph.outputs])
        + listed("bool", "floats", [int(t.dtype == "float32") for t in graph.outputs])
        + f"const int states = {len(graph.states)};\nconst size_t arena = {arena};\n"
        + table("given", xs) + table("answered", ys) + "}\n"
    )  # fmt: skip


def built(folder: Path, to: Path) -> Path:
    """The example's program, of a folder whose network is called `net`; `to` has the answers."""
    require_programs("g++", "g++")
    sources = (folder / "net_model.cc", folder / "example/main.cc")
    tool([*CPP, f"-I{folder}", f"-I{TFLM}", f"-I{to}", *sources, "-o", to / "example"])
    return to / "example"


def example(path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], *more: object) -> Path:
    """The example of the network at `path`, exported to `net`."""
    content = path.read_bytes()
    folder = exported("tflite-array", path, tmp_path / "net", "--name", "net", *more)
    answers(tmp_path / "answers.h", content, allocated(content, capfd))
    return built(folder, tmp_path)


NETWORKS = {
    "ring": ring(),
    "island": network(*island(Exp, activation("x", (1, 8)), activation("y", (1, 8), 2.0, -128))),
    "floats": network(*island(Exp, activation("x", (1, 8)), activation("y", (1, 8)))[:2]),
}


@pytest.mark.parametrize("name", ["small", "two", *REAL, *NETWORKS])
def test_the_example_passes_on_tflm_s_bytes(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The vectors are TFLM's, the operators the file's, and the arena is enough."""
    made = NETWORKS.get(name)
    path = model(tmp_path, name) if made is None else model_file(tmp_path, made, name)
    said = tool([example(path, tmp_path, capfd)])
    assert said.startswith("arena: ")
    assert said.endswith("PASS 4/4\n")


def test_it_names_the_class(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    count = small().outputs[0].size
    (tmp_path / "labels.txt").write_text("".join(f"kind {i}\n" for i in range(count)))
    path = model(tmp_path, "small")
    program = example(path, tmp_path, capfd, "--labels", tmp_path / "labels.txt")
    best = int(np.argmax(oracle(path.read_bytes(), sample_vectors(small()))[0][0]))
    assert f"net vector 0: class kind {best}, 0 bytes differ\n" in tool([program])


@pytest.mark.parametrize("name", ["small", "kws"])
def test_the_bytes_are_the_file_s(name: str, tmp_path: Path) -> None:
    """Read back from what the compiler makes of them."""
    require_programs("g++", "g++")
    path = model(tmp_path, name)
    folder = exported("tflite-array", path, tmp_path / "net", "--name", "net")
    tool([*CPP, "-c", folder / "net_model.cc", "-o", tmp_path / "model.o"])
    with (tmp_path / "model.o").open("rb") as file:
        elf = ELFFile(file)
        (symbol,) = elf.get_section_by_name(".symtab").get_symbol_by_name("net_model")
        section = elf.get_section(symbol["st_shndx"])
        at, size = symbol["st_value"], symbol["st_size"]
        assert section.data()[at : at + size] == path.read_bytes()
        assert (at % 16, section["sh_addralign"] % 16, section["sh_flags"] & 1) == (0, 0, 0)


FAULTS = {
    "an operator left out": ("net_resolver.h", r"resolver\.AddSoftmax\(\)", "kTfLiteOk"),
    "one too many": ("net_resolver.h", r"resolver\.AddSoftmax", "resolver.AddTanh"),
    "too small an arena": ("example/main.cc", r"(ARENA_BYTES) \d+", r"\1 512"),
    "a vector's byte": ("example/net_vectors.h", r"(outputs.*\n\{)-?\d+", r"\g<1>77"),
}


@pytest.mark.parametrize(("path", "old", "new"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_seen(
    path: str, old: str, new: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    example(model(tmp_path, "small"), tmp_path, capfd)
    text, count = re.subn(old, new, (tmp_path / "net" / path).read_text(), count=1)
    assert count
    (tmp_path / "net" / path).write_text(text)
    with pytest.raises(AssertionError, match="FAIL"):
        tool([built(tmp_path / "net", tmp_path)])


def test_an_operator_misspelt_does_not_compile(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    example(model(tmp_path, "small"), tmp_path, capfd)
    path = tmp_path / "net/net_resolver.h"
    path.write_text(path.read_text().replace("AddSoftmax", "AddSoftMax"))
    with pytest.raises(AssertionError, match="AddSoftMax"):
        built(tmp_path / "net", tmp_path)


def test_two_models_in_one_program(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each with a resolver of its own."""
    example(model(tmp_path, "small"), tmp_path, capfd)
    exported("tflite-array", model(tmp_path, "two"), tmp_path / "second", "--name", "second")
    (tmp_path / "both.cc").write_text(
        '#include "net_model.h"\n#include "second_model.h"\n'
        '#include "net_resolver.h"\n#include "second_resolver.h"\n'
        "int main() {\n    tflite::MicroMutableOpResolver<NET_OPERATORS> a;\n"
        "    tflite::MicroMutableOpResolver<SECOND_OPERATORS + 1> b;\n"
        "    const bool added = net_add_operators(a) == kTfLiteOk && second_add_operators(b) =="
        " kTfLiteOk;\n    return !(added && net_model[4] == second_model[4]);\n}\n"
    )
    folders = [tmp_path / "net", tmp_path / "second"]
    sources = [f / f"{f.name}_model.cc" for f in folders]
    includes = [f"-I{f}" for f in (*folders, TFLM)]
    tool([*CPP, *includes, tmp_path / "both.cc", *sources, "-o", tmp_path / "both"])
    tool([tmp_path / "both"])


def test_every_operator_has_its_method() -> None:
    """But those that TFLM has not, which are refused."""
    assert set(LACKS) == FOLDED
    for kind, graphs in ALL.items():
        if kind not in LACKS:
            for graph in graphs:
                content = tflite.write(graph)
                added = {name.removeprefix("Add") for name in methods(tflite.read(content))}
                assert added == stated(content), kind
    assert set(ALL) >= set(OPERATORS) - FOLDED
    for graph in STATEFUL.values():
        added = {name.removeprefix("Add") for name in methods(graph)}
        assert added - {"CallOnce"} == stated(tflite.write(graph)) - {"CallOnce"}


def test_the_arena_is_enough_for_every_operator(capfd: pytest.CaptureFixture[str]) -> None:
    """And no more than two thirds beside 2 KB."""
    for kind, graphs in ALL.items():
        for graph in graphs if kind not in LACKS else ():
            needed = allocated(tflite.write(graph), capfd)
            assert needed <= arena_bytes(graph) <= needed * 5 / 3 + 2048, kind


def test_what_tflm_lacks_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    x, y = activation("x", (1, 8)), activation("y", (1, 8))
    gelu = model_file(tmp_path, network(Gelu((x,), (y,))), "gelu")
    refused(ascua("export", "tflite-array", gelu, "-o", out), 1, "has no GELU", "Another format")
    unsigned = model_file(tmp_path, UINT8["uint8_conv_2d"], "eight")
    refused(ascua("export", "tflite-array", unsigned, "-o", out), 1, "in uint8", "ascua quantize")
    assert not out.exists()


def test_nothing_of_a_plan_is_told(tmp_path: Path) -> None:
    """Whatever board and goal it would be planned for."""
    path, out = model(tmp_path, "small"), tmp_path / "out"
    folder = exported("tflite-array", path, tmp_path / "first", "--board", "microbit")
    done = ascua("export", "tflite-array", path, "-o", out, "--goal", "speed", "--json")
    told = json.loads(done.out)
    assert set(told) == {
        "schema", "format", "version", "name", "model", "out", "files", "warnings",
    }  # fmt: skip
    for file in (*told["files"], "manifest.json"):
        assert (folder / file).read_bytes() == (out / file).read_bytes(), file
    assert "planned" not in ascua("export", "tflite-array", path, "-o", out).out


def test_the_page(tmp_path: Path) -> None:
    model_file(tmp_path, small(), "model")
    run_page(DOCS / "exports/tflite-array.md", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(MODELS.glob("*.tflite")), ids=lambda p: p.stem)
def test_every_model_passes_or_is_refused(
    path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    done = ascua("export", "tflite-array", path, "-o", tmp_path / "out")
    if done.code:
        refused(done, 1, path.stem.partition(".")[0])
        return
    said = tool([example(path, tmp_path, capfd)])
    assert said.endswith("PASS 4/4\n")
    needed = int(re.findall(r"arena: (\d+) bytes", said)[0])
    assert arena_bytes(tflite.load(path)) <= needed * 6 / 5 + 2048
