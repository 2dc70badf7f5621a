"""The samples that `run` runs: a file's, a data set's, a recipe's, or a fixed one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ascua.cli.options import Reading
from ascua.errors import InputError
from ascua.inputs import classes
from ascua.ir import Array, Graph
from ascua.labels import Classes, Labels, check_range
from ascua.samples import as_inputs, bring, bring_labels
from ascua.verbs.bringing import DataSource

FILES = (".npy", ".npz")


@dataclass(frozen=True)
class Source(Reading):
    """What the command line says of samples."""

    inputs: Path | None
    labels: Path | None
    data: str | None
    recipe: str | None

    @property
    def named(self) -> list[Path]:
        """All that is read."""
        named = (self.inputs, self.labels, self.data, self.recipe, self.data_dir)
        data = () if self.data_dir is None else self.data_dir.glob("*.npz")
        return [*(Path(p) for p in named if p is not None), *data]

    def samples(self, graph: Graph) -> tuple[list[Array], Labels | None]:
        """Inputs (n, *shape) each, and the labels where they are known. Raises InputError."""
        sources = {"--inputs": self.inputs, "--data": self.data, "--recipe": self.recipe}
        named = [option for option, value in sources.items() if value is not None]
        if len(named) > 1:
            what = f"`{named[0]}` and `{named[1]}` both bring samples."
            raise InputError(what, [f"Leave out `{named[0]}`, or `{named[1]}`."])
        if self.recipe is not None:
            self._refuse_labels("--recipe")
            return self._test_set(graph, self.recipe)
        if self.data is not None and DataSource(self.data).recipe() is not None:
            self._refuse_labels("--data")
            return self._test_set(graph, self.data)
        if self.data is not None and Path(self.data).suffix not in FILES:
            self._refuse_labels("--data")
            return self._labelled(graph, self.data)
        if self.data_dir is not None or self.skip_damaged:
            what = "`--data-dir` and `--skip-damaged` go with a data set, and none was named."
            raise InputError(
                what, ["Name it: `--data NAME`, or `--recipe NAME` or the path of its TOML file."]
            )
        xs = bring(graph, self.inputs if self.data is None else Path(self.data))
        return xs, bring_labels(graph, self.labels, len(xs[0]))

    def _refuse_labels(self, source: str) -> None:
        if self.labels is not None:
            what = f"`{source}` brings labels of its own."
            raise InputError(what, [f"Leave out `--labels`, or `{source}`."])

    def _test_set(self, graph: Graph, name: str) -> tuple[list[Array], Labels]:
        """The test samples of the recipe of that name."""
        from ascua import recipes
        from ascua.train import load_data

        recipe = recipes.load(name)
        found = load_data(
            recipe, self.data_dir, skip_damaged=self.skip_damaged, test_alone=True
        )  # fmt: skip
        return as_inputs(graph, found.x_test), found.labels

    def _labelled(self, graph: Graph, source: str) -> tuple[list[Array], Labels]:
        """The test samples of a data set, or the images of a folder by class."""
        from ascua.data.labelled import labelled

        shape = graph.inputs[0].shape
        if len(graph.inputs) > 1 or shape[:1] != (1,):
            raise InputError(
                f"{source}: the network takes {[list(t.shape) for t in graph.inputs]}, no sample.",
                ["Give samples in an .npy or .npz file: `--inputs`."],
            )
        found = labelled(source, shape[1:], self.data_dir, skip_damaged=self.skip_damaged)
        check_range(found.y, classes(graph.outputs[0]), f"{source}: the")
        return as_inputs(graph, found.x), Classes(found.y, found.classes)
