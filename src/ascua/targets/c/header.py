"""The header of a library: what a program calls, and how values become bytes and back."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from string import Template

from ascua.ir import Tensor
from ascua.plan import Plan, View
from ascua.targets.c import memories, rows, states
from ascua.targets.c.constants import CTYPES, decimal, indexed

TEMPLATE = Path(__file__).parent / "library.h.in"

ENDS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}
"""The least and the greatest of the integers that stand for values."""

PIXELS = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))
"""What networks take a camera's 0 and 255 for."""


def header(plan: Plan, name: str) -> str:
    """The text of NAME.h."""
    groups = (("input", plan.inputs), ("output", plan.outputs))
    ends = [(kind, i, v) for kind, views in groups for i, v in enumerate(views)]
    there = ends[1:] if plan.by_rows else ends
    invoke = states.declaration(name, plan.state_bytes) if plan.states else ""
    others = plan.tensor_arenas[1:]
    invoke_on = states.declaration_on(name) if plan.states else ""
    if plan.by_rows:
        invoke = rows.declaration(name, plan) + invoke
        invoke_on = rows.declaration_on(name, plan) + invoke_on
    elif len(plan.inputs) == len(plan.outputs) == 1:
        x, y = CTYPES[plan.inputs[0].tensor.dtype], CTYPES[plan.outputs[0].tensor.dtype]
        invoke = (
            "\n/* One inference from `in` to `out`, copied where they are not the arena's. */\n"
            f"void {name}_invoke(const {x} *in, {y} *out);\n{invoke}"
        )
        on = f"struct {name}_instance *net, const {x} *in, {y} *out"
        invoke_on = f"void {name}_invoke_on({on});\n{invoke_on}"
    if memories.loaded(plan):
        invoke += memories.declaration(name)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=comment(plan.graph.name), version=version("ascua"), name=name, upper=name.upper(),
        indexed=indexed(plan.arena_bytes + plan.state_bytes),
        arena=plan.arena.bytes, words=-(-max(plan.arena.bytes, 1) // 8),
        arenas="".join(
            f"#define {name.upper()}_ARENA_{a.memory.upper()}_BYTES {a.bytes}\n" for a in others
        ),
        others="".join(
            f"    int64_t arena_{a.memory}[{-(-max(a.bytes, 1) // 8)}];\n" for a in others
        ),
        inputs=len(plan.inputs), outputs=len(plan.outputs),
        tensors="".join(_described(name, *end) for end in ends), invoke=invoke,
        typed="".join(_typed(name, *end) for end in there),
        **(_of_rows(name, plan) if plan.by_rows else _of_whole(name)),
        states=f"    int64_t states[{-(-plan.state_bytes // 8)}];\n" if plan.states else "",
        typed_on="".join(_typed_on(name, *end) for end in there), invoke_on=invoke_on,
        helpers="".join(_helpers(name, plan)),
    )  # fmt: skip


def _of_whole(name: str) -> dict[str, str]:
    """What the header says of a network whose inputs lie in the arena."""
    return {
        "how": f"Put the input where {name}_input_0() points, call {name}_run(), read"
        f" {name}_output_0(); or let\n   {name}_invoke() copy.",
        "given": "\n/* Where input `index` is read from; a run may overwrite it. */\n"
        f"void *{name}_input(int index);\nint32_t {name}_input_bytes(int index);\n",
        "run": f"\n/* One inference in place. */\nvoid {name}_run(void);\n",
        "run_on": f"void {name}_run_on(struct {name}_instance *net);\n",
        "source": "",
    }


def _of_rows(name: str, plan: Plan) -> dict[str, str]:
    """The same of one that is handed its input row by row."""
    return {
        "how": f"{name}_invoke_rows() asks a function of yours for each row of the input.",
        "given": "", "run": "", "run_on": "", "source": rows.fields(plan),
    }  # fmt: skip


def _described(name: str, kind: str, i: int, v: View) -> str:
    """Macros for shape, size and quantisation of a graph tensor."""
    t = v.tensor
    prefix = f"#define {name.upper()}_{kind.upper()}_{i}"
    truth = ", 0 or 1" if t.dtype == "bool" else ""
    lines = [
        "",
        f"/* {comment(t.name)}: {CTYPES[t.dtype]}[{']['.join(map(str, t.shape))}]{truth} */",
        f"{prefix}_BYTES {t.bytes}",
        f"{prefix}_SHAPE {{{', '.join(map(str, t.shape))}}}",
    ]
    if t.quant is not None and t.dtype != "float32":
        lines.append(f"{prefix}_SCALE {decimal(t.quant.scale)}")
        lines.append(f"{prefix}_ZERO_POINT ({t.quant.zero_point})")
    return "\n".join(lines) + "\n"


def _typed(name: str, kind: str, i: int, v: View) -> str:
    """Where a tensor of the static instance lies, by its type."""
    ctype = CTYPES[v.tensor.dtype]
    return (
        f"static inline {ctype} *{name}_{kind}_{i}(void) {{\n"
        f"    return ({ctype} *){name}_{kind}({i});\n}}\n"
    )


def _typed_on(name: str, kind: str, i: int, v: View) -> str:
    """The same of any instance."""
    ctype = CTYPES[v.tensor.dtype]
    return (
        f"static inline {ctype} *{name}_{kind}_{i}_on(struct {name}_instance *net) {{\n"
        f"    return ({ctype} *)(void *)((int8_t *)net->{states.place(v.buffer)});\n}}\n"
    )


def _helpers(name: str, plan: Plan) -> Iterator[str]:
    """Functions between values and bytes, for the ends that have a scale."""
    xs = [(i, v.tensor) for i, v in enumerate(plan.inputs) if is_quantized(v.tensor)]
    ys = [(i, v.tensor) for i, v in enumerate(plan.outputs) if is_quantized(v.tensor)]
    if xs:
        yield _rounded(name)
    for i, t in xs:
        yield _quantize(name, i, t)
        yield _pixels(name, i, t, by_rows=plan.by_rows)
    for i, t in ys:
        yield _dequantize(name, i, t)
    if len(plan.outputs) == len(ys) == 1:
        yield _top1(name, plan.outputs[0].tensor)


def is_quantized(t: Tensor) -> bool:
    """Whether integers of the tensor stand for values by one scale."""
    return t.quant is not None and t.dtype in ENDS


def _rounded(name: str) -> str:
    return f"""
/* round(value) + zero, a half away from 0, within least and most; of what is no number, zero. */
static inline int32_t {name}_rounded(float value, int32_t zero, int32_t least, int32_t most) {{
    int32_t whole;
    float rest;
    if (!(value > -1e6f)) {{
        return value < 0 ? least : zero;
    }}
    if (value > 1e6f) {{
        return most;
    }}
    whole = (int32_t)value;
    rest = value - (float)whole;
    whole += zero + (rest >= 0.5f) - (rest <= -0.5f);
    return whole < least ? least : whole > most ? most : whole;
}}
"""


def _quantize(name: str, i: int, t: Tensor) -> str:
    ctype, (least, most) = CTYPES[t.dtype], ENDS[t.dtype]
    macro = f"{name.upper()}_INPUT_{i}"
    return f"""
/* What stands for a value in input {i}: round(value / scale) + zero point. */
static inline {ctype} {name}_quantize_input_{i}(float value) {{
    return ({ctype}){name}_rounded(value / {macro}_SCALE, {macro}_ZERO_POINT, {least}, {most});
}}
static inline void {name}_quantize_input_{i}_array(const float *values, {ctype} *to,
                                                   int32_t count) {{
    for (int32_t i = 0; i < count; i++) {{
        to[i] = {name}_quantize_input_{i}(values[i]);
    }}
}}
"""


def _dequantize(name: str, i: int, t: Tensor) -> str:
    ctype, macro = CTYPES[t.dtype], f"{name.upper()}_OUTPUT_{i}"
    return f"""
/* The value that stands in output {i}: (q - zero point) * scale. */
static inline float {name}_dequantize_output_{i}({ctype} q) {{
    return (float)((int32_t)q - {macro}_ZERO_POINT) * {macro}_SCALE;
}}
static inline void {name}_dequantize_output_{i}_array(const {ctype} *from, float *values,
                                                      int32_t count) {{
    for (int32_t i = 0; i < count; i++) {{
        values[i] = {name}_dequantize_output_{i}(from[i]);
    }}
}}
"""


def _pixels(name: str, i: int, t: Tensor, *, by_rows: bool) -> str:
    """A camera's bytes as those of an input, or of a row, where they differ by a constant."""
    assert t.quant is not None
    if t.dtype != "int8" or len(t.shape) != 4 or t.shape[3] not in (1, 3):
        return ""
    scale, zero = t.quant.scale, t.quant.zero_point
    low, high = (-128 - zero) * scale, (127 - zero) * scale
    found = [(a, b) for a, b in PIXELS if max(abs(low - a), abs(high - b)) <= scale]
    if not found:
        return ""
    black, white = found[0]
    size = f"{name.upper()}_INPUT_{i}_{'ROW_BYTES' if by_rows else 'BYTES'}"
    given = "One row of pixels as a camera gives it" if by_rows else (
        "Pixels as a camera gives them, row by row"
    )  # fmt: skip
    return f"""
/* {given}, a byte a channel: 0 is {black:g}, 255 is {white:g}. */
static inline void {name}_pixels_input_{i}(const uint8_t *pixels, int8_t *to) {{
    for (int32_t i = 0; i < {size}; i++) {{
        to[i] = (int8_t)(pixels[i] - 128);
    }}
}}
"""


def _top1(name: str, t: Tensor) -> str:
    count, ctype = t.size, CTYPES[t.dtype]
    if count < 2:
        return ""
    return f"""
/* The index of the greatest of an output's values, the first of equal ones; its value in `score`,
   unless that is 0. */
static inline int32_t {name}_top1(const {ctype} *out, float *score) {{
    int32_t best = 0;
    for (int32_t i = 1; i < {count}; i++) {{
        best = out[i] > out[best] ? i : best;
    }}
    if (score) {{
        *score = {name}_dequantize_output_0(out[best]);
    }}
    return best;
}}
"""


def comment(text: str) -> str:
    """`text` (a name out of a file) where it cannot end a C comment or its line."""
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return printable.replace("\\", "/").replace("*/", "* /").replace("/*", "/ *")
