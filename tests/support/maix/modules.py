"""MaixPy's modules, played by a computer: main.py runs on them, for two frames."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy.typing as npt

FRAMES = 2


class Image:
    """A picture that knows how large it is."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height, self.said = width, height, ""
        self.is_given = False

    def resize(self, width: int, height: int) -> Image:
        return Image(width, height)

    def pix_to_ai(self) -> None:
        self.is_given = True

    def draw_string(self, *words: Any, **_: Any) -> None:
        self.said = words[2]


class Board:
    """What the program did, and what the network answers."""

    def __init__(self, scores: npt.NDArray[Any]) -> None:
        self.scores, self.calls = scores, []
        self.shown: list[str] = []
        self.asked: list[Image] = []

    def note(self, name: str) -> Any:
        return lambda *values, **_: self.calls.append((name, *values))

    def forward(self, _: object, image: Image) -> list[float]:
        self.asked.append(image)
        return [float(s) for s in self.scores]

    def display(self, image: Image) -> None:
        self.shown.append(image.said)
        if len(self.shown) == FRAMES:
            raise KeyboardInterrupt

    def modules(self) -> dict[str, types.ModuleType]:
        found = {n: types.ModuleType(n) for n in ("sensor", "image", "lcd", "KPU", "time")}
        sensor, lcd, kpu = found["sensor"], found["lcd"], found["KPU"]
        for name in ("reset", "set_pixformat", "set_framesize", "run"):
            setattr(sensor, name, self.note(name))
        sensor.RGB565, sensor.GRAYSCALE, sensor.QVGA = "RGB565", "GRAYSCALE", "QVGA"
        window = [320, 240]

        def windowing(size: tuple[int, int]) -> None:
            window[:] = size

        sensor.set_windowing = windowing
        sensor.snapshot = lambda: Image(*window)
        lcd.init, lcd.display = self.note("lcd.init"), self.display
        kpu.load = lambda at: self.calls.append(("load", at)) or "task"
        kpu.set_outputs, kpu.deinit = self.note("set_outputs"), self.note("deinit")
        kpu.forward = self.forward
        found["time"].clock = lambda: types.SimpleNamespace(tick=lambda: None, fps=lambda: 12.5)
        return found

    def run(self, program: str) -> None:
        kept = {n: sys.modules.get(n) for n in self.modules()}
        sys.modules.update(self.modules())
        try:
            exec(compile(program, "main.py", "exec"), {"__name__": "__main__"})  # noqa: S102
        except KeyboardInterrupt:
            pass
        finally:
            for name, module in kept.items():
                if module is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = module
