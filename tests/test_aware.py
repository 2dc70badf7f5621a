"""Quantisation-aware training: the int8 network is what was trained, range by range."""

import dataclasses
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from ascua import recipes, tflite, zoo
from ascua.errors import InputError, Unsupported
from ascua.ir import Array, Op, each
from ascua.ops import OPERATORS, Weighted
from ascua.ops.cos import Cos
from ascua.ops.exp import Exp
from ascua.ops.gelu import Gelu
from ascua.ops.log import Log
from ascua.ops.neg import Neg
from ascua.ops.sin import Sin
from ascua.ops.sqrt import Sqrt
from ascua.ops.square import Square
from ascua.quantize.rules import SCHEMES, Range, quantized
from ascua.recipes import Recipe
from ascua.train import export_aware, operators, quantization_aware, rounded, train
from ascua.train.folder import STATE
from tests.support import check_reference
from tests.support.examples import EXAMPLES
from tests.support.floats import floated, samples
from tests.support.islands import real
from tests.support.tiny import RECIPE, Pause, entered, history, weights

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
INT8 = SCHEMES["int8"]
FLOAT = ("float32",)

UNTRAINED = {
    "ARG_MAX", "ARG_MIN", "BATCH_TO_SPACE_ND", "CAST", "CUMSUM", "EQUAL", "GREATER",
    "GREATER_EQUAL", "L2_NORMALIZATION", "LESS", "LESS_EQUAL", "LOGICAL_AND", "LOGICAL_NOT",
    "LOGICAL_OR", "NOT_EQUAL", "QUANTIZE", "SELECT_V2", "SHAPE",
    "SPACE_TO_BATCH_ND",
}  # fmt: skip
"""Operators that are refused by name."""


@pytest.fixture(autouse=True, scope="module")
def keras() -> Any:
    pytest.importorskip("keras")
    return zoo.import_keras()


@pytest.fixture(scope="module")
def pause() -> Iterator[Pause]:
    with entered() as pause:
        yield pause


def branching(seed: int = 3) -> Any:
    """A network in which tensors share ranges, have fixed ones, and have their own."""
    keras = zoo.import_keras()
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Rescaling(2.0, offset=-1.0)(inputs)
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="conv")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(6.0)(x)
    x = layers.BatchNormalization(name="after")(x)
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise")(x)
    y = layers.Conv2D(6, 1, activation="hard_swish", name="point")(y)
    gate = layers.Conv2D(6, 1, activation="sigmoid", name="gate")(x)
    x = layers.Add()([x, layers.Multiply()([y, gate])])
    squeezed = layers.Dense(6, activation="sigmoid", name="squeezed")(
        layers.GlobalAveragePooling2D()(x)
    )
    x = layers.Multiply()([x, layers.Reshape((1, 1, 6))(squeezed)])
    x = layers.Concatenate()([layers.AveragePooling2D(2)(x), layers.MaxPooling2D(2)(y)])
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(4, activation="softmax", name="classes")(x), name="br")


def digits() -> tuple[Array, Array]:
    """Images (n, 8, 8, 3) in 0..1 in steps of 1/255, and four classes by their brightest corner."""
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 100, (128, 8, 8, 3)), rng.integers(0, 4, 128)
    for image, k in zip(x, y, strict=True):
        image[4 * (k // 2) :, 4 * (k % 2) :][:4, :4] += 120
    return (x / np.float32(255)).astype(np.float32), y


@pytest.fixture(scope="module")
def fitted() -> Any:
    """The network after two epochs as a user of Keras has them."""
    x, y = digits()
    model = quantization_aware(branching(), x[:32])
    keras = zoo.import_keras()
    model.compile(keras.optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    return model


def test_operators_compute_what_the_graph_does() -> None:
    """The oracle is their NumPy form; what is not known is refused by name."""
    tf, refused = zoo.import_tensorflow(), set()
    named = {name: graphs for name, graphs in EXAMPLES.items() if OPERATORS[name].types != FLOAT}
    for graph in (graph for graphs in named.values() for graph in graphs):
        real = floated(graph)
        xs, op = samples(real, 5), real.ops[0]
        given = [tf.constant(x[:, 0]) for x in xs]
        if op.tflite == "BATCH_MATMUL" and op.x.shape[0] != 1:
            continue
        if op.tflite in UNTRAINED:
            with pytest.raises(NotImplementedError):
                keras_outputs(op, given)
            refused.add(op.tflite)
            continue
        for y, e in zip(keras_outputs(op, given), each(op.eval_float(*xs)), strict=True):
            np.testing.assert_allclose(y, e[:, 0], rtol=1e-4, atol=1e-4)
    assert refused == UNTRAINED


@pytest.mark.parametrize("kind", [Cos, Exp, Gelu, Log, Neg, Sin, Sqrt, Square])
@pytest.mark.parametrize("approximate", [False, True])
def test_functions_of_floats_compute_what_the_graph_does(
    kind: type[Op], *, approximate: bool
) -> None:
    x = np.random.default_rng(1).uniform(0.1, 3, (5, 1, 7)).astype(np.float32)
    x = x if kind in (Log, Sqrt) else x - np.float32(1.5)
    more = {"approximate": approximate} if kind is Gelu else {}
    op = kind((real("x", (1, 7)),), (real("y", (1, 7)),), **more)
    (y,) = keras_outputs(op, [zoo.import_tensorflow().constant(x[:, 0])])
    np.testing.assert_allclose(y, each(op.eval_float(x))[0][:, 0], rtol=1e-4, atol=1e-5)


def keras_outputs(op: Op, xs: list[Any]) -> list[Array]:
    """As in a Keras model, where Keras must not take a tensor for a sparse one."""
    weighted = operators.layer(op, "x") if isinstance(op, Weighted) else None
    keras = zoo.import_keras()
    inputs = [keras.Input(x.shape[1:]) for x in xs]
    ys = operators.computed(op, inputs, weighted)
    assert not any(y.sparse for y in ys)
    found = keras.Model(inputs, ys)(xs)
    return [np.asarray(y) for y in (found if isinstance(found, list) else [found])]


def test_rounding_is_the_converters() -> None:
    """Values by NumPy from the specification; gradients pass inside, and pull at the ends."""
    tf, rng = zoo.import_tensorflow(), np.random.default_rng(4)
    for low, high in [(-1.3, 2.4), (0.0, 6.0), (-0.001, 0.7), (-5.0, 0.0), (0.2, 0.9), (-2, -1)]:
        layer = rounded.activations()(Range(low, high))
        x = rng.uniform(1.5 * low - 0.1, 1.5 * high + 0.1, 4000).astype(np.float32)
        with tf.GradientTape() as tape:
            given = tf.constant(x)
            tape.watch(given)
            y = layer(given)
        quant = INT8.quant(layer.range)
        steps = quantized(x, quant, -128, 127, "int8").astype(int)
        got = y.numpy() / quant.scale + quant.zero_point
        np.testing.assert_allclose(got, np.rint(got), atol=1e-3)
        assert (np.rint(got) == steps).mean() > 0.998
        assert abs(np.rint(got) - steps).max() <= 1
        dx, dlow, dhigh = tape.gradient(y, [given, *layer.trainable_variables])
        ends = [(q - quant.zero_point) * quant.scale for q in (-128, 127)]
        inside = (x >= ends[0]) & (x <= ends[1])
        assert np.array_equal(dx.numpy(), inside)
        assert float(dlow) == (0 if low > 0 else (x < ends[0]).sum())
        assert float(dhigh) == (0 if high < 0 else (x > ends[1]).sum())


def test_weights_are_rounded_as_the_converter_does() -> None:
    """A scale a channel, from its largest weight, by NumPy; the gradient is the plain layer's."""
    tf, layers = zoo.import_tensorflow(), zoo.import_keras().layers
    rng = np.random.default_rng(6)
    for layer, shape in (
        (layers.Conv2D(4, 3), (2, 5, 5, 3)),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), (2, 5, 5, 3)),
        (layers.Dense(4), (2, 7)),
    ):
        x = tf.constant(rng.normal(0, 1, shape).astype(np.float32))
        layer.build(shape)
        kernel, bias = layer.get_weights()
        channels = len(bias)
        matrix = rng.normal(0, 1, (kernel.size // channels, channels)) * 3.0 ** np.arange(channels)
        layer.set_weights([matrix.reshape(kernel.shape), bias])
        with tf.GradientTape() as tape:
            y = rounded.weights()(layer)(x)
        gradient = tape.gradient(y, layer.kernel)
        scales = (abs(matrix).max(0) / 127).astype(np.float32)
        exact = (np.rint(matrix / scales) * scales).reshape(kernel.shape)
        assert not np.allclose(y, layer(x), rtol=1e-4)
        layer.set_weights([exact, bias])
        with tf.GradientTape() as tape:
            expected = layer(x)
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(gradient, tape.gradient(expected, layer.kernel), rtol=1e-5)


def test_the_int8_graph_has_the_trained_ranges(fitted: Any) -> None:
    small = {t.name: t for t in tflite.read(export_aware(fitted)).tensors()}
    aware, seen = fitted.aware, set()
    for t in aware.graph.tensors():
        if t.const or t.dtype != "float32":
            continue
        layer = aware.rounding[t]
        quant = small[t.name].q
        ends = [(q - quant.zero_point) * quant.scale for q in (-128, 127)]
        assert quant == INT8.quant(layer.range)
        # What the layer makes of far too large and small values, by TensorFlow's arithmetic.
        got = layer(np.array([-1e9, 1e9], np.float32)).numpy()
        np.testing.assert_allclose(got, ends, rtol=1e-6, atol=1e-9)
        seen.add((quant.scale, quant.zero_point))
    assert small[aware.graph.inputs[0].name].q.scale == pytest.approx(2 / 255)
    assert (1 / 256, -128) in seen, "softmax and sigmoid"
    trained = [v for v in fitted.trainable_variables if v.name in rounded.ENDS]
    assert len(trained) >= 14


def test_the_int8_network_answers_as_the_trained_one(fitted: Any) -> None:
    runtime = pytest.importorskip("tflite_micro").runtime
    x, _ = digits()
    net = runtime.Interpreter.from_bytes(export_aware(fitted))
    got = []
    for image in x:
        net.set_input((np.rint(image * 255) - 128).astype(np.int8)[None], 0)
        net.invoke()
        got.append(net.get_output(0)[0].copy())
    steps = np.rint(fitted.predict(x, verbose=0) * 256) - 128
    off = abs(np.array(got) - steps)
    assert (off <= 1).mean() > 0.97
    assert off.max() <= 4
    losses = fitted.history.history["loss"]
    assert losses[-1] < losses[0]


def test_branches_of_other_ranges_are_copied() -> None:
    """Sigmoid's range is fixed, and concatenation has one for all: a QUANTIZE goes between."""
    keras, (x, y) = zoo.import_keras(), digits()
    layers = keras.layers
    keras.utils.set_random_seed(5)
    given = keras.Input((8, 8, 3), name="image")
    branches = [layers.Conv2D(2, 3, activation=kind)(given) for kind in ("relu", "sigmoid", "tanh")]
    model = quantization_aware(keras.Model(given, layers.Concatenate()(branches)), x[:32])
    model.compile(keras.optimizers.Adam(1e-2), loss="mse")
    targets = np.ones((128, 6, 6, 6), np.float32) * np.arange(6) * y[:, None, None, None]
    model.fit(x, targets, batch_size=32, epochs=1, verbose=0)
    graph = tflite.read(export_aware(model))
    join = graph.ops[-1]
    copies = [op for op in graph.ops if op.tflite == "QUANTIZE"]
    assert join.tflite == "CONCATENATION"
    assert [op.x.q for op in copies] == [INT8.fixed(0.0, 1.0), INT8.fixed(-1.0, 1.0)]
    assert [op.y for op in copies] == list(join.inputs[1:])
    aware = model.aware
    trained = aware.rounding[aware.graph.outputs[0]]
    assert {t.q for t in (*join.inputs, join.y) if t} == {INT8.quant(trained.range)}
    scale = graph.outputs[0].q.scale
    assert scale > 1.5 / 256, "else the branches' steps could pass for it"
    xs = (np.rint(x[:16] * 255) - 128).astype(np.int8)
    _, _, (got,) = check_reference(graph, xs=[xs[:, None]])
    steps = model.predict(x[:16], verbose=0) / scale
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    off = abs(got[:, 0] - np.rint(steps) - graph.outputs[0].q.zero_point)
    assert (off <= 1).mean() > 0.97
    assert off.max() <= 2


def test_every_tensor_that_int8_computes_is_rounded() -> None:
    aware = quantization_aware(branching()).aware
    layers = {id(layer): layer for layer in aware.rounding.values()}
    places = sum(len(layer._inbound_nodes) for layer in layers.values())
    computed = [op for op in aware.graph.ops if op.tflite not in ("CONCATENATION", "RESHAPE")]
    assert places == 1 + len(computed), "the input, and what each of these makes"


def test_it_starts_as_the_float_network_and_leaves_it_alone() -> None:
    x, _ = digits()
    model = branching()
    before = [w.copy() for w in model.get_weights()]
    made = quantization_aware(model, x[:64])
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(made.aware.plain.predict(x, verbose=0), expected, atol=1e-5)
    error = abs(made.predict(x, verbose=0) - expected)
    assert 0 < error.max() < 0.03
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_without_samples_the_first_batch_sets_the_ranges() -> None:
    x, y = digits()
    made = quantization_aware(branching())
    wanted = quantization_aware(branching(), x[:16])
    keras = zoo.import_keras()
    made.compile(keras.optimizers.SGD(0.0), loss="sparse_categorical_crossentropy")
    made.fit(x[:16], y[:16], batch_size=16, verbose=0)
    made.fit(3 * x[:16], y[:16], batch_size=16, verbose=0)
    pairs = zip(made.aware.graph.tensors(), wanted.aware.graph.tensors(), strict=True)
    for a, b in pairs:
        if a in made.aware.rounding:
            near = [m.aware.rounding[t].range for m, t in ((made, a), (wanted, b))]
            np.testing.assert_allclose(*near, rtol=0.1, atol=0.02)


def decoder() -> Any:
    """Images made larger in two ways."""
    layers = zoo.import_keras().layers
    inputs = zoo.import_keras().Input((5, 4, 3))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(inputs)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Conv2DTranspose(5, 4, strides=3)(x)
    return zoo.import_keras().Model(inputs, layers.UpSampling2D((2, 1))(x))


def attention() -> Any:
    """What transformers are made of."""
    layers = zoo.import_keras().layers
    inputs = zoo.import_keras().Input((6, 8))
    x = layers.LayerNormalization()(inputs)
    x = layers.Add()([inputs, layers.MultiHeadAttention(2, 4)(x, x)])
    x = layers.Dense(8, activation="gelu")(x)
    return zoo.import_keras().Model(inputs, x)


@pytest.mark.parametrize("network", [decoder, attention])
def test_what_it_is_trained_as_is_what_tflm_computes(network: Callable[[], Any]) -> None:
    keras = zoo.import_keras()
    keras.utils.set_random_seed(2)
    model = network()
    x = np.random.default_rng(1).normal(size=(32, *model.input_shape[1:])).astype(np.float32)
    y = model.predict(x, verbose=0)
    made = quantization_aware(model, x)
    made.compile(keras.optimizers.Adam(1e-3), loss="mse")
    made.fit(x, y, batch_size=8, epochs=1, verbose=0)
    graph, xs, expected = check_reference(tflite.read(export_aware(made)), n=8)
    assert len(graph.ops) > 3
    assert len(xs[0]) == len(expected[0]) == 8


def test_a_layer_that_cannot_be_trained_is_named() -> None:
    keras = zoo.import_keras()
    inputs = keras.Input((6, 6, 2))
    x = keras.ops.floor(keras.layers.Conv2D(2, 3)(inputs))
    with pytest.raises(Unsupported, match=r"(?s)FLOOR of layer 'floor.*'.*ascua quantize"):
        quantization_aware(keras.Model(inputs, x))
    with pytest.raises(InputError, match="not made by quantization_aware"):
        export_aware(keras.Model(inputs, x))
    two = keras.Model([inputs, other := keras.Input((6, 6, 2))], inputs + other)
    with pytest.raises(Unsupported, match="takes one input, not 2"):
        quantization_aware(two)


def going_on(folder: Path, **more: Any) -> Recipe:
    """The recipe that goes on with the tiny one, whose file lies in `folder`."""
    path = folder / "tiny.toml"
    path.write_text(recipes.dump(RECIPE))
    return dataclasses.replace(recipes.aware(RECIPE, str(path)), **more)


@pytest.fixture(scope="module")
def straight(pause: Pause, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001
    folder = tmp_path_factory.mktemp("straight")
    train(going_on(folder), out=folder / "tiny-qat")
    return folder


def test_the_recipe_is_trained_first(straight: Path) -> None:
    first, then = straight / "tiny", straight / "tiny-qat"
    assert len(history(first)) == len(history(then)) == 3
    assert history(then)[0]["loss"] < history(first)[0]["loss"]
    assert history(then)[-1]["lr"] < RECIPE.lr / 10
    graph = tflite.load(then / "model.tflite")
    assert graph.inputs[0].q.scale == np.float32(1 / 255)
    names = [
        layer.name for layer in zoo.import_keras().models.load_model(then / "model.keras").layers
    ]
    assert not any("range" in name or "norm" in name for name in names)


def test_interrupted_it_ends_with_the_same_bits(
    straight: Path, pause: Pause, tmp_path: Path
) -> None:
    recipe = going_on(straight)
    pause.calls_left = 3 + 2
    # The float network is there already, as the same command would find it.
    (tmp_path / "tiny").symlink_to(straight / "tiny")
    with pytest.raises(KeyboardInterrupt):
        train(recipe, out=tmp_path / "tiny-qat")
    assert (tmp_path / "tiny-qat" / STATE).exists()
    printed = io.StringIO()
    console = Console(file=printed, width=200)
    trained = train(recipe, out=tmp_path / "tiny-qat", console=console)
    # What is not trained, such as constants, comes from the float network each time.
    assert "layers start with the weights in" in printed.getvalue()
    assert (trained.epochs_run, trained.resumed) == (2, True)
    whole = straight / "tiny-qat"
    assert history(tmp_path / "tiny-qat") == history(whole)
    assert trained.tflite.read_bytes() == (whole / "model.tflite").read_bytes()
    other = dataclasses.replace(trained, keras=whole / "model.keras")
    assert all(np.array_equal(a, b) for a, b in zip(weights(trained), weights(other), strict=True))


@pytest.mark.usefixtures("pause")
def test_a_loss_that_is_no_number(straight: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny").symlink_to(straight / "tiny")
    with pytest.raises(InputError, match=r"(?s)'tiny-qat': the loss became (nan|inf).*Lower"):
        train(going_on(straight, lr=1e30, epochs=2), out=tmp_path / "x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": ""}, "weights must be a trained network's with method qat"),
        ({"freeze": 2}, "freeze must be 0 with method qat"),
        ({"precision": "bfloat16"}, "precision must be float32 with method qat"),
    ],
)
def test_what_does_not_go_with_it(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        going_on(tmp_path, **change)


@pytest.mark.usefixtures("pause")
def test_in_a_circle(tmp_path: Path) -> None:
    recipe = going_on(tmp_path)
    (tmp_path / "tiny.toml").write_text(recipes.dump(recipe))
    recipes.load.cache_clear()
    with pytest.raises(InputError, match="in a circle: tiny-qat ← tiny-qat"):
        train(recipe, out=tmp_path / "x")
