"""The verbs that train: they import Keras and data sets only when they are called."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from ascua import boards, figures, k210, kmodel, measure
from ascua import recipes as recipe_files
from ascua.cli import completing, following
from ascua.cli.compiling import measured_run, raise_on_mismatch
from ascua.cli.options import (
    PATH,
    Reading,
    as_json,
    build_dir,
    data_dir,
    force,
    gathered,
    jobs,
    no_optimize,
    results_dir,
    seed,
    skip_damaged,
    teacher,
    to,
)
from ascua.cli.terminal import err, out, print_json, printable, progress, verbose
from ascua.errors import InputError
from ascua.executors.reference import reference
from ascua.files import folders
from ascua.ir import Array
from ascua.labels import Labels, Score
from ascua.model import Model, load_model
from ascua.report import kmodel as kmodel_tables
from ascua.report import tables
from ascua.samples import as_inputs

if TYPE_CHECKING:
    from ascua.data import Dataset
    from ascua.train import Trained

KMODELS = folders.Form(
    "folder of a recipe's kmodels",
    lambda path, _: path in ("model_v3.kmodel", "model_v4.kmodel"),
    "--out",
)


@dataclass(frozen=True)
class Instead:
    """What a training has instead of the recipe's own, where it is given."""

    epochs: int | None
    seed: int | None
    weights: str | None
    freeze: str | None
    network: tuple[str, ...]
    size: int | None

    def of(self, recipe: recipe_files.Recipe) -> recipe_files.Recipe:
        """The recipe, with these. Raises InputError."""
        wanted = _given(self)
        if (layer := self.freeze) is not None and layer.lstrip("-").isdecimal():
            wanted["freeze"] = int(layer)
        if (size := wanted.pop("size", None)) is not None:
            wanted["input"] = (size, size, recipe.input[2])
        wanted["network"] = {**recipe.network, **dict(map(_argument, self.network))}
        return replace(recipe, **wanted)


def _argument(text: str) -> tuple[str, Any]:
    """What `alpha=0.5` says, as TOML has it; a word alone is text. Raises InputError."""
    name, mark, value = (part.strip() for part in text.partition("="))
    if not (name.isidentifier() and mark and value):
        raise InputError(
            f"--network {text}: it is no `name=value`.",
            ["`--network alpha=0.5`; `ascua models FAMILY` lists the names."],
        )
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value


@dataclass(frozen=True)
class Teaching:
    """The teacher that is wanted, and how it is listened to."""

    teacher: str | None
    temperature: float | None
    alpha: float | None


@click.command()
@click.argument("recipe", shell_complete=completing.recipes)
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipe's.")
@seed(help="Instead of the recipe's.")
@click.option("--qat", is_flag=True, help="Train, then go on in the steps of int8.")
@click.option("--weights", help="Start from this file, recipe, or `imagenet`.")
@click.option("--freeze", metavar="LAYER", help="Keep the first layers up to this name or number.")
@click.option(
    "--network", multiple=True, metavar="NAME=VALUE",
    help="An argument of the network, instead of the recipe's: alpha=0.5. May be repeated.",
)  # fmt: skip
@click.option("--size", type=click.IntRange(1), help="Rows and columns of images, instead.")
@teacher(metavar="MODEL", help="A recipe or a Keras model to imitate.")
@click.option("--temperature", type=float, help="Divides the logits that are compared (4).")
@click.option("--alpha", type=float, help="Share of the loss that is the teacher's (0.9).")
@data_dir()
@skip_damaged(help="Leave out images that cannot be read; they are named.")
@to(help="Default: build/<recipe>.")
@force(help="Train anew, and replace also what would be left alone otherwise.")
@as_json()
@verbose
@gathered(instead=Instead, teaching=Teaching, reading=Reading)
def train(
    recipe: str, instead: Instead, teaching: Teaching, reading: Reading, to: Path | None,
    *, qat: bool, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Train RECIPE to a float Keras model and an int8 .tflite file.

    RECIPE is a name or a TOML file. A teacher that is a recipe is trained first, into a folder
    beside this one's. With --qat, RECIPE itself is: the options are for what comes then.

    Interrupted, the same command goes on after the last finished epoch.
    """
    chosen = recipe_files.load(recipe)
    if qat:
        chosen = recipe_files.aware(chosen, recipe)
    chosen = _taught(instead.of(chosen), teaching)
    result, scores, dataset = _train(
        chosen, reading, to, err if as_json else out, force=force,
        read=recipe_files.sources(recipe),
    )  # fmt: skip
    if as_json:
        print_json(result)
    else:
        for where, score in scores.items():
            out.print(f"{f'{score.metric}, {where}':27}{score}")
        if 0 < len(result["classes"]) <= figures.MOST_CLASSES:
            out.print(
                f"classes, from 0            {printable(', '.join(result['classes']))}",
                markup=False, soft_wrap=True,
            )  # fmt: skip
        sizes = ", ".join(f"{n:,} {part}" for part, n in result["images"].items())
        out.print(f"{'images' if dataset.images else 'samples':27}{sizes}")
    if chosen.board and not as_json:
        at = () if reading.data_dir is None else ("--data-dir", str(reading.data_dir))
        if k210.has_one(boards.load(chosen.board)):
            to_ = Path(result["keras"]).with_suffix(".kmodel")
            command = following.kmodel(result["keras"], chosen.board, chosen.dataset, to_, *at)
        else:
            command = following.run(result["tflite"], chosen.board, "--recipe", recipe, *at)
        out.print(f"Next: {printable(command)}", markup=False, soft_wrap=True)


def _taught(recipe: recipe_files.Recipe, wanted: Teaching) -> recipe_files.Recipe:
    """The recipe with the teacher that is `wanted`, or its own with other numbers."""
    if not (given := _given(wanted)):
        return recipe
    if (model := given.pop("teacher", None)) is not None:
        return replace(recipe, teacher=recipe_files.Teacher(model, **given))
    if recipe.teacher is None:
        raise InputError(
            f"Recipe {recipe.name!r} has no teacher: --temperature and --alpha say nothing.",
            ["Name a recipe or a Keras model with --teacher."],
        )
    return replace(recipe, teacher=replace(recipe.teacher, **given))


def _given(options: Instead | Teaching) -> dict[str, Any]:
    """Those options that the command line has."""
    return {key: value for key, value in asdict(options).items() if value is not None}


def _train(
    recipe: recipe_files.Recipe, reading: Reading, folder: Path | None, console: Console,
    *, force: bool = False, read: Sequence[Path] = (),
) -> tuple[dict[str, Any], dict[str, Score], Dataset]:  # fmt: skip
    """Train, and evaluate the int8 model on the whole test set with the reference.

    Answers the object that `--json` prints, the scores by what has them, and the split data set.
    """
    from ascua.train import load_data
    from ascua.train import train as train_recipe

    if recipe.board:
        boards.load(recipe.board)  # before hours of training
    where = folder or Path("build") / recipe.name
    trained = train_recipe(
        recipe,
        out=where,
        data_dir=reading.data_dir,
        skip_damaged=reading.skip_damaged,
        force=force,
        inputs=read,
        console=console,
    )
    dataset = load_data(recipe, reading.data_dir, skip_damaged=reading.skip_damaged)
    dataset = dataset.split(recipe.validation, recipe.seed)
    model = load_model(trained.tflite)
    if trained.resumed and not trained.epochs_run:
        console.print(
            f"{printable(str(where))} was trained before; with other images, or to train anew: "
            "--force",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    with progress() as bar:
        ys = reference(
            model.graph,
            as_inputs(model.graph, dataset.x_test),
            bar("int8 reference on the test set"),
        )
    labels = dataset.labels
    _draw(trained.folder, f"{recipe.name}, int8 reference", ys, labels, console)
    scores = {
        "float": Score(labels.metric, trained.accuracy_float),
        "int8 reference": labels.score(ys),
    }
    return _result(recipe, trained, model, dataset, scores), scores, dataset


def _result(
    recipe: recipe_files.Recipe, trained: Trained, model: Model, dataset: Dataset,
    scores: Mapping[str, Score],
) -> dict[str, Any]:  # fmt: skip
    """The object that `--json` prints."""
    labels = dataset.labels
    return {
        "schema": measure.SCHEMA,
        "recipe": recipe.name,
        "keras": str(trained.keras),
        "tflite": str(trained.tflite),
        "model_sha256": model.sha256,
        "parameters": trained.parameters,
        "macs": model.original.macs(),
        "epochs": recipe.epochs,
        "epochs_run": trained.epochs_run,
        "resumed": trained.resumed,
        "seconds": trained.seconds,
        "classes": list(labels.names),
        "images": dataset.sizes._asdict(),
        "samples": len(labels),
        f"{labels.metric}_float": scores["float"].value,
        f"{labels.metric}_int8": scores["int8 reference"].value,
    }


def _draw(
    where: Path, title: str, ys: Sequence[Array], labels: Labels, console: Console
) -> None:  # fmt: skip
    """Draw which of the test set's outputs (n, …) are right into a training's folder.

    Where the user has changed it, it stays as it is.
    """
    from ascua.train import folder

    if (picture := labels.picture(title, ys)) is None:
        return
    for found in folder.in_the_way(where, [folder.CONFUSION]):
        words = f"{where}: {found.path} {found.why}: it is left as it is."
        console.print(printable(words), markup=False, highlight=False, soft_wrap=True)
        return
    folder.write_text(where / folder.CONFUSION, picture)


@click.command()
@click.argument("recipe", default="digits-dscnn", shell_complete=completing.recipes)
@data_dir()
@skip_damaged(help="Leave out images that cannot be read; they are named.")
@build_dir()
@verbose
@gathered(reading=Reading)
def demo(recipe: str, reading: Reading, build_dir: Path) -> None:
    """Train RECIPE, run it on its board, and show one sample."""
    chosen = recipe_files.load(recipe)
    if not chosen.board:
        raise InputError(
            f"Recipe {recipe!r} only teaches: it names no board.",
            ["Demonstrate a recipe that it teaches, or `ascua train` it."],
        )
    trained, scores, dataset = _train(chosen, reading, None, out)
    if chosen.show >= len(dataset.x_test):
        raise InputError(
            f"Recipe {chosen.name!r}: it shows test sample {chosen.show}, counted from 0, of "
            f"{len(dataset.x_test):,}.",
            ["Write a smaller number after `show = `."],
        )
    if k210.has_one(boards.load(chosen.board)):
        _demo_k210(chosen, trained, scores, dataset)
        return
    model = load_model(Path(trained["tflite"]))
    xs = as_inputs(model.graph, dataset.x_test)
    planned = model.plan(boards.load(chosen.board))
    result = measured_run(model, planned, xs, dataset.labels, build_dir)
    out.print()
    out.print(
        tables.run(
            result.measurement,
            float_score=scores["float"],
            int8_score=result.score_reference,
        )
    )
    raise_on_mismatch(result, chosen.board)
    where = Path(trained["tflite"]).parent
    _draw(where, f"{chosen.name} on {chosen.board}", result.ys, dataset.labels, out)
    _show_sample(chosen, dataset, result.ys)


def _show_sample(recipe: recipe_files.Recipe, dataset: Dataset, ys: Sequence[Array]) -> None:
    """The recipe's image, or other sample, and what its board says."""
    shown, utf = recipe.show, out.encoding.startswith("utf")
    sample = dataset.x_test[shown]
    out.print()
    if not dataset.images:
        out.print(tables.lines(sample, out.width, ascii_only=not utf))
    elif out.is_terminal and out.color_system and utf:
        out.print(tables.picture(sample, out.width))
    else:
        out.print(tables.picture_ascii(sample, out.width))
    verdict = dataset.labels.verdict(ys, shown)
    kind = "image" if dataset.images else "sample"
    out.print(f"{verdict}  (test {kind} {shown}, on {recipe.board})")


def _demo_k210(
    recipe: recipe_files.Recipe, trained: Mapping[str, Any], scores: Mapping[str, Score],
    dataset: Dataset,
) -> None:  # fmt: skip
    """Make kmodels of both versions, and run them on the simulated chip, beside int8 and float."""
    from ascua.train.export import calibration_samples, export_float
    from ascua.zoo.files import load_keras

    keras = Path(trained["keras"])
    images = calibration_samples(dataset.x_train, recipe.quantize.calibration, recipe.seed)
    content = export_float(load_keras(keras))
    board, found, answers = boards.load(recipe.board), [], []
    folder, made = keras.parent / "k210", {}
    for version in k210.VERSIONS:
        with progress() as bar:
            network = k210.compile_pixels(content, images, version, bar(f"calibrating, V{version}"))
        made[f"model_v{version}.kmodel"] = kmodel.write(network)
    folders.fill(folder, KMODELS, made)
    for name in made:
        with progress() as bar:
            done = k210.run(
                k210.load(folder / name), board, [dataset.x_test], labels=dataset.labels,
                progress=bar(f"{name} on the simulated {board.name}"),
            )  # fmt: skip
        found.append(done.measurement)
        answers.append(done.ys)
    out.print()
    out.print(kmodel_tables.versions(found, scores, Path(trained["tflite"]).stat().st_size))
    _draw(
        keras.parent, f"{recipe.name} on {board.name}, simulated", answers[-1], dataset.labels, out
    )
    _show_sample(recipe, dataset, answers[-1])
    out.print(
        f"Next: ascua export maix {printable(str(found[0].model.path))} -o maix",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


@click.command()
@click.argument("recipe", nargs=-1, shell_complete=completing.recipes)
@click.option(
    "--train", "untrained", is_flag=True, help="Train what is not trained yet, kept or not."
)
@click.option("--models", type=PATH, help="Where the peers' .tflite files are.")
@results_dir()
@data_dir()
@no_optimize()
@jobs(default=1, show_default=True, help="Measurements at once.")
@force()
@as_json()
@verbose
def bench(
    recipe: tuple[str, ...], models: Path | None, results: Path, data_dir: Path | None, jobs: int,
    *, untrained: bool, no_optimize: bool, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Measure RECIPEs and the peers' models, side by side.

    A RECIPE that is neither trained nor kept beside its results is trained first, if it is named;
    without names, those that are trained or kept are measured, and with --train all, which takes
    hours.
    """
    from ascua.bench import bench as measure_all

    found = measure_all(
        recipe, models, untrained=untrained, smaller=not no_optimize, folder=results,
        build=Path("build"), data_dir=data_dir, force=force, jobs=jobs,
        say=lambda text: err.print(text, highlight=False, soft_wrap=True),
    )  # fmt: skip
    if as_json:
        print_json({"schema": measure.SCHEMA, "results": [r.line() for r in found]})
    else:
        out.print(tables.comparison(results))
