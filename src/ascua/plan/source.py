"""What hands a plan its input row by row, as a camera does: an operator that reads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from ascua.errors import InputError
from ascua.ir import Array, Graph, Node, Op
from ascua.kernels import Kernel, Run
from ascua.plan.choose import Chosen
from ascua.plan.cost import Fit
from ascua.plan.flow import Flow


@dataclass(frozen=True, eq=False)
class Source(Op):
    """Fills the rows of its output, the network's input, by a function of the user's."""

    tflite = "SOURCE"

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return None

    def check(self) -> str | None:
        return None

    def eval(self, *xs: Array) -> Array:
        raise NotImplementedError(self.name)


class Rows(Kernel[Source]):
    """A call of that function."""

    name = "source"

    def params(self, op: Source) -> Mapping[str, int]:  # noqa: ARG002
        return {}

    def work(self, op: Source) -> Run:  # noqa: ARG002
        return Run("rows")


def source(graph: Graph) -> list[Chosen]:
    """The one way to hand over the input of `graph`. Raises InputError where it is not one."""
    if len(graph.inputs) != 1:
        raise InputError(
            f"{graph.name}: --input-by-rows is for one input, and it has {len(graph.inputs)}.",
            ["Leave it out."],
        )
    op = Source((), graph.inputs)
    return [Chosen(op, Rows(), Run("rows"), inline=True, fit=Fit({}, 0.0, {}))]


def check_rows(flow: Flow, every: Sequence[Sequence[Chosen]]) -> None:
    """Raise InputError where an operator of a flow that begins with a source needs all its rows."""
    x = flow.place[flow.ops[0].y]
    if flow.rows[x] == 1:
        raise InputError(
            f"{flow.graph.name}: its input is a single row; --input-by-rows is for images and"
            " sequences.",
            ["Leave it out."],
        )
    for i in flow.readers[x]:
        found = (flow.moves(o, alone=False).reads for o in every[i] if o.by_rows)
        if not any(r.tensor == x and r.step for reads in found for r in reads):
            raise InputError(
                f"{flow.graph.name}: {flow.ops[i].said} needs its whole input; --input-by-rows is"
                " for networks that begin with a convolution or a pool.",
                ["Leave it out."],
            )
