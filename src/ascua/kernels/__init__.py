"""The C kernels, each a header, and beside them what Python knows of them.

A kernel for a core is one header and one class, in the module of its operator: nothing lists them.
A module with an underscore is for several operators. What others than kernels need of one is named
here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ascua.discovery import concrete
from ascua.ir import Op
from ascua.kernels._kernel import Const, Kernel, Overlap, Rows, Run, Sums, Work

__all__ = ["FOLDER", "Const", "Kernel", "Overlap", "Rows", "Run", "Sums", "Work", "every", "of"]

FOLDER = Path(__file__).parent
"""Where the headers are."""


@cache
def every() -> tuple[Kernel[Any], ...]:
    """All kernels, those that need most of a core first, then as their modules have them.

    Those of float32 come last: what is for several operators would stand before their own.

    Several may have one header: of functions of one value, say, each is a table. A class without
    a name or without operators is what others have in common.
    """
    kinds = concrete(__name__, __path__, Kernel)  # type: ignore[type-abstract]
    found = [kind() for kind in kinds if kind.ops and hasattr(kind, "name")]
    return tuple(sorted(found, key=lambda k: (-len(k.needs), k.types == ("float32",))))


@cache
def of(kind: type[Op]) -> tuple[Kernel[Any], ...]:
    """The kernels of an operator, the best first: of those that can run it, take the first."""
    return tuple(k for k in every() if issubclass(kind, k.ops))
