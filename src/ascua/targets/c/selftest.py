"""The self-test of a library: vectors, and a function that compares what it makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np

from ascua.artifact import Library
from ascua.ir import Array
from ascua.targets.c.constants import CTYPES, numbers
from ascua.targets.c.header import is_quantized

TEMPLATES = Path(__file__).parent

EXACT = """
static int32_t differing(const void *y, const uint8_t *expected, int32_t bytes) {
    const uint8_t *out = (const uint8_t *)y;
    int32_t wrong = 0;
    for (int32_t j = 0; j < bytes; j++) {
        wrong += out[j] != vector_byte(expected + j);
    }
    return wrong;
}
"""

NEAR = """
/* Whether an output is of floats whose sums depend on their order. */
static const int floats[] = {$floats};

static float vector_float(const uint8_t *at) {
    float v;
    vector_copy(&v, at, 4);
    return v;
}

/* Bytes that differ; of such floats, those of values $tolerance of the greatest apart. */
static int32_t differing(const void *y, const uint8_t *expected, int32_t bytes, int near) {
    const uint8_t *out = (const uint8_t *)y;
    int32_t wrong = 0;
    float most = 0.0f;
    for (int32_t j = 0; !near && j < bytes; j++) {
        wrong += out[j] != vector_byte(expected + j);
    }
    for (int32_t j = 0; near && j < bytes; j += 4) {
        const float v = vector_float(expected + j);
        most = v > most ? v : -v > most ? -v : most;
    }
    for (int32_t j = 0; near && j < bytes; j += 4) {
        const float w = vector_float(expected + j);
        float v;
        memcpy(&v, out + j, 4);
        wrong += v - w <= ${tolerance}f * most && w - v <= ${tolerance}f * most ? 0 : 4;
    }
    return wrong;
}
"""

ROWS = """
/* Row y of the input at `context`. */
static int32_t source(void *context, int32_t y, $type *to) {
    vector_copy(to, (const uint8_t *)context + y * $row, $row);
    return 0;
}
"""


def files(
    library: Library, xs: Sequence[Array], ys: Sequence[Array], labels: Sequence[str] = ()
) -> dict[str, str]:
    """The texts of the self-test, by their names.

    `xs`, `ys` are the vectors, (n, *shape) a graph tensor; `labels` names the classes.
    """
    name, upper = library.name, library.name.upper()
    vectors = [
        "#include <stdint.h>\n\n#ifndef VECTORS /* where they lie */\n#define VECTORS\n#endif\n",
        *(_vectors(f"{name}_vector_{kind}", a) for kind, a in (("inputs", xs), ("outputs", ys))),
    ]
    return {
        f"{name}_selftest.h": _template(
            "selftest.h.in", name=name, upper=upper, vectors=str(len(xs[0]))
        ),
        f"{name}_selftest.c": _template("selftest.c.in", **_fields(library, labels)),
        f"{name}_vectors.h": "\n".join(vectors),
    }


def main(name: str) -> str:
    """A program that runs it on a computer."""
    return _template("main.c.in", name=name)


def classifies(library: Library) -> bool:
    """Whether it answers a class, by NAME_top1; what answers as much as it is given does not."""
    y = library.outputs[0]
    several = y.size > 1 and y.size != library.inputs[0].size
    return len(library.outputs) == 1 and is_quantized(y) and several


def _vectors(symbol: str, arrays: Sequence[Array]) -> str:
    """The bytes of an array of vectors as C."""
    rows = np.concatenate(
        [np.ascontiguousarray(a).reshape(len(a), -1).view(np.uint8) for a in arrays], axis=1
    )
    body = ",\n".join("{" + numbers(r) + "}" for r in rows)
    return (
        f"static const uint8_t {symbol}[{rows.shape[0]}][{rows.shape[1]}] VECTORS = {{\n{body}}};\n"
    )


def _fields(library: Library, labels: Sequence[str]) -> dict[str, str]:
    """What is special in the self-test of this library."""
    name = library.name
    first = [f"    {name}_load();\n"] if library.loads else []
    first += [f"    {name}_reset();\n"] if library.states else []
    near = library.tolerance > 0
    floats = ", ".join(str(int(t.dtype == "float32")) for t in library.outputs)
    differing = Template(NEAR if near else EXACT).substitute(
        floats=floats, tolerance=f"{library.tolerance:g}"
    )
    return {
        "name": name,
        "upper": name.upper(),
        "labels": f'#include "{name}_labels.h"\n' if labels and classifies(library) else "",
        "differing": differing,
        "floats": ", floats[i]" if near else "",
        "first": "".join(first),
        "answer": _answer(library, labels),
        **_run(library),
    }


def _answer(library: Library, labels: Sequence[str]) -> str:
    """Statements that print the class, where there is one."""
    name = library.name
    if not classifies(library):
        return ""
    best = f"{name}_top1({name}_output_0(), 0)"
    said = f"print({name}_label((int){best}));" if labels else f"print_number(print, {best});"
    return f'        print("class ");\n        {said}\n        print(", ");\n'


def _run(library: Library) -> dict[str, str]:
    """How the inputs of a vector are handed over, and the network is run."""
    name = library.name
    if not library.by_rows:
        return {
            "source": "",
            "run": f"""        for (int i = 0; i < {name.upper()}_INPUTS; i++) {{
            vector_copy({name}_input(i), in, (size_t){name}_input_bytes(i));
            in += {name}_input_bytes(i);
        }}
        {name}_run();""",
        }
    row = f"{name.upper()}_INPUT_0_ROW_BYTES"
    out = f", {name}_output(0)" if len(library.outputs) == 1 else ""
    return {
        "source": Template(ROWS).substitute(type=CTYPES[library.inputs[0].dtype], row=row),
        "run": f"        wrong += {name}_invoke_rows(source, (void *)in{out});",
    }


def _template(file: str, **fields: str) -> str:
    return Template((TEMPLATES / file).read_text(encoding="utf-8")).substitute(fields)
