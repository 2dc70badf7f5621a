"""Networks of one pool, for the tests of max and average pooling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from ascua.ir import Graph
from ascua.ops import Pool2D
from tests.support import activation, network


def pool(
    kind: type[Pool2D], ih: int = 6, iw: int = 7, c: int = 5, window: tuple[int, int] = (2, 2),
    stride: tuple[int, int] = (2, 2), padding: str = "SAME", act: str = "NONE", zero: int = -3,
    scale: float = 0.05,
) -> Graph:  # fmt: skip
    """A network of one pool."""
    x = activation("x", (1, ih, iw, c), scale, zero)
    op = kind((x,), (activation("y", (1, 1, 1, c)),), window, stride, padding, act)
    y = activation("y", (1, op.rows.out, op.columns.out, c), scale, zero)
    return network(replace(op, outputs=(y,)))


CASES: dict[str, dict[str, Any]] = {
    "window far beyond the image": {"window": (31, 40), "stride": (1, 1)},
    "window beyond the image, by strides": {"window": (20, 15), "stride": (3, 4)},
    "plain": {},
    "one channel": {"c": 1},
    "eight channels": {"c": 8},
    "seventeen channels": {"c": 17},
    "seventeen channels, padded": {"c": 17, "window": (3, 4), "stride": (1, 1)},
    "256 values": {
        "ih": 17, "iw": 16, "c": 19, "window": (16, 16), "stride": (1, 1), "padding": "VALID",
    },
    "one pixel": {"ih": 1, "iw": 1},
    "one pixel wide": {"iw": 1},
    "valid": {"padding": "VALID"},
    "overlapping": {"window": (3, 3), "stride": (1, 1)},
    "padded on every side": {"window": (5, 6), "stride": (1, 2)},
    "stride beyond the window": {"stride": (4, 3), "ih": 11, "iw": 13},
    "unequal": {"window": (1, 3), "stride": (2, 1)},
    "1x1": {"window": (1, 1), "stride": (1, 1)},
    "the whole image": {"window": (6, 7), "padding": "VALID", "c": 10},
    "beyond the image": {"window": (9, 9), "stride": (3, 3)},
    "relu": {"act": "RELU"},
    "relu6": {"act": "RELU6", "zero": -128},
    "relu -1 to 1": {"act": "RELU_N1_TO_1"},
    "zero point 127": {"zero": 127, "act": "RELU6"},
}  # fmt: skip

size = st.integers(1, 9)
step = st.integers(1, 4)
channels = size | st.sampled_from([15, 16, 17, 31, 40])
POOLS = st.fixed_dictionaries(
    {
        "ih": size, "iw": size, "c": channels, "window": st.tuples(size, size),
        "stride": st.tuples(step, step), "padding": st.sampled_from(["SAME", "VALID"]),
        "act": st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]),
        "zero": st.integers(-128, 127), "scale": st.floats(-4, 1).map(lambda e: 10**e),
    }
)  # fmt: skip
"""Fields of any pool; its output may be empty."""
