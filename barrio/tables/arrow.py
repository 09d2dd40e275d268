"""Parquet and Arrow: columns as they are, texts by dictionary, times in ns UTC, and in the schema what it all is.

pyarrow takes 35 MB of memory: this module is imported when somebody asks for it.
"""

from __future__ import annotations

import io
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa

# What `pyarrow.parquet.ParquetWriter` is made of: that one also loads clients of five clouds, which take 10 MB.
from pyarrow._parquet import ParquetWriter

from barrio import __version__
from barrio.tables.coded import coded
from barrio.tables.portions import portions
from barrio.tables.table import Kind
from barrio.tables.times import NEVER, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from barrio.tables.table import Column, Part, Table

    Numbers = npt.NDArray[np.int64]

ROWS_A_GROUP = 65_536
"""Of a Parquet file, which is written and read a group at a time."""

ROWS_A_BATCH = 32_768
"""Of an Arrow stream."""

_SMALL = 4_096
"""Bytes; columns are longer and go past the buffer."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
_TYPES = {
    Kind.TIME: pa.timestamp("ns", "UTC"),
    Kind.NUMBER: pa.float64(),
    Kind.INTEGER: pa.int64(),
    Kind.TEXT: _TEXT,
}

_ABSENT = {Kind.TIME: NEVER, Kind.NUMBER: np.nan, Kind.INTEGER: 0}


def write_stream(table: Table) -> Iterator[bytes]:
    """Yield a table as an Arrow IPC stream; a batch has dictionaries of its own.

    A batch is given when the next one has been read, so that what is one batch is one piece, which nobody joins.
    """
    schema, sink = schema_of(table), _Sink()
    # A batch is written in dozens of pieces of a few bytes, each of which would be a call from C++ to Python.
    file = pa.BufferedOutputStream(pa.PythonFile(sink, "w"), _SMALL)
    with pa.ipc.new_stream(file, schema) as writer:
        for some in portions(table.parts, ROWS_A_BATCH):
            yield from sink.taken()
            writer.write_batch(_batch(some, table, schema))
            file.flush()
    file.flush()
    yield from sink.taken()


def write_parquet(table: Table) -> Iterator[bytes]:
    """Yield a table as a Parquet file, compressed with zstd; its columns are described at its end."""
    schema, sink = schema_of(table), _Sink()
    texts = [one.name for one in schema if one.type == _TEXT]
    writer = ParquetWriter(
        sink, schema, use_dictionary=texts, compression="zstd", version="2.6", writer_engine_version="V2"
    )
    yield from sink.taken()
    for some in portions(table.parts, ROWS_A_GROUP):
        writer.write_table(pa.Table.from_batches([_batch(some, table, schema)]), row_group_size=ROWS_A_GROUP)
        yield from sink.taken()
    writer.close()
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
    lengths = np.array([len(part) for part in parts], np.int64)
    arrays = [_constant([part.series.get(name) for part in parts], lengths) for name in table.constants]
    arrays += [_array(one, parts, lengths) for one in table.columns]
    return pa.record_batch(arrays, schema=schema)


def _constant(texts: Sequence[str | None], lengths: Numbers) -> pa.Array:
    """Return one text of each part, as often as the part has rows."""
    known = {text: at for at, text in enumerate(dict.fromkeys(one for one in texts if one is not None))}
    places = [-1 if text is None else known[text] for text in texts]
    codes = np.array(places, np.int32)
    codes = np.full(int(lengths[0]), codes[0]) if len(places) == 1 else np.repeat(codes, lengths)
    return _coded(codes, list(known), absent=-1 in places)


def _array(column: Column, parts: Sequence[Part], lengths: Numbers) -> pa.Array:
    there = [part.columns.get(column.name) for part in parts]
    if column.kind is Kind.TEXT:
        return _texts(there, lengths)
    missing = _ABSENT[column.kind]
    pairs = zip(there, lengths.tolist(), strict=True)
    found = [np.full(length, missing) if one is None else one for one, length in pairs]
    values = found[0] if len(found) == 1 else np.concatenate(found)
    if column.kind is Kind.INTEGER:
        absent = np.repeat([one is None for one in there], lengths)
    else:
        absent = np.isnan(values) if column.kind is Kind.NUMBER else values == NEVER
    return _plain(_TYPES[column.kind], values, absent)


def _texts(columns: Sequence[npt.NDArray[Any] | None], lengths: Numbers) -> pa.Array:
    known: dict[str, int] = {}
    found, absent = [], False
    for column, length in zip(columns, lengths.tolist(), strict=True):
        if column is None:
            found.append(np.full(length, -1, np.int32))
            absent = True
            continue
        codes, texts = coded(column)
        places = [-1 if text is None else known.setdefault(text, len(known)) for text in texts]
        absent = absent or -1 in places
        found.append(np.array(places, np.int32)[codes] if places != list(range(len(places))) else codes)
    codes = found[0] if len(found) == 1 else np.concatenate(found)
    return _coded(codes, list(known), absent=absent)


def _coded(codes: npt.NDArray[np.int32], texts: Sequence[str], *, absent: bool) -> pa.Array:
    """Return texts by dictionary; `absent`: whether there are codes below 0, which stand for none."""
    words = [text.encode("utf-8", "replace") for text in texts]
    ends = np.array([0, *accumulate(map(len, words))], np.int32)
    dictionary = pa.StringArray.from_buffers(len(words), pa.py_buffer(ends), pa.py_buffer(b"".join(words)))
    places = _plain(pa.int32(), np.maximum(codes, 0), codes < 0) if absent else _plain(pa.int32(), codes)
    # `safe` would look at each code once more.
    return pa.DictionaryArray.from_arrays(places, dictionary, safe=False)


def _plain(
    kind: pa.DataType, values: npt.NDArray[Any], absent: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Return numbers as they lie in memory; `pa.array` would import pandas where there is one, which takes 50 MB."""
    bits = None
    if absent is not None and absent.any():
        bits = pa.py_buffer(np.packbits(~absent, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bits, pa.py_buffer(np.ascontiguousarray(values))])


class _Sink(io.BytesIO):
    """A file to pyarrow; what was written is taken out as it comes."""

    _taken = 0

    def tell(self) -> int:
        """Return how much was written so far."""
        return self._taken + super().tell()

    def close(self) -> None:
        """Do nothing: what is left is still taken out."""

    def taken(self) -> Iterator[bytes]:
        """Yield what was written since the last time."""
        found = self.getvalue()
        self.seek(0)
        self.truncate()
        self._taken += len(found)
        if found:
            yield found
