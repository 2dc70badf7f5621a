"""The layer at which the accuracy goes."""

from __future__ import annotations

import numpy as np
import pytest

from ascua.compare.verdict import culprit, share, verdict
from ascua.ir import Array
from ascua.quantize.floats import evaluated
from tests.compare.test_layers import both
from tests.support.compared import classifier, inputs, renamed, spoilt, twin


def truth(x: Array) -> Array:
    """What the float network answers: it is always right."""
    return evaluated(classifier(), [x])[0].reshape(len(x), -1).argmax(axis=1)


@pytest.mark.parametrize("name", ["first", "second", "both", "scores"])
def test_a_layer_with_a_clipped_range_is_named(name: str) -> None:
    real, x = classifier(), inputs(400)
    small = renamed(spoilt(twin(real), name, 1 / 8))
    c = both(real, small, x, truth(x), cuts=300)
    found = culprit(c)
    assert found is not None
    assert (found.layer.name, found.by) == (name, "accuracy")
    assert f"It goes at {found.layer.op} '{name}'" in verdict(c)
    assert "greatest integer" in verdict(c)


def test_the_drops_add_up_to_the_loss() -> None:
    real, x = classifier(), inputs(200)
    labels = truth(x)
    labels[::5] = (labels[::5] + 1) % 6
    c = both(real, spoilt(twin(real), "second", 1 / 6), x, labels, cuts=200)
    cuts = [layer.cut for layer in c.layers]
    assert c.answers is not None
    assert c.start == c.answers.accuracy_a == pytest.approx(0.8)
    assert cuts[-1] is not None
    assert cuts[-1].accuracy == c.answers.accuracy_b
    assert cuts[-1].same_top1 == c.answers.same_top1
    gone = sum(cut.lost - cut.won for cut in cuts if cut)
    assert gone / 200 == pytest.approx(c.answers.accuracy_a - c.answers.accuracy_b)  # type: ignore[operator]
    assert 10 * np.log10(1 / cuts[-1].noise) == pytest.approx(c.output_sqnr_db)
    assert sum(share(c, layer) or 0 for layer in c.layers) == pytest.approx(1)


def test_no_layer_is_blamed_for_what_chance_does() -> None:
    real, x = classifier(), inputs(200)
    c = both(real, twin(real), x, truth(x), cuts=100)
    assert "no difference beyond chance" in verdict(c)
    found = culprit(c)
    assert found is not None
    assert found.by == "noise"
    assert both(real, real, x, truth(x), cuts=10) is not None
    assert verdict(both(real, real, x, truth(x), cuts=10)).startswith("The two compute the same")
    assert culprit(both(real, real, x, cuts=10)) is None


def test_without_labels_or_cuts_something_is_said() -> None:
    real, x = classifier(), inputs(200)
    bad = spoilt(twin(real), "second", 1 / 8)
    unlabelled = both(real, bad, x, cuts=100)
    assert "as A does for" in verdict(unlabelled)
    assert "'second'" in verdict(unlabelled)
    uncut = both(real, bad, x, truth(x))
    assert "Accuracy falls" in verdict(uncut)
    assert "error of its own is FULLY_CONNECTED 'second'" in verdict(uncut)
