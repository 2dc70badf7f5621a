"""Random files of version 3: a layer under test, and the convolution that a file begins with.

Outputs of this version are floats: bytes leave through a Dequantize that keeps them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from .case import LIBM, ORDER, Case, channels, many_loads, random_sizes, samples, two_places
from .convs import Sizes, random_conv
from .pack import V3, Conv, lines

Rng = np.random.Generator
MAIN = 1
"""Flag of a body: the result lies in main memory."""


def _bytes_out(f: V3, at: int, count: int) -> None:
    y = f.place(4 * count)
    f.add(12, MAIN, at, y, count, 1.0, 0.0)
    f.output(y, count)


def _convs(f: V3, rng: Rng, convs: Sequence[Conv], shown: Sequence[bool]) -> list[int]:
    """One after another in KPU RAM; where the maps of those that are shown lie in main memory."""
    line = -1
    places: list[int] = []
    for conv, show in zip(convs, shown, strict=True):
        size, room = lines(conv.ic, conv.h, conv.w), lines(*conv.shape)
        src, dst = two_places(rng, size, room)
        if line >= 0:
            src, dst = line, line + size if line + size + room <= 32768 else 0
            assert dst or room <= line
        place = f.place(int(np.prod(conv.shape))) if show else None
        f.conv(conv, src, dst, place)
        line = dst
        places += [] if place is None else [place]
    return places


def conv(rng: Rng, sizes: Sizes | None = None) -> Case:
    """One layer of the KPU."""
    make = many_loads if rng.random() < 0.1 else random_sizes
    s = sizes or make(rng, wide=bool(rng.random() < 0.4))
    f = V3(wide=s.wide)
    layer, silent = random_conv(rng, s)
    (y,) = _convs(f, rng, [layer], [True])
    _bytes_out(f, y, int(np.prod(layer.shape)))
    return Case("v3 conv", str(s), f.data, samples(rng, s.ic, s.h, s.w), silent)


def chain(rng: Rng) -> Case:
    """Two or three layers of the KPU, the last one shown and others perhaps."""
    wide = bool(rng.random() < 0.3)
    sizes = [random_sizes(rng, wide=wide, work=100_000)]
    made = [random_conv(rng, sizes[0], plain=True)[0]]
    for _ in range(int(rng.integers(1, 3))):
        sizes.append(random_sizes(rng, wide=wide, given=made[-1].shape, work=200_000))
        made.append(random_conv(rng, sizes[-1], plain=True)[0])
    shown = [bool(rng.random() < 0.5) for _ in made[1:]] + [True]
    if sum(lines(c.ic, c.h, c.w) for c in made) + lines(*made[-1].shape) > 30000:
        return chain(rng)
    f = V3(wide=wide)
    for y, layer in zip(_convs(f, rng, made, shown),
                        [c for c, show in zip(made, shown, strict=True) if show],
                        strict=True):  # fmt: skip
        _bytes_out(f, y, int(np.prod(layer.shape)))
    x = samples(rng, made[0].ic, made[0].h, made[0].w)
    return Case("v3 chain", " → ".join(map(str, sizes)), f.data, x)


class _Start:
    """A file whose first layer has left bytes in main memory: (c, h, w) at `x`."""

    def __init__(self, rng: Rng) -> None:
        self.rng, self.f = rng, V3()
        self.silent: list[str] = []
        self.near = 0.0
        h, w = int(rng.integers(4, 21)), int(rng.integers(4, 21))
        w = int(rng.choice([33, 64, 65])) if rng.random() < 0.1 else w
        oc = min(channels(rng), 4000 // (h * w) + 1)
        s = Sizes(int(rng.integers(1, 4)), oc, h, w, int(rng.choice([1, 3])))
        layer, _ = random_conv(rng, s, plain=True)
        self.input = (s.ic, h, w)
        self.c, self.h, self.w, self.count = oc, h, w, oc * h * w
        (self.x,) = _convs(self.f, rng, [layer], [True])

    def integer(self, low: int, high: int) -> int:
        """low … high-1."""
        return int(self.rng.integers(low, high))

    def other(self) -> int:
        """As many other bytes."""
        y = self.f.place(self.count)
        table = self.rng.integers(0, 256, 256).astype(np.uint8).tobytes()
        self.f.add(13, MAIN, self.x, y, self.count, table)
        return y

    def floats(self, *, exact: bool = False) -> int:
        """The bytes as floats; `exact` ones are eighths, of which sums are exact."""
        y = self.f.place(4 * self.count)
        if exact:
            self.f.add(12, MAIN, self.x, y, self.count, 0.125, float(self.integer(-16, 1)))
            return y
        pairs = np.empty((self.c, 2), np.float32)
        pairs[:, 0] = self.rng.uniform(0.5, 2, self.c) * 2.0 ** self.rng.integers(-9, 2)
        pairs[:, 1] = -pairs[:, 0] * self.rng.integers(0, 256, self.c)
        if self.rng.random() < 0.3:
            self.f.add(12, MAIN, self.x, y, self.count, float(pairs[0, 0]), float(pairs[0, 1]))
        else:
            self.f.add(24, MAIN, self.x, y, self.c, self.h * self.w, pairs.tobytes())
        return y

    def floats_out(self, kind: int, *fields: int | float | bytes, count: int) -> None:
        """The layer under test, whose output is floats; `fields` have -1 where it is told."""
        y = self.f.place(4 * count)
        self.f.add(kind, MAIN, *(y if v == -1 else v for v in fields))
        self.f.output(y, count)

    def bytes_out(self, kind: int, *fields: int | float | bytes, count: int) -> None:
        """The same of bytes."""
        y = self.f.place(count)
        self.f.add(kind, MAIN, *(y if v == -1 else v for v in fields))
        _bytes_out(self.f, y, count)


Y = -1
"""Stands for where the output lies."""


def add(s: _Start) -> None:
    s.floats_out(1, s.floats(), s.floats(), Y, s.count, count=s.count)


def quantized_add(s: _Start) -> None:
    shifts = [s.integer(0, 15) for _ in range(2)]
    shifts = shifts[:1] * 2 if s.rng.random() < 0.4 else shifts
    muls = [max(1, min(32767, round(s.rng.uniform(0.3, 2) * 2 ** (n + s.integer(0, 4)))))
            for n in shifts]  # fmt: skip
    bits = float(np.log2(sum(m / 2**n for m, n in zip(muls, shifts, strict=True))))
    shift = s.integer(0, 25)
    mul = max(1, round(2 ** (shift - bits)))
    if s.rng.random() < 0.3:  # a product of few bits ties
        mul, shift = 1, max(0, round(bits))
    offsets = [s.integer(-256, 1) for _ in range(2)] + [s.integer(0, 256)]
    s.bytes_out(2, s.x, s.other(), Y, s.count, _i32(offsets[0]), muls[0], shifts[0],
                _i32(offsets[1]), muls[1], shifts[1], offsets[2], mul, shift,
                count=s.count)  # fmt: skip


def _i32(v: int) -> bytes:
    return v.to_bytes(4, "little", signed=True)


def global_average_pool(s: _Start) -> None:
    s.floats_out(5, s.floats(), Y, s.h * s.w, s.c, count=s.c)


def _windows(s: _Start) -> tuple[list[int], int]:
    k = [s.integer(1, 5), s.integer(1, 5)]
    stride = [s.integer(1, 4), s.integer(1, 4)]
    pad = [s.integer(0, n) for n in k]
    ow, oh = ((n + 2 * p - m) // t + 1
              for n, p, m, t in zip((s.w, s.h), pad, k, stride, strict=True))  # fmt: skip
    return [s.w, s.h, s.c, ow, oh, s.c, *k, *stride, *pad], ow * oh * s.c


def quantized_max_pool(s: _Start) -> None:
    sides, count = _windows(s)
    s.bytes_out(8, s.x, Y, *sides, count=count)


def average_pool(s: _Start) -> None:
    sides, count = _windows(s)
    s.floats_out(9, s.floats(), Y, *sides, s.integer(0, 3), count=count)


def quantize(s: _Start) -> None:
    if s.rng.random() < 0.4:  # quarters, so that halves occur
        s.bytes_out(11, s.floats(exact=True), Y, s.count, 0.25, float(s.integer(-9, 9)),
                    count=s.count)  # fmt: skip
    else:
        scale = float(s.rng.uniform(0.5, 2) * 2.0 ** s.integer(-7, 3))
        s.bytes_out(11, s.floats(), Y, s.count, scale, float(s.rng.normal(0, 1)), count=s.count)


def dequantize(s: _Start) -> None:
    s.floats_out(12, s.x, Y, s.count, float(s.rng.uniform(0.001, 2)), float(s.rng.normal(0, 9)),
                 count=s.count)  # fmt: skip


def requantize(s: _Start) -> None:
    table = s.rng.integers(0, 256, 256).astype(np.uint8).tobytes()
    s.bytes_out(13, s.x, Y, s.count, table, count=s.count)


def channelwise_dequantize(s: _Start) -> None:
    pairs = s.rng.normal(0, 1, (s.c, 2)).astype(np.float32)
    s.floats_out(24, s.x, Y, s.c, s.h * s.w, pairs.tobytes(), count=s.count)


def l2_normalization(s: _Start) -> None:
    s.silent.append("L2 normalization")
    s.near = ORDER
    s.floats_out(14, s.floats(), Y, s.count, count=s.count)


def softmax(s: _Start) -> None:
    s.near = LIBM
    x = s.floats()
    if s.rng.random() < 0.1:  # all so far below 0 that the sum is 0: no numbers
        s.f.add(12, MAIN, s.x, x, s.count, 0.25, -200.0)
    s.floats_out(15, x, Y, s.count, count=s.count)


def logistic(s: _Start) -> None:
    s.near = LIBM
    s.floats_out(25, s.floats(), Y, s.count, count=s.count)


def concat(s: _Start) -> None:
    parts = [(s.floats(), 4 * s.integer(1, s.count + 1)) for _ in range(s.integer(1, 4))]
    size = sum(n for _, n in parts)
    s.floats_out(16, Y, len(parts), *sum(parts, ()), count=size // 4)


def quantized_concat(s: _Start) -> None:
    parts = [(s.other(), s.integer(1, s.count + 1)) for _ in range(s.integer(1, 4))]
    s.bytes_out(17, Y, len(parts), *sum(parts, ()), count=sum(n for _, n in parts))


def fully_connected(s: _Start) -> None:
    exact = bool(s.rng.random() < 0.5)
    ic, oc = min(s.count, 256), s.integer(1, 20)
    if exact:
        w = s.rng.integers(-8, 9, (oc, ic)) * (s.rng.random((oc, ic)) < 3 / ic)
        w = w.astype(np.float32) / 8
        b = s.rng.integers(-9, 10, oc).astype(np.float32)
    else:
        s.silent.append("order of a sum")
        s.near = ORDER
        w = s.rng.normal(0, 1 / np.sqrt(ic), (oc, ic)).astype(np.float32)
        b = s.rng.normal(0, 1, oc).astype(np.float32)
    s.floats_out(18, s.floats(exact=exact), Y, ic, oc, s.integer(0, 3), w.tobytes() + b.tobytes(),
                 count=oc)  # fmt: skip


def flatten(s: _Start) -> None:
    s.floats_out(20, s.floats(), Y, s.w, s.h, s.c, count=s.count)


def _resize(s: _Start) -> tuple[list[int], int]:
    align = s.integer(0, 2)
    ow, oh = s.integer(1, 40), s.integer(1, 40)
    if s.rng.random() < 0.6:  # whole factors: any formula has the same places
        ow, oh, align = s.w * 2 ** s.integer(0, 3), s.h * 2 ** s.integer(0, 3), 0
    else:
        s.silent.append("places of a resize")
    return [s.w, s.h, s.c, ow, oh, align], ow * oh * s.c


def resize(s: _Start) -> None:
    sides, count = _resize(s)
    s.floats_out(22, s.floats(), Y, *sides, count=count)


def quantized_resize(s: _Start) -> None:
    sides, count = _resize(s)
    s.bytes_out(23, s.x, Y, *sides, count=count)


def padded(s: _Start) -> None:
    """AddPadding, a 1x1 convolution of the 4x4 maps, RemovePadding."""
    c, oc = min(s.count, channels(s.rng)), min(channels(s.rng), 200)
    layer, _ = random_conv(s.rng, Sizes(c, oc, 4, 4), plain=True)
    src, dst = two_places(s.rng, lines(c, 4, 4), lines(oc, 4, 4))
    s.f.add(10241, 0, s.x, src, c)
    y = s.f.place(16 * oc)
    s.f.conv(layer, src, dst, y)
    s.bytes_out(10242, y, Y, oc, count=oc)


def upload(s: _Start) -> None:
    """Bytes of main memory into the KPU, for a convolution."""
    layer, _ = random_conv(s.rng, random_sizes(s.rng, given=(s.c, s.h, s.w), work=100_000),
                           plain=True)  # fmt: skip
    src, dst = two_places(s.rng, lines(s.c, s.h, s.w), lines(*layer.shape))
    s.f.add(10243, 0, s.other(), src, s.w, s.h, s.c)
    count = int(np.prod(layer.shape))
    y = s.f.place(count)
    s.f.conv(layer, src, dst, y)
    _bytes_out(s.f, y, count)


LAYERS: tuple[Callable[[_Start], None], ...] = (
    add, quantized_add, global_average_pool, quantized_max_pool, average_pool, quantize, dequantize,
    requantize, channelwise_dequantize, l2_normalization, softmax, logistic, concat,
    quantized_concat, fully_connected, flatten, resize, quantized_resize, padded, upload,
)  # fmt: skip


def _made(layer: Callable[[_Start], None], rng: Rng) -> Case:
    s = _Start(rng)
    layer(s)
    name = f"{s.c}x{s.h}x{s.w}"
    x = samples(rng, *s.input)
    return Case(f"v3 {layer.__name__}", name, s.f.data, x, tuple(s.silent), s.near)


MAKERS: tuple[Callable[[Rng], Case], ...] = tuple(functools.partial(_made, f) for f in LAYERS)
"""Of every layer that a CPU executes."""
