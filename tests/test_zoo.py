"""Networks: the contract that all families keep, and the CIFAR-10 network's figures."""

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import zoo
from ascua.errors import InputError, ToolMissing
from ascua.zoo import registry
from ascua.zoo.variants import VARIANTS, Variant
from tests.support.command import ascua, refused

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
            case "Conv1D":
                total += layer.output.shape[1] * prod(layer.kernel.shape)
            case "SeparableConv1D":
                kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
                total += layer.output.shape[1] * sum(prod(k.shape) for k in kernels)
            case "Dense":
                total += prod(layer.kernel.shape)
    return total


SMALL: dict[str, tuple[tuple[int, ...], int, dict[str, Any]]] = {
    "airbench": ((12, 16, 3), 7, {"width": 0.125, "channels": [64, 64, 128]}),
    "autoencoder": ((5, 8, 1), 40, {"hidden": [16, 12], "code": 4}),
    "conv1d": ((24, 2), 7, {"filters": [8, 16]}),
    "dscnn": ((12, 16, 1), 7, {"width": 0.25}),
    "dscnn_kws": ((25, 10, 1), 7, {"width": 0.25, "blocks": 2}),
    "inverted_residuals": (
        (12, 16, 3), 7,
        {"stem": 8, "last": 24, "blocks": [
            {"channels": 8, "expansion": 1, "residual": True},
            {"channels": 12, "kernel": 5, "expansion": 2.5, "stride": 2},
        ]},
    ),
    "lenet5": ((12, 16, 1), 7, {"width": 0.5}),
    "mcunet_v2": (
        (20, 16, 3), 7, {"stem": 8, "blocks": [[8, 1, 1, 3], [16, 3, 2, 7], [16, 2, 1, 5]]}
    ),
    "mlp": ((12,), 7, {"hidden": [8]}),
    "mobilenet_v1": (
        (28, 25, 3), 7, {"alpha": 0.25, "padding": "k210", "blocks": [[64, 1], [128, 2], [128, 1]]}
    ),
    "mobilenet_v2": (
        (20, 16, 3), 7, {"alpha": 0.35, "groups": [[1, 16, 1, 1], [6, 24, 2, 2]], "last": 64}
    ),
    "mobilenet_v3_small": ((20, 16, 3), 7, {"alpha": 0.25, "stem": 8, "last": 32}),
    "resnet": ((12, 16, 3), 7, {"depth": 8, "width": 0.5}),
    "resnet8": ((12, 16, 3), 7, {"width": 0.5, "softmax": True}),
    "squeezenet": ((35, 38, 3), 7, {"version": "1.0", "width": 0.125, "bypass": True}),
    "vgg_small": ((12, 16, 3), 7, {"width": 0.125, "stages": [[32, 1], [64, 2]]}),
}  # fmt: skip
"""A small network of each family: its input, classes and arguments, as a recipe gives them."""


def small(name: str) -> Any:
    image, classes, arguments = SMALL[name]
    return zoo.build(name, image, classes, seed=3, **arguments)


@pytest.mark.parametrize("name", zoo.names())
def test_every_family_keeps_the_contract(name: str) -> None:
    image, classes, arguments = SMALL[name]
    model = small(name)
    x = np.random.default_rng(0).random((2, *image), np.float32)
    y = model(x).numpy()
    assert y.shape == (2, classes)
    assert np.allclose(y.sum(1), 1) == bool(arguments.get("softmax")), "logits, or probabilities"
    again = small(name).get_weights()
    same = zip(model.get_weights(), again, strict=True)
    assert all(np.array_equal(a, b) for a, b in same), "the same seed, the same weights"
    default = zoo.defaults(name)
    assert set(arguments) <= set(default)
    counted = zoo.size(model)
    assert (counted.parameters, counted.macs) == (model.count_params(), macs(model))


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


PUBLISHED = {
    # Keras' documentation of `keras.applications` (4.3, 3.5 M) and `count_params` there; MACs:
    # A. Howard et al. 2017, tables 6 and 7, and tensorflow/models' mobilenet_v1.md (569, 41, 14 M).
    "mobilenet_v1_1.0_224": (4_253_864, 569),
    "mobilenet_v1_0.25_224": (475_544, 41),
    "mobilenet_v1_0.25_128": (475_544, 13.6),
    # M. Sandler et al. 2018, table 4: 3.4 M trained, 300 M.
    "mobilenet_v2_1.0_224": (3_538_984, 301),
    # A. Howard et al. 2019, table 3: 2.5 M, 56 M.
    "mobilenet_v3_small_1.0_224": (2_554_968, 56.5),
    # F. Iandola's repository: 1.25 M; "SqueezeNet v1.0: 1.72 GFLOPS an image, v1.1: 0.72".
    "squeezenet_1.0": (1_248_424, 861),
    "squeezenet_1.1": (1_235_496, 388),
    # J. Lin's repository, `mcunet-5fps-vww`: 11.6 M MACs, 0.43 M parameters.
    "mcunet_v2_vww_80": (444_970, 11.6),
    # MLPerf Tiny's reference models.
    "resnet8": (78_666, 12.501632),
    "dscnn_kws": (24_908, 2.656768),
    "autoencoder": (269_992, 0.264192),
}
"""Parameters, millions of MACs."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures(name: str) -> None:
    (found,) = [v for v in VARIANTS if v.name == name]
    size = found.size()
    parameters, millions = PUBLISHED[name]
    assert size.parameters == parameters
    assert size.macs / 1e6 == pytest.approx(millions, rel=0.004)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_sizes_are_those_of_the_networks(variant: Variant) -> None:
    assert variant.size() == variant.measured(), "run `python -m scripts.sizes` and `make docs`"


def test_every_family_has_a_variant() -> None:
    assert {v.family for v in VARIANTS} == set(zoo.names())
    assert len({v.name for v in VARIANTS}) == len(VARIANTS)
    for variant in VARIANTS:
        zoo.check(variant.family, variant.arguments)


def test_bypasses_add_no_parameters_and_pooling_keeps_what_is_left_over() -> None:
    plain, bypassed = (
        zoo.build("squeezenet", (38, 36, 3), 5, width=0.125, bypass=b) for b in (False, True)
    )
    assert plain.count_params() == bypassed.count_params()
    kinds = [type(layer).__name__ for layer in bypassed.layers]
    assert kinds.count("Add") == 4
    # 38 x 36: 18 x 17 after conv1. Caffe pools 18 -> ceil(15 / 2) + 1 = 9, 17 -> 8.
    assert plain.get_layer("pool1").output.shape[1:3] == (9, 8)


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


def test_airbench_has_the_figures_that_it_states() -> None:
    model = zoo.build("airbench", (32, 32, 3), 10)
    assert (model.count_params(), macs(model)) == (1_980_394, 151_882_240)


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
        ({"width": 1e308}, "dscnn: width must be positive, and at most 65,536"),
        ({"width": 65_536}, "dscnn: there is not enough memory"),
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
    with pytest.raises(InputError, match=r"has no argument 'alfa'(?s:.*)Did you mean 'alpha'"):
        zoo.build("mobilenet_v1", (32, 32, 3), 10, alfa=0.5)
    with pytest.raises(InputError, match=r"dropout must be at least 0 and below 1"):
        zoo.build("mobilenet_v1", (32, 32, 3), 10, dropout=1.0)
    with pytest.raises(InputError, match=r"blocks\[0\]: unknown key 'channel'"):
        zoo.build("inverted_residuals", (32, 32, 3), 10, blocks=[{"channel": 3}])
    blocks = [{"channels": 16, "stride": 2, "residual": True}]
    with pytest.raises(InputError, match="block1: 16 channels at stride 2 cannot be added to 16"):
        zoo.build("inverted_residuals", (32, 32, 3), 10, blocks=blocks)


def test_the_list_needs_no_keras(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "keras", None)
    found = ascua("models", "--json")
    assert found.code == 0, found.err
    rows = json.loads(found.out)["models"]
    assert [row["name"] for row in rows] == [v.name for v in VARIANTS]
    (lenet,) = [row for row in rows if row["name"] == "lenet5"]
    assert (lenet["parameters"], lenet["macs"]) == (61_706, 416_520)
    assert (lenet["weights_bytes"], lenet["arena_bytes"]) == (62_414, 5_880)
    assert "1,204,224" in ascua("models").out
    own = tmp_path / "own.keras"
    own.write_bytes(b"PK\x03\x04")
    refused(ascua("models", own), 2, "needs Keras", ".[train]")


def test_without_keras_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ToolMissing, match=r"pip install '\.\[train\]'"):
        registry.build("dscnn", (32, 32, 3), 10)
