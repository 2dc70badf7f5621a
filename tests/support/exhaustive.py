"""The least that any plan of a small graph holds: every chain of sets of operators, simulated.

The space is that of `ascua.plan`: a step adds operators whose inputs are there, one by itself or
several by rows. In a step a row is made when another one needs it, those of the outputs in turn;
behind each turn, who else reads what it read goes on as long as that frees as much as it takes.
Rows are sets of numbers here, and what is held is counted anew in each turn. No code is shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ascua.ir import Graph, Op, Tensor
from ascua.kernels import Kernel, Overlap, Rows, Run, Sums, Work


@dataclass(frozen=True, eq=False)
class Way:
    """An operator by a kernel."""

    op: Op
    kernel: Kernel[Op]
    work: Work


@dataclass(frozen=True, eq=False)
class Ways:
    """How an operator can be a step of its own, and how it can be one of several."""

    alone: Sequence[Way]
    looped: Way | None


def words(n: int) -> int:
    return (n + 3) // 4 * 4


class Small:
    """A graph of few operators: tensors without views, who makes and who reads them."""

    def __init__(self, graph: Graph, ways: Sequence[Ways]) -> None:
        self.ways = ways
        self.ops = [w.alone[0].op for w in ways]
        self.base: dict[Tensor, Tensor] = {}
        for op in graph.ops:
            if op.view:
                self.base[op.y] = self.real(op.x)
        states = {s.tensor for s in graph.states} - {self.real(t) for t in graph.left}
        self.given = [t for t in graph.given if t not in states]
        self.kept_apart = states
        self.left = {self.real(t) for t in graph.left if not t.const}

    def real(self, t: Tensor) -> Tensor:
        return self.base.get(t, t)

    def reads(self, op: Op) -> list[Tensor]:
        found = [self.real(t) for t in op.activations]
        return [t for t in found if t not in self.kept_apart]

    def closed(self, done: frozenset[int]) -> bool:
        """Whether all that these operators read is made by them, or given."""
        made = {t for i in done for t in self.ops[i].outputs}
        every = {t for op in self.ops for t in op.outputs}
        return all(t in made or t not in every for i in done for t in self.reads(self.ops[i]))

    def live(self, done: frozenset[int]) -> set[Tensor]:
        """The tensors that are there behind these operators, as somebody needs them."""
        made = {t for i in done for t in self.ops[i].outputs}
        every = {t for op in self.ops for t in op.outputs}
        there = made | {t for t in self.given if t not in every}
        wanted = {t for i in range(len(self.ops)) if i not in done for t in self.reads(self.ops[i])}
        left = self.left & (there | made)
        return (there & wanted) | left

    def least(self) -> int:
        """The bytes that the fullest step of the best plan holds."""
        everything = frozenset(range(len(self.ops)))
        sets = [s for s in _subsets(len(self.ops)) if self.closed(s)]

        @cache
        def best(done: frozenset[int]) -> int:
            if done == everything:
                return 0
            later = (s for s in sets if done < s)
            return min(max(self.step(done, s - done), best(s)) for s in later)

        if not self.ops:
            return sum(t.bytes for t in {*self.given, *self.left})
        return best(frozenset())

    def step(self, done: frozenset[int], added: frozenset[int]) -> int:
        """What the best step holds that adds these operators."""
        if len(added) == 1:
            (i,) = added
            return min(Steps(self, done, {i: w}).peak for w in self.ways[i].alone)
        looped = {i: self.ways[i].looped for i in sorted(added)}
        if any(w is None for w in looped.values()):
            return 1 << 62
        return Steps(self, done, {i: w for i, w in looped.items() if w}).peak


def _subsets(n: int) -> Iterator[frozenset[int]]:
    for bits in range(1 << n):
        yield frozenset(i for i in range(n) if bits >> i & 1)


class Steps:
    """One step, simulated as soon as it is made: `peak`."""

    def __init__(self, small: Small, done: frozenset[int], ways: Mapping[int, Way]) -> None:
        self.small, self.ways, self.alone = small, ways, len(ways) == 1
        self.before = small.live(done) | ({*small.given} if not done else set())
        self.before -= {t for w in ways.values() for t in w.op.outputs}
        self.after = small.live(done | {*ways})
        self.taken = dict.fromkeys(ways, 0)
        self.rows: dict[Tensor, set[int]] = {t: set(range(t.height)) for t in self.before}
        self.made: dict[Tensor, int] = {t: t.height for t in self.before}
        for w in ways.values():
            for t in w.op.outputs:
                self.rows[t], self.made[t] = set(), 0
        self.readers = {t: [i for i, w in ways.items() for u in small.reads(w.op) if u is t]
                        for t in self.rows}  # fmt: skip
        self.peak = self.held()
        self.peak = 0
        self.simulate()

    # -- what a turn needs and makes

    def turns(self, i: int) -> int:
        w = self.ways[i]
        if isinstance(w.work, Rows):
            return -(-w.op.y.shape[1] // w.work.block)
        if isinstance(w.work, Sums):
            return w.work.rows
        by_rows = isinstance(w.work, Run) and (not self.alone or not w.op.activations)
        return w.op.y.height if by_rows else 1

    def sliced(self, i: int) -> bool:
        """Whether it reads rows: not where its rows are none of the tensors that it reads."""
        w = self.ways[i]
        if isinstance(w.work, Sums):
            return all(self.small.real(t).height == w.work.rows for t in w.op.activations)
        if (isinstance(w.work, Run) and self.alone) or w.work is None:
            return False
        return all(self.small.real(t).height == t.height for t in w.op.activations)

    def window(self, i: int, k: int, t: Tensor) -> range:
        """The rows of a tensor from the first to the last that turn `k` needs."""
        w = self.ways[i]
        if not self.sliced(i):
            return range(t.height)
        if isinstance(w.work, Rows):
            top = k * w.work.sy - w.work.py
            bottom = min(t.height, top + (w.work.kh - 1) * w.work.dy + 1)
            if self.alone and self.lines(i) and k:
                return range(self.window(i, k - 1, t).stop, bottom)
            return range(max(0, top), bottom)
        return range(k, min(t.height, k + 1))

    def lines(self, i: int) -> int:
        """Bytes of padded copies of rows."""
        w = self.ways[i]
        if not isinstance(w.work, Rows) or w.work.fill is None:
            return 0
        work, x = w.work, w.op.x
        last = (self.turns(i) - 1) * work.sy + (work.kh - 1) * work.dy + 1 - work.py
        if max(work.left, work.right, work.py, last - x.shape[1]) <= 0:
            return 0
        pixel = x.bytes // (x.shape[1] * x.shape[2])
        count = (work.kh - 1) * work.dy + 1 if self.alone else work.kh
        return words(count * (work.left + x.shape[2] + work.right) * pixel)

    def kept(self, i: int) -> int:
        """Bytes that it keeps from its first turn to its last."""
        if isinstance(self.ways[i].work, Sums):
            return self.scratch(i)
        return self.lines(i) if self.alone else 0

    def work(self, i: int) -> int:
        """Bytes that it has in a turn alone."""
        if isinstance(self.ways[i].work, Sums):
            return 0
        return self.scratch(i) + (0 if self.alone else self.lines(i))

    def scratch(self, i: int) -> int:
        return words(self.ways[i].kernel.scratch(self.ways[i].op))

    def there(self, i: int, k: int, t: Tensor) -> int:
        """The rows of an output behind turn `k`."""
        if self.turns(i) == k + 1:
            return t.height
        work = self.ways[i].work
        if isinstance(work, Sums):
            return 0
        return min(t.height, (k + 1) * (work.block if isinstance(work, Rows) else 1))

    # -- what is held

    def scattered(self, t: Tensor) -> bool:
        """Whether its rows lie anywhere: those of what is whole lie close together."""
        if self.alone or t in self.before or t in self.after:
            return False
        return t.height == 1 or all(self.sliced(i) for i in self.readers[t])

    def row(self, t: Tensor) -> int:
        size = t.bytes // t.height
        return words(size) if self.scattered(t) else size

    def held(self) -> int:
        return sum(len(rows) * self.row(t) for t, rows in self.rows.items())

    def needed(self, t: Tensor, ahead: int | None = None) -> set[int]:
        """The rows of a tensor that somebody still wants, or one behind them."""
        if t in self.after:
            return self.rows[t]
        firsts = []
        for i in self.readers[t]:
            k = self.taken[i] + (i == ahead)
            if k < self.turns(i):
                firsts.append(self.window(i, k, t).start)
        return {r for r in self.rows[t] if firsts and r >= min(firsts)}

    # -- its turns

    def simulate(self) -> None:
        ends = [i for i, w in self.ways.items() if not any(self.readers[t] for t in w.op.outputs)]
        ends = ends or [max(self.ways)]
        many = max(self.turns(i) for i in ends)
        for n in range(1, many + 1):
            for i in ends:
                self.go(i, self.turns(i) * n // many)
        for i in self.ways:
            self.go(i, self.turns(i))

    def go(self, i: int, turns: int) -> None:
        while self.taken[i] < turns:
            k = self.taken[i]
            for t in self.small.reads(self.ways[i].op):
                while self.made[t] < self.window(i, k, t).stop:
                    maker = next(j for j, w in self.ways.items() if t in w.op.outputs)
                    late = isinstance(self.ways[maker].work, Sums)
                    self.go(maker, self.turns(maker) if late else self.taken[maker] + 1)
            if self.taken[i] == k:
                self.turn(i, k)

    def turn(self, i: int, k: int) -> None:
        w = self.ways[i]
        reads, makes = self.small.reads(w.op), w.op.outputs
        self.taken[i] += 1
        own = self.work(i) + sum(self.kept(j) for j in self.ways if self.busy(j, i))
        self.peak = max(self.peak, self.held() + own)
        if self.lines(i) and self.sliced(i):
            for t in reads:
                self.rows[t] = set(self.needed(t))
        last = {t: self.rows[t] - self.needed(t) for t in reads}
        fresh = 0
        for t in makes:
            new = range(self.made[t], self.there(i, k, t))
            self.rows[t] |= set(new)
            self.made[t] = max(self.made[t], new.stop)
            fresh += len(new) * self.row(t)
        spared = min(fresh, sum(self.over(i, t, last[t], fresh) for t in reads))
        self.peak = max(self.peak, self.held() + own - spared)
        for t in (*makes, *reads):
            self.rows[t] = set(self.needed(t))
        for t in reads:
            if len(self.readers[t]) > 1:
                for j in self.readers[t]:
                    while self.pays(j):
                        self.turn(j, self.taken[j])

    def busy(self, j: int, now: int) -> bool:
        """Whether a call is between its first turn and its last."""
        return j == now or 0 < self.taken[j] < self.turns(j)

    def over(self, i: int, t: Tensor, last: set[int], fresh: int) -> int:
        """Bytes of what a turn makes that lie over rows which it reads for the last time."""
        w = self.ways[i]
        overlap: Overlap = w.kernel.overlap(w.op, rows=not self.alone) if w.op.activations else None
        if len(w.op.outputs) > 1 or isinstance(w.work, Sums):
            return 0
        if self.alone and isinstance(w.work, Rows):
            return 0
        x = len(last) * self.row(t)
        if self.turns(i) > 1:
            x = self.row(t) if last and self.scattered(t) and self.scattered(w.op.y) else 0
        elif t in self.after:
            x = 0
        else:
            x = self.made[t] * self.row(t)
        if overlap is None:
            return 0
        if overlap == "exact":
            return fresh if fresh <= x else 0
        return max(0, min(x, fresh - overlap))

    def pays(self, j: int) -> bool:
        k = self.taken[j]
        if k == self.turns(j):
            return False
        reads = self.small.reads(self.ways[j].op)
        if any(self.window(j, k, t).stop > self.made[t] for t in reads):
            return False
        freed = sum(len(self.rows[t] - self.needed(t, j)) * self.row(t) for t in reads)
        makes = self.ways[j].op.outputs
        taken = sum((self.there(j, k, t) - self.made[t]) * self.row(t) for t in makes)
        return 0 < freed >= taken
