"""The newest states of the spool, in a small file of fixed size that is written round and round.

Space is taken once, when the file is made: noting that the store has taken a batch needs no new block, so a full
disk can always be emptied. Slots are written without a sync of their own; a process that is killed leaves them to
the kernel, and what a power cut takes from them only means that batches are delivered again.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from twin.files import Files, write_all
from twin.ingest.books import State

if TYPE_CHECKING:
    from pathlib import Path

SLOTS = 512
_SLOT = struct.Struct("<12Q")
_CHECKSUM = struct.Struct("<I")
SLOT_SIZE = 128
_BLANK = bytes(SLOT_SIZE)


class Ring:
    """The states. Not locked: the spool calls it with its own lock held."""

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self.states: list[State] = []
        self.damaged = False
        self._files = files
        self._turn = 0
        self._descriptor = -1

    def open(self) -> None:
        """Read the states that prove themselves, oldest first; `damaged` when others had stood there."""
        if self.path.name not in self._files.names(self.path.parent):
            self._create()
        data = self._files.read(self.path)
        self._descriptor = self._files.open(self.path)
        self._load(data)
        if len(data) < SLOTS * SLOT_SIZE:
            self.damaged = True
            write_all(self._files, self._descriptor, bytes(SLOTS * SLOT_SIZE - len(data)), len(data))

    def write(self, state: State) -> None:
        """Write a state into the next slot."""
        self._turn += 1
        body = _SLOT.pack(self._turn, *state)
        data = (body + _CHECKSUM.pack(zlib.crc32(body))).ljust(SLOT_SIZE, b"\0")
        write_all(self._files, self._descriptor, data, self._turn % SLOTS * SLOT_SIZE)

    def write_durably(self, state: State) -> None:
        """Write a state twice, so that no single damaged slot takes it away, and return once it is on the disk."""
        self.write(state)
        self.write(state)
        self._files.sync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            self._files.close(self._descriptor)
            self._descriptor = -1

    def _create(self) -> None:
        draft = self.path.with_suffix(".draft")
        if draft.name in self._files.names(draft.parent):
            self._files.unlink(draft)
        descriptor = self._files.open(draft, create=True)
        try:
            write_all(self._files, descriptor, bytes(SLOTS * SLOT_SIZE), 0)
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)
        self._files.rename(draft, self.path)
        self._files.sync_folder(self.path.parent)

    def _load(self, data: bytes) -> None:
        found = []
        for at in range(0, len(data), SLOT_SIZE):
            slot = data[at : at + SLOT_SIZE]
            body = slot[: _SLOT.size]
            if slot == _BLANK:
                continue
            proof = slot[_SLOT.size : _SLOT.size + _CHECKSUM.size]
            if proof == _CHECKSUM.pack(zlib.crc32(body)) and len(body) == _SLOT.size:
                found.append(_SLOT.unpack(body))
            else:
                self.damaged = True
        found.sort()
        self.states = [State(*state) for _, *state in found]
        self._turn = found[-1][0] if found else 0
