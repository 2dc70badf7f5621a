"""BATCH_TO_SPACE_ND against TensorFlow Lite Micro."""

from __future__ import annotations

from tests.ops.test_space_to_batch_nd import NONE, Ends, Shape, to_space
from tests.support import check_everywhere, together


def test_to_space_equals_tflm() -> None:
    cases: list[tuple[Shape, Shape, Ends]] = [
        ((4, 2, 3, 3), (2, 2), NONE),
        ((8, 2, 3, 3), (2, 2), [(1, 0), (0, 2)]),
        ((6, 3, 2, 20), (2, 3), [(3, 2), (4, 1)]),
        ((3, 1, 2, 1), (1, 3), [(0, 0), (1, 1)]),
        ((4, 3, 2), (2,), [(1, 2)]),
    ]
    check_everywhere(together(*(to_space(*case, name=str(case)) for case in cases)))
