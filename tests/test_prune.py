"""Pruning: what rankings say, which channels go, step by step, and with what limits."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards, zoo
from ascua.errors import InputError
from ascua.pruning import (
    RANKINGS,
    Base,
    Course,
    Limits,
    Needs,
    Samples,
    course,
    limits,
    prune,
    rank,
    run,
)
from tests.support.tiny import RECIPE, Pause, entered, tiny_dataset

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
pytest.importorskip("keras")


@pytest.fixture(scope="module")
def pause() -> Iterator[Pause]:
    with entered() as pause:
        yield pause


def network(channels: int = 8) -> Any:
    """Convolution, normalisation, ReLU, convolution with a ReLU of its own, mean, dense layer."""
    keras = zoo.import_keras()
    keras.utils.set_random_seed(1)
    layers = keras.layers
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(channels, 3, name="first")(x)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Conv2D(channels, 3, activation="relu", name="second")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x))


def samples(count: int = 54) -> Samples:
    data = tiny_dataset(None)
    return Samples(data.x_train[:count], data.y_train[:count], (0.0, 1.0))


def scores(model: Any, method: str, given: Samples | None = None) -> dict[str, Any]:
    """Of each layer's channels, in the order of the channels: how early they go, 0 first."""
    ranked = rank(model, method, samples=given)
    return {
        q.group.name: np.argsort(np.searchsorted(q.group.units, q.units))
        for q in ranked.ladder.queues
    }


def test_weights_are_ranked_by_their_size() -> None:
    model = network()
    kernel, bias = model.get_layer("first").get_weights()
    factors = np.array([5, 3, 8, 1, 7, 2, 6, 4], np.float32)
    ones = np.sign(kernel) / np.abs(kernel).size
    model.get_layer("first").set_weights([ones * factors, bias])
    for method in ("l1", "l2"):
        assert np.array_equal(scores(model, method)["first"], factors - 1)


def test_l2_looks_at_squares() -> None:
    model = network(2)
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    kernel[0, 0, 0, 0] = 4  # the mean magnitude is less, the mean square is more
    kernel[:, :, 0, 1] = 0.5
    model.get_layer("first").set_weights([kernel, np.zeros(2, np.float32)])
    assert scores(model, "l1")["first"].tolist() == [0, 1]
    assert scores(model, "l2")["first"].tolist() == [1, 0]


def test_what_is_like_others_goes_first_by_fpgm() -> None:
    model = network(4)
    kernel = np.zeros((3, 3, 1, 4), np.float32)
    kernel[0, 0, 0] = [0.0, 1.0, 1.1, 9.0]  # sums of distances: 11.1, 9.1, 9.1, 25.9
    kernel[1, 1, 0, 0] = 0.01
    model.get_layer("first").set_weights([kernel, np.zeros(4, np.float32)])
    assert set(scores(model, "fpgm")["first"][1:3].tolist()) == {0, 1}
    assert scores(model, "fpgm")["first"].tolist()[3] == 3


def test_lamp_compares_layers() -> None:
    """Squares 1, 1, 2, 4 of one layer: 1/8, 1/7, 2/6, 1; a layer's greatest goes last of all."""
    model = network(4)
    for name, factor in (("first", 1.0), ("second", 0.01)):
        kernel, bias = model.get_layer(name).get_weights()
        values = np.sqrt(np.array([1, 1, 2, 4], np.float32)) * np.float32(factor)
        model.get_layer(name).set_weights([np.ones_like(kernel) * values, bias])
    for q in rank(model, "lamp", scope="global").ladder.queues:
        assert np.allclose(q.worth, [1 / 8, 1 / 7, 2 / 6, 1])


def test_normalisations_are_ranked_by_their_scale() -> None:
    model = network()
    gamma = np.array([-5, 3, -8, 1, 7, 2, 6, 4], np.float32)
    norm = model.get_layer("norm")
    norm.set_weights([gamma, *norm.get_weights()[1:]])
    ranked = rank(model, "bn-scale")
    assert scores(model, "bn-scale")["first"].tolist() == (np.abs(gamma) - 1).tolist()
    assert "no batch normalisation" in ranked.left["second"]


def test_apoz_counts_zeros_after_the_activation() -> None:
    """Checked against the network cut after the activation, as Keras computes it."""
    model, given = network(), samples()
    keras = zoo.import_keras()
    inner = keras.Model(model.inputs, model.get_layer("relu").output)
    values = inner.predict(given.x / np.float32(255), verbose=0)
    zeros = (values == 0).mean(axis=(0, 1, 2))
    order = np.argsort(-zeros, kind="stable")
    assert scores(model, "apoz", given)["first"].tolist() == np.argsort(order).tolist()
    means = np.abs(values).mean(axis=(0, 1, 2))
    expected = np.argsort(np.argsort(means, kind="stable")).tolist()
    assert scores(model, "mean-activation", given)["first"].tolist() == expected


def test_apoz_says_nothing_of_what_is_never_zero() -> None:
    keras = zoo.import_keras()
    x = keras.Input((8, 8, 1))
    y = keras.layers.Conv2D(4, 3, activation="sigmoid", name="soft")(x)
    model = keras.Model(x, keras.layers.Dense(3)(keras.layers.Flatten()(y)))
    assert "never 0" in rank(model, "apoz", samples=samples()).left["soft"]


def test_taylor_is_the_change_of_the_loss() -> None:
    """Its scores are near the squared change of the loss for a hundredth less of a channel."""
    model, given = network(), samples(54)  # one batch
    tf = zoo.import_tensorflow()
    head = model.get_layer("logits")
    kernel, bias = head.get_weights()

    def loss() -> float:
        x = given.x / np.float32(255)
        found = tf.nn.sparse_softmax_cross_entropy_with_logits(given.y, model(x, training=False))
        return float(np.mean(found))

    changes = []
    for channel in range(8):
        each = []
        for factor in (0.99, 1.01):
            less = kernel.copy()
            less[channel] *= factor
            head.set_weights([less, bias])
            each.append(loss())
        changes.append((each[1] - each[0]) ** 2)
    head.set_weights([kernel, bias])
    order = np.argsort(np.argsort(changes, kind="stable"), kind="stable")
    assert scores(model, "taylor", given)["second"].tolist() == order.tolist()


def test_batches_decide_nothing_for_means() -> None:
    """Memory is bounded by a batch; a last, smaller one weighs as much as its samples."""
    model = network()
    x = np.random.default_rng(1).integers(0, 256, (100, 8, 8, 1), np.uint8)
    whole = scores(model, "mean-activation", Samples(x, None, (0.0, 1.0)))
    inner = zoo.import_keras().Model(model.inputs, model.get_layer("relu").output)
    means = inner.predict(x / np.float32(255), verbose=0).mean(axis=(0, 1, 2))
    assert whole["first"].tolist() == np.argsort(np.argsort(means, kind="stable")).tolist()


def test_chance_is_the_seed() -> None:
    model = network(64)
    one, again, other = (
        prune(model, "random", 0.5, seed=seed).model.get_weights()[0] for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("of", ["channels", "parameters", "macs"])
@pytest.mark.parametrize("method", ["l1", "random"])
def test_as_much_goes_as_is_wished(of: Any, scope: Any, method: str) -> None:
    """The ratio is reached, and one rung above it is not."""
    model = network(16)
    ladder = rank(model, method, scope=scope).ladder
    for ratio in (0.1, 0.25, 0.5, 0.75):
        rung = ladder.rung(of, ratio)
        assert ladder.share(of, rung) >= ratio - 1e-9
        assert ladder.share(of, rung - 1) < ratio
    pruned = prune(model, method, 0.5, of=of, scope=scope)
    size = zoo.size(pruned.model)
    assert (pruned.after.parameters, pruned.after.macs) == (size.parameters, size.macs)
    before = zoo.size(model)
    assert (pruned.before.parameters, pruned.before.macs) == (before.parameters, before.macs)


def test_multiples_stay() -> None:
    pruned = prune(network(18), "l1", 0.4, round_to=4)
    left = {c.layer: c.after.channels for c in pruned.layers if c.after.channels}
    assert left == {"first": 8, "second": 8, "logits": 3}
    least = prune(network(16), "l1", 0.7, round_to=4).model
    assert least.get_layer("first").filters == 4


def test_what_goes_is_worth_least() -> None:
    model = network(8)
    kernel = model.get_layer("first").get_weights()[0]
    worth = np.abs(kernel).mean(axis=(0, 1, 2))
    left = np.sort(np.argsort(worth)[4:])
    small = prune(model, "l1", 0.5).model
    assert np.array_equal(small.get_layer("first").get_weights()[0], kernel[..., left])
    assert model.get_layer("first").filters == 8


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"ratio": 0.0}, "between 0 and 1"),
        ({"ratio": 1.0}, "between 0 and 1"),
        ({"ratio": -3.0}, "between 0 and 1"),
        ({"ratio": float("nan")}, "between 0 and 1"),
        ({"ratio": 0.99}, "can go"),
        ({"method": "l3"}, "no ranking called 'l3'"),
        ({"method": "apoz"}, "looks at images"),
        ({"method": "taylor"}, "looks at labels"),
        ({"round_to": 0}, "at least 1"),
        ({"round_to": 2.5}, "a whole one"),
        ({"ratio": "0.5"}, "a number"),
        ({"of": "flops"}, "one of channels, parameters, macs"),
        ({"scope": "all"}, "one of layer, global"),
    ],
)
def test_wishes_that_cannot_be(how: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        prune(network(), **how)


def test_data_that_are_not_the_models() -> None:
    model, good = network(), samples()
    assert good.y is not None
    cases = {
        "samples are 9 x 8 x 1": dataclasses.replace(good, x=np.zeros((4, 9, 8, 1), np.uint8)),
        "no samples": Samples(good.x[:0], good.y[:0]),
        "no classes": dataclasses.replace(good, y=None),
        "classes 0 to 7": dataclasses.replace(good, y=good.y + 5 * (good.y > 0)),
        "classes -1 to 1": dataclasses.replace(good, y=good.y - 1),
        "one integer a sample": dataclasses.replace(good, y=np.eye(3)[good.y]),
        r"int64 \[5\]": dataclasses.replace(good, y=good.y[:5]),
        "a list": Samples([[0.0]], good.y[:1]),
        "are of class 1": dataclasses.replace(good, y=np.ones_like(good.y)),
        "loss is no number in batch 1": Samples(np.full((4, 8, 8, 1), np.nan), good.y[:4]),
    }
    for words, given in cases.items():
        with pytest.raises(InputError, match=words):
            prune(model, "taylor", samples=given)
    with pytest.raises(InputError, match="values for these samples are no numbers"):
        prune(model, "mean-activation", samples=Samples(np.full((4, 8, 8, 1), np.nan)))
    with pytest.raises(InputError, match="a str is no Keras model"):
        prune("net.keras")
    broken = network()
    broken.get_layer("norm").set_weights([np.full(8, np.nan)] * 4)
    with pytest.raises(InputError, match="layer norm has weights that are no numbers"):
        prune(broken)


def test_limits_as_they_are_written() -> None:
    assert limits("flash=200KB, ram=48KiB,instructions=5M") == Limits(204800, 49152, 5_000_000)
    assert limits("instructions=2_500_000") == Limits(instructions=2_500_000)
    for wrong in ("", "flash", "flash=", "flash=0", "rom=3", "ram=1,ram=2", "ram=3x", "ram=-3"):
        with pytest.raises(InputError, match="is no limit"):
            limits(wrong)


def base(tmp_path: Path, model: Any = None) -> Base:
    model, path = network() if model is None else model, tmp_path / "base.keras"
    model.save(path)
    return Base(model, path, RECIPE, tiny_dataset(None))


def test_steps_take_the_same_share_each(tmp_path: Path) -> None:
    said: list[str] = []
    made = run(
        base(tmp_path, network(64)), Course("l1", 0.75, steps=2), tmp_path / "steps", None,
        build=tmp_path, say=said.append,
    )  # fmt: skip
    first = zoo.import_keras().models.load_model(tmp_path / "steps/step1/pruned.keras")
    assert [first.get_layer(n).filters for n in ("first", "second")] == [32, 32]
    assert [made.pruned.model.get_layer(n).filters for n in ("first", "second")] == [16, 16]
    assert [s[:11] for s in said] == ["step 1 of 2", "step 2 of 2"]


def test_interrupted_tuning_goes_on(tmp_path: Path, pause: Pause) -> None:
    """After an interruption the same command gives the very weights of a straight run."""
    given, how = base(tmp_path), Course("random", 0.5, steps=2, epochs=2, teacher=True)
    straight = run(given, how, tmp_path / "a", None, build=tmp_path, say=lambda _: None)
    pause.calls_left = 3 + 5  # in the second step's first epoch
    with pytest.raises(KeyboardInterrupt):
        run(given, how, tmp_path / "b", None, build=tmp_path, say=lambda _: None)
    pause.calls_left = -1
    resumed = run(given, how, tmp_path / "b", None, build=tmp_path, say=lambda _: None)
    for x, y in zip(straight.pruned.model.get_weights(), resumed.pruned.model.get_weights(),
                    strict=True):  # fmt: skip
        assert np.array_equal(x, y)
    assert straight.tflite is not None
    assert straight.tflite.is_file()


def test_another_pruning_does_not_go_on(tmp_path: Path) -> None:
    given, folder = base(tmp_path), tmp_path / "steps"

    def go(ratio: float, *, force: bool = False) -> Any:
        return run(given, Course("l1", ratio), folder, None, build=tmp_path, force=force,
                   say=lambda _: None)  # fmt: skip

    go(0.5)
    bound = folder / "step1/bound.json"
    for damage in (b"", b"1", b"\xff", b"[1]"):
        bound.write_bytes(damage)
        with pytest.raises(InputError, match=r"(?s)bound\.json: is damaged.*Delete .*step1"):
            run(given, Course("l1", 0.5), folder, None, build=tmp_path, say=print)
    bound.write_text("[]")
    with pytest.raises(InputError, match="steps of another pruning"):
        go(0.25)
    assert go(0.25, force=True).pruned.model.get_layer("first").filters == 6
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes").write_text("dear diary")
    folder = tmp_path / "mine"
    with pytest.raises(InputError, match="something else"):
        go(0.5)


def test_the_largest_network_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With needs that are counted in the model: 1 byte of flash a parameter."""

    def counted(model: Any, *_: Any) -> Needs:
        size = zoo.size(model)
        return Needs(size.parameters, 100, size.macs)

    monkeypatch.setattr(course, "needs", counted)
    board = boards.load("lm3s6965evb")
    model = network(16)

    def go(name: str, **most: int) -> Any:
        how = Course("l1", None, of="macs", scope="global", limits=Limits(**most))
        return run(base(tmp_path, model), how, tmp_path / name, board, build=tmp_path,
                   say=lambda _: None)  # fmt: skip

    found = go("a", flash=1000, ram=100)
    assert found.bound == ("flash",)
    ladder = rank(model, "l1", scope="global").ladder
    sizes = [ladder.amount("parameters", r) for r in range(len(ladder.gone))]
    assert found.pruned.after.parameters == max(s for s in sizes if s <= 1000)
    assert go("b", flash=10**6).pruned.after == found.pruned.before
    with pytest.raises(InputError, match=r"out of reach \(ram\): .* 100 of RAM"):
        go("c", flash=1000, ram=99)


def test_a_guess_spares_trials_and_changes_nothing() -> None:
    ladder = rank(network(16), "l1", scope="global").ladder
    last = len(ladder.gone) - 1
    for wanted in range(last + 1):
        for near in range(last + 1):
            tried = set()

            def meets(rung: int, wanted: int = wanted, tried: set[int] = tried) -> bool:
                tried.add(rung)
                return rung >= wanted

            assert ladder.first(meets, near) == wanted
            assert len(tried) <= 2 or near not in {wanted - 1, wanted}


def test_costs_tell_where_the_search_for_what_fits_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def counted(model: Any, *_: Any) -> Needs:
        return Needs(1, 1, zoo.size(model).macs)

    def built(model: Any, *_: Any) -> Needs:
        measured.append(model)
        return counted(model)

    monkeypatch.setattr(course, "needs", built)
    monkeypatch.setattr(course, "expected", counted)
    found = {}
    for known in (None, "a table"):
        measured.clear()
        monkeypatch.setattr(course, "costs", lambda _, known=known: known)
        how = Course("l1", None, of="macs", scope="global", limits=Limits(instructions=3_000))
        done = run(base(tmp_path, network(16)), how, tmp_path / str(known),
                   boards.load("lm3s6965evb"), build=tmp_path, say=lambda _: None)  # fmt: skip
        found[known] = done.pruned.after, len(measured)
    assert found[None][0] == found["a table"][0]
    assert found["a table"][1] == 4 < found[None][1]


def test_what_meets_the_limits_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where fewer channels need more, as loads of four at a time make them."""
    monkeypatch.setattr(
        course, "needs", lambda model, *_: Needs(100 if zoo.size(model) == whole else 200, 1, 1)
    )
    model = network()
    whole = zoo.size(model)
    found = run(
        base(tmp_path, model), Course("l1", None, limits=Limits(flash=150)), tmp_path / "steps",
        boards.load("lm3s6965evb"), build=tmp_path, say=lambda _: None,
    )  # fmt: skip
    assert found.pruned.before == found.pruned.after
    assert found.bound == ()


@pytest.mark.parametrize(
    "how", [{"lr": -1.0}, {"lr": float("nan")}, {"lr": 0.1, "epochs": 0},
            {"teacher": True, "epochs": 0}],
)  # fmt: skip
def test_courses_that_cannot_be(how: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="--lr"):
        Course("l1", 0.5, **{"epochs": 1, **how})


def test_advice_that_would_not_help_is_not_given() -> None:
    for by in (1, 4):
        with pytest.raises(InputError) as e:
            prune(network(), ratio=0.99, round_to=by)
        assert ("Rounding to 1 lets more go." in e.value.things_to_try) == (by == 4)


def test_rankings_have_a_line_each() -> None:
    assert list(RANKINGS) == [
        "apoz", "l1", "random", "l2", "bn-scale", "mean-activation", "taylor", "fpgm", "lamp",
    ]  # fmt: skip
    assert all(r.about.endswith(".") for r in RANKINGS.values())
    json.dumps([r.about for r in RANKINGS.values()])
