"""Each family trains a step, converts to int8, and computes what tflite-micro computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import measure, zoo
from ascua.model import load_model
from ascua.train import export_int8
from ascua.train.fused import fuse
from tests.support import oracle, reference
from tests.test_zoo import SMALL, small

pytestmark = [
    pytest.mark.train,
    # Keras 3 reads TensorFlow's variables in a way that NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def keras() -> Any:
    pytest.importorskip("keras")
    return zoo.import_keras()


@pytest.mark.parametrize("name", zoo.names())
def test_trains_converts_and_runs(keras: Any, tmp_path: Path, name: str) -> None:
    image, classes, _ = SMALL[name]
    rng = np.random.default_rng(1)
    model = small(name)
    images = rng.integers(0, 256, (8, *image)).astype(np.uint8)
    images[0], images[1] = 0, 255
    twin = fuse(model)
    twin.compile(optimizer=keras.optimizers.SGD(1e-3), loss="mse", jit_compile=False)
    targets = rng.random((8, classes)).astype(np.float32)
    assert np.isfinite(twin.train_on_batch(images.astype(np.float32) / 255, targets))
    model.set_weights(twin.get_weights())

    path = tmp_path / "m.tflite"
    path.write_bytes(export_int8(model, images))
    loaded = load_model(path)
    x = [(images[:3, None].astype(np.int16) - 128).astype(np.int8)]
    expected = oracle(path.read_bytes(), x)
    assert np.array_equal(reference(loaded.graph, x)[0], expected[0])

    # What is estimated is the file's own graph: random channels may be idle.
    planned, measured = measure.analyze(load_model(path, smaller=False), None)
    estimate = zoo.size(model)
    assert estimate.macs == measured.macs_model
    assert estimate.weights_bytes == pytest.approx(measured.weights_bytes, rel=0.01, abs=64)
    assert estimate.arena_bytes == pytest.approx(planned.arena.whole_tensors, rel=0.1)
    if name.startswith("mobilenet"):  # its Rescaling is the quantisation of the input
        quant = loaded.graph.inputs[0].quant
        assert quant is not None
        assert quant.scales[0] == pytest.approx(2 / 255)
        assert "mul" not in {s.op.kind for s in planned.steps} or name.endswith("small")
