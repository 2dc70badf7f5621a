"""Answers side by side: published and hand-made figures."""

from __future__ import annotations

import numpy as np
import pytest

from ascua.chance import mcnemar
from ascua.compare.answers import answers, check_labels, top_k
from ascua.errors import InputError
from ascua.labels import confusion
from ascua.report.comparison import confusion_rows

SCORES_A = np.array([[3, 2, 1], [1, 2, 3], [0, 5, 5], [2, 1, 0]])
SCORES_B = np.array([[3, 2, 1], [1, 3, 2], [0, 4, 5], [0, 1, 2]])
LABELS = np.array([0, 2, 2, 1])


def test_mcnemars_exact_test() -> None:
    assert mcnemar(0, 0) == mcnemar(0, 1) == mcnemar(7, 7) == 1
    assert mcnemar(0, 5) == 2 / 32
    assert mcnemar(2, 10) == mcnemar(10, 2) == 2 * (1 + 12 + 66) / 4096
    assert mcnemar(9000, 1000) < 1e-300
    # Agresti, Categorical Data Analysis: 150 and 86 changes of mind, z = 4.17
    assert mcnemar(150, 86) == pytest.approx(3.7e-5, rel=0.05)


def test_mcnemars_test_is_scipys_of_a_fair_coin() -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    for lost, won in ((3, 1), (40, 25), (120, 121), (700, 650), (5, 300)):
        assert mcnemar(lost, won) == pytest.approx(stats.binomtest(lost, lost + won).pvalue)


def test_answers_of_four_samples() -> None:
    found = answers(SCORES_A, SCORES_B, LABELS, np.array([10, 20, 30, 40]), 2)
    # A answers 0 2 1 0, B 0 1 2 2; of equal scores the first counts
    assert (found.accuracy_a, found.accuracy_b, found.same_top1) == (0.5, 0.5, 0.25)
    assert (found.lost, found.won, found.p_value) == (1, 1, 1)
    assert (found.top_a, found.top_b) == (1, 1)
    assert found.confusion_a == ((1, 0, 0), (1, 0, 0), (0, 1, 1))
    assert found.confusion_b == ((1, 0, 0), (0, 0, 1), (0, 1, 1))
    assert found.confusion_ab == ((1, 0, 1), (0, 0, 1), (0, 1, 0))
    assert [tuple(c) for c in found.changed] == [
        (20, 2, 2, 3, 1, 3), (30, 2, 1, 5, 2, 5), (40, 1, 0, 2, 2, 2),
    ]  # fmt: skip


def test_without_labels_the_agreement_is_known() -> None:
    found = answers(SCORES_A, SCORES_B, None, np.arange(4), 2)
    assert found.same_top1 == 0.25
    assert found.accuracy_a is found.p_value is found.confusion_a is found.lost is None
    assert [c.label for c in found.changed] == [None] * 3


def test_the_k_best_and_how_often() -> None:
    assert [top_k(SCORES_B, LABELS, k) for k in (1, 2, 3)] == [0.5, 1, 1]
    assert top_k(np.array([[1, 1, 1]]), np.array([2]), 2) == 0
    assert confusion(np.array([0, 0, 1]), np.array([1, 1, 0]), 2) == ((0, 2), (1, 0))


def test_labels_that_are_none_are_refused() -> None:
    for labels, words in (([0, 3], "3 is outside"), ([-1, 0], "-1 is outside"), ([1, 1], "every")):
        with pytest.raises(InputError, match=words):
            check_labels(np.array(labels), 3, "y.npy")
    check_labels(np.array([0, 2]), 3, "y.npy")


def test_many_classes_are_listed_by_their_confusions() -> None:
    counts = np.eye(30, dtype=int) * 9
    counts[3, 7], counts[4, 5], counts[20, 1] = 2, 12, 1
    columns, rows = confusion_rows(counts.tolist(), ["zero", "one"])
    assert columns == ["label", "B's answer", ">samples"]
    assert rows == [["4", "5", "12"], ["3", "7", "2"], ["20", "one", "1"]]
    columns, rows = confusion_rows(counts[:5, :5].tolist(), ["zero", "one"])
    assert len(columns) == 6
    assert rows[1] == ["one", "", "9", "", "", ""]
