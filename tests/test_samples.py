"""Which samples are compared with the reference: evenly spread, or the first ones of a sequence."""

from __future__ import annotations

import numpy as np
import pytest

from ascua.errors import InputError
from ascua.samples import picked, spread


@pytest.mark.parametrize(
    ("samples", "count", "expected"),
    [
        (10, 1, [0]),
        (10, 2, [0, 9]),
        (10, 4, [0, 3, 6, 9]),
        (10, 9, [0, 1, 2, 3, 4, 5, 6, 7, 9]),
        (3, 3, [0, 1, 2]),
        (3, 4, [0, 1, 2]),
        (3, None, [0, 1, 2]),
        (1, 1, [0]),
        (1, 200, [0]),
    ],
)
def test_a_few_are_spread(samples: int, count: int | None, expected: list[int]) -> None:
    assert spread(samples, count).tolist() == expected


@pytest.mark.parametrize("samples", [1, 2, 63, 64, 1000])
def test_gaps_differ_by_one_at_most(samples: int) -> None:
    for count in range(1, samples + 1):
        at = spread(samples, count)
        assert (len(at), at[0]) == (count, 0)
        if count > 1:
            gaps = np.diff(at)
            assert at[-1] == samples - 1
            assert gaps.min() >= 1
            assert gaps.max() - gaps.min() <= 1


def test_of_a_sequence_they_are_the_first_ones() -> None:
    assert spread(10, 3, sequence=True).tolist() == [0, 1, 2]
    assert spread(2, 3, sequence=True).tolist() == [0, 1]


@pytest.mark.parametrize("count", [0, -1])
def test_none_is_no_comparison(count: int) -> None:
    with pytest.raises(InputError, match=f"check: {count} samples cannot be compared"):
        spread(10, count)


def test_all_are_not_copied() -> None:
    x = np.arange(10).reshape(5, 2)
    assert picked([x], spread(5, None))[0] is x
    np.testing.assert_array_equal(picked([x], spread(5, 2))[0], x[[0, 4]])
