"""Formats and compressions of one answer: 10,000 readings of a point, each format beside the least that it may cost.

JSON is compared with `orjson.dumps` of the same columns, Arrow with one batch that pyarrow writes of the same arrays.
CSV and NDJSON are rows a second. Of compressions it is said what they take and leave of the JSON, by level.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable

import numpy as np
import orjson
import pyarrow as pa
import zstandard

from barrio.tables.forms import Form
from barrio.tables.table import Column, Kind, Part, Table
from barrio.tables.times import OPTIONS
from tests.bench.result import RUNS, Result, median_of, print_results

ROWS = 10_000
TIMES = 20
COLUMNS = (Column("time", Kind.TIME), Column("value", Kind.NUMBER), Column("quality", Kind.TEXT))


def main() -> None:
    """Run and print."""
    part = _part()
    columns = dict(part.columns)
    whole = b"".join(Form.JSON.write(_table([part])))

    def bare_json() -> bytes:
        moments = (columns["time"] // 1000).view("datetime64[us]")
        body = {
            **part.series,
            "time": moments,
            "value": columns["value"],
            "quality": columns["quality"].tolist(),
        }
        return orjson.dumps({"series": [body]}, option=OPTIONS)

    def bare_arrow() -> bytes:
        names = pa.array(columns["quality"].tolist(), pa.string()).dictionary_encode()
        moments = pa.array(columns["time"].view("datetime64[ns]"))
        batch = pa.record_batch([moments, pa.array(columns["value"]), names], ["time", "value", "quality"])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return bytes(sink.getvalue().to_pybytes())

    results = [
        _ratio("table_json_to_bare", lambda: _written(Form.JSON, part), bare_json),
        _ratio("table_arrow_to_bare", lambda: _written(Form.ARROW, part), bare_arrow),
    ]
    for form in (Form.CSV, Form.NDJSON, Form.PARQUET):
        rates = [ROWS / _took(lambda form=form: _written(form, part)) for _ in range(RUNS)]  # type: ignore[misc] # bound here
        results.append(median_of(f"table_{form}_rows", "rows/s", "", rates))
    results += _compressions(whole)
    print_results(results)


def _compressions(whole: bytes) -> Iterable[Result]:
    ways: dict[str, Callable[[], bytes]] = {
        "gzip_1": lambda: zlib.compress(whole, 1, zlib.MAX_WBITS | 16),
        "gzip_6": lambda: zlib.compress(whole, 6, zlib.MAX_WBITS | 16),
        "zstd_1": lambda: zstandard.ZstdCompressor(level=1).compress(whole),
        "zstd_3": lambda: zstandard.ZstdCompressor(level=3).compress(whole),
    }
    for name, compress in ways.items():
        share = round(len(compress()) / len(whole), 3)
        yield median_of(
            f"table_{name}_ms", "ms", "", [_took(compress) * 1000 for _ in range(RUNS)], share=share
        )


def _part() -> Part:
    at = np.arange(ROWS)
    value = np.round(20 + 5 * np.sin(at / 100) + np.random.default_rng(1).normal(0, 0.1, ROWS), 2)
    moments = 1_764_000_000_123_456_000 + at * 1_000_000_000
    quality = np.array(["good"], object)[np.zeros(ROWS, np.intp)]
    return Part(
        {"point": "bench/device-1/p1", "quantity": "air_temperature", "unit": "Cel"},
        {"time": moments, "value": value, "quality": quality},
    )


def _table(parts: Iterable[Part]) -> Table:
    return Table({"from": "2025-11-24T16:00:00Z", "to": "2025-11-24T19:00:00Z"}, COLUMNS, parts)


def _written(form: Form, part: Part) -> bytes:
    return b"".join(form.write(_table([part])))


def _ratio(name: str, ours: Callable[[], bytes], bare: Callable[[], bytes]) -> Result:
    pairs = [(_took(ours), _took(bare)) for _ in range(RUNS)]
    facts = {
        "ms": round(min(own for own, _ in pairs) * 1000, 3),
        "bare_ms": round(min(one for _, one in pairs) * 1000, 3),
    }
    return median_of(name, "times the time", "<= 2", [own / other for own, other in pairs], **facts)


def _took(function: Callable[[], bytes]) -> float:
    """Seconds of one call."""
    function()
    begun = time.perf_counter()
    for _ in range(TIMES):
        function()
    return (time.perf_counter() - begun) / TIMES


if __name__ == "__main__":
    main()
