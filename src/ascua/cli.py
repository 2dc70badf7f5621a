"""The command line: each verb parses, calls one function, prints."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ascua import boards as board_files
from ascua import measure, validation
from ascua import recipes as recipe_files
from ascua.errors import AscuaError, InputError, Mismatch
from ascua.inputs import save_outputs
from ascua.ops.support import support
from ascua.plan import check_fit
from ascua.report import tables
from ascua.run import board_ready
from ascua.run import doctor as doctor_tools
from ascua.targets.c.folder import write_folder

PIPE_COLUMNS = 140
"""The width of tables that go to a file or a pipe."""

out = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS)
err = Console(stderr=True)
log = logging.getLogger("ascua")
F = TypeVar("F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


class VerbosityLog(RichHandler):
    """Log lines on stderr, without time and level."""


def _verbose(_: click.Context, __: click.Parameter, count: int) -> int:
    """Show what is done: -v the plan, -vv commands and files, -vvv differences by layer."""
    level = {0: logging.WARNING, 1: logging.INFO}.get(count, logging.DEBUG)
    handler = VerbosityLog(console=err, show_time=False, show_level=False, show_path=False)
    log.handlers[:] = [handler]
    log.setLevel(level)
    return count


verbose = click.option(
    "-v", "--verbose", count=True, callback=_verbose, expose_value=False,
    help="-v the plan, -vv each command and file, -vvv the first difference of each layer.",
)  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
model_file = click.argument("model", type=PATH)
board_name = click.option(
    "--board", "-b", required=True, help="A board's name (`ascua boards`), or its TOML file."
)
build_dir = click.option(
    "--build-dir", type=PATH, default=Path("build/firmware"), show_default=True,
    help="Where firmware is compiled and kept.",
)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("ascua"), prog_name="ascua")
def app() -> None:
    """From data to measured firmware: small neural networks for low-power devices."""


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str], measure.Progress]]:
    """Progress bars on stderr; gives a function that starts a bar with a title."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True, disable=quiet) as p:

        def bar(title: str) -> measure.Progress:
            task = p.add_task(title, total=None)
            return lambda done, total: p.update(task, completed=done, total=total)

        yield bar


@app.command()
@click.argument("recipe")
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipe's.")
@click.option("--seed", type=click.IntRange(0), help="Instead of the recipe's.")
@click.option("--data-dir", type=PATH, help="Where the data set already is.")
@click.option("--out", "-o", "folder", type=PATH, help="Default: build/<recipe>.")
@click.option("--force", is_flag=True, help="Discard another recipe's training in that folder.")
@as_json
@verbose
def train(
    recipe: str, epochs: int | None, seed: int | None, data_dir: Path | None, folder: Path | None,
    force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Train RECIPE (a name or a TOML file) to a float Keras model and an int8 .tflite.

    Interrupted, the same command goes on after the last finished epoch.
    """
    chosen = _recipe(recipe, epochs, seed)
    result = _train(chosen, data_dir, folder, force, err if as_json else out)
    if as_json:
        _print_json(result)
    else:
        out.print(f"accuracy, float            {100 * result['accuracy_float']:.2f} %")
        out.print(f"accuracy, int8 reference   {100 * result['accuracy_int8']:.2f} %")
        out.print(f"Next: ascua run {result['tflite']} --board {chosen.board}", soft_wrap=True)


def _recipe(name: str, epochs: int | None, seed: int | None) -> recipe_files.Recipe:
    recipe = recipe_files.load(name)
    return replace(
        recipe,
        epochs=recipe.epochs if epochs is None else epochs,
        seed=recipe.seed if seed is None else seed,
    )


def _train(
    recipe: recipe_files.Recipe, data_dir: Path | None, folder: Path | None, force: bool,
    console: Console,
) -> dict[str, Any]:  # fmt: skip
    """Train, and evaluate the int8 model on the whole test set with the reference."""
    from ascua import data
    from ascua.train import train as train_recipe

    where = folder or Path("build") / recipe.name
    trained = train_recipe(recipe, out=where, data_dir=data_dir, force=force, console=console)
    dataset = data.load(recipe.dataset, data_dir)
    model = measure.load_model(trained.tflite)
    with _progress(quiet=not err.is_terminal) as bar:
        int8 = measure.reference_accuracy(
            model, dataset.x_test, dataset.y_test, bar("int8 reference on the test set")
        )
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
        "samples": len(dataset.x_test),
        "accuracy_float": trained.accuracy_float,
        "accuracy_int8": int8,
    }


@app.command()
@model_file
@click.option("--board", "-b", help="Check whether it fits this board.")
@as_json
@verbose
def analyze(model: Path, board: str | None, as_json: bool) -> None:
    """Operators, MACs, weights, arena and fit of MODEL.tflite, before any build."""
    loaded = measure.load_model(model)
    target = board_files.load(board) if board else None
    planned, measured = measure.analyze(loaded, target)
    if as_json:
        _print_json(measured.json())
    else:
        out.print(tables.analysis(planned, measured))
        if log.isEnabledFor(logging.INFO):
            out.print(tables.steps(planned))
    check_fit(planned)
    if target and not as_json:
        out.print(f"It fits {target.name}.")


@app.command("compile")
@model_file
@board_name
@click.option("--out", "-o", "folder", type=PATH, required=True, help="The folder to write.")
@click.option("--name", help="Prefix of the C symbols; default: the file's name.")
@click.option("--force", is_flag=True, help="Replace a folder that Ascua did not write.")
@as_json
@verbose
def compile_(
    model: Path, board: str, folder: Path, name: str | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write MODEL.tflite as a C library into a folder; needs no C compiler."""
    loaded = measure.load_model(model)
    target = board_files.load(board)
    planned, library = measure.compile_model(loaded, target, name)
    xs = measure.sample_vectors(loaded.graph)
    files = write_folder(
        folder, planned, library, xs, measure.reference(loaded.graph, xs),
        model=loaded.path.name, sha256=loaded.sha256, force=force,
    )  # fmt: skip
    _, measured = measure.analyze(loaded, target)
    if as_json:
        _print_json(measured.json())
        return
    if log.isEnabledFor(logging.INFO):
        out.print(tables.steps(planned))
    for path in files:
        log.debug("%s", folder / path)
    out.print(
        f"{len(files)} files in {folder}: #include <{library.name}.h>,"
        f" call {library.name}_run(); arena {library.arena_bytes:,} bytes.",
        soft_wrap=True,
    )


@app.command()
@model_file
@board_name
@click.option("--inputs", type=PATH, help="Samples, .npy or .npz; default: one fixed sample.")
@click.option("--labels", type=PATH, help="Class indices of the samples, .npy.")
@click.option("--outputs", type=PATH, help="Write the board's outputs there, .npy or .npz.")
@build_dir
@as_json
@verbose
def run(
    model: Path, board: str, inputs: Path | None, labels: Path | None, outputs: Path | None,
    build_dir: Path, as_json: bool,
) -> None:  # fmt: skip
    """Build MODEL.tflite, run it on a board, and check every output byte."""
    loaded = measure.load_model(model)
    xs = measure.bring(loaded.graph, inputs)
    ys = measure.bring_labels(labels, len(xs[0]))
    result = _measured_run(loaded, board, xs, ys, build_dir, quiet=not err.is_terminal)
    if outputs is not None:
        save_outputs(outputs, loaded.graph, result.ys)
    if as_json:
        _print_json(result.measurement.json())
    else:
        if log.isEnabledFor(logging.INFO):
            out.print(tables.steps(result.plan))
        out.print(tables.run(result.measurement, int8_accuracy=result.accuracy_reference))
    _raise_on_mismatch(result, board)


def _measured_run(
    model: measure.Model, board: str, xs: Sequence[Any], labels: Any, build: Path, quiet: bool
) -> measure.Run:
    target = board_files.load(board)
    with _progress(quiet) as bar:
        return measure.run_model(
            model, target, xs, labels=labels, build=build,
            on_board=bar(f"on {target.name}"), on_reference=bar("reference"),
        )  # fmt: skip


def _raise_on_mismatch(result: measure.Run, board: str) -> None:
    if wrong := result.measurement.mismatched_bytes:
        raise Mismatch(
            f"{wrong} output bytes of {board} differ from the reference.",
            ["`ascua validate` names the first layer that differs."],
        )


@app.command()
@model_file
@click.option("--inputs", type=PATH, help="Samples, .npy or .npz; default: fixed random ones.")
@click.option("--board", "-b", "only", multiple=True, help="Only this board; may be repeated.")
@build_dir
@as_json
@verbose
def validate(
    model: Path, inputs: Path | None, only: tuple[str, ...], build_dir: Path, as_json: bool,
) -> None:  # fmt: skip
    """Compare MODEL.tflite on every executor: reference, host, boards, tflite-micro."""
    loaded = measure.load_model(model)
    xs = measure.load_or_random(loaded.graph, inputs)
    chosen = tuple(board_files.load(name) for name in only or board_files.names())
    with _progress(quiet=not err.is_terminal) as bar:
        checks = validation.validate(loaded, xs, chosen, build_dir, bar("executors"))
    if as_json:
        _print_json({"schema": measure.SCHEMA, "model_sha256": loaded.sha256,
                     "samples": len(xs[0]), "executors": [asdict(c) for c in checks]})  # fmt: skip
    else:
        out.print(tables.validation(checks))
    if wrong := [c.executor for c in checks if c.mismatched_bytes]:
        raise Mismatch(f"Outputs differ on {', '.join(wrong)}.")


@app.command()
@as_json
def boards(as_json: bool) -> None:
    """List the boards, and whether each can run here."""
    rows = [(b, board_ready(b)) for b in map(board_files.load, board_files.names())]
    if as_json:
        _print_json([_board_json(b, [t.name for t in missing]) for b, missing in rows])
    else:
        out.print(tables.boards(rows))


def _board_json(board: board_files.Board, missing: list[str]) -> dict[str, Any]:
    return {**asdict(board), "features": sorted(board.features), "missing": missing}


@app.command()
@as_json
def ops(as_json: bool) -> None:
    """List the operators, their kernels, and what each takes."""
    rows = support()
    if as_json:
        _print_json([asdict(r) for r in rows])
    else:
        out.print(tables.ops(rows))


@app.command()
@as_json
def doctor(as_json: bool) -> None:
    """Tell which tools are installed, which boards can run, and how to add the rest."""
    tools = (*doctor_tools(), *validation.python_extras())
    if as_json:
        _print_json([asdict(t) for t in tools])
    else:
        out.print(tables.doctor(tools))


@app.command()
@click.argument("recipe", default="digits-dscnn")
@click.option("--data-dir", type=PATH, help="Where the data set already is.")
@build_dir
@verbose
def demo(recipe: str, data_dir: Path | None, build_dir: Path) -> None:
    """Train RECIPE, run it on its board over the whole test set, and show one image."""
    from ascua import data

    chosen = recipe_files.load(recipe)
    trained = _train(chosen, data_dir, None, False, out)
    dataset = data.load(chosen.dataset, data_dir)
    model = measure.load_model(Path(trained["tflite"]))
    xs = measure.image_inputs(model.graph, dataset.x_test)
    result = _measured_run(
        model, chosen.board, xs, dataset.y_test, build_dir, quiet=not err.is_terminal
    )
    out.print()
    out.print(
        tables.run(
            result.measurement,
            float_accuracy=trained["accuracy_float"],
            int8_accuracy=result.accuracy_reference,
        )
    )
    _raise_on_mismatch(result, chosen.board)
    shown = chosen.show
    guess = int(result.ys[0][shown].reshape(-1).argmax())
    truth = int(dataset.y_test[shown])
    draw = tables.picture if out.is_terminal and out.color_system else tables.picture_ascii
    out.print()
    out.print(draw(dataset.x_test[shown]))
    verdict = "CORRECT classification!" if guess == truth else "WRONG classification:"
    out.print(f"{verdict} {dataset.classes[guess]}  (test image {shown}, on {chosen.board})")


@app.command()
@click.argument("recipe", nargs=-1)
@click.option("--models", type=PATH, help="Where the peers' .tflite files are.")
@click.option("--results", type=PATH, default=Path("results"), show_default=True)
@click.option("--data-dir", type=PATH, help="Where the data sets already are.")
@as_json
@verbose
def bench(
    recipe: tuple[str, ...], models: Path | None, results: Path, data_dir: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Measure RECIPEs (default: all) and the peers' models; print them beside the peers."""
    from ascua.bench import bench as measure_all

    lines = measure_all(
        recipe or recipe_files.names(), models, results=results, build=Path("build"),
        data_dir=data_dir, say=lambda text: err.print(text, highlight=False, soft_wrap=True),
    )  # fmt: skip
    if as_json:
        _print_json(lines)
    else:
        out.print(tables.comparison(results))


def _fail(error: AscuaError) -> NoReturn:
    err.print("[bold red]error:[/] ", end="")
    err.print(str(error), markup=False, highlight=False, soft_wrap=True)
    sys.exit(error.exit_code)


def main() -> NoReturn:
    """Run the command line; errors become one message and an exit code."""
    try:
        app.main(standalone_mode=False)
    except AscuaError as e:
        _fail(e)
    except click.ClickException as e:
        e.show()
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        err.print("Interrupted; nothing half-written was left.")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as e:
        where = f"{e.filename}: " if e.filename else ""
        _fail(
            InputError(
                f"{where}{e.strerror or e}.",
                ["Check that the folder can be written to and that the disk is not full."],
            )
        )
    except MemoryError:
        _fail(InputError("Not enough memory.", ["Fewer samples at once, or a smaller model."]))
    sys.exit(0)
