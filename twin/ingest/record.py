"""One record of the spool: a batch as bytes that describe and prove themselves.

    0    magic "BRSP"
    4    version      u16
    6    header size  u16    with its checksum; where a later version puts the checksum is thereby known
    8    rows         u32
    12   payload size u32
    16   layouts      u32    four bits a column: full, constant, same as time
    20   written      i64    wall clock, ns UTC
    28   state        11 u64 see `books.State`, as of this record
    116  payload checksum  u32  CRC-32
    120  header checksum   u32  CRC-32, begun with the number of the segment
    124  payload: ids i32, time i64, received i64, device i64, value f64, quality u8, column by column

All little-endian. A header is believed only in the segment that it was written for, so bytes of another file that
surface in this one are never taken for records.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from twin.errors import StartError
from twin.frame import Batch
from twin.ingest.books import State

if TYPE_CHECKING:
    import numpy.typing as npt

MAGIC = b"BRSP"
VERSION = 1
_FIXED = struct.Struct("<4sHHIIIq11QI")
_CHECKSUM = struct.Struct("<I")
SIZE = _FIXED.size + _CHECKSUM.size

_FULL, _CONSTANT, _AS_TIME = 0, 1, 2
_TYPES = ("<i4", "<i8", "<i8", "<i8", "<f8", "|u1")


class Header(NamedTuple):
    """What a record says before its payload. `length` is that of the payload in bytes."""

    rows: int
    length: int
    layouts: int
    written: int
    state: State
    checksum: int


def encode(batch: Batch, state: State, written: int, segment: int) -> bytes:
    """Return the record of a batch for one segment."""
    layouts, payload = _pack(batch)
    checksum = zlib.crc32(payload)
    fixed = _FIXED.pack(MAGIC, VERSION, SIZE, len(batch), len(payload), layouts, written, *state, checksum)
    return b"".join((fixed, _CHECKSUM.pack(zlib.crc32(fixed, segment)), payload))


def decode_header(data: bytes, at: int, segment: int) -> Header | None:
    """Return the header that stands at `at`, None when there is none that proves itself.

    Raises `StartError` for a record of a later version: reading it wrongly would do more harm than not starting.
    """
    if data[at : at + 4] != MAGIC or len(data) - at < SIZE:
        return None
    version, size = struct.unpack_from("<HH", data, at + 4)
    end = at + size
    if size < SIZE or len(data) < end:
        return None
    proof = _CHECKSUM.unpack_from(data, end - _CHECKSUM.size)[0]
    if zlib.crc32(data[at : end - _CHECKSUM.size], segment) != proof:
        return None
    if version != VERSION:
        words = f"the spool holds records of format {version}, this barrio reads format {VERSION}"
        raise StartError(f"{words}: start the newer barrio that wrote them")
    _, _, _, rows, length, layouts, written, *state, checksum = _FIXED.unpack_from(data, at)
    return Header(rows, length, layouts, written, State(*state), checksum)


def proves(header: Header, data: bytes, at: int) -> bool:
    """Whether the payload that begins at `at` is whole and the one that was written."""
    payload = memoryview(data)[at : at + header.length]
    return len(payload) == header.length and zlib.crc32(payload) == header.checksum


def decode_payload(header: Header, data: bytes, at: int) -> Batch:
    """Return the batch whose payload begins at `at`, as columns of its own."""
    columns: list[npt.NDArray[Any]] = []
    for index, kind in enumerate(_TYPES):
        layout = header.layouts >> (4 * index) & 15
        if layout == _AS_TIME:
            columns.append(columns[1])
            continue
        dtype = np.dtype(kind)
        stored = np.frombuffer(data, dtype, header.rows if layout == _FULL else 1, at)
        at += stored.nbytes
        # Copied, since a view would be unaligned and would keep the whole record in memory.
        columns.append(stored.copy() if layout == _FULL else np.full(header.rows, stored[0], dtype))
    ids, time, received, device, value, quality = columns
    return Batch(ids, time, received, device, value, quality, header.state.seq)


def _pack(batch: Batch) -> tuple[int, bytes]:
    """Return the layouts and the payload."""
    layouts = (
        _FULL,
        _layout(batch.time),
        _AS_TIME if np.array_equal(batch.received, batch.time) else _layout(batch.received),
        _AS_TIME if np.array_equal(batch.device, batch.time) else _layout(batch.device),
        _FULL,
        _layout(batch.quality),
    )
    columns: list[npt.NDArray[Any]]
    columns = [batch.ids, batch.time, batch.received, batch.device, batch.value, batch.quality]
    pieces = []
    for column, layout, kind in zip(columns, layouts, _TYPES, strict=True):
        if layout != _AS_TIME:
            stored = column if layout == _FULL else column[:1]
            pieces.append(stored.astype(kind, copy=False).tobytes())
    return sum(layout << (4 * index) for index, layout in enumerate(layouts)), b"".join(pieces)


def _layout(column: npt.NDArray[Any]) -> int:
    """Tell whether one number stands for the whole column."""
    if column[0] != column[-1]:
        return _FULL
    return _CONSTANT if bool((column == column[0]).all()) else _FULL
