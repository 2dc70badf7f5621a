"""The functions of a library: its steps around the kernels, turn by turn where they are loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from ascua.ir import ITEMSIZE
from ascua.kernels import Rows, Run, Sums
from ascua.plan import ALIGNMENT, Call, Plan, Source, Step, View
from ascua.targets.c import again, constants
from ascua.targets.c.constants import CTYPES, literal
from ascua.targets.c.header import comment
from ascua.targets.c.states import array, place

ARENA_CTYPES = {**CTYPES, "int16": "s16_t", "float32": "f32_t"}
"""The C types of what lies in the arena; kernel.h says why int16_t will not do."""


class Steps:
    """The texts of the steps of `plan`; `symbols` has the arrays of its constants by their keys."""

    def __init__(self, plan: Plan, name: str, symbols: Mapping[tuple[str, str], str]) -> None:
        self.plan = plan
        self.name = name
        self.symbols = symbols

    @cached_property
    def copies(self) -> list[tuple[str, Mapping[str, int | float]]]:
        """Kernels and parameters of the calls that are alike."""
        found: list[tuple[str, Mapping[str, int | float]]] = []
        for c in self.plan.calls:
            if c.alike and (c.kernel.name, c.params) not in found:
                found.append((c.kernel.name, c.params))
        return found

    def function(self, call: Call) -> str:
        """What a step calls: the kernel itself, or a copy of it."""
        kernel = call.kernel.name
        if call.alike:
            return f"{kernel}_{self.copies.index((kernel, call.params))}"
        return kernel if call.inline else f"{kernel}_shared"

    def shared(self, function: str, call: Call) -> str:
        """One copy of a kernel for the calls that have none of their own."""
        kernel = call.kernel.name
        types = [t for t, _ in self.arguments(call)]
        params = [self.parameters(call)] if call.alike else []
        first = "&p" if call.alike else "p"
        names = [f"a{i}" for i in range(len(types))]
        declared = ", ".join(f"{t}{n}" for t, n in zip(types, names, strict=True))
        if not call.alike:
            declared = f"const {kernel}_t *p, {declared}"
        lines = [*params, f"    {kernel}({', '.join([first, *names])});", "    KEEP_ORDER();"]
        return "\n".join([f"SHARED void {function}({declared}) {{", *lines, "}\n"])

    def parameters(self, call: Call) -> str:
        """The definition of a call's parameters."""
        fields = ", ".join(f".{k} = {literal(v)}" for k, v in call.params.items())
        return f"    static const {call.kernel.name}_t p = {{{fields}}};"

    def arguments(self, call: Call, turn: str | None = None) -> list[tuple[str, str]]:
        """(C type, expression) of each argument after the parameters.

        `turn` is what counts the rows that calls make, or that they take, one by one.
        """
        late, row = isinstance(call.work, Sums), _row(call, turn)
        block = call.work.block if isinstance(call.work, Rows) else 1
        xs = [self.pointer(v, call, row, const=True) for v in call.reads]
        ys = [
            self.pointer(v, call, None if late else turn, block, const=False) for v in call.writes
        ]
        if call.window is not None:
            xs = [("const int8_t *const *", "rows")]
        if call.kernel.gathers:
            xs = [("const int8_t *const *", "xs")]
        if call.kernel.scatters:
            ys = [("int8_t *const *", "ys")]
        consts = [
            (f"const {c.ctype} *", constants.argument(self.symbols[c.key], c)) for c in call.consts
        ]
        told = []
        if block > 1:
            told = [("int32_t ", f"{call.op.y.shape[1]} - {block} * {turn}")]
        if late:
            told = [("int32_t ", f"{turn}")]
        scratch = [("void *", place(call.scratch))] if call.scratch else []
        return [*xs, *consts, *ys, *told, *scratch]

    def pointer(
        self, v: View, call: Call, turn: str | None, block: int = 1, *, const: bool
    ) -> tuple[str, str]:
        """C type and expression of a kernel's argument."""
        ctype = "int8_t" if call.kernel.bytewise else ARENA_CTYPES[v.tensor.dtype]
        kind = f"const {ctype} *" if const else f"{ctype} *"
        at = place(v.buffer)
        if v.rows is not None:
            row = f"{block} * {turn}" if block > 1 else turn or "0"
            at = f"{array(v.buffer)} + {ALIGNMENT} * {self.row_tables[v.rows]}[{row}]"
        elif turn is not None:
            slices = call.work.rows if isinstance(call.work, Sums) else v.tensor.height
            at += f" + {turn} * {block * v.tensor.bytes // slices}"
        return kind, at if ctype == "int8_t" else f"({kind})(void *)({at})"

    @cached_property
    def row_tables(self) -> dict[tuple[int, ...], str]:
        """The arrays of where rows lie, in words, by what they have."""
        found: dict[tuple[int, ...], str] = {}
        for step in self.plan.steps:
            for v in (v for c in step.calls for v in (*c.reads, *c.writes)):
                if v.rows is not None and v.rows not in found:
                    found[v.rows] = f"{self.name}_rows_{len(found)}"
        return found

    def places(self) -> str:
        """The definitions of these arrays."""
        lines = []
        for places, symbol in self.row_tables.items():
            words = [p // ALIGNMENT for p in places]
            ctype = "uint16_t" if max(words) < 2**16 else "uint32_t"
            listed = ", ".join(map(str, words))
            lines.append(f"static const {ctype} {symbol}[{len(words)}] = {{{listed}}};\n")
        return "".join(lines)

    def step(self, step: Step) -> str:
        """The function of a step."""
        if step.looped:
            return self.loop(step)
        call = step.calls[0]
        if isinstance(call.op, Source):
            return self.fetch(step, call)
        lines = [
            self.title(step.calls),
            f"STEP void {self.name}_{step.name}(INSTANCE) {{",
            *self.declared(call),
        ]
        if call.window is not None:
            lines += self.window(call)
        if (len(step.order) == 1 and call.work is None) or isinstance(call.work, Run):
            lines += [*self.lists(call), f"    {self.call(call)}"]
        else:
            lines.append(f"    for (int32_t turn = 0; turn < {len(step.order)}; turn++) {{")
            lines += ["    " + line for line in self.turn(call, "turn", looped=False)]
            lines.append("    }")
        return "\n".join([*lines, "}\n"])

    def fetch(self, step: Step, call: Call) -> str:
        """A function that lets the user fill all rows of the input."""
        at = self.pointer(call.writes[0], call, "turn", const=False)[1]
        return (
            f"{self.title(step.calls)}\n"
            f"STEP void {self.name}_{step.name}(INSTANCE) {{\n"
            f"    for (int32_t turn = 0; turn < {len(step.order)} && !SOURCE.error; turn++) {{\n"
            f"        SOURCE.error = SOURCE.row(SOURCE.context, turn, {at});\n    }}\n}}\n"
        )

    def title(self, calls: Sequence[Call]) -> str:
        """What the calls do."""
        outputs = calls[-1].op.outputs
        shape = ", ".join("x".join(map(str, t.shape[1:])) for t in outputs)
        listed = " + ".join(f"{c.op.kind} {comment(c.op.name)}" for c in calls)
        return f"/* {listed}: {shape}, {sum(c.macs for c in calls)} MACs */"

    def loop(self, step: Step) -> str:
        """A function for a turn of each call, and one that takes the turns in their order."""
        parts, name = [], f"{self.name}_{step.name}"
        ends = ["break"] * len(step.calls)
        for i, call in enumerate(step.calls):
            if isinstance(call.op, Source):
                at = self.pointer(call.writes[0], call, "turn", const=False)[1]
                parts.append(
                    f"{self.title([call])}\n"
                    f"STEP void {name}_{i}(INSTANCE_AND int32_t turn) {{\n"
                    f"    SOURCE.error = SOURCE.row(SOURCE.context, turn, {at});\n}}\n"
                )
                ends[i] = (
                    "if (SOURCE.error) {\n                return;\n            }\n            break"
                )
                continue
            lines = [
                self.title([call]),
                f"STEP void {name}_{i}(INSTANCE_AND int32_t turn) {{",
                *self.declared(call),
                *self.window(call),
                *again.definitions(call),
                *self.turn(call, "turn", looped=True),
            ]
            parts.append("\n".join([*lines, "}\n"]))
        ctype = "uint8_t" if len(step.calls) <= 256 else "uint16_t"
        cases = "".join(
            f"        case {i}:\n            {name}_{i}(NET_AND turn[{i}]++);\n"
            f"            {ends[i]};\n"
            for i in range(len(step.calls) - 1)
        )
        last = len(step.calls) - 1
        order = ", ".join(map(str, step.order))
        parts.append(
            f"{self.title(step.calls)}\n"
            f"STEP void {name}(INSTANCE) {{\n"
            f"    static const {ctype} order[{len(step.order)}] = {{{order}}};\n"
            f"    int32_t turn[{len(step.calls)}] = {{0}};\n"
            f"    for (int32_t i = 0; i < {len(step.order)}; i++) {{\n"
            f"        switch (order[i]) {{\n{cases}"
            f"        default:\n            {name}_{last}(NET_AND turn[{last}]++);\n"
            "        }\n    }\n}\n"
        )
        return "\n".join(parts)

    def turn(self, call: Call, turn: str, *, looped: bool) -> list[str]:
        """The statements of one turn of a call."""
        lines = [f"    {line}" for line in self.find_rows(call, turn, looped=looped)]
        return [*lines, *self.lists(call, turn), f"    {self.call(call, turn)}"]

    def declared(self, call: Call) -> list[str]:
        """The parameters of a call."""
        return [] if call.alike else [self.parameters(call)]

    def lists(self, call: Call, turn: str | None = None) -> list[str]:
        """The lists of tensors, or of rows of them, that a call takes."""
        lines = []
        if call.kernel.gathers:
            row = _row(call, turn)
            listed = ", ".join(self.pointer(v, call, row, const=True)[1] for v in call.reads)
            lines.append(f"    const int8_t *const xs[] = {{{listed}}};")
        if call.kernel.scatters:
            listed = ", ".join(self.pointer(v, call, turn, const=False)[1] for v in call.writes)
            lines.append(f"    int8_t *const ys[] = {{{listed}}};")
        return lines

    def call(self, call: Call, turn: str | None = None) -> str:
        """The statement that calls the kernel."""
        params = [] if call.alike else ["&p"]
        found = self.arguments(call, turn)
        return f"{self.function(call)}({', '.join([*params, *(e for _, e in found)])});"

    def window(self, call: Call) -> list[str]:
        """What a call by rows reads its input through."""
        w = call.window
        if w is None:
            return []
        _, ih, iw, ic = call.op.x.shape
        pixel = ic * ITEMSIZE[call.op.x.dtype]
        fields = {
            "kh": w.kh, "sy": w.sy, "dy": w.dy, "py": w.py, "ih": ih, "row": iw * pixel,
            "left": w.left * pixel, "right": w.right * pixel, "fill": w.fill or 0,
        }  # fmt: skip
        text = ", ".join(f".{k} = {v}" for k, v in fields.items())
        return [
            f"    static const window_t w = {{{text}}};",
            f"    const int8_t *rows[{w.kh}];",
        ]

    def find_rows(self, call: Call, turn: str, *, looped: bool) -> list[str]:
        """The statements that find the rows that make an output row."""
        if call.window is None:
            return []
        x, w, found = call.reads[0], "&w", "rows"
        row = _row(call, turn)
        lines = place(call.lines) if call.lines else None
        if not looped and lines:
            return [f"window_padded({w}, {place(x.buffer)}, {turn}, {lines}, {found});"]
        finding = f"window_clipped({w}, {place(x.buffer)}, {row}, {found});"
        if call.under is not None:
            finding = again.window(call, w, array(x.buffer), turn, found)
        elif x.rows is not None:
            width = "" if max(x.rows) // ALIGNMENT < 2**16 else "_far"
            base, table = array(x.buffer), self.row_tables[x.rows]
            finding = f"window_scattered{width}({w}, {base}, {table}, {row}, {found});"
        return [finding, f"window_copied({w}, {lines}, {found});"] if lines else [finding]


def _row(call: Call, turn: str | None) -> str | None:
    """What counts the rows of what a call reads, where `turn` counts those that it makes."""
    return again.ROW if turn is not None and call.again is not None else turn
