"""Disks that fail: one in memory that forgets what was not synced, and one whose n-th operation is refused."""

from __future__ import annotations

import errno
import random
from dataclasses import dataclass, field
from pathlib import Path

from twin.files import Files

BLOCK = 512


@dataclass
class _Content:
    now: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


class MemoryFiles(Files):
    """A disk in memory: bytes and names are durable only once they were synced.

    `fail_at` refuses the operation of that number (from 1; of `fail_kind` only, if given) with `code`, a write after
    half of its bytes. `refused` are the kinds that fail every time.
    """

    def __init__(self) -> None:
        self.names_now: dict[Path, _Content] = {}
        self.names_durable: dict[Path, _Content] = {}
        self.descriptors: dict[int, _Content] = {}
        self.next_descriptor = 3
        self.operations = 0
        self.fail_at: int | None = None
        self.fail_kind: str | None = None
        self.refused: set[str] = set()
        self.code = errno.ENOSPC

    def crash(self, rng: random.Random) -> None:
        """Lose power: of what was not synced, some blocks stay and some do not."""
        self.descriptors.clear()
        durable = self.names_durable.items()
        survivors = {path: each for path, each in durable if path in self.names_now or rng.random() < 0.5}
        survivors |= {path: content for path, content in self.names_now.items() if rng.random() < 0.5}
        # A name whose removal was not synced may be back; it then has what was durable of it.
        for content in survivors.values():
            content.now = bytearray(_mixed(content, rng))
            content.durable = bytes(content.now)
        self.names_now = dict(survivors)
        self.names_durable = dict(survivors)

    def kill(self) -> None:
        """End the process: the kernel keeps everything that was written."""
        self.descriptors.clear()

    def _step(self, kind: str) -> bool:
        """Count an operation; returns whether it is to fail."""
        if kind in self.refused:
            return True
        if self.fail_kind is not None and kind != self.fail_kind:
            return False
        self.operations += 1
        return self.operations == self.fail_at

    def _refuse(self, kind: str) -> None:
        if self._step(kind):
            raise OSError(self.code, "refused")

    def _content(self, path: Path) -> _Content:
        if path not in self.names_now:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        return self.names_now[path]

    def make_folder(self, path):
        pass

    def names(self, folder):
        return sorted(path.name for path in self.names_now if path.parent == folder)

    def size(self, path):
        return len(self._content(path).now)

    def read(self, path):
        return bytes(self._content(path).now)

    def open(self, path, *, create=False):
        if create:
            self._refuse("open")
            assert path not in self.names_now
            self.names_now[path] = _Content()
        self.next_descriptor += 1
        self.descriptors[self.next_descriptor] = self._content(path)
        return self.next_descriptor

    def read_at(self, descriptor, size, offset):
        return bytes(self._at(descriptor).now[offset : offset + size])

    def write_at(self, descriptor, data, offset):
        content = self._at(descriptor)
        failing = self._step("write")
        taken = data[: len(data) // 2] if failing else data
        if len(content.now) < offset:
            content.now.extend(bytes(offset - len(content.now)))
        content.now[offset : offset + len(taken)] = taken
        if failing:
            raise OSError(self.code, "refused")
        return len(taken)

    def sync(self, descriptor):
        content = self._at(descriptor)
        self._refuse("sync")
        content.durable = bytes(content.now)

    def sync_folder(self, path):
        self._refuse("sync")
        self.names_durable = {
            **{known: content for known, content in self.names_durable.items() if known.parent != path},
            **{known: content for known, content in self.names_now.items() if known.parent == path},
        }

    def truncate(self, descriptor, size):
        content = self._at(descriptor)
        self._refuse("truncate")
        del content.now[size:]

    def rename(self, source, target):
        self._refuse("rename")
        self.names_now[target] = self.names_now.pop(source)

    def unlink(self, path):
        self._refuse("unlink")
        self._content(path)
        del self.names_now[path]

    def close(self, descriptor):
        self._at(descriptor)
        del self.descriptors[descriptor]

    def _at(self, descriptor: int) -> _Content:
        if descriptor not in self.descriptors:
            raise OSError(errno.EBADF, "bad file descriptor")
        return self.descriptors[descriptor]


def _mixed(content: _Content, rng: random.Random) -> bytes:
    """Return what is left of a file after a power cut, block by block."""
    now, durable = bytes(content.now), content.durable
    if now == durable:
        return durable
    length = rng.choice([len(durable), len(now), rng.randint(*sorted((len(durable), len(now))))])
    result = bytearray(durable[:length].ljust(length, b"\0"))
    for start in range(0, length, BLOCK):
        if rng.random() < 0.5:
            fresh = now[start : min(start + BLOCK, length)]
            result[start : start + len(fresh)] = fresh
    return bytes(result)
