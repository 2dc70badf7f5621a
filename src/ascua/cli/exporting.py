"""The verb that writes a network as a project of another build system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from ascua import boards, exports, measure, targets
from ascua.cli import networks
from ascua.cli.maix import export_maix
from ascua.cli.options import (
    as_json,
    board_name,
    force,
    gathered,
    goal,
    inputs_file,
    labels_file,
    model_file,
    no_optimize,
    symbols,
    to,
)
from ascua.cli.terminal import out, print_json, progress, verbose, waiting
from ascua.errors import InputError, did_you_mean
from ascua.executors.reference import reference
from ascua.exports import FORMATS, Export, Format
from ascua.files import folders
from ascua.inputs import load
from ascua.ir import Array, Graph
from ascua.model import Model, model_of
from ascua.ncc.classes import read_names
from ascua.plan import Goal, check_fit
from ascua.samples import sample_vectors
from ascua.targets.c import emit
from ascua.targets.folder import about

MOST_VECTORS = 100
"""Of a self-test: all of them are C."""


class Formats(click.Group):
    """The formats, found by name."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that format. Raises InputError where there is none."""
        found = super().get_command(ctx, cmd_name)
        if found is None:
            raise InputError(
                f"There is no format {cmd_name!r} to export.", did_you_mean(cmd_name, self.commands)
            )
        return found


@click.group(cls=Formats)
def export() -> None:
    """Write MODEL as a project of another build system, or what a board needs to run it."""


@dataclass(frozen=True)
class Naming:
    """What a project is called, and what it calls the classes."""

    name: str | None
    version: str
    labels: Path | None

    def classes(self, model: Model) -> list[str]:
        """The names that are given, or that the model was trained on; or none."""
        count = model.graph.outputs[0].size
        if self.labels is not None:
            return read_names(self.labels, count)
        return list(model.classes) if len(model.classes) == count else []


def _command(form: Format) -> click.Command:
    """The command that writes projects of one format."""

    @click.command(
        form.name,
        short_help=f"Write MODEL.tflite as {form.title}.",
        help=f"Write MODEL.tflite as {form.title}: sources, an example that tests itself, README.",
    )
    @model_file()
    @to(required=True, help="The folder to write.")
    @symbols(help="Of the project, and prefix of its C symbols; default: the file's.")
    @click.option("--version", default="1.0.0", show_default=True, help="Of the project: x.y.z.")
    @board_name(help="Plan it for this board; default: as the format's page says.")
    @goal()
    @labels_file(help="Names of the classes, one a line; default: those that it was trained on.")
    @inputs_file(help="Samples that the example tests itself with; default: four fixed ones.")
    @no_optimize()
    @force()
    @as_json()
    @verbose
    @gathered(naming=Naming)
    def write(
        model: Path, to: Path, naming: Naming, board: str | None, goal: Goal, inputs: Path | None,
        *, no_optimize: bool, force: bool, as_json: bool,
    ) -> None:  # fmt: skip
        target = boards.load(form.board if board is None else board)
        form.check(target)
        folders.check(to, form.form, force=force)
        network = networks.network(model)
        loaded = model_of(network.graph, model, network.content, smaller=not no_optimize)
        name = targets.of(target).named(loaded.title) if naming.name is None else naming.name
        exports.check_names(name, naming.version)
        labels, xs = naming.classes(loaded), _vectors(loaded.graph, inputs)
        with waiting(f"Planning {model}"):
            planned = loaded.plan(target, goal)
            if emit(planned, name).script and not goal.placements:
                planned = loaded.plan(exports.in_one_memory(target), goal)
        check_fit(planned)
        library = emit(planned, name)
        with progress() as bar:
            ys = reference(loaded.prepared, xs, bar("vectors of the self-test"))
        files = form.export(
            Export(
                plan=planned, library=library, content=network.content, graph=loaded.original,
                xs=xs, ys=ys, labels=labels, version=naming.version,
            )
        )  # fmt: skip
        told = {"format": form.name, "version": naming.version}
        facts = about(planned, library, model.name, loaded.sha256)
        told |= facts if form.library else {k: facts[k] for k in ("name", "model")}
        folders.fill(to, form.form, files, about=told, force=force)
        if as_json:
            found = {**measure.known(loaded, planned).json(), **goal.json()}
            found = found if form.library else {"schema": measure.SCHEMA}
            print_json({**found, **told, "out": str(to), "files": sorted(files)})
            return
        of_plan = f", planned for {target.name}" if form.library else ""
        out.print(
            f"{len(files)} files in {to}: {form.title}{of_plan}.\n"
            f"Next, in that folder: {form.command.replace('{name}', name)}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip

    return write


def _vectors(graph: Graph, path: Path | None) -> list[Array]:
    """The samples (n, *shape) of a self-test. Raises InputError for too many."""
    xs = sample_vectors(graph) if path is None else load(path, graph)
    if len(xs[0]) > MOST_VECTORS:
        raise InputError(
            f"{path}: it has {len(xs[0]):,} samples, and a self-test takes {MOST_VECTORS}: each is"
            " C, and lies in flash.",
            ["Save some of them: np.save('few.npy', samples[:4])."],
        )
    return xs


for each in FORMATS.values():
    export.add_command(_command(each))
export.add_command(export_maix)
