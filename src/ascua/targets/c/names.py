"""What a C library may be called: its name prefixes every symbol, macro and file of it."""

from __future__ import annotations

import re

from ascua.errors import InputError

STANDARD_HEADERS = frozenset(
    """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal
    stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads
    time uchar wchar wctype""".split()  # noqa: SIM905
)
HEADERS = STANDARD_HEADERS | frozenset(
    """alloca endian features ieeefp libintl newlib picolibc pthread sched semaphore strings syscall
    syslimits unistd""".split()  # noqa: SIM905
)
"""The headers of C, and those that they include in turn: a NAME.h would hide them."""

TYPES = re.compile(
    r"u?int(_least|_fast)?(8|16|32|64)|u?int(max|ptr)|char(8|16|32)|size|ssize|ptrdiff|wchar|wint|"
    r"max_align|sig_atomic|fpos|off|loff|ldiv|lldiv|div|imaxdiv|clock|clockid|timer|mbstate|double|"
    r"wctrans|fexcept|pid|uid|gid|mode|dev|ino|nlink|key|sigset|socklen|thrd|mtx|cnd|tss|"
    r"u_int(8|16|32|64)|u?_?(quad|register)|(fs)?(blkcnt|blksize|filcnt|id)|fs(blk|fil)cnt|caddr|"
    r"daddr|(su|u)seconds|sbintime|stack|in_(addr|port)|(f?p?reg|greg)(set)?|[mu]context|"
    r"sig(event|info|val)?|pthread_\w+"
)
"""Those of C and POSIX that end in `_t`, as the type of a library's instances does."""

LONGEST_NAME = 63
OWN = "ascua_"
"""What kernels' headers begin with, where all lie side by side."""


def identifier(text: str) -> str:
    """A C identifier made of `text`, for a model that was given no name."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower() or "model"
    is_taken = name in HEADERS or TYPES.fullmatch(name) or name.startswith(OWN)
    name = f"model_{name}" if name[0].isdigit() or is_taken else name
    return name[:LONGEST_NAME].rstrip("_")


def check_name(name: str) -> str:
    """`name` if it can prefix C symbols. Raises InputError.

    Keywords can, and what C or a kernel defines, as no symbol is the name alone.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or len(name) > LONGEST_NAME:
        raise InputError(
            f"{name!r} cannot be the name of a C library.",
            [
                f"At most {LONGEST_NAME} letters, digits and underscores, a letter first:"
                f" `--name {identifier(name)}`."
            ],
        )
    if name.lower().startswith(OWN):
        raise InputError(
            f"{name!r} cannot be the name of a C library: Ascua's own headers begin with {OWN}.",
            [f"Another one: `--name {identifier(name)}`."],
        )
    if name.lower() in HEADERS:
        raise InputError(
            f"{name!r} cannot be the name of a C library: <{name}.h> is a header of C.",
            [f"Another one: `--name {identifier(name)}`."],
        )
    if TYPES.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of a C library: {name}_t is a type of C.",
            [f"Another one: `--name {identifier(name)}`."],
        )
    return name
