"""AdaRound: learns for each weight whether it is rounded up or down, layer by layer.

M. Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", ICML 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array, limits
from ascua.ops import Weighted
from ascua.quantize.refine import CHUNK

ROWS = 8192
"""Places of the output that a layer learns from."""

BATCH = (64, 512)
"""Of them in a step, at least and at most: eight for each weight of a channel."""

STRETCH = 1.2
"""The sigmoid reaches from -0.1 to 1.1, and is cut: so that 0 and 1 are reached."""


@dataclass(frozen=True)
class AdaRound:
    """Settings; `weight` and the exponent `beta` push each rounding to 0 or 1 after `warm`."""

    steps: int = 600
    rate: float = 0.01
    weight: float = 0.01
    beta: tuple[float, float] = (20.0, 2.0)
    warm: float = 0.2
    seed: int = 1

    def __call__(self, real: Weighted, small: Weighted, x: Array, xq: Array) -> Weighted:
        """`small` with weights rounded such that, on `xq`, it comes nearest to `real` on `x`."""
        rng = np.random.default_rng(self.seed)
        at = rng.permutation(len(x) * places(real))[:ROWS]
        inputs, quantised = patches(real, x, at), patches(real, xq, at)
        bias = real.biases.reshape(real.groups, 1, -1)
        weights = real.matrices().swapaxes(1, 2)
        target = inputs @ weights + bias
        scales = np.asarray(small.w.q.scales, np.float32)
        scale = scales if scales.size == 1 else scales.reshape(bias.shape)
        steps = weights / scale
        most = int(np.abs(small.w.values.astype(np.int64)).max(initial=1))
        zero = small.w.q.zero_point
        low, high = limits("int8") if small.uint8 else (-most, most)
        up = self.learn(steps, scale, quantised, target, bias, real.activation, rng)
        rounded = np.clip(np.floor(steps) + up + zero, low, high)
        return small.with_weights(small.from_matrices(rounded.swapaxes(1, 2)))

    def learn(
        self, steps: Array, scale: Array, x: Array, target: Array, bias: Array, activation: str,
        rng: np.random.Generator,
    ) -> Array:  # fmt: skip
        """Which weights, `steps` (g, k, o) of `scale`, are rounded up.

        `x` (g, n, k) are inputs, `target` (g, n, o) what they should give, with `bias`.
        """
        floor = np.floor(steps)
        # The variable whose stretched sigmoid is the part that rounding cuts off.
        part = np.clip((steps - floor + 0.1) / STRETCH, 1e-3, 1 - 1e-3)
        v = np.log(part / (1 - part)).astype(np.float32)
        first, second = np.zeros_like(v), np.zeros_like(v)
        low, high = -np.inf, np.inf
        if activation in ("RELU", "RELU6"):
            low, high = 0.0, 6.0 if activation == "RELU6" else np.inf
        power = float(np.square(np.clip(target, low, high)).mean()) + 1e-12
        batch = min(max(BATCH[0], 8 * x.shape[2]), BATCH[1], x.shape[1])
        for i in range(self.steps):
            some = rng.integers(0, x.shape[1], batch)
            given, wanted = x[:, some], target[:, some]
            s = 1 / (1 + np.exp(-v))
            h = np.clip(s * STRETCH - 0.1, 0, 1)
            total = given @ ((floor + h) * scale) + bias
            inside = (total > low) & (total < high)
            error = (np.clip(total, low, high) - np.clip(wanted, low, high)) * inside
            slope = given.swapaxes(1, 2) @ error * scale * (2 / (power * error[..., 0].size))
            slope += self._push(h, i)
            slope *= STRETCH * s * (1 - s) * ((h > 0) & (h < 1))
            first = 0.9 * first + 0.1 * slope
            second = 0.999 * second + 0.001 * slope * slope
            corrected = first / (1 - 0.9 ** (i + 1))
            v -= self.rate * corrected / (np.sqrt(second / (1 - 0.999 ** (i + 1))) + 1e-8)
        return v > 0

    def _push(self, h: Array, i: int) -> Array | float:
        """The slope of what keeps roundings from the middle."""
        progress = (i / self.steps - self.warm) / (1 - self.warm)
        if progress < 0:
            return 0.0
        start, end = self.beta
        beta = end + 0.5 * (start - end) * (1 + np.cos(progress * np.pi))
        distance = 2 * h - 1
        slope: Array = -self.weight * beta * 2 * np.sign(distance) * np.abs(distance) ** (beta - 1)
        return slope


def places(op: Weighted) -> int:
    """How many vectors the output of a sample holds."""
    return op.y.size // op.channels


def patches(op: Weighted, x: Array, at: Array) -> Array:
    """What the output's vectors `at` are made of: (groups, n, k), of inputs (n, *shape)."""
    each = places(op)
    step = max(1, CHUNK // (4 * each * op.groups * op.matrices().shape[2]))
    found: list[Array] = []
    order = np.argsort(at, kind="stable")
    for start in range(0, len(x), step):
        chosen = at[order]
        chosen = chosen[(chosen >= start * each) & (chosen < (start + step) * each)]
        if len(chosen):
            found.append(op.patches(x[start : start + step])[:, chosen - start * each])
    taken = np.concatenate(found, axis=1)
    back = np.empty(taken.shape, taken.dtype)
    back[:, order] = taken
    return back
