"""STRIDED_SLICE of data: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ops.strided_slice import StridedSlice
from tests.ops.test_slice import Numbers, integers, strided
from tests.support import activation, check_everywhere, together


def test_strided_slice_equals_tflm() -> None:
    ops = [
        strided((1, 4, 5, 6), (0, 0, 0, 0), (1, 4, 5, 6), (1, 2, 2, 1), "every other pixel"),
        strided((1, 4, 5, 6), (0, 1, 1, 2), (1, 4, 5, 6), (1, 2, 3, 2), "every stride"),
        strided((1, 4, 5, 6), (0, 3, 0, 0), (1, -9, 5, 6), (1, -1, 1, 1), "upside down"),
        strided((1, 4, 5, 6), (0,) * 4, (0,) * 4, (1, -2, -1, -3), "all", begin_mask=15,
                end_mask=15),
        strided((1, 4, 5, 6), (0, 0, 0, -1), (1, 4, 5, 0), (1, 1, 1, 1), "last", end_mask=8),
        strided((1, 4, 5, 6), (0, 2, 0, 0), (1, 3, 5, 6), (1, 1, 1, 1), "row", shrink_axis_mask=3),
        strided((1, 4, 5, 6), (0, -1, -2, 5), (1, 0, 9, 6), (1, 2, 3, 1), "one value",
                shrink_axis_mask=15),
        strided((4, 3), (9, 1), (1, 2), (1, 1), "begin ignored", begin_mask=1, shrink_axis_mask=1),
        strided((9,), (-20,), (20,), (4,), "beyond the ends"),
        strided((9,), (20,), (-20,), (-1,), "reversed"),
        strided((2, 3, 4), (0, 2, 0), (2, 0, 4), (1, -1, 3), "three dimensions"),
    ]  # fmt: skip
    check_everywhere(together(*ops))


def numbers(low: int, high: int) -> st.SearchStrategy[Numbers]:
    return st.tuples(*[st.integers(low, high)] * 4)


bounds = st.fixed_dictionaries(
    {
        "rank": st.integers(1, 4), "shape": numbers(1, 5), "begin": numbers(-6, 6),
        "end": numbers(-6, 6), "stride": st.tuples(*[st.sampled_from([-2, -1, 1, 2, 3])] * 4),
        "begin_mask": st.integers(0, 15), "end_mask": st.integers(0, 15),
        "shrink_axis_mask": st.integers(0, 15),
    }
)  # fmt: skip


@settings(max_examples=4)
@given(st.lists(bounds, min_size=16, max_size=24))
def test_any_strided_slice(cases: list[dict[str, Any]]) -> None:
    ops = []
    for i, case in enumerate(cases):
        rank = case.pop("rank")
        four = [case.pop(k)[:rank] for k in ("shape", "begin", "end", "stride")]
        masks = {k: v & (1 << rank) - 1 for k, v in case.items()}
        try:
            op = strided(*four, name=f"y{i}", **masks)
        except IndexError:  # a dropped dimension has no such element
            continue
        ops += [op] if op.check() is None else []
    if ops:
        check_everywhere(together(*ops), n=2)


def test_strided_slice_refuses() -> None:
    def reason(stride: int = 1, dtype: type = np.int32, **masks: int) -> str:
        bounds = [integers(n, (v, 0), dtype) for n, v in (("b", 1), ("e", 2))]
        bounds.append(integers("s", (stride, 1), dtype))
        op = StridedSlice((activation("x", (3, 2)), *bounds), (activation("y", (2,)),), **masks)
        return op.check() or ""

    taken = {"shrink_axis_mask": 1, "end_mask": 2}
    assert reason(**taken) == ""
    assert "instead of [1, 0]" in reason()
    assert "ellipsis" in reason(ellipsis_mask=1)
    assert "new axes" in reason(new_axis_mask=1)
    assert "stride is 0" in reason(0)
    assert "TFLM copies nothing" in reason(-1, **taken)
    assert "int32" in reason(dtype=np.int64, **taken)
    assert "at most 4" in (strided((1,) * 5, (0,) * 5, (1,) * 5, (1,) * 5).check() or "")
