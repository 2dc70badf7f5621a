"""Real factors as parameters, and the scale at which sums and differences meet."""

from __future__ import annotations

from ascua import fixed
from ascua.ir import Op
from ascua.kernels._broadcast import operands


def factor(real: float, name: str = "") -> dict[str, int]:
    """The parameters `multiplier` and `shift`, to the left, of a factor; `name` comes before."""
    multiplier, shift = fixed.quantize_multiplier(real)
    return {f"{name}multiplier": multiplier, f"{name}shift": shift}


def meeting(op: Op) -> float:
    """The scale that TFLM brings both inputs to: twice the coarser one."""
    return 2 * max(t.q.scale for t in operands(op))
