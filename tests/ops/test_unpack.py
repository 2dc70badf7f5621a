"""UNPACK: several outputs, against TensorFlow Lite Micro."""

from __future__ import annotations

from tests.ops.test_split import Shape_, unpack
from tests.support import check_everywhere, together


def test_unpack_equals_tflm() -> None:
    cases: list[tuple[Shape_, int]] = [
        ((1, 3, 4), 0), ((1, 3, 4), 1), ((1, 3, 4), -1), ((1, 3, 4), -2), ((3,), 0), ((2, 1), 1),
        ((2, 2, 2, 2, 3), 2),
    ]  # fmt: skip
    check_everywhere(together(*(unpack(s, a, f"{s} {a}") for s, a in cases)))
