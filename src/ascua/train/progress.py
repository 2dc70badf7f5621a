"""Shows a training on a console: a live bar in a terminal, and a line an epoch everywhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ascua.train.folder import Epoch


def waiting(console: Console | None, what: str) -> AbstractContextManager[object]:
    """Says on a terminal what takes seconds; silent without a console."""
    return nullcontext() if console is None else console.status(f"{what} …", spinner="line")


class Display:
    """A context manager around the epochs of one call; silent without a console."""

    def __init__(self, console: Console | None, epochs: int, steps: int) -> None:
        """`epochs` of the whole recipe; `steps` an epoch."""
        self.console = console
        self.epochs, self.steps = epochs, steps
        self.seconds: list[float] = []
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}  loss {task.fields[loss]:.3f}"),
            console=console,
            transient=True,
            disable=console is None or not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=steps, loss=0.0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """One plain line."""
        if self.console is not None:
            self.console.print(text, highlight=False, soft_wrap=True)

    def step(self, epoch: int, done: int, loss: float) -> None:
        """After `done` steps of `epoch`."""
        title = f"Epoch {epoch}/{self.epochs}"
        self._bar.update(self._task, completed=done, description=title, loss=loss)

    def epoch(self, row: Epoch) -> None:
        """After an epoch: its line, and when the last one will have ended."""
        self.seconds.append(row.seconds)
        left = (self.epochs - row.epoch) * sum(self.seconds) / len(self.seconds)
        self.say(
            f"epoch {row.epoch:>{len(str(self.epochs))}}/{self.epochs}  loss {row.loss:.3f}  "
            f"accuracy {row.accuracy:6.2%}  val {row.val_accuracy:6.2%}  "
            f"{row.seconds:5.1f} s  ETA {clock(left)}"
        )


def clock(seconds: float) -> str:
    """Minutes and seconds, e.g. `4:07`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
