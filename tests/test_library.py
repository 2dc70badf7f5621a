"""A library in the user's own program: instances, threads, values, pixels, places, one folder."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ascua import boards
from ascua.ir import Graph, Quant
from ascua.passes import prepare
from ascua.plan import BALANCED, Goal, plan
from ascua.targets.c import emit, extras
from tests.ops.test_conv2d import conv
from tests.support import reference, samples
from tests.support.command import ascua, model_file, refused
from tests.support.compilers import C11, COMPILERS, WARNINGS, tool, write
from tests.support.examples import ALL, small
from tests.support.floats import floated
from tests.support.states import STATEFUL
from tests.support.tools import require_board

STREAM = next(iter(STATEFUL.values()))
BY_ROWS = Goal("ram", by_rows=True, seconds=0.5)
SANITIZE = ("-Og", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def library(graph: Graph, folder: Path, name: str = "net", goal: Goal = BALANCED) -> Path:
    """The files of a library for this computer, and those for people."""
    made = emit(plan(prepare(graph, floats=True), boards.load("host"), goal), name)
    xs = samples(graph, 4)
    return write(folder, made, **extras(made, xs, reference(graph, xs)))


def built(folder: Path, program: str, *flags: str, cpp: str | None = None) -> str:
    """What a program says that is linked with the library in `folder`."""
    require_board(boards.load("host"))
    source = folder / f"main.{'cpp' if cpp else 'c'}"
    source.write_text(program)
    objects = []
    for path in folder.glob("src/*.c"):
        objects.append(folder / f"{path.stem}.o")
        tool(["cc", *C11, *SANITIZE, "-I", folder / "include", "-c", path, "-o", objects[-1]])
    compiler = ["c++", f"-std={cpp}"] if cpp else ["cc", "-std=c11"]
    tool([*compiler, *WARNINGS, *SANITIZE, "-I", folder / "include", source, *objects, *flags,
          "-o", folder / "main"])  # fmt: skip
    return tool([folder / "main"])


def array(name: str, values: np.ndarray, ctype: str = "int8_t") -> str:
    rows = ",".join("{" + ",".join(map(str, row)) + "}" for row in values.reshape(len(values), -1))
    size = values.reshape(len(values), -1).shape
    return f"static const {ctype} {name}[{size[0]}][{size[1]}] = {{{rows}}};\n"


@pytest.mark.parametrize("graph", [small(), STREAM], ids=["stateless", "stream"])
def test_two_instances_in_two_threads(graph: Graph, tmp_path: Path) -> None:
    """Each has its own memory, and its own past; the static instance beside them too."""
    folder = library(graph, tmp_path)
    xs = samples(graph, 6)
    ys = reference(graph, xs)
    reset = "net_reset_on(net)" if graph is STREAM else "(void)net"
    again = "net_reset();" if graph is STREAM else ""
    said = built(folder, f"""
#include "net.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
{array("xs", xs[0])}{array("ys", ys[0])}
static net_t nets[2];
static void restart(net_t *net) {{ {reset}; }}
static void *work(void *given) {{
    net_t *net = given;
    static int8_t outs[2][sizeof ys[0]];
    int8_t *out = outs[net == &nets[1]];
    for (int turn = 0; turn < 100; turn++) {{
        restart(net);
        for (int n = 0; n < 6; n++) {{
            net_invoke_on(net, xs[n], out);
            if (memcmp(out, ys[n], sizeof ys[n]) != 0) {{
                return given;
            }}
        }}
    }}
    return 0;
}}
int main(void) {{
    pthread_t threads[2];
    long wrong = 0;
    for (int i = 0; i < 2; i++) {{
        pthread_create(&threads[i], 0, work, &nets[i]);
    }}
    for (int i = 0; i < 2; i++) {{
        void *answer;
        pthread_join(threads[i], &answer);
        wrong += answer != 0;
    }}
    {again}
    for (int n = 0; n < 6; n++) {{
        memcpy(net_input_0(), xs[n], sizeof xs[n]);
        net_run();
        wrong += memcmp(net_output_0(), ys[n], sizeof ys[n]) != 0;
        restart(&nets[0]);
    }}
    memcpy(net_input_0_on(&nets[1]), xs[0], sizeof xs[0]);
    restart(&nets[1]);
    memcpy(net_input_0_on(&nets[1]), xs[0], sizeof xs[0]);
    net_run_on(&nets[1]);
    wrong += memcmp(net_output_0_on(&nets[1]), ys[0], sizeof ys[0]) != 0;
    printf("%ld", wrong);
    return 0;
}}
""", "-pthread")  # fmt: skip
    assert said == "0"


@pytest.mark.parametrize("standard", ["c++11", "c++17", None])
def test_values_become_bytes_and_back(standard: str | None, tmp_path: Path) -> None:
    """As float32 says it, for every byte and for values between them and far away."""
    graph = small()
    folder = library(graph, tmp_path)
    x, y = graph.inputs[0].q, graph.outputs[0].q
    rng = np.random.default_rng(1)
    exact = (np.arange(-128, 128) - x.zero_point).astype(np.float32) * np.float32(x.scale)
    values = np.concatenate([exact, rng.normal(0, 200 * x.scale, 500), [1e30, -1e30]])
    values = values.astype(np.float32)
    ratio = values / np.float32(x.scale)
    wanted = np.clip(np.sign(ratio) * np.floor(np.abs(ratio.astype(np.float64)) + 0.5)
                     + x.zero_point, -128, 127)  # fmt: skip
    real = (np.arange(-128, 128) - y.zero_point).astype(np.float32) * np.float32(y.scale)
    given = ",".join(f"{v:.9e}f" for v in values)
    said = built(folder, f"""
#include "net.h"
#include <stdio.h>
int main(void) {{
    static const float values[] = {{{given}}};
    static int8_t bytes[sizeof values / sizeof values[0]];
    float back[256], score;
    int8_t all[256], scores[NET_OUTPUT_0_BYTES];
    net_quantize_input_0_array(values, bytes, {len(values)});
    for (int i = 0; i < {len(values)}; i++) {{
        printf("%d ", bytes[i]);
    }}
    for (int i = 0; i < 256; i++) {{
        all[i] = (int8_t)(i - 128);
    }}
    net_dequantize_output_0_array(all, back, 256);
    for (int i = 0; i < 256; i++) {{
        printf("%.9g ", (double)back[i]);
    }}
    for (int i = 0; i < NET_OUTPUT_0_BYTES; i++) {{
        scores[i] = (int8_t)(i == 3 || i == 2 ? 50 : i);
    }}
    int best = (int)net_top1(scores, &score);
    printf("%d %.9g", best, (double)score);
    return net_top1(scores, 0) != 2 || net_quantize_input_0(__builtin_nanf("")) != {x.zero_point};
}}
""", cpp=standard)  # fmt: skip
    numbers = said.split()
    np.testing.assert_array_equal(np.array(numbers[: len(values)], int), wanted)
    got = np.array(numbers[len(values) : len(values) + 256], np.float32)
    np.testing.assert_array_equal(got, real)
    assert numbers[-2] == "2"
    assert np.float32(numbers[-1]) == np.float32(50 - y.zero_point) * np.float32(y.scale)


def test_headers_of_all_networks_are_cpp11(tmp_path: Path) -> None:
    COMPILERS["gcc"].require()
    graphs = [g for graphs in ALL.values() for g in graphs]
    lines = []
    for i, graph in enumerate([*graphs, *STATEFUL.values()]):
        made = emit(plan(prepare(graph), boards.load("host")), f"n{i}")
        (tmp_path / f"n{i}.h").write_text(made.text(f"include/n{i}.h"))
        lines.append(f'#include "n{i}.h"\n')
    (tmp_path / "all.cpp").write_text("".join(lines))
    tool(["c++", "-std=c++11", *WARNINGS, "-c", tmp_path / "all.cpp", "-o", tmp_path / "all.o"])


def test_places_of_arena_and_weights(tmp_path: Path) -> None:
    """As a linker's map says on the board with the most memories."""
    board = boards.load("mps3-an547")
    require_board(board)
    folder = library(small(), tmp_path)
    (folder / "main.c").write_text(
        '#include "net.h"\nint main(void) {\n    net_run();\n    return 0;\n}\n'
        "void _start(void);\nvoid _start(void) {\n    main();\n}\n"
    )
    sections = ['-DNET_ARENA_SECTION=".fast"', '-DNET_WEIGHTS_SECTION=".slow"']
    where = ["-Wl,--section-start=.fast=0x20000000,--section-start=.slow=0x01000000"]
    command = [board.cc, *C11, *board.flags, "-O2", *sections, "-I", folder / "include",
               *sorted(folder.glob("src/net.c")), folder / "src/net_weights.c", folder / "main.c",
               "--specs=picolibc.specs", "-nostartfiles", *where, "-Wl,-Map=net.map", "-o",
               "net.elf"]  # fmt: skip
    subprocess.run([str(c) for c in command], cwd=folder, check=True)
    read = subprocess.run(["arm-none-eabi-nm", "net.elf"], cwd=folder, check=True,
                          capture_output=True, text=True)  # fmt: skip
    at = {line.split()[-1]: int(line.split()[0], 16) for line in read.stdout.splitlines()}
    assert at["arena"] == 0x20000000
    weights = [a for name, a in at.items() if name.startswith("net_") and "_weights" in name]
    assert weights
    assert all(0x01000000 <= a < 0x01010000 for a in weights)
    lines = (folder / "net.map").read_text().splitlines()
    assert any(line.startswith(".fast") and "0x20000000" in line for line in lines)


def test_one_flat_folder(tmp_path: Path) -> None:
    """All sources side by side, two networks in one folder, names of classes beside them."""
    require_board(boards.load("host"))
    names = tmp_path / "names.txt"
    names.write_text('no "one"?\nZwölf\n' + "".join(f"{i}\n" for i in range(2, 5)), "utf-8")
    folder = tmp_path / "both"
    folder.mkdir()
    for name in ("first", "second"):
        model = model_file(tmp_path, small(), name)
        done = ascua("compile", model, "-b", "host", "-o", tmp_path / name, "--flat", "--labels",
                     names)  # fmt: skip
        assert done.code == 0, done.err
        for path in (tmp_path / name).iterdir():
            assert path.is_file(), "all side by side"
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "main.c").write_text("""
#include "first.h"
#include "first_labels.h"
#include "second.h"
#include <stdio.h>
int main(void) {
    first_run();
    second_run();
    printf("%s %s %s", first_label(0), first_label(1), first_label(9));
    return 0;
}
""")
    tool(["cc", *C11, *sorted(folder.glob("*.c")), "-o", folder / "main"])
    assert tool([folder / "main"]) == 'no "one"? Zwölf ?'
    readme = (folder / "README.md").read_text()
    assert "all `.c` files of this folder" in readme


def test_the_readme_s_program_compiles(tmp_path: Path) -> None:
    folder = library(small(), tmp_path)
    code = (folder / "README.md").read_text().split("```c\n")[1].split("```")[0]
    include, _, body = code.partition("\n")
    program = f"{include}\nint main(void) {{\n{body}    return best < 0 || score != score;\n}}\n"
    assert built(folder, program) == ""


def test_the_readme_s_program_by_rows_compiles(tmp_path: Path) -> None:
    """And gives what the network gives, in an instance too, by the call that the page has."""
    graph = small()
    folder = library(graph, tmp_path, goal=BY_ROWS)
    readme = (folder / "README.md").read_text()
    code = readme.split("```c\n")[1].split("```")[0]
    begin, call = code.split("int32_t error")
    on = next(name for name in re.findall("`(.+?)`", readme) if "_on(" in name)
    (x,) = samples(graph, 1)
    (y,) = reference(graph, [x])
    assert built(folder, f"""{begin}
#include <string.h>
{array("xs", x)}{array("ys", y)}
static int32_t row(void *context, int32_t y, int8_t *to) {{
    memcpy(to, xs[0] + y * NET_INPUT_0_ROW_BYTES, NET_INPUT_0_ROW_BYTES);
    return context != 0;
}}
int main(void) {{
    static int64_t buffer[NET_INSTANCE_BYTES / sizeof(int64_t)];
    net_t *net = net_instance_in(buffer, NET_INSTANCE_BYTES);
    void *context = 0;
    int32_t error{call}
    int wrong = error != 0 || memcmp(out, ys[0], sizeof out) != 0;
    memset(out, 0, sizeof out);
    return wrong || !net || {on.replace("&net", "net")} != 0 || memcmp(out, ys[0], sizeof out) != 0;
}}
""") == ""  # fmt: skip


@pytest.mark.parametrize("goal", [BALANCED, BY_ROWS], ids=["whole", "rows"])
@pytest.mark.parametrize("kind", ["integers", "floats", "several"])
def test_the_readme_names_what_is_there(kind: str, goal: Goal, tmp_path: Path) -> None:
    graph = floated(small()) if kind == "floats" else small()
    if kind == "several":
        graph = replace(graph, outputs=(graph.ops[0].y, *graph.outputs))
    folder = library(graph, tmp_path, goal=goal)
    readme = (folder / "README.md").read_text()
    declared = set(re.findall(r"\bnet_\w+", (folder / "include/net.h").read_text()))
    assert {*re.findall(r"\bnet_\w+", readme)} <= declared
    sources = [*folder.glob("src/*.c"), folder / "include/net.h", folder / "CMakeLists.txt"]
    macros = {name for path in sources for name in re.findall(r"\bNET_\w+", path.read_text())}
    assert {name.removeprefix("D") for name in re.findall(r"\bD?NET_\w+", readme)} <= macros


def test_what_is_refused(tmp_path: Path) -> None:
    model = model_file(tmp_path, small())
    short = tmp_path / "short.txt"
    short.write_text("one\n")
    refused(ascua("compile", model, "-b", "host", "-o", tmp_path / "o", "--labels", short), 1,
            "short.txt", "1 label")  # fmt: skip
    for option in (("--flat",), ("--labels", short), ("--name", "x")):
        refused(ascua("compile", model, "-b", "maix-bit", "-o", tmp_path / "o", *option), 1,
                option[0], "a kmodel is none")  # fmt: skip
    assert not (tmp_path / "o").exists()


def test_a_trained_model_is_called_as_its_folder(tmp_path: Path) -> None:
    """And brings the names of its classes, unless it is another one by now."""
    folder = tmp_path / "my-digits"
    folder.mkdir()
    model = model_file(folder, small(), "model")
    classes = [f"class {i}" for i in range(small().outputs[0].size)]
    sha = hashlib.sha256(model.read_bytes()).hexdigest()
    result = {"model_sha256": sha, "classes": classes}
    (folder / "result.json").write_text(json.dumps(result))
    assert ascua("compile", model, "-b", "host", "-o", tmp_path / "o").code == 0
    assert (tmp_path / "o/include/my_digits.h").exists()
    assert '"class 1"' in (tmp_path / "o/include/my_digits_labels.h").read_text()
    (folder / "result.json").write_text(json.dumps({**result, "model_sha256": "0"}))
    assert ascua("compile", model, "-b", "host", "-o", tmp_path / "p").code == 0
    assert not (tmp_path / "p/include/my_digits_labels.h").exists()


def of_pixels(scale: float, zero: int) -> Graph:
    """A convolution of an image of that quantisation."""
    graph = conv()
    x = replace(graph.inputs[0], quant=Quant((float(np.float32(scale)),), (zero,)))
    moved = {graph.inputs[0]: x}
    return replace(graph, inputs=(x,), ops=tuple(op.on(moved) for op in graph.ops))


@pytest.mark.parametrize(
    ("scale", "zero", "said"),
    [
        (1 / 255, -128, "0 is 0, 255 is 1"), (1.0, -128, "0 is 0, 255 is 255"),
        (2 / 255, -1, "0 is -1, 255 is 1"), (0.05, -3, None),
    ],
)  # fmt: skip
def test_pixels(scale: float, zero: int, said: str | None, tmp_path: Path) -> None:
    """The bytes of a camera become those of an input, where that is a matter of 128."""
    folder = library(of_pixels(scale, zero), tmp_path)
    header = (folder / "include/net.h").read_text()
    if said is None:
        assert "pixels" not in header
        return
    assert f"a byte a channel: {said}." in header
    assert built(folder, """
#include "net.h"
#include <stdio.h>
int main(void) {
    static uint8_t pixels[NET_INPUT_0_BYTES] = {0, 1, 127, 128, 255};
    net_pixels_input_0(pixels, net_input_0());
    for (int i = 0; i < 5; i++) {
        printf("%d ", net_input_0()[i]);
    }
    return 0;
}
""") == "-128 -127 -1 0 127 "  # fmt: skip


def test_pixels_by_rows(tmp_path: Path) -> None:
    """The function of a library that asks for rows converts one: there is no room for more."""
    graph = of_pixels(1 / 255, -128)
    folder = library(graph, tmp_path, goal=BY_ROWS)
    (x,) = samples(graph, 1)
    (y,) = reference(graph, [x])
    pixels = (x.astype(np.int16) + 128).astype(np.uint8)
    assert built(folder, f"""
#include "net.h"
#include <stdio.h>
#include <string.h>
{array("pixels", pixels, "uint8_t")}{array("ys", y)}
static int32_t row(void *context, int32_t y, int8_t *to) {{
    net_pixels_input_0((const uint8_t *)context + y * NET_INPUT_0_ROW_BYTES, to);
    return 0;
}}
int main(void) {{
    static uint8_t given[sizeof pixels[0]];
    static int8_t out[sizeof ys[0]];
    memcpy(given, pixels[0], sizeof given);
    int32_t error = net_invoke_rows(row, given, out);
    printf("%d %d", (int)error, memcmp(out, ys[0], sizeof out) != 0);
    return 0;
}}
""") == "0 0"  # fmt: skip
    assert "One row of pixels as a camera gives it" in (folder / "include/net.h").read_text()
