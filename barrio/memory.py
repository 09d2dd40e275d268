"""What a process holds of memory and does not need: given back at moments that are known to leave much of it.

- Freed memory, which glibc else keeps for as long as the process lives.
- What lies in the files of libraries and was read once: code and constants. Opening a database or loading a library
  runs through tens of megabytes of them. They are read again, from the kernel's cache, when they are needed.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import contextmanager, suppress
from mmap import PAGESIZE
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DONTNEED = 4
_LOADED, _WRITABLE = 1, 2


def prepare() -> None:
    """Say which allocator pyarrow is to use, which looks here when it is first loaded: its own keeps 10 MB more."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


@contextmanager
def beginning() -> Iterator[None]:
    """Look for no garbage until `settle`: what a start makes stays, and looking would take a fifth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settle() -> None:
    """Give back what the start took, and spare the garbage collector what lives as long as the process.

    The few hundred kilobytes of garbage among it stay: to find them is as much work as a tenth of the start.
    """
    gc.freeze()
    gc.enable()
    give_back()


def give_back() -> None:
    """Give back freed memory, and what was read of libraries some time ago; takes milliseconds."""
    trim()
    forget_libraries()


def trim() -> None:
    """Give freed memory back to the system; pyarrow, where it is loaded, may have an allocator of its own."""
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)


def forget_libraries() -> None:
    """Let go of what libraries have in their files and never write; does nothing where the kernel is not Linux."""
    with suppress(OSError, AttributeError):
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, stop in read_only():
            advise(start, stop - start, _DONTNEED)


def read_only() -> list[tuple[int, int]]:
    """Return where whole pages of loaded libraries lie that nothing may write to: they are as they are in the file.

    The loader's own list is asked, see dl_iterate_phdr(3), not the kernel's: a page that was only protected after it
    had been written, such as a table of relocated addresses, is of a writable segment there. It tells of no library
    whose segments are not in their places yet. Empty where addresses do not have 64 bits.
    """
    found: list[tuple[int, int]] = []
    if ctypes.sizeof(ctypes.c_void_p) != 8 or sys.platform != "linux":
        return found

    def see(library: ctypes._Pointer[_Library], size: int, data: int | None) -> int:
        del size, data
        found.extend(_pages(library.contents))
        return 0

    # With the interpreter's lock held throughout: the loader's own is held meanwhile, and imports take both.
    ctypes.PyDLL(None).dl_iterate_phdr(_SEE(see), None)
    return found


class _Library(ctypes.Structure):
    """`struct dl_phdr_info`, the part that every system has."""

    _fields_ = (
        ("address", ctypes.c_size_t),
        ("name", ctypes.c_char_p),
        ("segments", ctypes.c_void_p),
        ("number", ctypes.c_uint16),
    )


class _Segment(ctypes.Structure):
    """`Elf64_Phdr`."""

    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("offset", ctypes.c_uint64),
        ("address", ctypes.c_uint64),
        ("physical", ctypes.c_uint64),
        ("in_file", ctypes.c_uint64),
        ("in_memory", ctypes.c_uint64),
        ("alignment", ctypes.c_uint64),
    )


_SEE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Library), ctypes.c_size_t, ctypes.c_void_p)


def _pages(library: _Library) -> Iterator[tuple[int, int]]:
    for one in (_Segment * library.number).from_address(library.segments):
        if one.kind == _LOADED and not one.flags & _WRITABLE and one.in_file == one.in_memory:
            start = library.address + one.address
            first, last = -(-start // PAGESIZE) * PAGESIZE, (start + one.in_memory) // PAGESIZE * PAGESIZE
            if last > first:
                yield first, last
