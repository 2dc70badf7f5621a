"""Conditions that several operators share; each answers None, or a reason in words."""

from __future__ import annotations

from collections.abc import Iterable

from ascua.errors import brief
from ascua.ir import Op, Tensor, limits

MOST_IN_A_SHAPE = 4096
"""More constants are no shape, and are not folded."""


def first(*reasons: str | None) -> str | None:
    """The first reason that is not None."""
    return next((r for r in reasons if r is not None), None)


def arity(op: Op, least: int, most: int | None = None) -> str | None:
    """`op` has between `least` and `most` inputs (None: as many as least) and one output."""
    most = least if most is None else most
    if not least <= len(op.inputs) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        return f"it has {len(op.inputs)} inputs instead of {wanted}"
    if any(t is None for t in op.inputs[:least]):
        return "a required input is missing"
    if len(op.outputs) != 1:
        return f"it has {len(op.outputs)} outputs instead of 1"
    return None


def rank(t: Tensor, *ranks: int) -> str | None:
    """`t` has one of these numbers of dimensions, and none is empty."""
    if len(t.shape) not in ranks:
        return f"'{brief(t.name)}' has {len(t.shape)} dimensions; it must have {_either(ranks)}"
    if 0 in t.shape:
        return f"'{brief(t.name)}' is empty: its shape is {list(t.shape)}"
    return None


def filled(t: Tensor, most: int = 8) -> str | None:
    """`t` has at most `most` dimensions, and none is empty."""
    if len(t.shape) > most:
        return f"'{brief(t.name)}' has {len(t.shape)} dimensions; at most {most} are taken"
    if 0 in t.shape:
        return f"'{brief(t.name)}' is empty: its shape is {list(t.shape)}"
    return None


def computed(t: Tensor) -> str | None:
    """`t` is not a constant."""
    if t.const:
        return f"its input '{brief(t.name)}' is a constant; let the exporter fold it"
    return None


def vectors(t: Tensor) -> str | None:
    """`t` has a last axis."""
    return None if t.shape else "its input has no dimensions"


def one_to_one(op: Op) -> str | None:
    """`op` makes one tensor of one computed tensor of the same shape."""
    return arity(op, 1) or first(computed(op.x), filled(op.x), output_shape(op, op.x.shape))


def output_shape(op: Op, expected: tuple[int, ...]) -> str | None:
    """The output of `op` has the shape that follows from its inputs."""
    if op.y.shape != expected:
        return f"its output has the shape {list(op.y.shape)} instead of {list(expected)}"
    return None


def image(t: Tensor) -> str | None:
    """`t` is one image: (1, h, w, c)."""
    if reason := rank(t, 4):
        return reason
    if t.shape[0] != 1:
        return f"'{brief(t.name)}' is a batch of {t.shape[0]}; export the model with batch 1"
    return None


QUANTIZED = ("int8", "int16")
"""The dtypes of quantised activations."""


def quantized(op: Op, *tensors: Tensor) -> str | None:
    """The tensors have one quantised dtype that `op` takes, one scale and one zero point each."""
    wanted = tuple(t for t in op.types if t in QUANTIZED)
    for t in tensors:
        if reason := typed(op, t) or dtype(t, *wanted) or per_tensor(t):
            return reason
        wanted = (t.dtype,)
    return None


def typed(op: Op, *tensors: Tensor) -> str | None:
    """TFLM has a kernel of `op` for the dtype of each tensor, which Ascua takes elsewhere."""
    missing = [d for d in QUANTIZED if d not in op.types]
    for t in tensors:
        if t.dtype in missing:
            return f"'{brief(t.name)}' is {t.dtype}, and TFLM has no {t.dtype} kernel for it"
    return None


def same_quantization(y: Tensor, *tensors: Tensor) -> str | None:
    """Each tensor has the scale and the zero point of output `y`."""
    for t in tensors:
        if (t.q.scale, t.q.zero_point) != (y.q.scale, y.q.zero_point):
            return (
                f"'{brief(t.name)}' has the scale {t.q.scale:g} and the zero point"
                f" {t.q.zero_point}, its output {y.q.scale:g} and {y.q.zero_point}, and TFLM"
                " rescales nothing here: export with a converter that puts a QUANTIZE between"
            )
    return None


def dtype(t: Tensor, *wanted: str) -> str | None:
    """`t` has one of these dtypes."""
    if t.dtype in wanted:
        return None
    if t.dtype in ("float32", "float16"):
        remedy = "; quantise the model to int8 first"
    elif t.dtype == "uint8":
        remedy = "; uint8 is taken where all of an operator's tensors are, quantised"
    else:
        remedy = ""
    return f"'{brief(t.name)}' is {t.dtype}, not {_either(wanted)}{remedy}"


def int8_weights(op: Op, w: Tensor, axis: int, *more: str) -> str | None:
    """`w` is a constant of int8 or `more`, symmetric, with one scale or one a slice of `axis`.

    What was uint8 has one scale, and any zero point.
    """
    reason = weights(w) or dtype(w, "int8", *more)
    if reason:
        return reason
    if w.quant is None:
        return f"its weights '{brief(w.name)}' have no quantisation"
    if w.quant.per_channel and w.quant.axis != axis:
        return f"'{brief(w.name)}' is quantised along axis {w.quant.axis}; it must be {axis}"
    if op.uint8:
        return per_tensor(w)
    if any(z != 0 for z in w.quant.zero_points):
        return f"'{brief(w.name)}' has zero points other than 0"
    return None


def weights(w: Tensor) -> str | None:
    """The weights `w` are constant."""
    return None if w.const else f"its weights '{brief(w.name)}' are computed, not constant"


def narrow(x: Tensor) -> tuple[str, ...]:
    """What weights may be besides int8, with the activation `x`."""
    return ("int4",) if x.dtype == "int8" else ()


def bias_scale(x: Tensor, w: Tensor, b: Tensor | None, y: Tensor) -> str | None:
    """The unit of bias `b` is that of the products of `x` and `w`, to a part of a step of `y`."""
    if b is None or w.q.per_channel:
        return None
    given = b.quant.scale if b.quant else 0.0
    product = x.q.scale * w.q.scale
    if abs(product - given) / y.q.scale > 0.02:
        return (
            f"its bias '{brief(b.name)}' has the scale {given:g};"
            f" that of input times weights is {product:g}"
        )
    return None


MOST_RESCALED = 2**31 - 2**8
"""What a sum may come to on its way to the output: TFLM's int32 holds it and the zero point."""


def rescaled(y: Tensor, sums: Iterable[int], factors: Iterable[tuple[int, int]]) -> str | None:
    """Sums of at most these magnitudes, times multiplier and shift each, stay within int32.

    Shifts to the right only make them smaller. Beyond 30 to the left there is no arithmetic:
    `fixed.quantize_multiplier` answers 30 there.
    """
    for most, (multiplier, shift) in zip(sums, factors, strict=True):
        if multiplier and shift >= 0 and most and (shift == 30 or most << shift > MOST_RESCALED):
            return (
                f"its output's scale {y.q.scale:g} is too fine for its inputs' scales: sums that"
                " are rescaled pass 32 bits"
            )
    return None


def bias(b: Tensor | None, channels: int, *wanted: str) -> str | None:
    """`b` is absent, or a constant of one value a channel, of one of these dtypes if any."""
    if b is None:
        return None
    if not b.const:
        return f"its bias '{brief(b.name)}' is computed, not constant"
    if wanted and b.dtype not in wanted:
        return f"its bias '{brief(b.name)}' is {b.dtype}, not {_either(wanted)}"
    if b.size != channels:
        return f"its bias '{brief(b.name)}' has {b.size} values for {channels} channels"
    return None


def long_bias(x: Tensor, b: Tensor | None) -> str | None:
    """`b` is not of int32 beside `x` of int16, where TFLM has it of int64, whatever it is."""
    if x.dtype != "int16" or b is None or b.dtype != "int32":
        return None
    return (
        f"its bias '{brief(b.name)}' is int32, and TFLM takes two of its values, or one and what"
        " lies behind it, for one of int64: export the model with biases of int64"
    )


def per_tensor(t: Tensor) -> str | None:
    """`t` has one scale, and one zero point that its dtype may have."""
    if reason := dtype(t, *QUANTIZED, "uint8"):
        return reason
    if t.quant is None:
        return f"'{brief(t.name)}' has no quantisation"
    if t.quant.per_channel:
        return f"'{brief(t.name)}' has {len(t.quant.scales)} scales; an activation has one"
    low, high = (0, 0) if t.dtype == "int16" else limits(t.dtype)
    if not low <= t.quant.zero_point <= high:
        outside = "which int16 has not: it is symmetric" if low == 0 else f"outside {t.dtype}"
        return f"'{brief(t.name)}' has the zero point {t.quant.zero_point}, {outside}"
    return None


def _either(words: tuple[int, ...] | tuple[str, ...]) -> str:
    return " or ".join(str(w) for w in words)
