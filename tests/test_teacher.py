"""Distillation: the loss by hand, the same bits after a stop, and teachers that cannot teach."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import recipes, zoo
from ascua.errors import InputError
from ascua.recipes import Recipe, Teacher
from ascua.train import prerequisites, train
from ascua.train.export import as_float
from ascua.train.folder import STATE, load_state
from ascua.train.fused import fuse
from ascua.train.loss import cross_entropy, distillation
from ascua.train.step import parts, train_step
from ascua.train.teacher import load_teacher
from tests.support.tiny import RECIPE, Pause, entered, history, tiny_network, weights

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def pause() -> Iterator[Pause]:
    pytest.importorskip("keras")
    with entered() as pause:
        yield pause


@pytest.fixture
def teacher(pause: Pause, tmp_path: Path) -> Path:  # noqa: ARG001
    """A Keras file of the tiny network, as somebody else's."""
    path = tmp_path / "teacher.keras"
    zoo.build("tiny", (8, 8, 1), 3, seed=9).save(path)
    return path


def taught_by(model: object, **more: Any) -> Recipe:
    return dataclasses.replace(RECIPE, teacher=Teacher(str(model), **more))


def test_the_loss_by_hand() -> None:
    """Two images, three classes, every term written out."""
    pytest.importorskip("keras")
    tf = zoo.import_tensorflow()
    logits, taught = [[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]], [[2.0, 0.0, 0.0], [0.0, 1.0, 3.0]]
    labels, t, alpha = [0, 2], 2.0, 0.75

    def softmax(row: list[float]) -> list[float]:
        total = sum(math.exp(v) for v in row)
        return [math.exp(v) / total for v in row]

    hard = -sum(math.log(softmax(s)[y]) for s, y in zip(logits, labels, strict=True)) / 2
    soft = 0.0
    for s, r in zip(logits, taught, strict=True):
        q, p = softmax([v / t for v in s]), softmax([v / t for v in r])
        soft += sum(b * math.log(b / a) for a, b in zip(q, p, strict=True)) / 2

    ce = cross_entropy(tf.constant(logits), tf.constant(labels), 0.0)
    assert float(ce) == pytest.approx(hard, rel=1e-6)
    got = distillation(
        ce, tf.constant(logits), tf.constant(taught), Teacher("x", temperature=t, alpha=alpha)
    )
    assert float(got) == pytest.approx(alpha * t * t * soft + (1 - alpha) * hard, rel=1e-6)


def test_smoothed_labels_by_hand() -> None:
    pytest.importorskip("keras")
    tf = zoo.import_tensorflow()
    rest = math.log(math.e + 3)
    expected = -(0.925 * (1 - rest) + 3 * 0.025 * (0 - rest))
    got = cross_entropy(tf.constant([[1.0, 0.0, 0.0, 0.0]]), tf.constant([0]), 0.1)
    assert float(got) == pytest.approx(expected, rel=1e-6)


def test_a_taught_training_ends_with_the_same_bits(
    pause: Pause, teacher: Path, tmp_path: Path
) -> None:
    recipe = taught_by(teacher, temperature=2.0, alpha=0.5)
    whole = train(recipe, out=tmp_path / "whole")
    pause.calls_left = 3 + 2
    with pytest.raises(KeyboardInterrupt):
        train(recipe, out=tmp_path / "two")
    again = train(recipe, out=tmp_path / "two")
    assert (again.epochs_run, again.resumed) == (2, True)
    assert history(again.folder) == history(whole.folder)
    for a, b in zip(weights(again), weights(whole), strict=True):
        np.testing.assert_array_equal(a, b)
    alone = train(RECIPE, out=tmp_path / "alone")
    assert any(
        not np.array_equal(a, b) for a, b in zip(weights(alone), weights(whole), strict=True)
    )


def test_another_teacher_cannot_go_on(pause: Pause, teacher: Path, tmp_path: Path) -> None:
    recipe, out = taught_by(teacher), tmp_path / "out"
    pause.calls_left = 3 + 2
    with pytest.raises(KeyboardInterrupt):
        train(recipe, out=out)
    state = load_state(out)
    assert state is not None
    assert len(state.teacher) == 64
    zoo.build("tiny", (8, 8, 1), 3, seed=10).save(teacher)
    with pytest.raises(InputError, match=r"had another teacher(?s:.*)--force"):
        train(recipe, out=out)
    assert (out / STATE).exists()


def test_a_recipe_that_teaches_is_trained_first(pause: Pause, tmp_path: Path) -> None:  # noqa: ARG001
    path = tmp_path / "master.toml"
    path.write_text(recipes.dump(dataclasses.replace(RECIPE, name="master", epochs=1)))
    pupil = train(taught_by(path, alpha=1.0), out=tmp_path / "pupil")
    assert (tmp_path / "master/model.keras").exists()
    assert pupil.epochs_run == 3
    other = dataclasses.replace(taught_by(path), input=(9, 8, 1))
    with pytest.raises(InputError, match=r"images \[9, 8, 1\](?s:.*)takes \[8, 8, 1\]"):
        train(other, out=tmp_path / "other")


def test_teachers_in_a_circle(tmp_path: Path) -> None:
    a, b = tmp_path / "a.toml", tmp_path / "b.toml"
    for name, other in ((a, b), (b, a)):
        text = recipes.dump(dataclasses.replace(taught_by(other), name=name.stem))
        name.write_text(text)
    with pytest.raises(InputError, match=r"in a circle: a ← b ← a"):
        prerequisites.check(recipes.read(a))


def test_probabilities_teach_as_their_logits_do(pause: Pause, tmp_path: Path) -> None:  # noqa: ARG001
    keras = zoo.import_keras()
    plain = zoo.build("tiny", (8, 8, 1), 3, seed=9)
    soft = keras.Model(plain.input, keras.layers.Softmax()(plain.output))
    x = np.random.default_rng(0).random((4, 8, 8, 1), np.float32)
    found = []
    for name, model in (("plain", plain), ("soft", soft)):
        path = tmp_path / f"{name}.keras"
        model.save(path)
        logits = load_teacher(str(path), taught_by(path)).logits(x).numpy()
        found.append(logits - logits.mean(1, keepdims=True))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": 4}, r"answers 4 classes; this model(?s:.*)\[3\]"),
        ({"input": (8, 8, 3)}, "its input is 8 x 8 x 1, the samples are 8 x 8 x 3"),
    ],
)
def test_a_teacher_of_other_things(teacher: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_teacher(str(teacher), dataclasses.replace(taught_by(teacher), **change))


def test_a_teacher_that_is_no_file_or_no_model(pause: Pause, tmp_path: Path) -> None:  # noqa: ARG001
    with pytest.raises(InputError, match=r"(?s)absent.keras: the teacher's file.*cifar10-dscnn"):
        train(taught_by(tmp_path / "absent.keras"), out=tmp_path / "x")
    for name, text in (("text.keras", b"hello"), ("zip.keras", b"PK\3\4 and then nothing")):
        (tmp_path / name).write_bytes(text)
        with pytest.raises(InputError, match=r"Keras cannot load it|neither a .keras"):
            train(taught_by(tmp_path / name), out=tmp_path / "x")
    with pytest.raises(InputError, match=r"no recipe called 'digits'"):
        train(taught_by("digits"), out=tmp_path / "x")
    assert not (tmp_path / "x").exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be positive"),
        ({"temperature": -1.0}, "temperature must be positive"),
        ({"temperature": math.inf}, "temperature must be positive"),
        ({"temperature": math.nan}, "temperature must be positive"),
        ({"alpha": 1.1}, "alpha must be between 0 and 1"),
        ({"alpha": -0.1}, "alpha must be between 0 and 1"),
        ({"alpha": math.nan}, "alpha must be between 0 and 1"),
    ],
)
def test_numbers_that_no_training_can_use(options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Teacher("x", **options)


def test_batches_are_split_evenly() -> None:
    assert [parts(n) for n in (1, 16, 32, 63, 64, 96, 100, 128, 130, 256)] == [
        1, 1, 1, 1, 2, 3, 2, 4, 2, 4,
    ]  # fmt: skip


def test_a_step_in_parts_is_keras_own_step() -> None:
    """Loss, accuracy and weights after two steps; a network without batch normalisation."""
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 256, (128, 12, 12, 1), dtype=np.uint8), rng.integers(0, 3, 128)
    ours, theirs = (zoo.build("lenet5", (12, 12, 1), 3, seed=1, width=0.5) for _ in range(2))
    for model in (ours, theirs):
        model.compile(
            optimizer=keras.optimizers.SGD(0.5),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
            metrics=["categorical_accuracy"],
            jit_compile=False,
        )
    assert parts(len(x)) > 1
    step = train_step(RECIPE, ours, len(x))
    for _ in range(2):
        loss, right = step(x, y)
        logs = theirs.train_on_batch(as_float(x), np.eye(3)[y], return_dict=True)
        assert float(loss) == pytest.approx(logs["loss"], rel=1e-5)
        assert float(right) == pytest.approx(logs["categorical_accuracy"])
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_biases_before_a_normalisation_do_not_train() -> None:
    pytest.importorskip("keras")
    twin = fuse(tiny_network((8, 8, 1), 3))
    still = [layer.name for layer in twin.layers for v in layer.weights if not v.trainable]
    assert still == ["conv", "norm", "norm"]


def test_half_precision_keeps_its_weights_and_its_statistics_whole() -> None:
    pytest.importorskip("keras")
    model = zoo.build("airbench", (8, 8, 3), 3, width=0.125, seed=1)
    twin = fuse(model, "bfloat16")
    x = np.random.default_rng(0).random((32, 8, 8, 3), np.float32)
    twin(x, training=True)
    assert {str(v.dtype) for v in twin.weights} == {"float32"}
    mean = twin.get_layer("stem_norm").moving_mean.numpy()
    assert np.any(mean.view(np.uint32) & 0xFFFF), "more than bfloat16's bits"
    a, b = model(x).numpy(), fuse(model, "bfloat16")(x).numpy()
    assert np.abs(a - b).max() < 0.05 * np.abs(a).max()
