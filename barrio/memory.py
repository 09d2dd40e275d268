"""What a process holds of memory and does not need: given back at moments that are known to leave much of it.

- Freed memory, which glibc else keeps for as long as the process lives.
- Code that was run once. Opening a database or loading a library runs through tens of megabytes of it. They lie in
  files and are read again, from the kernel's cache, when they are needed.
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DONTNEED = 4
_MAPS = Path("/proc/self/maps")
_CODE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9][0-9]* +/")
"""Executable, never written, private, of a file: nothing in it can differ from the file."""


def prepare() -> None:
    """Say which allocator pyarrow is to use, which looks here when it is first loaded: its own keeps 10 MB more."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


@contextmanager
def beginning() -> Iterator[None]:
    """Look for no garbage until `settle`: what a start makes stays, and looking would take a tenth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settle() -> None:
    """Give back what the start took, and spare the garbage collector what lives as long as the process."""
    gc.enable()
    gc.collect()
    gc.freeze()
    give_back()


def give_back() -> None:
    """Give back freed memory, and code that was run some time ago; takes milliseconds."""
    trim()
    forget_code()


def trim() -> None:
    """Give freed memory back to the system; pyarrow, where it is loaded, may have an allocator of its own."""
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)


def forget_code() -> None:
    """Let go of code that lies in files; does nothing where the kernel is not Linux."""
    with suppress(OSError, AttributeError):
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        with _MAPS.open(encoding="utf-8", errors="replace") as lines:
            found = list(code(lines))
        for start, stop in found:
            advise(start, stop - start, _DONTNEED)


def code(maps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield where code that lies in files begins and ends, from lines of `/proc/PID/maps`."""
    for line in maps:
        if known := _CODE.match(line):
            yield int(known[1], 16), int(known[2], 16)
