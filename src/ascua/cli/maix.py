"""The verbs that take a kmodel to a Maix board: what it needs, and into its flash."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ascua import boards as board_files
from ascua import k210, kmodel
from ascua.cli.options import PATH, as_json, board_name, force, labels_file, model_file, to
from ascua.cli.terminal import out, print_json, printable, progress, verbose
from ascua.errors import InputError
from ascua.files import check_regular, folders
from ascua.files.kinds import KMODEL, TFLITE
from ascua.ncc.classes import read_names
from ascua.run import kflash
from ascua.targets.k210 import maix as boards

MOST_FIRMWARE = boards.MODEL_AT - kflash.PROGRAM
"""Bytes: the model begins behind it."""

NO_FIRMWARE = ((KMODEL, "a kmodel"), (TFLITE, "a .tflite file"))
"""What is given in its place."""


@click.command("maix")
@model_file()
@labels_file(help="Names of the classes, one a line.")
@board_name(
    type=click.Choice(sorted(boards.BOARDS)),
    default="maix-bit",
    show_default=True,
    help="Which board PlatformIO builds the project in C for.",
)
@click.option("--firmware", type=PATH, help="MaixPy's .bin file: goes into the package too.")
@to(required=True, help="The folder to write.")
@force()
@as_json()
@verbose
def export_maix(
    model: Path, labels: Path | None, board: str, firmware: Path | None, to: Path, *,
    force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write MODEL.kmodel for a Maix board: a package for its flash, main.py, a project in C.

    The package is for `ascua flash maix`; main.py, for MaixPy, shows what the camera sees with the
    best class and frames a second; the project in C does the same without MaixPy.
    """
    folders.check(to, boards.FORM, force=force)
    loaded = k210.load(model)
    boards.check(loaded.network)
    kmodel.executable(loaded.network)
    chip = board_files.load(board)
    k210.check_fit(k210.analyze(loaded, chip), chip)
    names = [] if labels is None else read_names(labels, boards.classes(loaded.network))
    content = model.read_bytes()
    files = boards.export(
        loaded.network, content, names, board, None if firmware is None else _firmware(firmware)
    )
    folders.fill(to, boards.FORM, files, force=force)
    package = to / boards.PACKAGE
    if as_json:
        print_json({
            "schema": k210.SCHEMA, "model_sha256": loaded.sha256, "out": str(to),
            "package": str(package), "files": sorted(files),
        })  # fmt: skip
        return
    out.print(
        f"{len(files)} files in {to}: README.md says how they are used.\n"
        f"Next: {printable(shlex.join(['ascua', 'flash', 'maix', str(package)]))} --port PORT",
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip


def _firmware(path: Path) -> bytes:
    """MaixPy's file. Raises InputError."""
    try:
        size = path.stat().st_size
        if size > MOST_FIRMWARE:
            raise InputError(
                f"{path}: it has {size:,} bytes, and at most {MOST_FIRMWARE:,} lie before the"
                " model.",
                ["Take a smaller build of MaixPy: maixpy_*_minimum.bin."],
            )
        check_regular(path, MOST_FIRMWARE)
        content = path.read_bytes()
    except OSError as e:
        raise InputError(
            f"{path}: cannot be read: {e.strerror}.", ["Check the path of MaixPy's .bin file."]
        ) from e
    kind = next((what for kind, what in NO_FIRMWARE if kind.holds(content[:16], path)), None)
    if not content or content.startswith(b"PK") or kind:
        what = "empty" if not content else kind or "a package"
        raise InputError(
            f"{path}: it is {what}; the .bin file of MaixPy is wanted.",
            ["Download maixpy_*.bin; a package is a zip file: unpack it."],
        )
    return content


@click.group()
def flash() -> None:
    """Write a program or a model into a board's flash."""


@flash.command("maix")
@click.argument("file", type=PATH)
@click.option("-p", "--port", required=True, help="The serial port: /dev/ttyUSB0, COM3.")
@click.option(
    "--baud", type=click.IntRange(9600, 4_500_000), default=1_500_000, show_default=True,
    help="Bits a second; a poor cable takes fewer.",
)  # fmt: skip
@board_name(
    type=click.Choice(sorted(kflash.RESETS)),
    default="maix-bit",
    show_default=True,
    help="How it is reset: `maix-go` by its second port.",
)
@as_json()
@verbose
def flash_maix(file: Path, port: str, baud: int, board: str, *, as_json: bool) -> None:
    """Write FILE into the flash of a Maix board on PORT, by kflash.

    FILE is a .kfpkg package, whose parts say where they go, or a program (.bin), which goes to the
    beginning.
    """
    with progress() as bar:
        kflash.flash(file, port, baud, board, bar("flash"))
    if as_json:
        print_json({"schema": k210.SCHEMA, "file": str(file), "port": port, "baud": baud})
        return
    out.print(f"{file} is in the flash of the board on {port}.", highlight=False, markup=False)
