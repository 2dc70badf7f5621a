"""What each operator refuses, in the words of its messages: they are read out of the code.

`check` and `malformed` are followed as they stand, with all that they call and that answers a
reason or None. What is known of the class (its types, limits, the numbers that it passes on) is
put in; where a test hangs on the file, both ways are followed.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import FunctionType, MethodType
from typing import Any, TypeVar

from ascua.ir import Op

T = TypeVar("T")

GAP = "…"
"""What stands in a message for what only a file tells."""


@dataclass(frozen=True)
class Condition:
    """A message with gaps: `[a | b]` is one of these, or nothing. And the code that answers it."""

    text: str
    function: str
    line: int
    """Of the function, from 1 on."""

    def covers(self, message: str) -> bool:
        """Whether `message` is this one, its gaps filled."""
        pattern = re.escape(self.text).replace(re.escape(GAP), ".*")
        pattern = pattern.replace(r"\[", "(").replace(r"\]", ")?").replace(r"\ \|\ ", "|")
        return re.fullmatch(pattern, message, re.S) is not None


def conditions(kind: type[Op]) -> tuple[Condition, ...]:
    """What `check` of an operator refuses, then what `malformed` does besides, in order."""
    methods = _Facts(kind).check, _Facts(kind).malformed
    return tuple(dict.fromkeys(c for method in methods for c in _Reader(kind, method).read()))


class _Unknown:
    """A value that only a file tells."""


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class _Either:
    """One of several strings or numbers."""

    options: tuple[object, ...]

    def __format__(self, form: str) -> str:
        return f"[{' | '.join(format(o, form) for o in self.options if o != '')}]"


class _Facts:
    """An operator of which its class is known, and nothing of a file: no field, no property."""

    def __init__(self, kind: type[Op], after: type | None = None) -> None:
        self._kind = kind
        self._mro = kind.__mro__[kind.__mro__.index(after) + 1 if after else 0 :]

    def __getattr__(self, name: str) -> Any:
        value = next((vars(c)[name] for c in self._mro if name in vars(c)), None)
        if isinstance(value, FunctionType):
            return MethodType(value, _Facts(self._kind))
        if value is None or isinstance(value, property) or name in _fields(self._kind):
            raise AttributeError(name)
        return value


def _fields(kind: type[Op]) -> set[str]:
    return {f.name for f in fields(kind)}


@cache
def body(function: FunctionType) -> list[ast.stmt]:
    """The statements of a function."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree.body


def _condition(value: object) -> FunctionType | None:
    """The function behind `value`, where it is one that answers a reason or None."""
    function = value.__func__ if isinstance(value, MethodType) else value
    if not isinstance(function, FunctionType):
        return None
    return function if function.__annotations__.get("return") == "str | None" else None


class _Reader:
    """Follows one function, called with what is known of its arguments."""

    def __init__(
        self, kind: type[Op], called: object, given: Mapping[str, object] | None = None
    ) -> None:
        function = _condition(called)
        assert function is not None, called
        self.kind, self.function = kind, function
        first = {"self": called.__self__} if isinstance(called, MethodType) else {}
        self.known: dict[str, object] = {**first, **(given or {})}

    def read(self) -> Iterator[Condition]:
        """The messages that it answers, and those of what it calls, in order."""
        return self._block(body(self.function), sure=True)

    def _block(self, statements: list[ast.stmt], *, sure: bool) -> Iterator[Condition]:
        """`sure`: whether they are run in any case."""
        for statement in statements:
            yield from self._statement(statement, sure=sure)

    def _statement(self, statement: ast.stmt, *, sure: bool) -> Iterator[Condition]:
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.expr):
                yield from self._calls(child)
        match statement:
            case ast.If(test=test, body=then, orelse=other):
                for branch in (taken := self._taken(test, then, other)):
                    yield from self._block(branch, sure=sure and len(taken) == 1)
            case ast.For(target=target, body=inner):
                self._forget(target)
                # What one turn leaves, the next one sees.
                yield from self._block(inner, sure=False)
                yield from self._block(inner, sure=False)
            case ast.Try(body=inner, handlers=handlers, orelse=other):
                for part in (inner, *(h.body for h in handlers), other):
                    yield from self._block(part, sure=False)
            case ast.Return(value=value) if value is not None:
                name = f"{self.function.__module__}.{self.function.__qualname__}"
                for text in self._messages(value):
                    yield Condition(text, name, statement.lineno)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._assign(name, self._value(value), sure=sure)
            case ast.Assign(targets=targets):
                for target in targets:
                    self._forget(target)

    def _assign(self, name: str, value: object, *, sure: bool) -> None:
        if not sure and name in self.known and self.known[name] != value:
            value = _either(self.known[name], value)
        self.known[name] = value

    def _forget(self, target: ast.expr) -> None:
        """Names that are given in a way that is not followed."""
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self.known[node.id] = UNKNOWN

    def _calls(self, node: ast.AST) -> Iterator[Condition]:
        """The messages of the conditions that are called or handed on in `node`, in order."""
        match node:
            case ast.Call(func=func, args=args, keywords=keywords):
                for argument in (*args, *(k.value for k in keywords)):
                    yield from self._calls(argument)
                called = self._value(func)
                if _condition(called):
                    given = self._bound(called, args, keywords)
                    yield from _Reader(self.kind, called, given).read()
            case ast.Attribute(ctx=ast.Load()) | ast.Name(ctx=ast.Load()):
                called = self._value(node)
                if _condition(called):
                    yield from _Reader(self.kind, called, self._bound(called, [], [])).read()
            case ast.IfExp(test=test, body=then, orelse=other):
                for branch in self._taken(test, then, other):
                    yield from self._calls(branch)
            case ast.NamedExpr(target=target, value=value):
                self._forget(target)
                yield from self._calls(value)
            case ast.GeneratorExp(elt=element, generators=loops):
                for loop in loops:
                    self._forget(loop.target)
                    yield from self._calls(loop.iter)
                yield from self._calls(element)
            case _:
                for child in ast.iter_child_nodes(node):
                    yield from self._calls(child)

    def _bound(
        self, called: object, args: list[ast.expr], keywords: list[ast.keyword]
    ) -> dict[str, object]:
        """What is known of each parameter of `called`."""
        values: list[object] = []
        for a in args:
            value = self._value(a.value if isinstance(a, ast.Starred) else a)
            if isinstance(value, tuple) and isinstance(a, ast.Starred):
                values += value
            else:
                values.append(value)
        named = {k.arg: self._value(k.value) for k in keywords if k.arg}
        signature = inspect.signature(called)  # type: ignore[arg-type]
        bound = signature.bind_partial(*values, **named)
        bound.apply_defaults()
        found = {name: bound.arguments.get(name, UNKNOWN) for name in signature.parameters}
        return {
            name: UNKNOWN if isinstance(v, tuple) and UNKNOWN in v else v
            for name, v in found.items()
        }

    def _messages(self, node: ast.expr) -> list[str]:
        """The strings that an expression may be."""
        match node:
            case ast.IfExp(test=test, body=then, orelse=other):
                taken = self._taken(test, then, other)
                return [text for branch in taken for text in self._messages(branch)]
            case ast.Constant() | ast.JoinedStr() | ast.Name():
                return list(_options(self._value(node)))
            case ast.BoolOp(values=values):
                return [text for value in values for text in self._messages(value)]
        return []

    def _taken(self, test: ast.expr, then: T, other: T) -> list[T]:
        """The branches that may be taken: one where the test is known, else both."""
        truth = self._truth(test)
        return [then, other] if truth is None else [then if truth else other]

    def _truth(self, test: ast.expr) -> bool | None:
        """Whether a test holds; None where that hangs on the file."""
        if isinstance(test, ast.BoolOp):
            parts = {self._truth(v) for v in test.values}
            ends = isinstance(test.op, ast.Or)
            return ends if ends in parts else None if None in parts else not ends
        match test:
            case ast.Compare(ops=[ast.In()], comparators=[whole]) if self._value(whole) in ((), []):
                return False
        value = self._value(test)
        return None if isinstance(value, (_Unknown, _Either)) else bool(value)

    def _value(self, node: ast.expr) -> object:
        """The value of an expression, as far as it is known."""
        match node:
            case ast.JoinedStr(values=values):
                return "".join(map(self._part, values))
            case ast.IfExp(test=test, body=then, orelse=other) if self._truth(test) is None:
                return _either(self._value(then), self._value(other))
            case ast.Name(id=name) if name in self.known:
                return self.known[name]
            case ast.Subscript(value=table) | ast.Call(func=ast.Attribute(value=table, attr="get")):
                # What a type is looked up in: any of its entries.
                if isinstance(entries := self._value(table), dict):
                    return _Either(tuple(entries.values()))
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        if any(isinstance(self.known.get(n), (_Unknown, _Either)) for n in names):
            return UNKNOWN
        owner = next((c for c in self.kind.__mro__ if self.function in vars(c).values()), None)
        scope = {"super": lambda: _Facts(self.kind, owner)}
        code = compile(ast.Expression(node), self.function.__module__, "eval")
        try:
            return eval(code, {**self.function.__globals__, **scope, **self.known})  # noqa: S307
        except Exception:
            return UNKNOWN

    def _part(self, node: ast.expr) -> str:
        """A piece of an f-string."""
        if not isinstance(node, ast.FormattedValue):
            return str(self._value(node))
        value = self._value(node.value)
        if isinstance(value, _Unknown):
            return GAP
        form = self._value(node.format_spec) if node.format_spec else ""
        return format(value, str(form))


def _either(one: object, other: object) -> _Either | _Unknown:
    """One of two strings, if they are known."""
    both = _options(one), _options(other)
    return _Either(tuple(dict.fromkeys(both[0] + both[1]))) if all(both) else UNKNOWN


def _options(value: object) -> tuple[str, ...]:
    """The strings that a value may be."""
    if isinstance(value, _Either):
        return tuple(o for o in value.options if isinstance(o, str))
    return (value,) if isinstance(value, str) else ()
