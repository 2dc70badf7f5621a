"""Draws mutations of kernels and operators: small faults, as a hand makes them."""

from __future__ import annotations

import ast
import bisect
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path

ROOTS = {
    "ops": frozenset({"eval"}),
    "kernels": frozenset({"params", "consts", "fits"}),
}
"""By folder, the methods whose code is mutated, with all that they reach there."""
LEFT_OUT = frozenset({"eval_float", "terms", "run_terms", "check", "malformed", "read", "write"})
"""What they reach by name alone."""
OTHERS = {
    "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="), "==": ("!=",),
    "!=": ("==",), "+": ("-",), "-": ("+",), "+=": ("-=",), "-=": ("+=",), "&&": ("||",),
    "||": ("&&",), ">>": (">> 1 >>",), "<<": ("<< 1 <<",), "//": ("%",), "and": ("or",),
    "or": ("and",), "*=": ("+=",), ">>=": ("<<=",),
}  # fmt: skip
"""What stands in an operator's place."""
KINDS = {"+": "sign", "-": "sign", "+=": "sign", "-=": "sign", ">>": "shift", "<<": "shift"}
"""Of operators; the others are bounds."""
NAMES = {
    "min": "max", "minimum": "maximum", "amin": "amax", "floor": "ceil", "rint": "floor",
    "round": "floor", "argmin": "argmax", "any": "all", "sat_s8": "clamp_s8",
}  # fmt: skip
"""Functions that take each other's place."""
ASSEMBLY = {
    "add": "sub", "sub": "add", "adds": "subs", "subs": "adds", "lsl": "lsr", "lsr": "lsl",
    "asr": "lsr", "smlad": "smlsd", "smladx": "smlad", "mla": "mls", "smuad": "smusd",
    "ldrsb": "ldrb", "ldrsh": "ldrh", "sxtb16": "uxtb16", "sxth": "uxth", "pkhbt": "pkhtb",
    "smmulr": "smmul", "rsb": "sub", "bne": "beq",
}  # fmt: skip
"""Instructions that take each other's place, both ways where there is no other."""
ROUNDING = re.compile(r"<<|half|round|nudge|\b0\.5|^\W*1u?\W*$", re.IGNORECASE)
"""What is added before a shift or a cut, so that it rounds."""


@dataclass(frozen=True)
class Mutation:
    """`text` in the place of the characters from `start` to `end` of a file."""

    start: int
    end: int
    text: str
    kind: str

    def of(self, source: str) -> str:
        """The mutated file."""
        return source[: self.start] + self.text + source[self.end :]

    def lines(self, source: str) -> tuple[str, str]:
        """The lines that change, before and after, without the space around them."""
        begin = source.rfind("\n", 0, self.start) + 1
        end = source.find("\n", self.end)
        end = len(source) if end < 0 else end
        after = source[begin : self.start] + self.text + source[self.end : end]
        return " ".join(source[begin:end].split()), " ".join(after.split())


def drawn(source: str, path: Path, seed: int, each: int) -> list[list[Mutation]]:
    """Up to `each` mutations of a file, spread over it; of each place several, the first counts.

    The others are for where it compiles to the same code. They depend on the file's text, its
    folder's, its name and `seed`.
    """
    found = in_c(source) if path.suffix == ".h" else in_python(source, path)
    found = sorted(set(found), key=lambda m: (m.start, m.end, m.text))
    chance = random.Random(f"{seed} {path.name}")
    count = min(each, len(found))
    parts = [found[len(found) * i // count : len(found) * (i + 1) // count] for i in range(count)]
    return [_shuffled(part, chance) for part in parts]


def _shuffled(part: Sequence[Mutation], chance: random.Random) -> list[Mutation]:
    """In any order, but each kind in its turn, however few there are of it."""
    order = chance.sample(part, len(part))
    turns = [sum(o.kind == m.kind for o in order[:i]) for i, m in enumerate(order)]
    return [m for _, m in sorted(zip(turns, order, strict=True), key=lambda pair: pair[0])]


def numbers(text: str) -> Iterator[str]:
    """What stands in the place of an integer: one more, one less, a power of two or half of it."""
    digits = text.rstrip("uUlL").replace("_", "")
    value, suffix = int(digits, 0), text[len(text.rstrip("uUlL")) :]
    shown: Callable[[int], str] = hex if digits[:2].lower() == "0x" else str
    others = {value + 1, value - 1} - {-1}
    if value > 2 and value & (value - 1) == 0:
        others |= {value * 2, value // 2}
    yield from (shown(other) + suffix for other in sorted(others))


# -- C

TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?\*/|\\\n)"
    r"|(?P<line>\#[^\n]*(?:\\\n[^\n]*)*)"
    r"|(?P<string>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
    r"|(?P<number>(?:0[xX][\da-fA-F.]+(?:[pP][-+]?\d+)?|\d[\d.]*(?:[eE][-+]?\d+)?)[uUlLfF]*)"
    r"|(?P<name>\w+)"
    r"|(?P<operator><<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)",
    re.DOTALL,
)
INSTRUCTION = re.compile(r"(?<![\w%{\[])(" + "|".join(sorted(ASSEMBLY, key=len)[::-1]) + r")\b")
IMMEDIATE = re.compile(r"#(\d+)")


@dataclass(frozen=True)
class Token:
    """A piece of C; `kind` as the groups of TOKEN."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Behind it."""
        return self.start + len(self.text)

    @property
    def ends_value(self) -> bool:
        """Whether an operator behind it has two operands."""
        return (self.kind in ("number", "name") and self.text != "return") or self.text in (
            ")",
            "]",
        )


def tokens(source: str, offset: int = 0) -> list[Token]:
    """The tokens of C, without comments."""
    found = (Token(str(m.lastgroup), m[0], m.start() + offset) for m in TOKEN.finditer(source))
    return [t for t in found if t.kind != "skip"]


def in_c(source: str) -> list[Mutation]:
    """Of the bodies of functions and macros: no declarations of types, attributes, directives."""
    found: list[Mutation] = []
    for run in _bodies(tokens(source)):
        if run[0].kind == "line":
            found += _in_macro(run[0])
        else:
            found += _in_body(run)
    return found


def _bodies(every: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens between the braces of functions, and macros by themselves."""
    depth, body, typed = 0, list[Token](), False
    for t in every:
        if t.kind == "line":
            if re.match(r"#\s*define\s+\w+(\(.*?\))?\s*\S", t.text):
                yield [t]
        elif t.text == "{":
            depth += 1
            body.append(t)
        elif t.text == "}":
            depth -= 1
            if depth == 0:
                if not typed:
                    yield body
                body, typed = [], False
        elif depth:
            body.append(t)
        elif t.text in ("struct", "enum", "union", "extern"):
            typed = True
        elif t.text == ";":
            typed = False


def _in_macro(macro: Token) -> list[Mutation]:
    """Of what a macro of several lines, or a string, stands for: others are names of numbers."""
    head = re.match(r"#\s*define\s+\w+(\([^)]*\))?", macro.text)
    assert head
    body = tokens(macro.text[head.end() :], macro.start + head.end())
    code = [t for t in body if t.text != "\\"]
    if any(t.text in ("__attribute__", "_Pragma") for t in code):
        return []
    return _in_body(code)


def _in_body(body: Sequence[Token]) -> list[Mutation]:
    found: list[Mutation] = []
    spared = _spared(body)
    for i, t in enumerate(body):
        before = body[i - 1] if i else None
        if i in spared:
            continue
        if t.kind == "string":
            found += _in_assembly(t)
        elif t.kind == "number" and not re.search(r"[.fFpP]", t.text.replace("0x", "")):
            found += [Mutation(t.start, t.end, n, "constant") for n in numbers(t.text)]
        elif t.kind == "name" and t.text in NAMES:
            found.append(Mutation(t.start, t.end, NAMES[t.text], "rounding"))
        elif t.text in OTHERS and before and before.ends_value and not _cast(body, i):
            kind = KINDS.get(t.text, "bound")
            found += [Mutation(t.start, t.end, other, kind) for other in OTHERS[t.text]]
            if t.text == "+":
                found += _dropped(body, i)
        elif t.text == "-":
            found.append(Mutation(t.start, t.end, "", "sign"))
        elif t.kind == "name" and before and before.text == "[" and body[i + 1].text == "]":
            found.append(Mutation(t.end, t.end, " + 1", "index"))
    return found


def _spared(body: Sequence[Token]) -> set[int]:
    """The places of what stands in attributes and assertions."""
    found, depth, inside = set[int](), 0, False
    for i, t in enumerate(body):
        inside = inside or t.text in ("__attribute__", "_Static_assert", "static_assert")
        if not inside:
            continue
        found.add(i)
        depth += {"(": 1, ")": -1}.get(t.text, 0)
        inside = depth > 0 or t.text not in (")",)
    return found


def _cast(body: Sequence[Token], i: int) -> bool:
    """Whether what looks like an operator with two operands stands behind a cast."""
    if body[i - 1].text != ")" or body[i].text not in ("+", "-"):
        return False
    names = [t.text for t in body[max(0, i - 4) : i - 1]]
    return bool(names) and re.fullmatch(r"u?int\d*_t|int|float|s16_t|s32_t", names[-1]) is not None


def _dropped(body: Sequence[Token], i: int) -> list[Mutation]:
    """The sum at `i` without what is added, where that looks like half a unit."""
    j, depth = i + 1, 0
    while j < len(body):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(body[j].text, 0)
        if depth < 0 or (depth == 0 and (body[j].text in (";", ",", "+", "-", "?", ":", ">>"))):
            break
        j += 1
    text = " ".join(t.text for t in body[i + 1 : j])
    if j > i + 1 and ROUNDING.search(text):
        return [Mutation(body[i].start, body[j - 1].end, "", "rounding")]
    return []


def _in_assembly(t: Token) -> list[Mutation]:
    """Of instructions in a string: another one, another number."""
    found = [
        Mutation(t.start + m.start(), t.start + m.end(), ASSEMBLY[m[1]], "instruction")
        for m in INSTRUCTION.finditer(t.text)
    ]
    for m in IMMEDIATE.finditer(t.text):
        at = t.start + m.start(1)
        found += [Mutation(at, at + len(m[1]), n, "constant") for n in numbers(m[1])]
    return found


# -- Python


def in_python(source: str, path: Path) -> list[Mutation]:
    """Of what the methods in ROOTS reach by name in the file's folder."""
    roots = ROOTS[path.parent.name]
    reached = _reached(path.parent, roots)
    finder = _Finder(source)
    for node in _definitions(ast.parse(source)):
        if set(_defined(node)) & (reached | roots):
            finder.take(node)
    return finder.found


def _definitions(tree: ast.AST) -> Iterator[ast.stmt]:
    """Functions and methods, and the constants of a module."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from (n for n in node.body if isinstance(n, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef | ast.Assign | ast.AnnAssign):
            yield node


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement of `_definitions` defines."""
    match node:
        case ast.FunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [t.id for t in targets if isinstance(t, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


@cache
def _reached(folder: Path, roots: frozenset[str]) -> frozenset[str]:
    """The names of what the methods called `roots` use, and what that uses."""
    uses: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*.py")):
        for node in _definitions(ast.parse(path.read_text(encoding="utf-8"))):
            for name in _defined(node):
                used = {getattr(n, "id", getattr(n, "attr", "")) for n in ast.walk(node)}
                uses.setdefault(name, set()).update(u for u in used if u)
    found, left = set[str](), set(roots)
    while left:
        found |= left
        left = {n for name in left for n in uses.get(name, ()) if n in uses} - found - LEFT_OUT
    return frozenset(found)


class _Finder(ast.NodeVisitor):
    """Collects the mutations of the nodes that it takes."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: list[Mutation] = []

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins, in characters."""
        found = [0]
        for line in self.source.splitlines(keepends=True):
            found.append(found[-1] + len(line))
        return found

    def at(self, line: int, column: int) -> int:
        """The place of a node's line and column, which counts bytes of UTF-8."""
        begin = self.starts[line - 1]
        text = self.source[begin : self.starts[line]]
        return begin + len(text.encode()[:column].decode())

    def span(self, node: ast.expr) -> tuple[int, int]:
        end = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self.at(node.lineno, node.col_offset), self.at(*end)

    def put(self, start: int, end: int, text: str, kind: str) -> None:
        self.found.append(Mutation(start, end, text, kind))

    def take(self, node: ast.stmt) -> None:
        """All of a function but its decorators and types; the value of a constant."""
        if isinstance(node, ast.FunctionDef):
            for part in node.body:
                self.visit(part)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.take(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Nothing: messages."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Nothing: what a type checker is told."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Nothing: a message or a name."""

    def visit_Constant(self, node: ast.Constant) -> None:
        start, end = self.span(node)
        if isinstance(node.value, bool):
            self.put(start, end, str(not node.value), "constant")
        elif isinstance(node.value, int):
            for text in numbers(self.source[start:end]):
                self.put(start, end, text, "constant")
        elif isinstance(node.value, float):
            for text in sorted({repr(node.value * 2), repr(node.value + 1)} - {repr(node.value)}):
                self.put(start, end, text, "constant")

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self.operator(node.left, node.right)
        if isinstance(node.op, ast.Add):
            (_, begin), (_, end) = self.span(node.left), self.span(node.right)
            right = self.source[self.span(node.right)[0] : end]
            between = self.source[begin:end].removesuffix(right)
            if ROUNDING.search(right) and between.strip() == "+":
                self.put(begin, end, "", "rounding")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.operator(node.target, node.value)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in pairwise(node.values):
            self.operator(left, right)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, right in pairwise([node.left, *node.comparators]):
            self.operator(left, right)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        start, _ = self.span(node)
        if isinstance(node.op, ast.USub | ast.Not):
            end = self.span(node.operand)[0]
            opened = self.source[start:end].lstrip("-not ")
            self.put(start, end, opened, "sign")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in NAMES and node.id not in ("floor", "rint"):
            other = "int" if node.id == "round" else NAMES[node.id]
            self.put(*self.span(node), other, "rounding")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in NAMES:
            end = self.span(node)[1]
            self.put(end - len(node.attr), end, NAMES[node.attr], "rounding")
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Name):
            end = self.span(node.slice)[1]
            self.put(end, end, " + 1", "index")
        self.generic_visit(node)

    def operator(self, left: ast.expr, right: ast.expr) -> None:
        """Another operator between two operands."""
        begin, end = self.span(left)[1], self.span(right)[0]
        between = self.source[begin:end]
        at = re.search(r"[^\s()]+", between)
        if at and at[0] in OTHERS:
            kind = KINDS.get(at[0], "bound")
            for other in OTHERS[at[0]]:
                self.put(begin + at.start(), begin + at.end(), other, kind)


def enclosing(source: str, at: int, path: Path) -> str:
    """The name of the function, method or macro that the place `at` of a file is in."""
    if path.suffix == ".h":
        heads = [
            (m.start(), str(m[1] or m[2]))
            for m in re.finditer(r"^(?:#define (\w+)|\w[^;=\n{]*?\b(\w+)\([^;{]*\{)", source, re.M)
        ]
    else:
        finder = _Finder(source)
        heads = [
            (finder.at(n.lineno, n.col_offset), name)
            for n in _definitions(ast.parse(source))
            for name in _defined(n)
        ]
    found = bisect.bisect_right([begin for begin, _ in sorted(heads)], at)
    return sorted(heads)[found - 1][1] if found else ""
