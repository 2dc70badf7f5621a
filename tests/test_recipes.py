"""Recipes: the contract that all keep, and what a wrong one is told."""

import dataclasses
from pathlib import Path

import pytest

from ascua import boards, data, recipes, zoo
from ascua.errors import InputError
from ascua.train import augment


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_keeps_the_contract(name: str) -> None:
    recipe = recipes.load(name)
    assert recipe.name == name
    assert recipe.dataset in data.names()
    assert recipe.model in zoo.names()
    assert zoo.check(recipe.model, recipe.network) == recipe.network
    assert recipe.board in ("", *boards.names())
    augment.pick(recipe.augment)


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_survives_writing(name: str, tmp_path: Path) -> None:
    recipe = dataclasses.replace(
        recipes.load(name),
        title='"quoted" \\ \n é \x7f',
        lr=1e-9,
        augment=(),
        network={"width": 1 / 3, "softmax": True, "blocks": [{"kernel": 3}], "kind": "a"},
    )
    path = tmp_path / "r.toml"
    path.write_text(recipes.dump(recipe), encoding="utf-8")
    assert recipes.load(str(path)) == recipe


def test_a_width_of_its_own_is_an_argument_of_the_network(tmp_path: Path) -> None:
    """Folders that version 0.1 trained hold such recipes."""
    text = recipes.dump(recipes.load("digits-dscnn"))
    path = tmp_path / "r.toml"
    for line, network in (("width = 1.0", {}), ("width = 0.5", {"width": 0.5})):
        path.write_text(f"{line}\n{text}")
        assert recipes.read(path).network == network


def test_digits_shows_a_seven() -> None:
    pytest.importorskip("sklearn")
    assert data.load("digits").y_test[recipes.load("digits-dscnn").show] == 7


def test_the_seed_recipe_is_what_the_demonstration_did() -> None:
    """10 epochs of Adam at its usual rate, nothing else: the network is the other recipe's."""
    seed, ours = recipes.load("cifar10-dscnn-seed"), recipes.load("cifar10-dscnn")
    assert (seed.optimizer, seed.schedule, seed.lr, seed.epochs) == ("adam", "constant", 1e-3, 10)
    assert (seed.augment, seed.weight_decay, seed.label_smoothing, seed.warmup) == ((), 0, 0, 0)
    same = ("dataset", "model", "input", "classes", "board", "quantize")
    assert all(getattr(seed, key) == getattr(ours, key) for key in same)
    assert (seed.network, ours.network) == ({}, {"dropout": 0.0})


def test_unknown_recipe() -> None:
    with pytest.raises(InputError, match="Did you mean 'digits-dscnn'"):
        recipes.load("digit-dscnn")
    with pytest.raises(InputError, match="cannot be read"):
        recipes.load("absent.toml")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("epoch = 3", "unknown key 'epoch'(?s:.*)Did you mean 'epochs'"),
        ('epochs = "3"', "expected int"),
        ("epochs = 0", "epochs must be at least 1"),
        ("batch = 0", "batch"),
        ("lr = -1", "lr must be positive"),
        ("lr = nan", "lr must be positive"),
        ("network = 0", "network: expected a table"),
        ("warmup = 1000", "warmup must be between 0 and epochs"),
        ("label_smoothing = 1", "label_smoothing"),
        ("weight_decay = -1", "weight_decay"),
        ('optimizer = "adam"', "weight_decay must be 0 with adam"),
        ('schedule = "steps"', "'steps' is not known"),
        ("input = [8, 8]", "expected 3 values"),
        ("input = [8, 0, 1]", "input"),
        ("seed = -1", "seed"),
        ('quantize.method = "gptq"', "'gptq' is not known"),
        ("quantize.calibration = 0", "calibration must be at least 1"),
        ('precision = "float16"', "'float16' is not known(?s:.*)bfloat16"),
        ('teacher.model = "x"\nteacher.alpha = 2', "alpha must be between 0 and 1"),
        ("teacher.alpha = 1", "the key 'model' is missing"),
    ],
)
def test_wrong_key_or_value(tmp_path: Path, line: str, message: str) -> None:
    key = line.split(" = ")[0]
    text = recipes.dump(recipes.load("digits-dscnn")).partition("\n[")[0]
    kept = [known for known in text.splitlines() if not known.startswith(f"{key} = ")]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(InputError, match=message):
        recipes.load(str(path))


@pytest.mark.parametrize("name", [n for n in recipes.names() if n.endswith("-qat")])
def test_recipes_that_go_on_are_what_the_option_says(name: str) -> None:
    source = name.removesuffix("-qat")
    assert recipes.load(name) == recipes.aware(recipes.load(source), source)
    assert recipes.aware(recipes.load(name), name) == recipes.load(name)
