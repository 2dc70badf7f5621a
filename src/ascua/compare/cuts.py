"""What each layer of network B costs the answers: A goes on from where B was cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ascua.compare.network import Network, Observed, real
from ascua.compare.pairing import Pair
from ascua.ir import Array, Graph, Tensor


class Cut(NamedTuple):
    """The answers where all layers up to one are B's, and A computes the rest."""

    accuracy: float | None
    same_top1: float
    """Share of the samples with A's answer."""
    lost: int
    """Samples that were right without this layer of B and are wrong with it."""
    won: int
    noise: float
    """Energy of the error of the scores, as a share of the scores' energy in A."""
    added: float
    """What of `noise` came with this layer; negative where errors cancel."""


class Tally:
    """Counts the answers of one cut, batch after batch."""

    def __init__(self) -> None:
        self.right = self.same = self.lost = self.won = 0
        self.noise = 0.0

    def add(self, start: Array, before: Array, now: Array, labels: Array | None) -> None:
        """Take in scores (n, classes): A's own, those of the cut before, and of this one."""
        answers = now.argmax(axis=1)
        self.same += int(np.sum(answers == start.argmax(axis=1)))
        self.noise += float(np.square(now.astype(np.float64) - start).sum())
        if labels is not None:
            was, right = before.argmax(axis=1) == labels, answers == labels
            self.right += int(right.sum())
            self.lost += int(np.sum(was & ~right))
            self.won += int(np.sum(right & ~was))


class Follower:
    """Follows the answers of a network A through the layers of B."""

    def __init__(self, a: Network, b: Observed, paired: Sequence[Pair]) -> None:
        self.a = a
        self.twins = {p.a: b.integers(p.b) for p in paired}
        self.places = sorted({p.at for p in paired})
        self.tails = {at: tail(a.graph, at) for at in self.places}
        self.tallies = {at: Tally() for at in self.places}
        self.samples = self.right = 0
        self.energy = 0.0

    def add(self, start: Array, xs: Sequence[Array], theirs: dict[Tensor, Array],
            labels: Array | None) -> None:  # fmt: skip
        """Take in a batch: A's scores, real samples, B's activations by A's tensors."""
        graph = self.a.graph
        self.samples += len(start)
        self.energy += float(np.square(start.astype(np.float64)).sum())
        if labels is not None:
            self.right += int(np.sum(start.argmax(axis=1) == labels))
        live: dict[Tensor, Array] = {}
        before = start
        for at in range(-1, len(graph.ops)):
            differs = self._step(at, live, xs, theirs)
            if at in self.tallies:
                # Where B's layer is A's to the last bit, so are the answers.
                now = self._answers(at, live) if differs else before
                self.tallies[at].add(start, before, now, labels)
                before = now

    def _step(
        self, at: int, live: dict[Tensor, Array], xs: Sequence[Array], theirs: dict[Tensor, Array]
    ) -> bool:
        """Go on to the activations behind operator `at`; whether B's differ from A's of B's.

        What is not needed any more leaves `live`.
        """
        graph = self.a.graph
        if at < 0:
            made, ys = graph.inputs, tuple(self.a.given(xs))
        else:
            op = graph.ops[at]
            made, ys = op.outputs, self.a.compute(op, *(live[t] for t in op.activations))
        differs = False
        for t, y in zip(made, ys, strict=True):
            live[t] = self._theirs(t, theirs) if t in self.twins else y
            differs = differs or not np.array_equal(live[t], y)
        for done in [t for t in live if graph.last_use.get(t, -1) <= at]:
            del live[done]
        return differs

    def _theirs(self, t: Tensor, theirs: dict[Tensor, Array]) -> Array:
        return self.a.own(real(theirs[t], self.twins[t]), t)

    def _answers(self, at: int, live: dict[Tensor, Array]) -> Array:
        """The scores (n, classes) that A computes after the operator `at`."""
        rest = self.tails[at]
        y = rest.outputs[0]
        given = [live[t] for t in rest.inputs]
        found = next(v for t, v in rest.walk(given, self.a.compute) if t is y)
        return real(found, self.a.integers(y)).reshape(len(found), -1)

    def start(self) -> float:
        """A's own accuracy on the samples."""
        return self.right / self.samples

    def cuts(self, *, labelled: bool) -> dict[int, Cut]:
        """The cuts by place."""
        found, before = {}, 0.0
        for at in self.places:
            t = self.tallies[at]
            noise = t.noise / self.energy if self.energy else 0.0
            found[at] = Cut(
                accuracy=t.right / self.samples if labelled else None,
                same_top1=t.same / self.samples,
                lost=t.lost,
                won=t.won,
                noise=noise,
                added=noise - before,
            )
            before = noise
        return found


def tail(graph: Graph, at: int) -> Graph:
    """What `graph` computes after the operator `at`; its inputs are what is alive there."""
    ops = graph.ops[at + 1 :]
    made = {t for op in ops for t in op.outputs}
    read = [t for op in ops for t in op.activations] + [t for t in graph.outputs if not t.const]
    alive = dict.fromkeys(t for t in read if t not in made)
    return replace(graph, inputs=tuple(alive), ops=ops)
