"""Random files of version 4: an operator under test, and the convolution that brings its bytes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .case import LIBM, ORDER, Case, channels, many_loads, random_sizes, samples, two_places
from .convs import Sizes, random_conv
from .pack import BYTE, FLOAT, V4, Conv, Field, Range, fields, lines

Rng = np.random.Generator
INFINITE = 3.4e38


def _named(kind: str, name: str, f: V4, x: tuple[int, int, int], rng: Rng,
           silent: tuple[str, ...] = (), near: float = 0.0) -> Case:  # fmt: skip
    return Case(f"v4 {kind}", name, f.data, samples(rng, *x), silent, near)


def conv(rng: Rng, sizes: Sizes | None = None) -> Case:
    """One layer of the KPU."""
    make = many_loads if rng.random() < 0.1 else random_sizes
    s = sizes or make(rng)
    f = V4()
    layer, silent = random_conv(rng, s)
    src, dst = two_places(rng, lines(s.ic, s.h, s.w), lines(*layer.shape))
    f.inputs.append(f.map(src, s.ic, s.h, s.w))
    y = f.tensor(BYTE, 1, *layer.shape)
    f.conv(layer, src, dst, y)
    f.outputs.append(y)
    return _named("conv", str(s), f, (s.ic, s.h, s.w), rng, silent)


def chain(rng: Rng) -> Case:
    """Two or three layers of the KPU, the last one an output and others perhaps."""
    sizes = [random_sizes(rng, work=100_000)]
    made: list[Conv] = [random_conv(rng, sizes[0], plain=True)[0]]
    for _ in range(int(rng.integers(1, 3))):
        sizes.append(random_sizes(rng, given=made[-1].shape, work=200_000))
        made.append(random_conv(rng, sizes[-1], plain=True)[0])
    if sum(lines(c.ic, c.h, c.w) for c in made) + lines(*made[-1].shape) > 30000:
        return chain(rng)
    f, line = V4(), 0
    f.inputs.append(f.map(0, sizes[0].ic, sizes[0].h, sizes[0].w))
    for i, layer in enumerate(made):
        after = line + lines(layer.ic, layer.h, layer.w)
        y = f.tensor(BYTE, 1, *layer.shape) if i == len(made) - 1 or rng.random() < 0.5 else None
        f.conv(layer, line, after, y)
        f.outputs += [y] if y else []
        line = after
    s = sizes[0]
    return _named("chain", " → ".join(map(str, sizes)), f, (s.ic, s.h, s.w), rng)


def main_input(rng: Rng) -> Case:
    """An input in main memory: an output as floats, and uploaded for a convolution."""
    s = random_sizes(rng, work=100_000)
    f = V4()
    layer, _ = random_conv(rng, s, plain=True)
    src, dst = two_places(rng, lines(s.ic, s.h, s.w), lines(*layer.shape))
    shape = (1, s.ic, s.h, s.w)
    x, y, z = f.tensor(BYTE, *shape), f.tensor(FLOAT, *shape), f.tensor(BYTE, 1, *layer.shape)
    f.inputs.append(x)
    f.add(0x03, x.data, y.data, int(rng.integers(0, 256)), float(rng.uniform(1, 300)))
    f.add(0x2001, x.data, f.map(src, s.ic, s.h, s.w).data, _s4(shape))
    f.conv(layer, src, dst, z)
    f.outputs += [y, z]
    return _named("main_input", str(s), f, (s.ic, s.h, s.w), rng, ("an input outside the KPU",))


class _Start:
    """A file whose first layer has left bytes in main memory: `x` is (1, c, h, w)."""

    def __init__(self, rng: Rng) -> None:
        self.rng, self.f = rng, V4()
        self.silent: list[str] = []
        self.near = 0.0
        h, w = int(rng.integers(4, 17)), int(rng.integers(4, 17))
        oc = min(channels(rng), 2000 // (h * w) + 1)
        s = Sizes(int(rng.integers(1, 4)), oc, h, w, int(rng.choice([1, 3])))
        layer, _ = random_conv(rng, s, plain=True)
        src, dst = two_places(rng, lines(s.ic, h, w), lines(oc, h, w))
        self.f.inputs.append(self.f.map(src, s.ic, h, w))
        self.input = (s.ic, h, w)
        self.shape = (1, oc, h, w)
        self.x = self.f.tensor(BYTE, *self.shape)
        self.f.conv(layer, src, dst, self.x)

    def integer(self, low: int, high: int) -> int:
        """low … high-1."""
        return int(self.rng.integers(low, high))

    def either(self, share: float = 0.5) -> bool:
        """Whether, of two things, the first."""
        return bool(self.rng.random() < share)

    def floats(self, *, exact: bool = False) -> Range:
        """The bytes as floats; `exact` ones are eighths, of which sums are exact."""
        y = self.f.tensor(FLOAT, *self.shape)
        scale = 8.0 if exact else float(self.rng.uniform(0.5, 2) * 2.0 ** self.integer(-1, 9))
        self.f.add(0x03, self.x.data, y.data, self.integer(0, 256), scale)
        return y

    def constant_floats(self, *shape: int, exact: bool = False) -> Range:
        """Random floats of the constants, none near 0."""
        values = self.rng.normal(0, 2, shape)
        if exact:
            values = np.round(values * 8) / 8
        values = np.where(np.abs(values) < 0.125, 0.125, values)
        return self.f.constant(values.astype(np.float32))

    def constant_bytes(self, *shape: int) -> Range:
        """Random bytes of the constants."""
        return self.f.constant(self.rng.integers(0, 256, shape).astype(np.uint8))

    def out(
        self, opcode: int, *values: Field | Range | None, dtype: int, shape: tuple[int, ...]
    ) -> None:
        """The operator under test; a None among its fields is its output's range."""
        y = self.f.tensor(dtype, *shape)
        self.f.outputs.append(y)
        self.f.add(opcode, *(y.data if v is None else v.data if isinstance(v, Range) else v
                             for v in values))  # fmt: skip

    def order_matters(self) -> None:
        """Nothing specifies the order of what is added."""
        self.silent.append("order of a sum")
        self.near = ORDER

    def part(self) -> tuple[int, ...]:
        """A shape that goes with `shape`, some sides of it 1."""
        return tuple(1 if self.either(0.4) else n for n in self.shape)


def _s4(shape: tuple[int, ...]) -> bytes:
    return fields(shape)


def binary(s: _Start) -> None:
    part = s.part()
    a, b, sa, sb = s.floats(), s.constant_floats(*part), s.shape, part
    op = s.integer(0, 6)
    if op != 3 and s.either():
        a, b, sa, sb = b, a, sb, sa
    low, high = (-INFINITE, INFINITE) if s.either() else (-1.5, 6.0)
    s.out(
        0x00, a, b, None, op, _s4(sa), _s4(sb), _s4(s.shape), low, high, dtype=FLOAT, shape=s.shape
    )


def quantized_binary(s: _Start) -> None:
    part = s.part()
    a, b, sa, sb = s.x, s.constant_bytes(*part), s.shape, part
    op = s.integer(0, 6)
    if op != 3 and s.either():
        a, b, sa, sb = b, a, sb, sa
    shifts = [s.integer(0, 16) for _ in range(2)]
    muls = [max(1, round(s.rng.uniform(0.5, 2) * 2**n)) for n in shifts]
    offsets = [-s.integer(0, 256), -s.integer(0, 256)]
    if op == 3:  # a divisor that is never 0
        offsets[1], muls[1] = s.integer(1, 9), max(muls[1], 2 ** shifts[1])
    bits = {2: 14, 3: 4}.get(op, 8)
    shift = s.integer(0, 33)
    mul = max(1, min((1 << 31) - 1, round(2.0 ** (shift + 7 - bits))))
    s.out(0x11, a, b, None, op, _s4(sa), _s4(sb), _s4(s.shape),
          offsets[0], muls[0], shifts[0], offsets[1], muls[1], shifts[1],
          s.integer(0, 256), mul, shift, dtype=BYTE, shape=s.shape)  # fmt: skip


def concat(s: _Start) -> None:
    axis, floats = s.integer(0, 4), s.either(0.3)
    parts = []
    for _ in range(s.integer(1, 4)):
        shape = tuple(s.integer(1, 9) if d == axis else n for d, n in enumerate(s.shape))
        parts.append(s.constant_floats(*shape) if floats else s.constant_bytes(*shape))
    parts.insert(s.integer(0, len(parts) + 1), s.floats() if floats else s.x)
    inner = int(np.prod(s.shape[axis + 1 :])) * (4 if floats else 1)
    if floats:
        s.silent.append("inner of a concat of floats")
    dims, ranges = [p.shape[axis] for p in parts], b"".join(p.data for p in parts)
    shape = tuple(sum(dims) if d == axis else n for d, n in enumerate(s.shape))
    s.out(0x01, None, inner, int(np.prod(s.shape[:axis])), len(parts), ranges, *dims,
          dtype=FLOAT if floats else BYTE, shape=shape)  # fmt: skip


class _Window:
    """A window that has at least a place: its fields, and the sides of what it gives."""

    def __init__(self, s: _Start, *, pads: bool = True) -> None:
        _, _, h, w = s.shape
        self.f = [s.integer(1, 4), s.integer(1, 4)]
        stride, dilation = [s.integer(1, 3), s.integer(1, 3)], [s.integer(1, 3), s.integer(1, 3)]
        dilation = [d if (k - 1) * d < n else 1
                    for d, k, n in zip(dilation, self.f, (h, w), strict=True)]  # fmt: skip
        self.pads = [s.integer(0, k) if pads else 0 for k in self.f for _ in range(2)]
        self.sides = tuple(
            (n + sum(self.pads[2 * i : 2 * i + 2]) - ((self.f[i] - 1) * dilation[i] + 1))
            // stride[i]
            + 1
            for i, n in enumerate((h, w))
        )
        self.data = fields([*self.pads, *self.f, *stride, *dilation])


def _filters(s: _Start) -> tuple[int, int, int]:
    """Groups, output channels, input channels of a filter."""
    c = s.shape[1]
    groups = int(s.rng.choice([g for g in (1, 2, c) if c % g == 0]))
    return groups, groups * s.integer(1, 5 if groups < 9 else 2), c // groups


def conv2d(s: _Start) -> None:
    exact = s.either()
    groups, oc, ic = _filters(s)
    w = _Window(s)
    if not exact:
        s.order_matters()
    weights = s.rng.integers(-16, 17, (oc, ic, *w.f)) / (8 if exact else 7)
    bias = s.rng.integers(-40, 41, oc) / (4 if exact else 3)
    low, high = (-INFINITE, INFINITE) if s.either() else (0.0, 6.0)
    s.out(0x02, s.floats(exact=exact), None, _s4(s.shape), groups, oc, w.data, low, high,
          weights.astype(np.float32).tobytes() + bias.astype(np.float32).tobytes(),
          dtype=FLOAT, shape=(1, oc, *w.sides))  # fmt: skip


def _products(s: _Start, taps: int, oc: int) -> tuple[list[int], bytes]:
    """Offsets of both factors, the factor and shift, what is added; and biases of those sums."""
    a, b, shift = -s.integer(0, 256), -s.integer(0, 256), s.integer(0, 45)
    spread = 75 * np.sqrt(taps) * np.hypot(75, max(abs(127 + a), abs(127 + b)))
    mul = max(1, min((1 << 31) - 1, round(60 / spread * 2.0**shift)))
    bias = s.rng.normal(0, spread, oc) - taps * (127.5 + a) * (127.5 + b)
    return [a, b, mul, shift, s.integer(64, 192)], bias.astype("<i4").tobytes()


def quantized_conv2d(s: _Start) -> None:
    groups, oc, ic = _filters(s)
    w = _Window(s, pads=s.either())
    if any(w.pads):
        s.silent.append("padding of a quantized_conv2d")
    weights = s.rng.integers(0, 256, (oc, ic, *w.f)).astype(np.uint8)
    numbers, bias = _products(s, ic * w.f[0] * w.f[1], oc)
    s.out(0x0F, s.x, None, _s4(s.shape), groups, oc, w.data, *numbers, bias + weights.tobytes(),
          dtype=BYTE, shape=(1, oc, *w.sides))  # fmt: skip


def conv2d_transpose(s: _Start) -> None:
    """Exact floats: neither order nor contraction matters."""
    s.silent.append("conv2d_transpose")
    groups, oc, ic = _filters(s)
    f, stride = [s.integer(1, 4), s.integer(1, 4)], [s.integer(1, 3), s.integer(1, 3)]
    pads = [s.integer(0, k) if s.shape[2 + i] > 2 else 0 for i, k in enumerate(f)]
    sides = [
        (n - 1) * t + k - 2 * p for n, t, k, p in zip(s.shape[2:], stride, f, pads, strict=True)
    ]
    shape = (1, oc, *(max(1, n) for n in sides))
    weights = (s.rng.integers(-16, 17, (oc, ic, *f)) / 8).astype(np.float32)
    bias = (s.rng.integers(-40, 41, oc) / 4).astype(np.float32)
    s.out(0x13, s.floats(exact=True), None, _s4(s.shape), _s4(shape), groups,
          pads[0], pads[0], pads[1], pads[1], *f, *stride, 1, 1, -INFINITE, INFINITE,
          weights.tobytes() + bias.tobytes(), dtype=FLOAT, shape=shape)  # fmt: skip


def dequantize(s: _Start) -> None:
    s.out(0x03, s.x, None, s.integer(0, 256), float(s.rng.uniform(0.5, 400)), dtype=FLOAT,
          shape=s.shape)  # fmt: skip


def quantize(s: _Start) -> None:
    exact = s.either(0.6)
    x = s.floats(exact=exact)
    scale = 4.0 if exact else float(s.rng.uniform(0.5, 100))  # of eighths: halves occur
    count = s.integer(1, int(np.prod(s.shape)) + 1)  # odd ones too, whose last one is another
    part = replace(x, shape=(count,), size=4 * count)
    s.out(0x06, part, None, s.integer(0, 256), scale, dtype=BYTE, shape=(count,))


def matmul(s: _Start) -> None:
    exact = s.either()
    inner = s.shape[3]
    rows, cols = int(np.prod(s.shape[:3])), s.integer(1, 20)
    if not exact:
        s.order_matters()
    bias = s.rng.normal(0, 2, cols)
    bias = np.round(bias * 8) / 8 if exact else bias
    low, high = (-INFINITE, INFINITE) if s.either() else (0.0, 6.0)
    s.out(0x04, s.floats(exact=exact), s.constant_floats(inner, cols, exact=exact), None,
          rows, inner, cols, low, high, bias.astype(np.float32).tobytes(),
          dtype=FLOAT, shape=(rows, cols))  # fmt: skip


def quantized_matmul(s: _Start) -> None:
    count = int(np.prod(s.shape))
    inner = s.shape[3] if s.either() else count
    rows, cols = count // inner, s.integer(1, 40)
    numbers, bias = _products(s, inner, cols)
    s.out(0x10, s.x, s.constant_bytes(inner, cols), None, rows, inner, cols, *numbers, bias,
          dtype=BYTE, shape=(rows, cols))  # fmt: skip


def pad(s: _Start) -> None:
    floats = s.either()
    pads = [s.integer(0, 4) for _ in range(8)]
    pads[:2] = [s.integer(0, 2), 0]
    if s.either(0.3):  # crops
        s.silent.append("negative pads")
        pads[4], pads[7] = -s.integer(0, 2), -s.integer(0, 2)
    shape = tuple(n + pads[2 * d] + pads[2 * d + 1] for d, n in enumerate(s.shape))
    value = float(s.rng.normal()) if floats else bytes([s.integer(0, 256), 0, 0, 0])
    s.out(0x05, s.floats() if floats else s.x, None, _s4(s.shape), fields(pads),
          FLOAT if floats else BYTE, value,
          dtype=FLOAT if floats else BYTE, shape=shape)  # fmt: skip


def reduce(s: _Start) -> None:
    op, shape = s.integer(0, 4), s.part()
    init = (0.0, INFINITE, -INFINITE, 0.0)[op] if s.either(0.8) else float(s.rng.normal())
    s.out(0x07, s.floats(), None, op, _s4(s.shape), _s4(shape), init, dtype=FLOAT, shape=shape)


def reduce_window2d(s: _Start) -> None:
    op = s.integer(0, 4)
    w = _Window(s, pads=s.either())
    if op == 0 and any(w.pads):
        s.silent.append("divisor at the edge of a reduce_window2d")
    if op == 0:
        s.near = ORDER
    init = (0.0, INFINITE, -INFINITE, 0.0)[op]
    low, high = (-INFINITE, INFINITE) if s.either() else (0.0, 6.0)
    s.out(0x08, s.floats(), None, op, _s4(s.shape), w.data, init, low, high,
          dtype=FLOAT, shape=(*s.shape[:2], *w.sides))  # fmt: skip


def memory_copy(s: _Start) -> None:
    x = s.constant_bytes(s.integer(1, 200)) if s.either(0.3) else s.x
    s.out(0x09, x, None, dtype=BYTE, shape=x.shape)


def resize_image(s: _Start) -> None:
    bilinear, floats, align = s.either(0.4), s.either(), s.integer(0, 2)
    oh, ow = s.integer(1, 40), s.integer(1, 40)
    if s.either(0.6):  # nearest by whole factors: any formula has the same places
        oh, ow, align = s.shape[2] * 2 ** s.integer(0, 3), s.shape[3] * 2 ** s.integer(0, 3), 0
    else:
        s.silent.append("places of a resize")
    if bilinear:
        s.silent.append("bilinear formula")
        s.near = ORDER if floats else 0.0
    s.out(0x0A, s.floats(exact=True) if floats else s.x, None, _s4(s.shape), oh, ow,
          int(not bilinear), bytes([align, 0, 0, 0]), dtype=FLOAT if floats else BYTE,
          shape=(*s.shape[:2], oh, ow))  # fmt: skip


def softmax(s: _Start) -> None:
    s.near = LIBM
    inner = s.shape[3] if s.either() else int(np.prod(s.shape))
    outer = int(np.prod(s.shape)) // inner
    if outer > 1:
        s.silent.append("rows of a softmax")
    s.out(0x0B, s.floats(), None, inner, outer, 1.0 if s.either() else 0.5, dtype=FLOAT,
          shape=(outer, inner))  # fmt: skip


def transpose(s: _Start) -> None:
    floats = s.either()
    perm = [int(d) for d in s.rng.permutation(4)]
    shape = tuple(s.shape[d] for d in perm)
    s.out(0x0C, s.floats() if floats else s.x, None, _s4(s.shape), fields(perm),
          dtype=FLOAT if floats else BYTE, shape=shape)  # fmt: skip


def strided_slice(s: _Start) -> None:
    floats = s.either()
    begin = [s.integer(0, n) for n in s.shape]
    end = [s.integer(b + 1, n + 1) for b, n in zip(begin, s.shape, strict=True)]
    step = [s.integer(1, 4) for _ in s.shape]
    masks = [s.integer(0, 16), s.integer(0, 16)] if s.either(0.3) else [0, 0]
    if any(masks):
        s.silent.append("masks of a slice")
    shape = []
    for d, n in enumerate(s.shape):
        b, e = 0 if masks[0] >> d & 1 else begin[d], n if masks[1] >> d & 1 else end[d]
        shape.append(len(range(b, e, step[d])))
    s.out(0x0D, s.floats() if floats else s.x, None, _s4(s.shape), fields(begin), fields(end),
          fields(step), *masks, 0, 0, 0,
          dtype=FLOAT if floats else BYTE, shape=tuple(shape))  # fmt: skip


def unary(s: _Start) -> None:
    op = s.integer(0, 10)
    x = s.floats()
    if op in (5, 7):  # of positive numbers alone
        y = s.f.tensor(FLOAT, *s.shape)
        one = s.f.constant(np.float32([1.0]))
        s.f.add(0x0E, x.data, y.data, 0)
        x = s.f.tensor(FLOAT, *s.shape)
        s.f.add(0x00, y.data, one.data, x.data, 0, _s4(s.shape), _s4((1, 1, 1, 1)), _s4(s.shape),
                -INFINITE, INFINITE)  # fmt: skip
    if op == 3:  # nothing infinite
        y = s.f.tensor(FLOAT, *s.shape)
        zero = s.f.constant(np.float32([0.0]))
        s.f.add(0x00, x.data, zero.data, y.data, 0, _s4(s.shape), _s4((1, 1, 1, 1)), _s4(s.shape),
                -20.0, 20.0)  # fmt: skip
        x = y
    s.near = LIBM if op in (2, 3, 5, 7, 8) else 0.0
    s.out(0x0E, x, None, op, dtype=FLOAT, shape=s.shape)


def table_lookup1d(s: _Start) -> None:
    s.out(0x12, s.x, s.constant_bytes(256), None, dtype=BYTE, shape=s.shape)


def kpu_upload(s: _Start) -> None:
    """Bytes of main memory into the KPU, for a convolution."""
    _, c, h, w = s.shape
    layer, _ = random_conv(s.rng, random_sizes(s.rng, given=(c, h, w), work=100_000), plain=True)
    src, dst = two_places(s.rng, lines(c, h, w), lines(*layer.shape))
    s.f.add(0x2001, s.x.data, s.f.map(src, c, h, w).data, _s4(s.shape))
    y = s.f.tensor(BYTE, 1, *layer.shape)
    s.f.conv(layer, src, dst, y)
    s.f.outputs.append(y)


LAYERS: tuple[Callable[[_Start], None], ...] = (
    binary, quantized_binary, concat, conv2d, quantized_conv2d, conv2d_transpose, dequantize,
    quantize, matmul, quantized_matmul, pad, reduce, reduce_window2d, memory_copy, resize_image,
    softmax, transpose, strided_slice, unary, table_lookup1d, kpu_upload,
)  # fmt: skip


def _made(layer: Callable[[_Start], None], rng: Rng) -> Case:
    s = _Start(rng)
    layer(s)
    name = "x".join(map(str, s.shape))
    return _named(layer.__name__, name, s.f, s.input, rng, tuple(s.silent), s.near)


MAKERS: tuple[Callable[[Rng], Case], ...] = (
    *(functools.partial(_made, f) for f in LAYERS),
    main_input,
)
"""Of every operator that a CPU executes."""
