"""The order in which the turns of a step's calls come, and what is held in each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ascua.kernels import Overlap
from ascua.plan.again import Again, ahead, moved
from ascua.plan.flow import Flow, Moves, align


@dataclass(frozen=True, eq=False)
class Course:
    """What a step holds as it goes: its calls' turns in `order`, each by the call's place.

    `most`: the bytes of tensors and of what others keep, in the fullest turn of each call. `peak`:
    the most with what the call at work needs itself. `born` and `died`: for each tensor, by its
    rows, when they are made and read for the last time: turn k reads what it copies at 2 * k, and
    writes at 2 * k + 1; before the step is -1, behind it twice the number of turns.
    """

    order: tuple[int, ...]
    peak: int
    most: Mapping[int, int]
    born: Mapping[int, Sequence[int]]
    died: Mapping[int, Sequence[int]]
    apart: frozenset[int]
    """The tensors of which no more than some rows are ever there."""
    moves: Mapping[int, Moves]
    """The turns of each call."""
    again: Mapping[int, Again]
    """For calls that make rows again: which, in the order in which `born` and `died` have them."""
    held: Sequence[int]
    """The bytes of each turn, with what its call needs."""

    def alive(self, n: int) -> Sequence[int]:
        """How many rows of a tensor there are in each turn."""
        change = [0] * (len(self.order) + 1)
        for born, died in zip(self.born[n], self.died[n], strict=True):
            change[max(born, 0) // 2] += 1
            change[min(died // 2 + 1, len(self.order))] -= 1
        return [*accumulate(change[:-1])]


def live_bytes(flow: Flow, done: int) -> int:
    """The bytes of the tensors that are whole when the ops `done` (as bits) have run."""
    return sum(flow.tensors[n].bytes for n in live(flow, done))


def live(flow: Flow, done: int) -> frozenset[int]:
    """The tensors that are there when the ops `done` have run, and that others read or are left."""
    left = ~done
    return frozenset(
        n
        for n, (maker, readers) in enumerate(flow.users)
        if not maker & left and (readers & left or n in flow.left)
    )


def course(
    flow: Flow, moves: Mapping[int, Moves], done: int, again: Mapping[int, Again] | None = None,
    early: Collection[int] = (),
) -> Course:  # fmt: skip
    """The step of the calls `moves` (by their places) after the ops `done`, as bits.

    A row is made when another one needs it. What frees as much as it takes goes first. Calls that
    are in `again` make rows again instead of keeping them; what those that are `early` read is made
    for all turns that are wanted before the first of these.
    """
    return _Walk(flow, moves, done, again or {}, early).walked()


class _Walk:
    """A step under way."""

    def __init__(
        self, flow: Flow, moves: Mapping[int, Moves], done: int, again: Mapping[int, Again],
        early: Collection[int],
    ) -> None:  # fmt: skip
        self.flow, self.again, self.early = flow, again, early
        self.moves = moves = moved(moves, again) if again else moves
        before = live(flow, done)
        if not done:
            before |= {n for n, m in enumerate(flow.makers) if m is None}
        after = live(flow, done | sum(1 << c for c in moves))
        self.before, self.after = before, after
        self.turn = dict.fromkeys(moves, 0)
        self.order: list[int] = []
        self.most = dict.fromkeys(moves, 0)
        self.peak = 0
        self.bytes: list[int] = []
        tensors = before | {n for m in moves.values() for n in m.makes}
        self.rows = {n: flow.rows[n] for n in tensors}
        self.deaths: dict[int, list[int]] = {}
        for c, a in again.items():
            n = moves[c].makes[0]
            self.rows[n], self.deaths[n] = len(a.rows), a.deaths
        self.there = {n: self.rows[n] if n in before else 0 for n in tensors}
        self.gone = dict.fromkeys(tensors, 0)
        self.born: dict[int, list[int]] = {n: [-1] * self.there[n] for n in tensors}
        self.died = {n: [0] * len(self.deaths.get(n, ())) for n in tensors}
        self.makers = {n: c for c, m in moves.items() for n in m.makes}
        self.readers = {
            n: [(c, r) for c, m in moves.items() for r in m.reads if r.tensor == n] for n in tensors
        }
        self.behind: set[int] = set()
        for c, m in moves.items() if early else ():
            makers = [self.makers[r.tensor] for r in m.reads if r.tensor in self.makers]
            if any(i in early or (i in self.behind and i not in again) for i in makers):
                self.behind.add(c)
        # Rows of tensors that stay whole lie close together; others begin at whole words.
        self.size = {n: align(flow.row_bytes[n]) if self.apart(n) else flow.row_bytes[n]
                     for n in tensors}  # fmt: skip
        self.held = sum(flow.tensors[n].bytes for n in before)
        self.kept = 0

    def apart(self, n: int) -> bool:
        """Whether no more than rows of the tensor are ever needed."""
        if len(self.moves) == 1 or n in self.before or n in self.after:
            return False
        return self.flow.rows[n] == 1 or all(r.step for _, r in self.readers[n])

    def walked(self) -> Course:
        """The whole step."""
        for c, turns in ahead(self.moves):
            self.go(c, turns)
        last = 2 * len(self.order)
        for n, died in self.died.items():
            died += [last] * (self.there[n] - len(died))
        apart = frozenset(n for n in self.there if self.apart(n))
        return Course(
            tuple(self.order), self.peak, self.most, self.born, self.died, apart,
            self.moves, self.again, self.bytes,
        )  # fmt: skip

    def go(self, c: int, turns: int) -> None:
        """Let a call make its first `turns` turns, and all that they need."""
        m = self.moves[c]
        if c in self.behind and self.turn[c] < turns:
            self.prepare(c, turns)
        while self.turn[c] < turns:
            k = self.turn[c]
            for r in m.reads:
                last = r.last(k)
                if last >= self.there[r.tensor]:
                    self.need(r.tensor, last + 1)
            if self.turn[c] == k:
                self.take(c, m, k)

    def need(self, n: int, rows: int) -> None:
        """Let the first `rows` rows of a tensor be made."""
        maker = self.makers[n]
        m = self.moves[maker]
        if maker in self.again:
            self.feed(maker, rows)
        elif maker in self.behind:
            self.prepare(maker, m.turns if m.late or m.turns == 1 else rows)
        while self.there[n] < rows:
            self.go(maker, m.turns if m.late else self.turn[maker] + 1)

    def prepare(self, c: int, turns: int) -> None:
        """Let be made what the nearest calls that make rows again read for these turns.

        Then their rows need not wait for others.
        """
        for r in self.moves[c].reads:
            rows = r.last(turns - 1) + 1
            if rows <= self.there[r.tensor]:
                continue
            maker = self.makers[r.tensor]
            m = self.moves[maker]
            turns_of = m.turns if m.late or m.turns == 1 else rows
            if maker in self.early:
                self.feed(maker, turns_of)
            elif maker in self.behind and maker not in self.again:
                self.prepare(maker, turns_of)

    def feed(self, c: int, turns: int) -> None:
        """Let be made what a call that makes rows again reads for these turns."""
        for r in self.moves[c].reads:
            last = max((r.last(k) for k in range(self.turn[c], turns)), default=-1)
            if last >= self.there[r.tensor]:
                self.need(r.tensor, last + 1)

    def take(self, c: int, m: Moves, k: int) -> None:
        """Take a turn."""
        at = 2 * len(self.order)
        self.order.append(c)
        self.turn[c] = k + 1
        if k == 0:
            self.kept += m.kept
        before = self.held
        self.note(c, m, before)
        for r in m.reads:
            if r.copied:
                self.let_go(r.tensor, at)
        fresh = 0
        for n in m.makes:
            rows = m.made(k, self.rows[n])
            count = rows - self.there[n]
            self.there[n] = rows
            self.born[n] += [at + 1] * count
            fresh += count * self.size[n]
        self.held += fresh
        held = self.held - self.spared(m, fresh)
        self.note(c, m, held)
        self.bytes.append(max(before, held) + self.kept + m.work)
        if k + 1 == m.turns:
            self.kept -= m.kept
        for n in (*m.makes, *(r.tensor for r in m.reads)):
            self.let_go(n, at + 1)
        for r in m.reads:
            if len(self.readers[r.tensor]) > 1:
                self.follow(r.tensor)

    def note(self, c: int, m: Moves, held: int) -> None:
        """Remember what is held while a call works."""
        self.most[c] = max(self.most[c], held + self.kept)
        self.peak = max(self.peak, held + self.kept + m.work)

    def let_go(self, n: int, at: int) -> None:
        """Forget the rows of a tensor that nobody needs any more."""
        count = self.low(n) - self.gone[n]
        if count > 0:
            if n in self.deaths:
                for row in self.deaths[n][self.gone[n] : self.gone[n] + count]:
                    self.died[n][row] = at
            else:
                self.died[n] += [at] * count
            self.gone[n] += count
            self.held -= count * self.size[n]

    def low(self, n: int, ahead: int | None = None) -> int:
        """The lowest row of a tensor that somebody still needs, where call `ahead` is one on.

        Of rows that are made again: how many of them nobody needs any more.
        """
        if n in self.after:
            return 0
        low = self.there[n]
        for c, r in self.readers[n]:
            turn = self.turn[c] + (c == ahead)
            if turn < self.moves[c].turns:
                low = min(low, r.first(turn))
        return low

    def spared(self, m: Moves, fresh: int) -> int:
        """The bytes of what a turn makes that lie over what it reads for the last time."""
        if m.overlap is None or len(m.makes) != 1:
            return 0
        y, spared = m.makes[0], 0
        for r in m.reads:
            n = r.tensor
            if m.turns == 1:
                over = 0 if n in self.after else self.size[n] * self.there[n]
            elif self.apart(n) and self.apart(y) and m.block == self.block(n) == 1:
                over = min(1, self.low(n) - self.gone[n]) * self.size[n]
            else:
                over = 0
            spared += overlapped(m.overlap, over, fresh)
        return min(spared, fresh)

    def block(self, n: int) -> int:
        """How many rows of a tensor of the step are made at once."""
        return self.moves[self.makers[n]].block if n in self.makers else 1

    def follow(self, n: int) -> None:
        """Let others that read a tensor go on, where that frees as much as it takes."""
        for c, _ in self.readers[n]:
            m = self.moves[c]
            while self.turn[c] < m.turns and self.pays(c, m):
                self.take(c, m, self.turn[c])

    def pays(self, c: int, m: Moves) -> bool:
        """Whether a call's next turn can be taken, and frees as much as it takes."""
        k = self.turn[c]
        if any(r.last(k) >= self.there[r.tensor] for r in m.reads):
            return False
        freed = sum(
            (self.low(r.tensor, c) - self.gone[r.tensor]) * self.size[r.tensor] for r in m.reads
        )
        taken = sum((m.made(k, self.rows[n]) - self.there[n]) * self.size[n] for n in m.makes)
        return 0 < freed >= taken


def overlapped(overlap: Overlap, x: int, y: int) -> int:
    """The bytes of an output of `y` bytes that lie over an input of `x`."""
    if overlap is None:
        return 0
    if overlap == "exact":
        return y if y <= x else 0
    return max(0, min(x, y - overlap))
