"""The .tflite file itself, as a C++ array for TensorFlow Lite Micro (TFLM), with its operators."""

from __future__ import annotations

from string import Template
from textwrap import indent

import numpy as np

from ascua.errors import Unsupported
from ascua.exports import Export, Format, fill
from ascua.exports.tflite_array._arena import arena_bytes
from ascua.ir import Graph
from ascua.targets.c import people, selftest
from ascua.targets.c.constants import CTYPES, numbers

TEMPLATES = {
    "README.md": "README.md.in",
    "{name}_model.cc": "model.cc.in",
    "{name}_model.h": "model.h.in",
    "{name}_resolver.h": "resolver.h.in",
    "example/main.cc": "main.cc.in",
}

METHODS = {"BATCH_MATMUL": "BatchMatMul", "CUMSUM": "CumSum", "PADV2": "PadV2"}
"""What MicroMutableOpResolver calls operators whose names it does not only respell."""
LACKS = ("GELU", "REDUCE_PROD", "TILE")
"""Operators that Ascua takes, and TFLM does not."""
VARIABLES = ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")
"""What a file with states has, and no operator of a graph is."""

INTERPRETER = "tflite::MicroInterpreter interpreter(model, resolver, arena, sizeof arena);"
WITH_STATES = """\
tflite::MicroAllocator *allocator = tflite::MicroAllocator::Create(arena, sizeof arena);
tflite::MicroResourceVariables *states =
    tflite::MicroResourceVariables::Create(allocator, $states);
tflite::MicroInterpreter interpreter(model, resolver, allocator, states);"""
NEAR = """
/* Bytes of values that are $tolerance of the greatest apart: sums depend on their order. */
int apart(const TfLiteTensor &y, const uint8_t *expected) {
    float most = 0.0f;
    int wrong = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t j = 0; j < y.bytes; j += sizeof(float)) {
            float v, w;
            std::memcpy(&v, bytes_of(y) + j, sizeof v);
            std::memcpy(&w, expected + j, sizeof w);
            const float size = w < 0 ? -w : w, difference = v < w ? w - v : v - w;
            most = size > most ? size : most;
            wrong += pass && !(difference <= ${tolerance}f * most) ? 4 : 0;
        }
    }
    return wrong;
}
"""
CLASS = """
/* The index of the greatest value, the first of equal ones. */
int top1(const TfLiteTensor &y) {
    const $type *values = static_cast<const $type *>(y.data.data);
    int best = 0;
    for (int j = 1; j < $classes; j++) {
        best = values[j] > values[best] ? j : best;
    }
    return best;
}
"""


def methods(graph: Graph) -> list[str]:
    """The methods of a resolver that add the operators of a file, in its order.

    Raises Unsupported for an operator that it has no method for.
    """
    kinds = dict.fromkeys((*(VARIABLES if graph.states else ()), *(op.tflite for op in graph.ops)))
    if lacking := [kind for kind in kinds if kind in LACKS]:
        raise Unsupported(
            f"{graph.name}: TensorFlow Lite Micro has no {', '.join(lacking)}.",
            ["Another format of `ascua export`: Ascua's own C has it."],
        )
    return [f"Add{METHODS.get(kind) or _respelt(kind)}" for kind in kinds]


def _respelt(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.split("_")).replace("2d", "2D")


def _files(what: Export) -> dict[str, bytes]:
    if any(op.uint8 for op in what.plan.graph.ops):
        raise Unsupported(
            f"{what.name}: it computes in uint8, and TensorFlow Lite Micro has no such kernels.",
            ["Quantise the float model to int8: `ascua quantize`."],
        )
    fields = {**what.fields, **_model(what), **_main(what)}
    vectors = f"{what.name}_vectors.h"
    test = selftest.files(what.library, what.xs, what.ys, what.labels)
    texts = {vectors: test[vectors]}
    if what.labels:
        texts[f"{what.name}_labels.h"] = people.labels(what.name, what.labels)
    return {
        **{p.format(name=what.name): fill("tflite_array", t, fields) for p, t in TEMPLATES.items()},
        **{f"example/{path}": text.encode() for path, text in texts.items()},
    }


def _model(what: Export) -> dict[str, str]:
    """The fields of the array, and of what adds its operators."""
    added = methods(what.graph)
    return {
        "bytes": str(len(what.content)),
        "numbers": numbers(np.frombuffer(what.content, np.uint8)),
        "operators": str(len(added)),
        "added": " &&\n        ".join(f"resolver.{method}() == kTfLiteOk" for method in added),
        "arena": str(arena_bytes(what.graph)),
    }


def _main(what: Export) -> dict[str, str]:
    """The fields of the example: how it is run, and how it compares."""
    library, near = what.library, what.library.tolerance > 0
    classes = selftest.classifies(library)
    named = f"{what.name}_label(top1(*interpreter.output(0)))"
    said = f'"class %s, ", {named}' if what.labels else '"class %d, ", top1(*interpreter.output(0))'
    y = what.graph.outputs[0]
    use = Template(WITH_STATES if what.graph.states else INTERPRETER).substitute(
        states=len(what.graph.states)
    )
    return {
        "labels": f'#include "{what.name}_labels.h"\n' if what.labels and classes else "",
        "near": Template(NEAR).substitute(tolerance=f"{library.tolerance:g}") if near else "",
        "apart": "y.type == kTfLiteFloat32 ? apart(y, expected) : " if near else "",
        "top1": Template(CLASS).substitute(type=CTYPES[y.dtype], classes=y.size) if classes else "",
        "answer": f"        std::printf({said});\n" if classes else "",
        "use": use,
        "interpreter": indent(use, "    "),
    }


FORMAT = Format(
    name="tflite-array",
    title="an array for TensorFlow Lite Micro",
    files=_files,
    paths=(*TEMPLATES, "example/{name}_*.h"),
    command="compile {name}_model.cc and example/main.cc beside TFLM: README.md",
    library=False,
)
