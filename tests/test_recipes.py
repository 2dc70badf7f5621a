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


UNPUBLISHED = {"mobilenet-k210", "motion-conv1d"}


@pytest.mark.parametrize("name", sorted({*recipes.names()} - UNPUBLISHED))
def test_a_published_recipe_keeps_its_training_images(name: str) -> None:
    """They were trained on all of them: retrain one, and its line goes."""
    assert recipes.load(name).validation == 0


def test_what_an_earlier_version_wrote_had_no_validation(tmp_path: Path) -> None:
    recipe = recipes.load("digits-dscnn")
    path = tmp_path / "r.toml"
    text = recipes.dump(recipe)
    older = text.replace("validation = 0.0\n", "")
    assert older != text
    path.write_text(older)
    assert recipes.dumped(path) == recipe
    assert recipes.read(path).validation == 0.1, "the default of a new recipe"
    fresh = dataclasses.replace(recipe, validation=0.1)
    assert recipes.is_dump(older, recipe)
    assert not recipes.is_dump(older, fresh)
    path.write_text(recipes.dump(fresh))
    assert recipes.dumped(path) == fresh


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
        ("validation = 1", "validation must be at least 0 and below 1, not 1.0"),
        ("validation = -0.1", "validation must be at least 0 and below 1"),
        ("validation = nan", "validation must be at least 0 and below 1"),
        ('validation = "some"', "validation: expected float"),
        ('name = "../mine"', "name must be the name of a folder inside another"),
        ('name = "/tmp/mine"', "name must be the name of a folder"),
        ('name = ""', "name must be the name of a folder"),
        (r'name = "a\u0001b"', "name must be the name of a folder"),
        ("batch = 0", "batch"),
        ("lr = -1", "mine.toml: Recipe 'digits-dscnn': lr must be positive"),
        ("lr = nan", "lr must be positive"),
        ("network = 0", "network: expected a table"),
        ("warmup = 1000", "warmup must be between 0 and epochs"),
        ("label_smoothing = 1", "label_smoothing"),
        ("weight_decay = -1", "weight_decay"),
        ('optimizer = "adam"', "weight_decay must be 0 with adam"),
        ('schedule = "steps"', "'steps' is not known"),
        ("input = [8, 8, 1, 1]", "one to three positive sizes"),
        ("input = [8, 0, 1]", "input"),
        ("seed = -1", "seed"),
        ('quantize.method = "gptq"', "mine.toml: quantize: method: 'gptq' is not known"),
        ("quantize.calibration = 0", "mine.toml: quantize: calibration must be at least 1"),
        ("quantize.calibration = 2.5", "mine.toml: quantize: calibration: expected int"),
        ("quantize.ranges = 3", "mine.toml: quantize: unknown key 'ranges'"),
        (
            'quantize = {method = "ascua", options = {adaround = 2}}',
            "mine.toml: quantize: options: adaround: expected bool",
        ),
        ("quantize.options.adaround = true", 'mine.toml: quantize: options are for method "ascua"'),
        (
            'quantize = {method = "ascua", options = {scheme = "int16x8"}}',
            "mine.toml: quantize: options: scheme must be one of int8, int4-weights",
        ),
        ('precision = "float16"', "'float16' is not known(?s:.*)bfloat16"),
        ('teacher.model = "x"\nteacher.alpha = 2', "mine.toml: teacher: alpha must"),
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


def derived(folder: Path, name: str, base: object, lines: str = "") -> str:
    """The path of a recipe that has a base."""
    path = folder / f"{name}.toml"
    path.write_text(f'base = {base!r}\nname = "{name}"\n{lines}')
    return str(path)


def test_a_recipe_is_its_base_but_for_what_it_says(tmp_path: Path) -> None:
    base = recipes.load("cifar10-dscnn-distilled")
    mine = derived(tmp_path, "mine", "cifar10-dscnn-distilled", "epochs = 7\n[network]\nwidth = 2")
    wanted = dataclasses.replace(base, name="mine", epochs=7, network={"width": 2})
    assert recipes.load(mine) == wanted
    taught = derived(tmp_path, "again", mine, '[teacher]\nmodel = "mine.keras"\n[network]')
    teacher = recipes.Teacher("mine.keras")
    again = dataclasses.replace(wanted, name="again", teacher=teacher, network={})
    assert recipes.load(taught) == again
    (tmp_path / "dumped.toml").write_text(recipes.dump(again))
    assert recipes.load(str(tmp_path / "dumped.toml")) == again
    assert recipes.load("cifar10-dscnn-distilled") == base
    plain = dataclasses.replace(recipes.load("digits-dscnn"), name="plain", seed=2)
    assert recipes.load(derived(tmp_path, "plain", "digits-dscnn", "seed = 2")) == plain


def test_a_base_that_is_none(tmp_path: Path) -> None:
    def refused(path: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            recipes.load(path)

    wrong = derived(tmp_path, "a", "cifar-dscnn")
    unknown = "a.toml: base: There is no recipe called 'cifar-dscnn'(?s:.*)'cifar10-dscnn'"
    refused(wrong, unknown)
    refused(derived(tmp_path, "b", wrong), f"b.toml: base: {unknown}")
    refused(derived(tmp_path, "c", 3), "c.toml: base: expected str, not 3")
    refused(derived(tmp_path, "d", str(tmp_path / "x.toml")), r"d.toml: base: .*x.toml: cannot be")
    damaged = derived(tmp_path, "e", "digits-dscnn", "epochs = 0")
    refused(derived(tmp_path, "f", damaged, "epochs = 3"), "f.toml: base: .*epochs must be")
    (tmp_path / "g.toml").write_text('base = "digits-dscnn"')
    refused(str(tmp_path / "g.toml"), "g.toml: the key 'name' is missing")
    refused(derived(tmp_path, "h", "digits-dscnn", "epoch = 1"), "h.toml: unknown key 'epoch'")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_bases_in_a_circle(count: int, tmp_path: Path) -> None:
    names = "abc"[:count]
    for name, base in zip(names, names[1:] + names[:1], strict=True):
        derived(tmp_path, name, str(tmp_path / f"{base}.toml"))
    chain = "".join(f"{name}.toml: base: " for name in names)
    with pytest.raises(InputError, match=rf"^{chain}'.*a.toml' has .* in a circle"):
        recipes.load(str(tmp_path / "a.toml"))


@pytest.mark.parametrize("name", [n for n in recipes.names() if n.endswith("-qat")])
def test_recipes_that_go_on_are_what_the_option_says(name: str) -> None:
    source = name.removesuffix("-qat")
    assert recipes.load(name) == recipes.aware(recipes.load(source), source)
    assert recipes.aware(recipes.load(name), name) == recipes.load(name)
