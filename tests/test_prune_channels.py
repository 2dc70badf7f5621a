"""Channels that go: what is left computes what was there with those channels zeroed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ascua import zoo
from ascua.prune.channels import Traced, trace
from ascua.prune.network import flattened
from ascua.prune.rebuild import Mask, masks_of, without
from ascua.prune.sizes import sizes
from tests.support import keras_graphs
from tests.support.keras_graphs import READERS, Oracle, samples

pytestmark = pytest.mark.train
UNSHRUNK = (Phase.explicit, Phase.generate)
"""Keras builds models too slowly for hundreds of smaller failures."""


@pytest.fixture(autouse=True, scope="module")
def keras() -> Any:
    pytest.importorskip("keras")
    return zoo.import_keras()


def traced(model: Any) -> Traced:
    return trace(flattened(model))


def chosen(found: Traced, seed: int, share: float) -> Mask:
    """About that share of the units goes, of each layer one channel stays."""
    mask, rng = found.all(), np.random.default_rng(seed)
    for group in found.groups:
        for unit in rng.permutation(group.units)[: round(share * len(group.units))]:
            mask[unit] = False
            if not all(mask[s.units].any() for s in group.sources):
                mask[unit] = True
    return mask


def check(model: Any, found: Traced, mask: Mask, tolerance: float = 1e-4) -> tuple[Any, set[str]]:
    """What is left is the model with the channels zeroed; answers it, and what they crossed."""
    gone = {
        id(call.layer): ~masks_of(found, call.name, mask)["out"]
        for call in found.network.calls
        if call.kind in READERS and "out" in found.layers.get(call.name, {})
    }
    oracle, x = Oracle(model, gone), samples(model)
    expected = oracle(x)
    left = without(found, mask)
    keras = zoo.import_keras()
    answered = keras.tree.flatten(left(x, training=False))
    for y, e in zip(answered, expected, strict=True):
        assert not np.isnan(e).any(), "a channel that goes comes out"
        np.testing.assert_allclose(
            np.asarray(y, np.float32), e, rtol=0, atol=tolerance * max(1.0, np.abs(e).max())
        )
    counted = sizes(found, mask)
    assert counted.parameters == left.count_params()
    return left, oracle.crossed


@settings(max_examples=25, phases=UNSHRUNK)
@given(st.data(), st.integers(0, 99), st.sampled_from((0.0, 0.3, 0.7, 1.0)))
def test_random(data: st.DataObject, seed: int, share: float) -> None:
    model = keras_graphs.network(data.draw)
    found = traced(model)
    check(model, found, chosen(found, seed, share))
