"""The kernel of LOGICAL_NOT: what is false becomes true, and what is true, false."""

from __future__ import annotations

from ascua.kernels._unary import Unary
from ascua.ops.logical_not import LogicalNot


class LogicalNotS8(Unary[LogicalNot]):
    """One value after the other."""

    name = "logical_not_s8"
    types = ("bool",)
    bytewise = True
