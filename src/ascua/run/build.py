"""Compiles a network with the harness for a board, once: then it is found by its hash."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ascua.artifact import Library
from ascua.boards import Board
from ascua.errors import AscuaError, DoesNotFit, ToolFailed
from ascua.files import scratch
from ascua.ir import Tensor
from ascua.run import tools
from ascua.run.child import compiled
from ascua.run.elf import Elf
from ascua.run.outcome import Sizes

log = logging.getLogger(__name__)

FIRMWARE = Path(__file__).parents[1] / "firmware"

FLAGS = (
    "-std=c11", "-O2", "-ffunction-sections", "-fdata-sections",
    "-fno-ipa-icf",  # two equal steps stay two functions, to be counted apart
)  # fmt: skip
WARNINGS: tuple[str, ...] = ()
"""None: of what a newer compiler may warn is no reason not to run. The tests set the strictest."""
SANITIZE = ("-Og", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
NATIVE = "-march=native"
"""Compiles for the processor of this computer: a program of another one must not be found."""
LINK = ("-Wl,--gc-sections",)
MATH = "-lm"
"""Behind the sources: the runtime of kmodels calls it, and nothing else."""
PROGRAM = "firmware.elf"
PLUGIN_FLAGS = ("-std=c11", "-Wall", "-Wextra", "-O2", "-shared", "-fPIC", "-fvisibility=hidden")

ROW_TYPES = {"float32": "float", "bool": "uint8_t"}
"""C types that are called otherwise than the dtype."""
_COMMON = ("harness.h", "main.c", "network.c")
_BARE = (*_COMMON, "semihost.c", "bare.c", "bare.h")


def empty() -> Library:
    """A library without a network: what is linked with it is the harness alone."""
    files = {name: (FIRMWARE / "empty" / name).read_bytes() for name in ("empty.h", "empty.c")}
    x, y = (Tensor(name, (1,), "int8") for name in "xy")
    return Library(
        name="empty", files=files, inputs=(x,), outputs=(y,), steps=(),
        sources=("empty.c",), include_dirs=(".",), arena_bytes=4,
    )  # fmt: skip


def key(board: Board, library: Library, *, sanitize: bool = False) -> str:
    """The SHA-256 of all that `firmware` reads: command, compiler, C library, harness, sources."""
    command = _command(board, library, Path(), sanitize=sanitize)
    text = json.dumps(
        [
            [tools.compilers(board), command, _memory_script(board, library)],
            tools.processor(board) if NATIVE in command else None,
            [library.name, [(p, _sha256(data)) for p, data in sorted(library.files.items())]],
            [(p.name, p.read_text()) for p in _harness(board)],
        ]
    )
    return _sha256(text.encode())


def reads(board: Board, library: Library) -> list[object]:
    """What a run of `firmware` depends on: it, the empty one that sizes are taken against, names.

    Each with its flags, compiler and harness. Raises ToolMissing.
    """
    tools.require(board)
    return [key(board, library), key(board, empty()), library.arena_bytes, library.steps]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _command(board: Board, library: Library, harness: Path, *, sanitize: bool) -> list[str]:
    """The compiler's arguments in the folder of a build, but for the output; `harness`: a folder.

    Paths are relative to either folder.
    """
    flags = (*FLAGS, *WARNINGS, *board.flags, *(SANITIZE if sanitize else ()))
    command = [board.cc or "cc", *flags, *LINK, *_network_flags(library)]
    command += [str(harness / s.name) for s in _harness(board) if s.suffix in _CODE]
    command += library.sources
    if board.hosted and board.emulator:
        command += ["-static"]
    if not board.hosted:
        command += ["--specs=picolibc.specs", "-nostartfiles", "-L.", "-T"]
        command += [str(harness / f"{board.startup}.ld")]
    return [*command, MATH]


def firmware(board: Board, library: Library, build_dir: Path, *, sanitize: bool = False) -> Elf:
    """The linked program for `board`, in `build_dir/<hash>/`; built only where it is not there.

    Raises ToolMissing, ToolFailed with the compiler's first errors, or DoesNotFit.
    """
    tools.require(board)
    digest = key(board, library, sanitize=sanitize)[:16]

    def make(folder: Path) -> None:
        for name, data in {
            **library.files,
            "memory.ld": _memory_script(board, library).encode(),
        }.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        command = _command(board, library, FIRMWARE, sanitize=sanitize)
        _compile([*command, "-o", PROGRAM], folder, board)

    return Elf(atomically(build_dir / f"{library.name}-{board.name}-{digest}", make) / PROGRAM)


_CODE = (".c", ".S")


def sizes(board: Board, library: Library, build_dir: Path) -> Sizes | None:
    """What the network takes on `board`; None under an operating system, where nothing is short."""
    if board.hosted:
        return None
    elf = firmware(board, library, build_dir)
    nothing = empty()
    bare = firmware(board, nothing, build_dir)
    harness_static = bare.static_bytes(nothing.name) - nothing.arena_bytes + _beside(library)
    return Sizes(
        flash_bytes=elf.flash_bytes() - bare.flash_bytes(),
        static_bytes=elf.static_bytes(library.name) - library.arena_bytes - harness_static,
        harness_flash_bytes=bare.flash_bytes(),
        harness_static_bytes=harness_static,
        regions=elf.regions(board),
    )


def _beside(library: Library) -> int:
    """Bytes of the harness's variables in network.c: a first row, and whether parts are loaded."""
    x = library.inputs[0]
    row = (x.bytes // x.height + 3) // 4 * 4 if library.by_rows else 0
    return row + (4 if library.loads else 0)


def atomically(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder`, which `make` fills when it does not exist; two processes may try at once."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch.temporary(folder.parent, scratch.BUILDING) as temporary:
        work = temporary / "new"
        work.mkdir()
        make(work)
        try:
            work.rename(folder)
            log.debug("%s", folder)
        except OSError:
            if not folder.exists():
                raise
    return folder


_FULL = re.compile(
    "No space left on device|Disk quota exceeded|File too large|File size limit|Bus error"
)
"""What compilers, assemblers and linkers say of a full disk; one that is mapped is a bus error."""
_KILLED = re.compile("Killed|out of memory|[Mm]emory exhausted|Cannot allocate memory")
"""And where the memory is full, be it that the system has stopped one of them."""


def compile_error(tool: str, stderr: str) -> AscuaError:
    """What a compiler's or linker's complaints mean."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    first = [line for line in lines if "error" in line or "undefined reference" in line] or lines
    what = f"{tool} failed:"
    remedies = ["Report this as a fault of Ascua where the code is generated."]
    if full := [line for line in lines if _FULL.search(line)]:
        what, first = f"{tool} failed, as a disk is full:", full
        remedies = [
            f"Make room where firmware is built, and in {tempfile.gettempdir()}, where compilers"
            " keep what they make on the way.",
            "Name other folders: `--build-dir`, and the variable TMPDIR.",
        ]
    elif killed := [line for line in lines if _KILLED.search(line)] or not lines:
        what = f"{tool} failed, as it was stopped, or there was no memory left:"
        first = killed if isinstance(killed, list) else ["It said nothing."]
        remedies = ["Close what else uses memory, and try again."]
    return ToolFailed("\n".join([what, *(f"  {line}" for line in first[:5])]), remedies)


def _harness(board: Board) -> tuple[Path, ...]:
    """The harness's files for `board`, those that are compiled and those that they include."""
    if board.hosted:
        return tuple(FIRMWARE / name for name in (*_COMMON, f"{board.startup}.c"))
    startup = sorted(FIRMWARE.glob(f"{board.startup}.*"))
    return (*(FIRMWARE / name for name in _BARE), *startup)


def _network_flags(library: Library) -> list[str]:
    """How network.c finds the library, whatever its name is.

    Only "NAME.h" is searched for in its folders: <NAME.h> may be a header of the C library.
    """
    functions = ["output", "output_bytes"]
    functions += ["invoke_rows"] if library.by_rows else ["input", "input_bytes", "run"]
    functions += ["states"] if library.states else []
    functions += ["load"] if library.loads else []
    return [
        *(f"-iquote{d}" for d in (".", *library.include_dirs)),
        f'-DNETWORK_HEADER="{library.include_dirs[0]}/{library.name}.h"',
        *(f"-DNETWORK_{f.upper()}={library.name}_{f}" for f in functions),
        f"-DNETWORK_INPUT_COUNT={len(library.inputs)}",
        f"-DNETWORK_OUTPUT_COUNT={len(library.outputs)}",
        *([f"-DNETWORK_BYTES_OF_STATES={library.state_bytes}"] if library.states else []),
        *(_row_flags(library) if library.by_rows else []),
    ]


def _row_flags(library: Library) -> list[str]:
    """How the harness hands over an input row by row."""
    x = library.inputs[0]
    out = f",(void*){library.name}_output(0)" if len(library.outputs) == 1 else ""
    return [
        f"-DNETWORK_ROW_BYTES={x.bytes // x.height}",
        f"-DNETWORK_ROW_TYPE={ROW_TYPES.get(x.dtype, f'{x.dtype}_t')}",
        f"-DNETWORK_ROW_OUT={out}",
    ]


def _memory_script(board: Board, library: Library) -> str:
    """The memories of `board` as the linker script includes them, and what is placed in them.

    A board that counts for another one has not its memories: there all lies in the first ones.
    """
    lines = [
        f"    {m.name} ({m.use}) : ORIGIN = {m.origin:#x}, LENGTH = {m.bytes:#x}"
        for m in board.memories
    ]
    code, data = board.memory("x"), board.memory("w")
    if not code or not data:
        return ""
    alias = [f'REGION_ALIAS("CODE", {code.name})', f'REGION_ALIAS("DATA", {data.name})']
    placed = ""
    if library.script and {*library.regions} <= {m.name for m in board.memories}:
        placed = library.text(library.script)
    return "\n".join(["MEMORY {", *lines, "}", *alias, placed])


def _compile(command: Sequence[str], folder: Path, board: Board) -> None:
    """Run the compiler in `folder`."""
    status, said = compiled(command, folder)
    if status == 0:
        return
    overflow = re.search(r"region [`'](\w+)' overflowed by (\d+) byte", said)
    if not overflow:
        raise compile_error(board.cc or "cc", said)
    alias = {"CODE": board.memory("x"), "DATA": board.memory("w")}
    name = overflow[1]
    memory = alias.get(name) or next(m for m in board.memories if m.name == name)
    need = memory.bytes + int(overflow[2])
    raise DoesNotFit(
        f"{board.name}: the firmware needs {need:,} bytes of {memory.name}, have {memory.bytes:,}.",
        ["Choose a board with more memory.", "Prune the network, or choose a smaller one."],
    )


def plugin(build_dir: Path) -> Path | None:
    """The compiled plugin that counts instructions in QEMU; None without a compiler for it."""
    if shutil.which("cc") is None:
        return None
    source = Path(__file__).parent / "plugin.c"
    text = json.dumps([tools.version("cc"), PLUGIN_FLAGS, source.read_text()])
    digest = _sha256(text.encode())[:16]

    def make(folder: Path) -> None:
        command = ["cc", *PLUGIN_FLAGS, str(source), "-o", "plugin.so"]
        status, said = compiled(command, folder)
        if status != 0:
            raise compile_error("cc", said)

    try:
        return atomically(build_dir / f"plugin-{digest}", make) / "plugin.so"
    except ToolFailed:
        return None
