"""Random graphs of the K210's operators, to compare what is computed of them in several ways."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ascua.ir import Array, Graph, Tensor
from ascua.kmodel import Activation, Norms
from ascua.kmodel.conv import STRIDES
from ascua.targets.k210 import images, ops
from ascua.targets.k210.block import Affine, Block
from ascua.targets.k210.moves import moved
from ascua.targets.k210.ops import Runtime
from ascua.targets.k210.sums import sum_of

SIZES = (4, 5, 7, 8, 12, 16, 17, 20, 31, 32, 33, 40, 64, 65)
LEAST = -(1 << 35)


def affine(rng: np.random.Generator) -> Affine:
    """Random, about as networks have them."""
    return Affine(float(rng.uniform(0.005, 0.1)), int(rng.choice([0, 0, 3, 128, 250, 255])))


def activation(rng: np.random.Generator, reach: float) -> Activation:
    """A random table for t up to about `reach`: one line, or many of any slope."""
    count = int(rng.choice([1, 1, 3, 15]))
    start = np.full(16, -LEAST - 1, np.int64)
    start[0] = LEAST
    start[1 : count + 1] = np.sort(rng.integers(-reach / 2, reach / 2, count))
    shift = rng.integers(4, 20, 16)
    mul = np.zeros(16, np.int64)
    steep = 256 * 2.0 ** shift[1 : count + 1] / reach
    mul[1 : count + 1] = np.clip(rng.uniform(-0.3, 2, count) * steep, -30000, 30000)
    bias = rng.integers(0, 256, 16)
    bias[1] = rng.integers(0, 40)
    return Activation(start, mul.astype(np.int16), shift.astype(np.uint8), bias.astype(np.uint8))


def block(rng: np.random.Generator, ic: int, oc: int, k: int, pool: int, *, own: bool) -> Block:
    """A random pass."""
    zero, x = int(rng.integers(0, 256)), int(rng.choice([0, 0, 128, 255]))
    weights = rng.integers(0, 256, (oc, 1 if own else ic, k, k)).astype(np.uint8)
    taps = k * k * (1 if own else ic)
    sums = 74 * 128 * taps**0.5
    size = 1 << 22 if rng.random() < 0.7 else int(300 * 2**15 / sums) + 2
    mul = (rng.uniform(0.2, 1, oc) * size * rng.choice([-1, 1, 1, 1], oc)).astype(np.int32)
    shift = rng.integers(10, 16, oc) if size == 1 << 22 else np.full(oc, 15)
    reach = float(np.abs(mul * sums / 2.0**shift).max()) + 16  # of small ones, t meets segments
    add = rng.integers(-int(min(reach, 2**30)), int(min(reach, 2**30)), oc).astype(np.int32)
    return Block(
        weights=weights,
        norms=Norms(mul, add, shift.astype(np.uint8)),
        activation=activation(rng, reach),
        pad_value=int(rng.choice([x, x, 7])),
        arg_x=-zero,
        arg_w=-x,
        arg_add=k * k * zero * x,
        pool=pool,
        depthwise=own,
    )


class Maker:
    """Grows a random graph."""

    def __init__(self, rng: np.random.Generator, runtime: Runtime) -> None:
        self.rng = rng
        self.runtime = runtime
        shape = (1, int(rng.choice(SIZES)), int(rng.choice(SIZES)), int(rng.integers(1, 9)))
        self.input = Tensor("input", shape, "uint8")
        self.maps = [self.input]
        self.ops: list[ops.ChipOp] = []

    def tensor(self, shape: tuple[int, ...], dtype: str = "uint8") -> Tensor:
        """A new tensor."""
        return Tensor(f"{len(self.ops)}", shape, dtype)

    def append(self, kind: type[ops.ChipOp], x: Tensor, y: Tensor, *rest: object) -> Tensor:
        """A new operator from x to y; answers y."""
        self.ops.append(kind((x,), (y,), *rest, runtime=self.runtime))  # type: ignore[arg-type]
        if y.dtype == "uint8" and len(y.shape) == 4:
            self.maps.append(y)
        return y

    def pick(self) -> Tensor:
        """A map: mostly the newest."""
        return self.maps[-1 - min(int(self.rng.geometric(0.6)) - 1, len(self.maps) - 1)]

    def conv(self, x: Tensor | None = None, oc: int | None = None, pool: int | None = None) -> None:
        """A pass of the KPU."""
        x = x or self.pick()
        _, h, w, c = x.shape
        if min(h, w) < 4:
            return
        own = oc is None and pool is None and bool(self.rng.random() < 0.3)
        codes = [0, 0, *(p for p in range(10) if min(h, w) // STRIDES[p] >= 4)]
        code = int(self.rng.choice(codes)) if pool is None else pool
        oc = c if own else oc or int(self.rng.integers(1, 20))
        made = block(self.rng, c, oc, int(self.rng.choice([1, 3])), code, own=own)
        y = self.tensor((1, h // STRIDES[code], w // STRIDES[code], oc))
        self.append(ops.KpuConv, x, y, made)

    def moved(self) -> None:
        """A pass that changes no byte."""
        x = self.pick()
        _, h, w, c = x.shape
        if min(h, w) < 8:
            return
        pool = int(self.rng.choice([0, 1, 5, 9]))
        tap = (int(self.rng.integers(0, 2)), int(self.rng.integers(0, 2)))
        y = self.tensor((1, h // STRIDES[pool], w // STRIDES[pool], c))
        self.append(ops.KpuConv, x, y, moved(c, tap, pool, int(self.rng.integers(0, 256))))

    def add(self) -> None:
        """A sum of two maps, or of one with itself."""
        a = self.pick()
        same = [t for t in self.maps if t.shape == a.shape]
        b = same[int(self.rng.integers(len(same)))]
        scales = (affine(self.rng), affine(self.rng), affine(self.rng))
        numbers = sum_of(*scales, self.runtime)
        y = self.tensor(a.shape)
        self.ops.append(ops.Add((a, b), (y,), numbers, runtime=self.runtime))
        self.maps.append(y)

    def concat(self) -> None:
        """Maps side by side: two new ones of the KPU, or any of one size."""
        x = self.pick()
        if min(x.shape[1:3]) >= 4 and self.rng.random() < 0.7:
            for _ in range(2):
                self.conv(x, int(self.rng.choice([2, 4, 8, 3])), 0)
            parts = self.maps[-2:]
        else:
            parts = [t for t in self.maps if t.shape[:3] == x.shape[:3]][-3:]
        y = self.tensor((*x.shape[:3], sum(t.shape[3] for t in parts)))
        self.ops.append(images.Concat(tuple(parts), (y,), runtime=self.runtime))
        self.maps.append(y)

    def table(self) -> None:
        """Bytes through a table."""
        x = self.pick()
        table = self.rng.integers(0, 256, 256).astype(np.uint8)
        self.append(ops.Table, x, self.tensor(x.shape), table)

    def resize(self) -> None:
        """A map of another size."""
        x = self.pick()
        h, w = (int(self.rng.integers(1, min(2 * n, 60) + 1)) for n in x.shape[1:3])
        y = self.tensor((1, h, w, x.shape[3]))
        self.append(images.Resize, x, y)

    def windows(self) -> None:
        """A pool by the CPU: of bytes in V3; of floats that become bytes again in V4 and means."""
        x = self.pick()
        window = tuple(int(min(n, self.rng.integers(1, 5))) for n in x.shape[1:3])
        stride = tuple(int(self.rng.integers(1, 4)) for _ in window)
        before = tuple(int(self.rng.integers(0, n)) for n in window)
        sizes = [
            (n + b - k) // s + 1
            for n, b, k, s in zip(x.shape[1:3], before, window, stride, strict=True)
        ]
        shape = (1, *sizes, x.shape[3])
        if self.runtime == 3 and self.rng.random() < 0.6:
            self.append(images.MaxPool, x, self.tensor(shape), window, stride, before)
            return
        kind = (
            images.AveragePool if self.runtime == 3 or self.rng.random() < 0.5 else images.MaxPool
        )
        scale = affine(self.rng)
        real = self.append(ops.Dequantize, x, self.tensor(x.shape, "float32"), scale)
        y = self.append(kind, real, self.tensor(shape, "float32"), window, stride, before)
        self.append(ops.Quantize, y, self.tensor(shape), scale)

    def slice(self) -> None:
        """Some pixels."""
        x = self.pick()
        most = 1 if self.runtime == 3 else 2
        begin = tuple(int(self.rng.integers(0, most)) if n > 1 else 0 for n in x.shape[1:3])
        stride = tuple(int(self.rng.integers(1, 4)) for _ in begin)
        h, w = ((n - 1 - b) // s + 1 for n, b, s in zip(x.shape[1:3], begin, stride, strict=True))
        self.append(images.Slice, x, self.tensor((1, h, w, x.shape[3])), begin, stride)

    def pad(self) -> None:
        """A frame around a map, in V4."""
        if self.runtime == 3:
            return
        x = self.pick()
        pads = tuple(tuple(int(n) for n in self.rng.integers(0, 3, 2)) for _ in range(3))
        shape = (1, *(n + sum(p) for n, p in zip(x.shape[1:], pads, strict=True)))
        self.append(images.Pad, x, self.tensor(shape), pads, int(self.rng.integers(0, 256)))

    def floats(self, x: Tensor) -> Tensor:
        """An output."""
        return self.append(ops.Dequantize, x, self.tensor(x.shape, "float32"), affine(self.rng))

    def end(self) -> Tensor:
        """An output as networks have them."""
        x = self.maps[-1]
        real = self.floats(x)
        kind = int(self.rng.integers(5))
        c = x.shape[3]
        if kind == 0 or (kind == 4 and x.size == c):
            return real
        if kind == 1:
            return self.append(images.Flatten, real, self.tensor((1, x.size), "float32"))
        if kind == 2:
            return self.append(ops.Logistic, real, self.tensor(x.shape, "float32"))
        if kind == 3:
            weights, bias = self.rng.normal(size=(7, x.size)), self.rng.normal(size=7)
            limits = ((-np.inf, np.inf), (0.0, np.inf), (0.0, 6.0))[int(self.rng.integers(3))]
            y = self.tensor((1, 7), "float32")
            return self.append(ops.Dense, real, y, weights, bias, limits)
        mean = self.append(ops.Mean, real, self.tensor((1, c), "float32"))
        small = self.append(ops.Quantize, mean, self.tensor((1, c)), affine(self.rng))
        oc = int(self.rng.integers(2, 30))
        made = block(self.rng, c, oc, 1, 0, own=False)
        dense = self.append(ops.KpuDense, small, self.tensor((1, oc)), made)
        y = self.tensor((1, oc), "float32")
        return self.append(ops.Softmax, self.floats(dense), y, 1.0)

    def graph(self, name: str) -> Graph:
        """The whole."""
        outputs = [self.end()]
        if self.rng.random() < 0.3:
            outputs.append(self.floats(self.maps[int(self.rng.integers(len(self.maps)))]))
        return Graph(name, (self.input,), tuple(outputs), tuple(self.ops))


def random_graph(seed: int, number: int, runtime: Runtime) -> tuple[Graph, Array]:
    """A graph, and samples (n, h, w, c) for it."""
    rng = np.random.default_rng((seed, number))
    maker = Maker(rng, runtime)
    maker.conv(maker.input)
    steps: list[Callable[[], None]] = [
        maker.conv, maker.conv, maker.conv, maker.moved, maker.add, maker.concat, maker.concat,
        maker.table, maker.resize, maker.windows, maker.slice, maker.pad,
    ]  # fmt: skip
    for _ in range(int(rng.integers(1, 9))):
        steps[int(rng.integers(len(steps)))]()
    graph = maker.graph(f"random graph {number} of seed {seed} for V{runtime}")
    return graph, rng.integers(0, 256, (2, *maker.input.shape[1:])).astype(np.uint8)
