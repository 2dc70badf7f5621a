"""Shells complete verbs, boards, recipes and studies; each verb's help ends with an example."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ascua.cli import EXAMPLES, VERBS, verb


def completed(*words: str, cwd: Path | None = None) -> list[str]:
    """What bash is offered for the last of `words`."""
    told = {"COMP_WORDS": shlex.join(["ascua", *words]), "COMP_CWORD": str(len(words))}
    environment = {**os.environ, "_ASCUA_COMPLETE": "bash_complete", **told}
    ascua = Path(sys.executable).parent / "ascua"
    done = subprocess.run([ascua], env=environment, cwd=cwd, capture_output=True, text=True)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_names_are_completed(tmp_path: Path) -> None:
    (tmp_path / "lm.toml").write_text("")
    assert completed("co") == ["compare", "compile", "convert"]
    assert completed("run", "m.tflite", "--board", "lm") == ["lm3s6965evb"]
    assert completed("run", "m.tflite", "-b", "stm32u") == ["stm32u385", "stm32u585"]
    assert completed("train", "mobilenet") == ["mobilenet-k210"]
    assert completed("study", "run", "pruning") == ["pruning-study"]
    assert completed("run", "m.tflite", "-b", "./l", cwd=tmp_path) == ["./l"]  # a file of theirs
    assert completed("run", "m.tflite", "-b", "nothing") == []


@pytest.mark.parametrize("name", sorted(VERBS))
def test_each_example_is_a_command(name: str) -> None:
    """Its words are options that there are; nothing is run."""
    command, words = verb(name), shlex.split(EXAMPLES[name])
    assert words.pop(0) == name
    context = click.Context(command, info_name=name)
    while isinstance(command, click.Group):
        if words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        else:
            command = next(iter(command.commands.values()))
        context = click.Context(command, parent=context)
    command.parse_args(context, words) if name not in ("toco", "tflite_convert") else None
    assert f"Example:\n  ascua {EXAMPLES[name]}" in verb(name).epilog
