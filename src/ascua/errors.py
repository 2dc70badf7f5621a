"""What is wrong, where, and what to try: every error that a user can cause.

AscuaError            exit 1
├── ModelError        exit 1   the .tflite file is at fault
│   └── Unsupported   exit 1   the file is sound, Ascua does not take it
├── InputError        exit 1   an argument, an array, a recipe, a board file
├── ToolMissing       exit 2   a compiler, an emulator or a Python extra
├── ToolFailed        exit 2   such a tool ran and failed
├── DoesNotFit        exit 3   the plan is larger than the board
└── Mismatch          exit 4   outputs differ from the reference
"""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterable

PIP_TRAIN = "pip install '.[train]'"
"""Installs the packages for training and pictures; said in Ascua's folder."""


class AscuaError(Exception):
    """An error with a cause that the user can act on.

    `what` is one sentence; it names the file, the operator and the tensor where there are some.
    `things_to_try` are complete sentences, the most likely remedy first.
    """

    exit_code = 1

    def __init__(self, what: str, things_to_try: Iterable[str] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.things_to_try = tuple(things_to_try)

    def __str__(self) -> str:
        if not self.things_to_try:
            return self.what
        return "\n".join([self.what, "Things to try:", *(f"  - {t}" for t in self.things_to_try)])


class ModelError(AscuaError):
    """The model file cannot be read: truncated, inconsistent, or not a .tflite at all."""


class Unsupported(ModelError):
    """The model is sound, but uses something that Ascua does not take."""


class InputError(AscuaError):
    """An argument, an input array, a recipe or a board description is wrong."""


class ToolMissing(AscuaError):
    """A compiler, an emulator or a Python extra is not installed."""

    exit_code = 2


class ToolFailed(AscuaError):
    """A compiler or an emulator ran and failed."""

    exit_code = 2


class DoesNotFit(AscuaError):
    """The network needs more memory than the board has."""

    exit_code = 3


class Mismatch(AscuaError):
    """Outputs differ from the reference."""

    exit_code = 4


MOST_NAMES = 40
"""That a message lists."""


def brief(name: str, most: int = 60) -> str:
    """A tensor's `name` for messages and tables: printable, of the merged names the first.

    Converters join the names of all layers that they fused: `a;b;c` becomes `a;...`.
    """
    first, merged, _ = name.partition(";")
    text = "".join(c if c.isprintable() else "?" for c in first)
    text = text if len(text) <= most else f"{text[:most]}..."
    return f"{text};..." if merged else text


def first_line(e: BaseException) -> str:
    """What an exception says first, short enough for a message, ending in a full stop."""
    text = next((line.strip() for line in str(e).splitlines() if line.strip()), "")
    text = textwrap.shorten(text or type(e).__name__, 300, placeholder=" …")
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def layer_of(name: str) -> str | None:
    """The Keras layer that a converter's `name` of a tensor tells, or None.

    Keras 3 writes `model_1/layer_1/Operator`: the calls are numbered, and the numbers taken off.
    """
    scopes = name.partition(";")[0].split("/")[:-1]
    if len(scopes) < 2 or not all(re.fullmatch(r"[\w.-]{1,60}", scope) for scope in scopes):
        return None
    inner = [s for s in scopes[1:] if s != scopes[0]]
    layers = [s for s in inner if not re.match(r"(sequential|functional|model)(_\d+)*$", s)]
    layer = next(iter([*layers, *inner]), None)
    call = re.search(r"_\d+$", scopes[0])
    return layer.removesuffix(call[0]) if layer and call else layer


def did_you_mean(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Sentences that point from a wrong `name` to the right ones of `known`."""
    known = sorted(known)
    begin = [k for k in known if name and k.startswith(name)]
    close = difflib.get_close_matches(name, known, n=1) or begin[:1]
    hint = (f"Did you mean {close[0]!r}?",) if close else ()
    listed = ", ".join(known[:MOST_NAMES])
    rest = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return (*hint, f"Known names: {listed}{rest}.")
