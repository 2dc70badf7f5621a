"""Networks: the contract that all families keep, and the CIFAR-10 network's figures."""

from math import prod
from typing import Any

import numpy as np
import pytest

from ascua import zoo
from ascua.errors import InputError, ToolMissing
from ascua.zoo import registry

pytestmark = pytest.mark.train


@pytest.fixture(scope="module", autouse=True)
def keras() -> Any:
    pytest.importorskip("keras")
    return zoo.import_keras()


def macs(model: Any) -> int:
    """Multiply-accumulates of one image, from the layers' shapes."""
    total = 0
    for layer in model.layers:
        match type(layer).__name__:
            case "Conv2D":
                total += prod(layer.output.shape[1:3]) * prod(layer.kernel.shape)
            case "DepthwiseConv2D":
                total += prod(layer.output.shape[1:3]) * prod(layer.kernel.shape)
            case "Dense":
                total += prod(layer.kernel.shape)
    return total


@pytest.mark.parametrize("image", [(32, 32, 3), (12, 16, 1)])
@pytest.mark.parametrize("name", zoo.names())
def test_every_family_keeps_the_contract(name: str, image: tuple[int, int, int]) -> None:
    model = zoo.build(name, image, 7, width=0.25, seed=3)
    x = np.random.default_rng(0).random((2, *image), np.float32)
    y = model(x).numpy()
    assert y.shape == (2, 7)
    assert not np.allclose(y.sum(1), 1), "logits, not probabilities"
    again = zoo.build(name, image, 7, width=0.25, seed=3)
    assert np.array_equal(y, again(x).numpy()), "the same seed, the same weights"
    assert zoo.build(name, image, 7, width=0.5).count_params() > model.count_params()


@pytest.mark.parametrize("name", zoo.names())
def test_every_argument_has_a_type_and_a_default_that_it_takes(name: str) -> None:
    assert zoo.check(name, zoo.defaults(name)) == zoo.defaults(name)


@pytest.mark.parametrize(
    ("depth", "parameters", "millions"),
    # Y. Idelbayev, "Proper ResNet Implementation for CIFAR10/CIFAR100 in PyTorch" (0.27, 0.46,
    # 0.85 M, as in He et al. 2016, table 6); MACs: Y. He et al. 2019 (FPGM), table 1.
    [(20, 269_722, 40.6), (32, 464_154, 68.9), (56, 853_018, 125)],
)
def test_resnets_are_those_of_2016(depth: int, parameters: int, millions: float) -> None:
    model = zoo.build("resnet", (32, 32, 3), 10, depth=depth)
    assert sum(prod(w.shape) for w in model.trainable_weights) == parameters
    assert macs(model) / 1e6 == pytest.approx(millions, abs=0.5)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Conv2D") + kinds.count("Dense") == depth


def test_resnet8_is_mlperfs() -> None:
    model = zoo.build("resnet8", (32, 32, 3), 10)
    assert model.count_params() == 78_666
    assert macs(model) == 12_501_632


def test_dscnn_is_the_cifar10_network() -> None:
    model = zoo.build("dscnn", (32, 32, 3), 10)
    assert model.count_params() == 60_194
    assert macs(model) == 2_921_472
    kinds = [type(layer).__name__ for layer in model.layers[1:]]
    block = ["Conv2D", "BatchNormalization", "ReLU"]
    separable = ["Depthwise" + block[0], *block[1:], *block]
    pool = ["MaxPooling2D"]
    assert kinds == [
        *block, *separable, *pool, *separable, *pool, *separable, *separable, *pool,
        "Flatten", "Dropout", "Dense",
    ]  # fmt: skip


def test_lenet5_is_the_network_of_1998() -> None:
    model = zoo.build("lenet5", (28, 28, 1), 10)
    assert model.count_params() == 61_706
    assert macs(model) == 416_520
    shapes = [layer.output.shape[1:] for layer in model.layers[1:]]
    assert shapes == [
        (28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (400,), (120,), (84,), (10,),
    ]  # fmt: skip


def test_errors() -> None:
    with pytest.raises(InputError, match="Did you mean 'dscnn'"):
        zoo.build("dscn", (32, 32, 3), 10)
    with pytest.raises(InputError, match="at least 8 x 8"):
        zoo.build("dscnn", (4, 8, 3), 10)
    with pytest.raises(InputError, match="at least 12 x 12"):
        zoo.build("lenet5", (28, 11, 3), 10)
    for wrong, message in (
        ({"width": 0}, "dscnn: width must be positive"),
        ({"width": "1"}, "dscnn: width: expected float"),
        ({"widht": 1}, "dscnn has no argument 'widht'(?s:.*)Did you mean 'width'"),
    ):
        with pytest.raises(InputError, match=message):
            zoo.build("dscnn", (32, 32, 3), 10, **wrong)
    with pytest.raises(InputError, match=r"lenet5: dense\[1\] must be positive"):
        zoo.build("lenet5", (28, 28, 1), 10, dense=[9, 0])
    with pytest.raises(InputError, match="6n"):
        zoo.build("resnet", (32, 32, 3), 10, depth=18)
    with pytest.raises(InputError, match="no zeros to add"):
        zoo.build("resnet", (32, 32, 3), 10, channels=[16, 8, 8])
    with pytest.raises(InputError, match="'zeros' is not known"):
        zoo.build("resnet", (32, 32, 3), 10, shortcut="zeros")


def test_without_keras_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ToolMissing, match=r"pip install 'ascua\[train\]'"):
        registry.build("dscnn", (32, 32, 3), 10)
