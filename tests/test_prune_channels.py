"""Channels that go: what is left computes what was there with those channels zeroed."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ascua import tflite, train, zoo
from ascua.errors import InputError
from ascua.pruning.network import flattened
from ascua.pruning.rebuild import Mask, masks_of, without
from ascua.pruning.sizes import by_layer, sizes
from ascua.pruning.tracing import Traced, trace
from ascua.quantize import Options
from ascua.train.export import as_float, export_quantized
from ascua.zoo.size import macs
from tests.support.keras_graphs import READERS, Oracle, network, own_layers, samples, shaken
from tests.test_zoo import small

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
UNSHRUNK = (Phase.explicit, Phase.generate)
"""Keras builds models too slowly for hundreds of smaller failures."""


@pytest.fixture(autouse=True, scope="module")
def keras() -> Any:
    pytest.importorskip("keras")
    return zoo.import_keras()


def traced(model: Any) -> Traced:
    return trace(flattened(model))


def chosen(found: Traced, seed: int, share: float) -> Mask:
    """About that share of the units goes, at least one; one channel of each layer stays."""
    mask, rng = found.all(), np.random.default_rng(seed)
    for group in found.groups:
        for unit in rng.permutation(group.units)[: max(1, round(share * len(group.units)))]:
            mask[unit] = False
            if not all(mask[s.units].any() for s in group.sources):
                mask[unit] = True
    return mask


def is_counted(layer: Any) -> bool:
    """Whether `zoo.size` knows how many products the layer has."""
    unknown = ("Conv1DTranspose", "SeparableConv1D", "DepthwiseConv1D", "Inside")
    first = getattr(layer, "data_format", "") == "channels_first"
    return type(layer).__name__ not in unknown and not first


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
    answered = zoo.import_keras().tree.flatten(left(x, training=False))
    for y, e in zip(answered, expected, strict=True):
        assert not np.isnan(e).any(), "a channel that goes comes out"
        np.testing.assert_allclose(
            np.asarray(y, np.float32), e, rtol=0, atol=tolerance * max(1.0, np.abs(e).max())
        )
    counted = sizes(found, mask)
    assert counted.parameters == left.count_params()
    if all(map(is_counted, left.layers)):
        assert counted.macs == macs(getattr(left, "_functional", None) or left)
    return left, oracle.crossed


def at_random(seed: int, share: float) -> set[str]:
    model = network(seed)
    found = traced(model)
    return check(model, found, chosen(found, seed, share))[1]


SEEDS = st.integers(0, 2**32)
SHARES = st.sampled_from((0.0, 0.3, 0.7, 1.0))


@settings(max_examples=20, phases=UNSHRUNK)
@given(SEEDS, SHARES)
def test_random_networks(seed: int, share: float) -> None:
    at_random(seed, share)


@pytest.mark.slow
def test_many_random_networks() -> None:
    crossed: set[str] = set()

    @settings(max_examples=500, phases=UNSHRUNK)
    @given(SEEDS, SHARES)
    def each(seed: int, share: float) -> None:
        crossed.update(at_random(seed, share))

    each()
    assert sorted(CROSSED - crossed) == [], "channels went through each kind of layer"


CROSSED = {
    "Activation", "Add", "Average", "AveragePooling2D", "BatchNormalization", "Clip",
    "Concatenate", "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Cropping2D", "Dense",
    "DepthwiseConv1D", "DepthwiseConv2D", "Dropout", "ELU", "Flatten", "GlobalAveragePooling1D",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "LeakyReLU", "MaxPooling1D", "MaxPooling2D",
    "Maximum", "Minimum", "Multiply", "PReLU", "Pad", "Permute", "ReLU", "Relu", "RepeatVector",
    "Rescaling", "Reshape", "SeparableConv1D", "SeparableConv2D", "Subtract", "Tanh",
    "UpSampling1D", "UpSampling2D", "ZeroPadding1D", "ZeroPadding2D",
}  # fmt: skip

CHEAP = ("autoencoder", "dscnn", "lenet5", "resnet8", "vgg_small")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in CHEAP else pytest.mark.slow) for n in zoo.names()]
)
def test_each_family(name: str) -> None:
    model = small(name)
    shaken(model, 1)
    found = traced(model)
    mask = chosen(found, 2, 0.4)
    left, _ = check(model, found, mask)
    counted, real = sizes(found, mask), zoo.size(left)
    assert (counted.parameters, counted.macs) == (real.parameters, real.macs)
    before = zoo.size(model)
    assert (sizes(found, found.all()).parameters, sizes(found, found.all()).macs) == (
        before.parameters, before.macs,
    )  # fmt: skip
    assert counted.macs < 0.8 * before.macs
    assert sum(s.macs for s in by_layer(found, mask).values()) == counted.macs
    reasons = [reason for g in found.groups[:-1] for reason in g.pinned]
    assert all("pads with it" in reason for reason in reasons), "all but the last layer can shrink"


# Weights by hand


def weights(model: Any, *names: str) -> list[Any]:
    return [np.asarray(w) for name in names for w in model.get_layer(name).weights]


def cut(model: Any, **gone: Sequence[int]) -> Any:
    """The model without these channels of these layers, and all that goes with them."""
    found = traced(model)
    mask = found.all()
    for name, channels in gone.items():
        mask[found.layers[name]["out"][list(channels)]] = False
    return check(model, found, mask)[0]


def shape(*axes: int) -> Any:
    return zoo.import_keras().Input(axes)


def model_of(x: Any, y: Any) -> Any:
    model = zoo.import_keras().Model(x, y)
    shaken(model, 4)
    return model


def same(left: Any, *right: Any) -> None:
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


def test_flatten_takes_rows_place_by_place(keras: Any) -> None:
    layers = keras.layers
    x = shape(3, 2, 2)
    y = layers.Conv2D(4, 1, name="conv")(x)
    model = model_of(x, layers.Dense(3, name="dense")(layers.Flatten()(y)))
    kernel, bias = weights(model, "dense")
    left = cut(model, conv=[1, 3])
    rows = [4 * place + channel for place in range(6) for channel in (0, 2)]
    same(weights(left, "dense"), kernel[rows], bias)
    k, b = weights(model, "conv")
    same(weights(left, "conv"), k[..., [0, 2]], b[[0, 2]])


def test_depthwise_makes_channels_in_a_row_of_each(keras: Any) -> None:
    layers = keras.layers
    x = shape(3, 3, 1)
    y = layers.Conv2D(3, 1, name="conv")(x)
    y = layers.BatchNormalization(name="norm")(layers.DepthwiseConv2D(
        2, depth_multiplier=2, name="deep")(y))  # fmt: skip
    y = layers.SeparableConv2D(2, 1, depth_multiplier=3, name="pair")(y)
    model = model_of(x, y)
    left = cut(model, conv=[1])
    deep, deep_bias = weights(model, "deep")
    same(weights(left, "deep"), deep[:, :, [0, 2]], deep_bias[[0, 1, 4, 5]])
    same(weights(left, "norm"), *(w[[0, 1, 4, 5]] for w in weights(model, "norm")))
    wide, point, bias = weights(model, "pair")
    rows = [*range(6), *range(12, 18)]
    same(weights(left, "pair"), wide[:, :, [0, 1, 4, 5]], point[:, :, rows], bias)


def test_sums_tie_and_concatenations_do_not(keras: Any) -> None:
    layers = keras.layers
    x = shape(3, 3, 2)
    a, b = (layers.Conv2D(3, 1, name=n)(x) for n in "ab")
    c = layers.Conv2D(2, 1, name="c")(x)
    y = layers.Concatenate()([c, layers.Add()([a, b]), c])
    model = model_of(x, layers.Conv2D(2, 1, name="last")(y))
    found = traced(model)
    assert [[s.layer for s in g.sources] for g in found.groups] == [["a", "b"], ["c"], ["last"]]
    assert [len(g.units) for g in found.groups] == [3, 2, 0]
    assert found.groups[2].pinned == ("an output of the network",)
    left = cut(model, a=[0], c=[1])
    kernel, bias = weights(model, "last")
    same(weights(left, "last"), kernel[:, :, [0, 3, 4, 5]], bias)
    k, bias = weights(model, "b")
    same(weights(left, "b"), k[..., 1:], bias[1:])


def test_padding_with_channels_keeps_those(keras: Any) -> None:
    layers = keras.layers
    x = shape(3, 3, 2)
    wide, narrow = layers.Conv2D(6, 1)(x), layers.Conv2D(3, 1, name="narrow")(x)
    y = keras.ops.pad(narrow, ((0, 0), (0, 0), (0, 0), (1, 2)))
    y = layers.Add()([wide, y])
    model = model_of(x, layers.Conv2D(2, 1, name="last")(y))
    found = traced(model)
    assert [len(g.units) for g in found.groups] == [3, 0]
    assert [reason.split(" ", 1)[1] for reason in found.groups[0].pinned] == ["pads with it"]
    kernel, bias = weights(model, "last")
    same(weights(cut(model, narrow=[0]), "last"), kernel[:, :, [0, 2, 3, 4, 5]], bias)


def test_a_channel_spread_over_others_stays(keras: Any) -> None:
    layers = keras.layers
    x = shape(3, 3, 2)
    wide, gate = layers.Conv2D(3, 1, name="wide")(x), layers.Conv2D(1, 1, name="gate")(x)
    y = layers.Conv2D(2, 1)(layers.Multiply()([gate, wide]))
    groups = {g.name: g for g in traced(model_of(x, y)).groups}
    assert [len(groups[name].units) for name in ("wide", "gate")] == [3, 0]
    assert "spreads it over 3 channels" in groups["gate"].pinned[0]


def test_transposed_and_one_dimensional_kernels(keras: Any) -> None:
    layers = keras.layers
    x = shape(3, 3, 2)
    y = layers.Conv2DTranspose(3, 2, name="up")(x)
    y = layers.Conv2DTranspose(4, 2, name="on")(y)
    y = layers.Conv1D(2, 3, name="line")(layers.Reshape((25, 4), name="row")(y))
    model = model_of(x, y)
    left = cut(model, up=[0], on=[1, 2])
    kernel, bias = weights(model, "on")
    same(weights(left, "on"), kernel[:, :, [0, 3]][..., 1:], bias[[0, 3]])
    kernel, bias = weights(model, "line")
    same(weights(left, "line"), kernel[:, [0, 3]], bias)
    assert left.get_layer("row").target_shape == (25, 2)


def test_reshape_is_cut_where_its_channels_are(keras: Any) -> None:
    layers = keras.layers
    x = shape(4, 4, 2)
    y = layers.Permute((3, 1, 2))(layers.Conv2D(4, 1, name="conv")(x))
    y = layers.Permute((2, 3, 1))(layers.Reshape((4, 4, 4), name="again")(y))
    left = cut(model_of(x, layers.Conv2D(2, 1)(y)), conv=[3])
    assert left.get_layer("again").target_shape == (3, 4, 4)
    y = layers.Reshape((4, -1), name="open")(
        layers.Conv2D(4, 1, name="conv")(shaped := shape(2, 2, 1))
    )
    left = cut(model_of(shaped, layers.Dense(2)(y)), conv=[3])
    assert left.get_layer("open").target_shape == (4, -1)


def test_one_reshape_of_channels_along_two_axes_keeps_them(keras: Any) -> None:
    layers = keras.layers
    x = shape(4, 1, 2)
    y = layers.Conv2D(4, 1)(x)
    fold = layers.Reshape((4, 4))
    both = [layers.Flatten()(fold(z)) for z in (y, layers.Permute((3, 2, 1))(y))]
    found = traced(model_of(x, [layers.Dense(2)(z) for z in both]))
    assert not any(len(g.units) for g in found.groups)


def test_a_layer_behind_itself_is_tied_to_itself(keras: Any) -> None:
    layers = keras.layers
    x, conv = shape(3, 3, 2), layers.Conv2D(4, 1, name="twice")
    y = conv(conv(layers.Conv2D(4, 1, name="first")(x)))
    model = model_of(x, layers.Conv2D(2, 1, name="last")(y))
    left = cut(model, first=[1])
    kernel, bias = weights(model, "twice")
    stay = [0, 2, 3]
    same(weights(left, "twice"), kernel[:, :, stay][..., stay], bias[stay])
    assert len(left.get_layer("twice")._inbound_nodes) == 2, "still one layer"


def test_a_model_inside_used_twice_is_cut_once(keras: Any) -> None:
    layers = keras.layers
    given = shape(None, None, 4)
    inside = layers.Conv2D(4, 1, name="b")(layers.ReLU()(layers.Conv2D(3, 1, name="a")(given)))
    inner = keras.Model(given, inside, name="inner")
    x = shape(3, 3, 1)
    y = inner(inner(layers.Conv2D(4, 1, name="first")(x)))
    model = model_of(x, layers.Dense(2, name="last")(layers.Flatten()(y)))
    found = traced(model)
    assert [g.name for g in found.groups if len(g.units)] == ["first", "inner_a"]
    assert found.network.shapes[found.network.calls[-1].xs[0]] == (36,), "known inside too"
    left = cut(model, first=[0], inner_a=[2])
    a, a_bias = (np.asarray(w) for w in inner.get_layer("a").weights)
    same(weights(left, "inner_a"), a[:, :, 1:, :2], a_bias[:2])
    assert sizes(found, found.all()).macs == 9 * (4 + 2 * 24) + 72


def test_any_single_channel_of_any_group_can_go(keras: Any) -> None:
    layers = keras.layers
    x = shape(4, 4, 2)
    y = layers.PReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x)))
    gate = layers.Dense(4, activation="sigmoid")(layers.Dense(2)(layers.GlobalAvgPool2D()(y)))
    y = layers.Multiply()([y, layers.Reshape((1, 1, 4))(gate)])
    y = layers.Concatenate()([layers.DepthwiseConv2D(3, depth_multiplier=2)(y), y[:, 1:3, 1:3]])
    model = model_of(x, layers.Dense(2)(layers.Flatten()(layers.Conv2D(2, 1)(y))))
    found = traced(model)
    units = [u for g in found.groups for u in g.units]
    assert len(units) >= 4
    for unit in units:
        mask = found.all()
        mask[unit] = False
        check(model, found, mask)


def test_inputs_and_outputs_keep_their_structure(keras: Any) -> None:
    layers = keras.layers
    inputs = {n: keras.Input((4,), name=n) for n in ("left", "right")}
    a, b = (layers.Dense(3, name=f"of_{n}")(x) for n, x in inputs.items())
    y = layers.Dense(4, "relu", name="both")(layers.Concatenate()([a, b]))
    model = model_of(inputs, {"scores": layers.Dense(2)(y), "raw": y * 2.0, "list": [a]})
    found = traced(model)
    assert [g.name for g in found.groups if len(g.units)] == ["of_right"]
    left = cut(model, of_right=[1])
    answer = left(samples(model))
    assert set(answer) == {"scores", "raw", "list"}
    assert answer["raw"].shape == (2, 4)
    assert list(left.input) == ["left", "right"]


def test_a_sequential_model_stays_one(keras: Any) -> None:
    layers = keras.layers
    plain = [layers.Conv2D(4, 1, name="a"), layers.ReLU(), layers.Flatten(), layers.Dense(2)]
    model = keras.Sequential([shape(3, 3, 1), *plain], name="chain")
    shaken(model, 1)
    left = cut(model, a=[1])
    assert (type(left), left.name) == (keras.Sequential, "chain")
    x = shape(3, 3, 1)
    y = layers.Conv2D(4, 1, name="a")(x)
    inner = keras.Model(x, layers.Add()([layers.Conv2D(4, 1)(y), y]), name="inner")
    model = keras.Sequential([shape(3, 3, 1), inner, layers.Conv2D(2, 1)])
    shaken(model, 1)
    cut(model, inner_a=[1])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_kept(keras: Any, policy: str) -> None:
    layers = keras.layers
    x = shape(4, 4, 2)
    y = layers.Conv2D(4, 3, dtype=policy, name="conv")(x)
    y = layers.ReLU(dtype=policy)(layers.BatchNormalization(dtype=policy)(y))
    model = model_of(x, layers.Dense(2, dtype="float32")(layers.Flatten(dtype=policy)(y)))
    found = traced(model)
    left, _ = check(model, found, chosen(found, 1, 0.5), tolerance=0.05)
    assert left.get_layer("conv").dtype_policy.name == policy
    assert left.get_layer("conv").kernel.dtype == "float32"


# What keeps its channels


def _doubled(x: Any) -> Any:
    return x * 2.0


def left_alone(keras: Any) -> dict[str, tuple[Any, str]]:
    """Behind a convolution of four channels: what keeps them, and a word of the reason."""
    layers, ops = keras.layers, keras.ops
    scaled, unnamed = own_layers()

    class Own(layers.Conv2D):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return super().call(x) + ops.mean(x)

    class Inside(keras.Model):  # type: ignore[misc,name-defined]
        def build(self, _: Any) -> None:
            self.point = layers.Dense(2)
            self.point.build((None, 4))

        def call(self, x: Any) -> Any:
            return self.point(x)

    four = np.ones(4, np.float32)
    return {
        "own": (scaled(3.0), "Scaled"),
        "no configuration": (unnamed(), "Unnamed"),
        "derived": (Own(2, 1), "Own"),
        "own model": (Inside(), "Inside"),
        "groups": (layers.Conv2D(4, 1, groups=2), "in groups"),
        "layer norm": (layers.LayerNormalization(), "LayerNormalization"),
        "softmax": (layers.Softmax(), "Softmax"),
        "softmax activation": (layers.Activation("softmax"), "Activation"),
        "mixing depthwise": (layers.DepthwiseConv2D(1, activation="softmax"), "DepthwiseConv2D"),
        "wrapper": (layers.TimeDistributed(layers.Dense(2)), "TimeDistributed"),
        "array": (lambda x: x + four, "Add"),
        "limits": (lambda x: ops.clip(x, -four, four), "Clip"),
        "function": (lambda x: ops.mean(x, axis=-1, keepdims=True), "Mean"),
        "scales": (layers.Rescaling([1.0, 2.0, 3.0, 4.0]), "Rescaling"),
        "other axis": (
            lambda x: layers.Dense(2)(layers.Permute((1, 3, 2))(x)), "along another axis",
        ),
    }  # fmt: skip


KEPT = (
    "own", "no configuration", "derived", "own model", "groups", "layer norm", "softmax",
    "softmax activation", "mixing depthwise", "wrapper", "array", "limits", "function", "scales",
    "other axis",
)  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_left_alone_with_its_reason(keras: Any, name: str) -> None:
    layers = keras.layers
    layer, reason = left_alone(keras)[name]
    x = shape(3, 3, 2)
    y = layers.Conv2D(3, 1, activation="relu", name="free")(x)
    y = layer(layers.Conv2D(4, 1, name="read")(y))
    y = layers.Conv2D(3, 1, name="behind")(y)
    model = model_of(x, layers.Conv2D(2, 1)(y))
    found = traced(model)
    groups = {g.name: g for g in found.groups}
    assert not len(groups["read"].units)
    assert reason in " ".join(groups["read"].pinned)
    assert {len(groups[n].units) for n in ("free", "behind")} == {3}
    left = cut(model, free=[0], behind=[2])
    copied = {id(la) for la in left.layers if la.weights} & {id(la) for la in model.layers}
    assert bool(copied) == (name == "no configuration"), "a layer of both has the same weights"


def test_an_activation_of_ones_own_goes_along(keras: Any) -> None:
    layers = keras.layers
    x = shape(3, 3, 2)
    y = layers.Conv2D(3, 1, name="free")(x)
    y = layers.Conv2D(4, 1, activation=_doubled, name="own")(y)
    y = layers.Dense(3, activation=layers.PReLU(), name="layer")(y)
    model = model_of(x, layers.Dense(2, activation=_doubled)(y))
    found = traced(model)
    groups = {g.name: g for g in found.groups}
    assert [n for n, g in groups.items() if len(g.units)] == ["free"]
    assert "activation of own" in groups["own"].pinned[0]
    left = cut(model, free=[1])
    assert left.get_layer("layer").activation is not model.get_layer("layer").activation


def _own_call(keras: Any) -> Any:
    class Own(keras.Model):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return x

    return Own()


def _own_sequence(keras: Any) -> Any:
    class Own(keras.Sequential):  # type: ignore[misc,name-defined]
        def call(self, *args: Any, **kwargs: Any) -> Any:
            return 2.0 * super().call(*args, **kwargs)

    return Own([shape(2), keras.layers.Dense(2)])


@pytest.mark.parametrize(
    "make", [_own_call, _own_sequence, lambda keras: keras.Sequential([keras.layers.Dense(2)])]
)
def test_models_without_a_graph_are_refused(keras: Any, make: Callable[[Any], Any]) -> None:
    with pytest.raises(InputError, match="has no graph of layers"):
        flattened(make(keras))


def test_one_channel_has_to_stay(keras: Any) -> None:
    x = shape(2)
    model = model_of(x, keras.layers.Dense(2)(keras.layers.Dense(3, name="all")(x)))
    found = traced(model)
    mask = found.all()
    mask[found.groups[0].units] = False
    with pytest.raises(InputError, match="all: all of its channels go"):
        without(found, mask)


def test_names_that_no_class_can_change_are_refused_where_they_meet(keras: Any) -> None:
    _, unnamed = own_layers()

    def inner(name: str) -> Any:
        x = shape(3)
        return keras.Model(x, unnamed(name="same")(x), name=name)

    x = shape(2)
    y = inner("b")(inner("a")(keras.layers.Dense(3)(x)))
    found = traced(keras.Model(x, y))
    with pytest.raises(InputError, match="same: the name of several layers"):
        without(found, found.all())


# What is left goes on


@pytest.fixture(scope="module")
def halved(keras: Any) -> Any:
    """A network of most kinds of layers without half of its channels."""
    layers = keras.layers
    keras.utils.set_random_seed(1)
    x = keras.Input((8, 8, 3), name="image")
    y = layers.Conv2D(6, 3, padding="same", use_bias=False)(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    z = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(y)
    z = layers.Conv2D(6, 1, activation="relu")(z)
    gate = layers.Dense(6, activation="sigmoid")(layers.GlobalAveragePooling2D()(z))
    z = layers.Multiply()([z, layers.Reshape((1, 1, 6))(gate)])
    y = layers.Concatenate()([layers.Add()([y, z]), layers.Conv2D(4, 1)(y)])
    y = layers.Flatten()(layers.MaxPooling2D(2)(layers.ZeroPadding2D(1)(y)))
    model = keras.Model(x, layers.Dense(4, activation="softmax")(y))
    found = traced(model)
    mask = found.all()
    for group in found.groups:
        mask[group.units[::2]] = False
    left, _ = check(model, found, mask)
    assert left.count_params() < 0.6 * model.count_params()
    return left


def test_keras_alone_loads_what_is_left(halved: Any, tmp_path: Path) -> None:
    halved.save(tmp_path / "left.keras")
    x = np.asarray(samples(halved))
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys, keras, numpy as np\n"
        "model = keras.models.load_model('left.keras')\n"
        "np.save('y.npy', model.predict(np.load('x.npy'), verbose=0))\n"
        "assert not any(name.startswith('ascua') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), halved(x), atol=1e-6)


def int8_error(content: bytes, images: Any, expected: Any) -> float:
    """How far the int8 file is from the expected outputs, squared, as a share of them."""
    graph = tflite.read(content)
    y = graph.outputs[0]
    assert y.q is not None
    given = (images.astype(int) - 128).astype(np.int8)[:, None]
    got = graph.eval([given])[0][y.name].reshape(len(images), -1)
    real = (got.astype(np.float32) - y.q.zero_point) * y.q.scale
    return float(np.square(real - expected).sum() / np.square(expected).sum())


def images_and_classes() -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (16, 8, 8, 3), np.uint8), rng.integers(0, 4, 16)


def test_what_is_left_is_quantised(halved: Any) -> None:
    images, _ = images_and_classes()
    content = export_quantized(halved, images, Options())
    assert int8_error(content, images, halved(as_float(images))) < 0.02


def fit(model: Any) -> None:
    """One step, after which each layer's weights are others."""
    images, classes = images_and_classes()
    before = [np.asarray(w).copy() for w in model.trainable_weights]
    sgd = zoo.import_keras().optimizers.SGD(0.1)
    model.compile(sgd, loss="sparse_categorical_crossentropy", run_eagerly=True)
    model.train_on_batch(as_float(images), classes)
    for w, old in zip(model.trainable_weights, before, strict=True):
        assert not old.ndim or np.any(np.asarray(w) != old), w.path


def test_what_is_left_trains_and_goes_on_with_quantisation_aware_training(halved: Any) -> None:
    model = zoo.import_keras().models.clone_model(halved)
    model.set_weights(halved.get_weights())
    fit(model)
    images, _ = images_and_classes()
    aware = train.quantization_aware(model, as_float(images))
    fit(aware)
    assert int8_error(train.export_aware(aware), images, aware(as_float(images))) < 0.01
