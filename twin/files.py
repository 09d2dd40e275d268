"""The few file operations that durable things are made of, behind one object so that tests make any of them fail."""

from __future__ import annotations

import os
from pathlib import Path


class Files:
    """The operating system's own files. Every method raises `OSError` as the system gives it."""

    def make_folder(self, path: Path) -> None:
        """Create a folder (and its parents) where there is none."""
        path.mkdir(parents=True, exist_ok=True)

    def names(self, folder: Path) -> list[str]:
        """Names in a folder, sorted."""
        return sorted(each.name for each in folder.iterdir())

    def size(self, path: Path) -> int:
        """Length of a file in bytes."""
        return path.stat().st_size

    def read(self, path: Path) -> bytes:
        """Return all bytes of a file."""
        return path.read_bytes()

    def open(self, path: Path, *, create: bool = False) -> int:
        """Open for reading and writing; with `create` the file must not exist yet."""
        flags = os.O_RDWR | os.O_CLOEXEC
        return os.open(path, flags | os.O_CREAT | os.O_EXCL if create else flags, 0o640)

    def read_at(self, descriptor: int, size: int, offset: int) -> bytes:
        """Read up to `size` bytes at `offset`."""
        return os.pread(descriptor, size, offset)

    def write_at(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        """Write at `offset`; returns how many bytes were taken, possibly fewer than given."""
        return os.pwrite(descriptor, data, offset)

    def sync(self, descriptor: int) -> None:
        """Return once the file's data and length are on the disk."""
        os.fdatasync(descriptor)

    def sync_folder(self, path: Path) -> None:
        """Return once the names in a folder are on the disk (needed after creating or renaming)."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut (or extend with zeros) to `size` bytes."""
        os.ftruncate(descriptor, size)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, replacing what had it."""
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def close(self, descriptor: int) -> None:
        """Close a descriptor."""
        os.close(descriptor)


def write_all(files: Files, descriptor: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset`, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        taken = files.write_at(descriptor, rest, offset)
        rest = rest[taken:]
        offset += taken
