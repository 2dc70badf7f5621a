"""A library that is handed its input row by row: by a function of the user's, as a camera does."""

from __future__ import annotations

from ascua.ir import Tensor
from ascua.plan import Plan, Source
from ascua.targets.c.constants import CTYPES
from ascua.targets.c.states import place

FIELDS = (
    "int32_t (*row)(void *context, int32_t y, {ctype} *to);\n    void *context;\n    int32_t error;"
)


def fields(plan: Plan) -> str:
    """What an instance knows of its input, and whether there was an error."""
    return f"    {_fields(plan)}\n" if plan.by_rows else ""


def definition(plan: Plan) -> list[str]:
    """The same of the static instance."""
    if not plan.by_rows:
        return []
    return [f"static struct {{\n    {_fields(plan)}\n}} source;", "#define SOURCE source"]


def _fields(plan: Plan) -> str:
    return FIELDS.format(ctype=CTYPES[plan.graph.inputs[0].dtype])


def declaration(name: str, plan: Plan) -> str:
    """What the header says."""
    x = plan.graph.inputs[0]
    upper = name.upper()
    return f"""
/* One inference: `row` fills row y of the input, {upper}_INPUT_0_ROW_BYTES at `to`, for each y from
   0 to {upper}_INPUT_0_ROWS - 1, in this order and once. Where it answers anything but 0 the
   inference ends, and answers that; else 0. */
#define {upper}_INPUT_0_ROWS {x.height}
#define {upper}_INPUT_0_ROW_BYTES {x.bytes // x.height}
{_prototype(name, plan, on=False)};
"""


def declaration_on(name: str, plan: Plan) -> str:
    """What it says of instances."""
    return f"{_prototype(name, plan, on=True)};\n"


def function(name: str, plan: Plan, first: str, last: str, *, on: bool) -> str:
    """The function, between the statements `first` and `last`."""
    given, error = ("net", "net->error") if on else ("", "source.error")
    source = "(*net)" if on else "source"
    lines = [
        f"{_prototype(name, plan, on=on)} {{",
        f"    {source}.row = row;",
        f"    {source}.context = context;",
        f"    {error} = 0;",
        *first.splitlines(),
    ]
    for s in plan.steps:
        lines.append(f"    {name}_{s.name}({given});")
        if any(isinstance(c.op, Source) for c in s.calls):
            lines += [f"    if ({error}) {{", f"        return {error};", "    }"]
    lines += last.splitlines()
    if out := _output(plan):
        v = plan.outputs[0]
        lines.append(f"    memcpy(out, {place(v.buffer)}, {out.bytes});")
    return "\n".join([*lines, "    return 0;", "}\n"])


def _prototype(name: str, plan: Plan, *, on: bool) -> str:
    suffix, instance = ("_on", f"struct {name}_instance *net, ") if on else ("", "")
    x, y = plan.graph.inputs[0], _output(plan)
    out = f", {CTYPES[y.dtype]} *out" if y else ""
    row = f"int32_t (*row)(void *context, int32_t y, {CTYPES[x.dtype]} *to)"
    return f"int32_t {name}_invoke_rows{suffix}({instance}{row}, void *context{out})"


def _output(plan: Plan) -> Tensor | None:
    """The output, where there is one."""
    return plan.outputs[0].tensor if len(plan.outputs) == 1 else None
