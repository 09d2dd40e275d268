"""Parquet and Arrow: columns as they are, texts by dictionary, times in ns UTC, and in the schema what it all is.

pyarrow takes 35 MB of memory: this module is imported when somebody asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from barrio import __version__
from barrio.tables.cells import NEVER, OPTIONS
from barrio.tables.portions import portions
from barrio.tables.table import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from barrio.tables.table import Column, Part, Table

ROWS_A_GROUP = 131_072
"""Of a Parquet file, which is written and read a group at a time."""

ROWS_A_BATCH = 32_768
"""Of an Arrow stream."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
_TYPES = {
    Kind.TIME: pa.timestamp("ns", "UTC"),
    Kind.NUMBER: pa.float64(),
    Kind.INTEGER: pa.int64(),
    Kind.TEXT: _TEXT,
}


def write_stream(table: Table) -> Iterator[bytes]:
    """Yield a table as an Arrow IPC stream; a batch has dictionaries of its own."""
    schema, sink = schema_of(table), _Sink()
    with pa.ipc.new_stream(sink, schema) as writer:
        yield from sink.taken()
        for some in portions(table.parts, ROWS_A_BATCH):
            writer.write_batch(_batch(some, table, schema))
            yield from sink.taken()
    yield from sink.taken()


def write_parquet(table: Table) -> Iterator[bytes]:
    """Yield a table as a Parquet file, compressed with zstd; its columns are described at its end."""
    schema, sink = schema_of(table), _Sink()
    texts = [one.name for one in schema if one.type == _TEXT]
    writer = pq.ParquetWriter(sink, schema, compression="zstd", use_dictionary=texts, version="2.6")
    with writer:
        yield from sink.taken()
        for some in portions(table.parts, ROWS_A_GROUP):
            writer.write_batch(_batch(some, table, schema), row_group_size=ROWS_A_GROUP)
            yield from sink.taken()
    yield from sink.taken()


def schema_of(table: Table) -> pa.Schema:
    """Return the schema of a table; units are in the metadata of columns, the head and who made it in the schema's."""
    fields = [pa.field(name, _TEXT) for name in table.constants]
    fields += [_field(one) for one in table.columns]
    head = orjson.dumps(dict(table.head), option=OPTIONS).decode()
    return pa.schema(fields, {"barrio": head, "creator": f"barrio {__version__}"})


def _field(column: Column) -> pa.Field:
    return pa.field(column.name, _TYPES[column.kind], metadata={"unit": column.unit} if column.unit else None)


def _batch(parts: Sequence[Part], table: Table, schema: pa.Schema) -> pa.RecordBatch:
    lengths = np.array([len(part) for part in parts])
    arrays = [_constant([part.series.get(name) for part in parts], lengths) for name in table.constants]
    arrays += [_array(one, parts, lengths) for one in table.columns]
    return pa.record_batch(arrays, schema=schema)


def _constant(texts: Sequence[str | None], lengths: np.ndarray[Any, Any]) -> pa.Array:
    """Return one text of each part, as often as the part has rows."""
    known = {text: at for at, text in enumerate(dict.fromkeys(one for one in texts if one is not None))}
    codes = np.repeat(
        np.array([known.get(text or "", -1) if text is not None else -1 for text in texts]), lengths
    )
    return _coded(codes.astype(np.int32), list(known))


def _array(column: Column, parts: Sequence[Part], lengths: np.ndarray[Any, Any]) -> pa.Array:
    if column.kind is Kind.TEXT:
        found = [_cells(part, column.name) for part in parts]
        return _texts(found)
    kind = _TYPES[column.kind]
    arrays = [
        _numbers(column.kind, part.columns[column.name])
        if column.name in part.columns
        else pa.nulls(length, kind)
        for part, length in zip(parts, lengths.tolist(), strict=True)
    ]
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)


def _numbers(kind: Kind, column: np.ndarray[Any, Any]) -> pa.Array:
    if kind is Kind.TIME:
        return pa.array(
            column.view("datetime64[ns]"), pa.timestamp("ns", "UTC"), mask=_absent(column == NEVER)
        )
    if kind is Kind.INTEGER:
        return pa.array(column, pa.int64())
    return pa.array(column, pa.float64(), mask=_absent(np.isnan(column)))


def _absent(mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    return mask if mask.any() else None


def _cells(part: Part, name: str) -> list[str | None]:
    return part.columns[name].tolist() if name in part.columns else [None] * len(part)


def _texts(columns: Sequence[Sequence[str | None]]) -> pa.Array:
    known: dict[str | None, int] = {None: -1}
    for column in columns:
        for text in dict.fromkeys(column):
            known.setdefault(text, len(known) - 1)
    codes = np.concatenate(
        [np.fromiter(map(known.__getitem__, column), np.int32, len(column)) for column in columns]
    )
    return _coded(codes, list(known)[1:])


def _coded(codes: np.ndarray[Any, Any], texts: Sequence[str | None]) -> pa.Array:
    words = pa.array([one and one.encode("utf-8", "replace").decode() for one in texts], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=_absent(codes < 0)), words)


class _Sink:
    """A file to pyarrow; what was written is taken out as it comes."""

    closed = False

    def __init__(self) -> None:
        self._found: list[bytes] = []
        self._length = 0

    def write(self, data: Any) -> int:
        """Take bytes; a buffer of pyarrow's is only good until this returns."""
        piece = bytes(data)
        self._found.append(piece)
        self._length += len(piece)
        return len(piece)

    def tell(self) -> int:
        """Return how much was written so far."""
        return self._length

    def flush(self) -> None:
        """Do nothing: it is in memory."""

    def close(self) -> None:
        """Do nothing: what is left is still taken out."""

    def taken(self) -> Iterator[bytes]:
        """Yield what was written since the last time."""
        found, self._found = self._found, []
        yield from found
