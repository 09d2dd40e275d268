"""Every format, read by somebody else's reader, says exactly what the table says."""

import csv
import io
import json
from datetime import datetime

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from barrio.tables.forms import Form
from barrio.tables.times import NEVER
from tests.barrio.tables.stage import AWKWARD, COLUMNS, START, part, rows_of, table

NAMES = ["point", "quantity", "unit", *(one.name for one in COLUMNS)]
ABSENT = part(
    3, "d/x/absent", time=np.array([START, NEVER, START + 1]), state=np.array([None, "on", None], object)
)
CASES = {
    "nothing": [],
    "no rows": [part(0)],
    "one row": [part(1)],
    "nanoseconds": [part(50)],
    "microseconds": [part(50, step=1_000_001_000)],
    "seconds": [part(50, step=1_000_000_000)],
    "two series, one in pieces": [part(40), part(60, first=40), part(30, 'd/y/Ünï, "q"')],
    "columns that a series has not": [part(5), ABSENT, part(5, "d/z/p")],
    "longer than a portion": [part(25_000)],
}


def written(form, parts):
    return b"".join(form.write(table(iter(parts))))


def ns(text):
    """Nanoseconds of a time as RFC 3339 writes it."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0") or 0)


def timed(text):
    return ns(text) if text else None


@pytest.mark.parametrize("parts", CASES.values(), ids=CASES)
def test_json(parts):
    """The series are whole, each with the columns that it has."""
    body = json.loads(written(Form.JSON, parts))
    rows = []
    for one in body["series"]:
        columns = [one.get(name, [None] * len(one["time"])) for name in NAMES[3:]]
        rows += [
            (one["point"], one["quantity"], one["unit"], timed(row[0]), *row[1:])
            for row in zip(*columns, strict=True)
        ]

    assert rows == list(rows_of(parts))
    assert len(body["series"]) == len({one.series["point"] for one in parts})
    assert body["every"] is None


@pytest.mark.parametrize("parts", CASES.values(), ids=CASES)
def test_ndjson(parts):
    """Every line has every key."""
    found = [json.loads(line) for line in written(Form.NDJSON, parts).decode().splitlines()]

    assert [(*list(one.values())[:3], timed(one["time"]), *list(one.values())[4:]) for one in found] == list(
        rows_of(parts)
    )
    assert all(list(one) == NAMES for one in found)


@pytest.mark.parametrize("parts", CASES.values(), ids=CASES)
def test_csv(parts):
    """Python's reader finds the header, and every cell once the apostrophe of what looks like a formula is gone."""
    text = written(Form.CSV, parts).decode()
    header, *found = csv.reader(io.StringIO(text, newline=""))
    rows = [
        (
            *row[:3],
            timed(row[3]),
            float(row[4]) if row[4] else None,
            int(row[5]) if row[5] else None,
            _undone(row[6]),
        )
        for row in found
    ]

    assert header == NAMES
    assert rows == [(*row[:6], row[6] or "") for row in rows_of(parts)]
    assert text.count("\r\n") == text.count("\n")


def _undone(text):
    return text.removeprefix("'")


@pytest.mark.parametrize("form", [Form.PARQUET, Form.ARROW])
@pytest.mark.parametrize("parts", CASES.values(), ids=CASES)
def test_arrow(form, parts):
    """Types and values are those of the table."""
    found = read(form, written(form, parts))
    columns = [
        found.column(name).cast(pa.int64()).to_pylist() if name == "time" else found.column(name).to_pylist()
        for name in NAMES
    ]

    assert list(zip(*columns, strict=True)) == list(rows_of(parts))
    assert found.schema.field("time").type == pa.timestamp("ns", "UTC")
    assert found.schema.field("count").type == pa.int64()
    assert pa.types.is_dictionary(found.schema.field("state").type)
    assert found.schema.field("value").metadata[b"unit"] == b"Cel"
    assert json.loads(found.schema.metadata[b"barrio"])["from"] == "2026-11-23T15:00:00.000000Z"


def read(form, data):
    if form is Form.PARQUET:
        return pq.read_table(io.BytesIO(data))
    return pa.ipc.open_stream(data).read_all()


@pytest.mark.parametrize("form", [Form.PARQUET, Form.CSV, Form.NDJSON])
def test_duckdb(form, tmp_path):
    """DuckDB reads the same from each of them."""
    parts = [part(300), part(20, "d/y/p")]
    file = tmp_path / f"found{form.suffix}"
    file.write_bytes(written(form, parts))
    how = {
        Form.CSV: "read_csv(?, header=true, all_varchar=false, types={'time': 'TIMESTAMP_NS'})",
        Form.NDJSON: "read_json(?, format='newline_delimited', columns={point: 'VARCHAR', time: 'TIMESTAMP_NS',"
        " value: 'DOUBLE', count: 'BIGINT', state: 'VARCHAR'})",
        Form.PARQUET: "read_parquet(?)",
    }[form]
    columns = "point, epoch_ns(time) AS time, value, count"
    query = f"FROM {how} SELECT {columns} ORDER BY point, time"
    found = duckdb.connect().execute(query, [str(file)]).fetchall()

    assert found == [(row[0], *row[3:6]) for row in rows_of(parts)]


def test_pandas():
    """Times are in UTC to the nanosecond for whoever reads Parquet and CSV with pandas."""
    parts = [part(100)]
    parquet = pd.read_parquet(io.BytesIO(written(Form.PARQUET, parts)))
    table_ = pd.read_csv(io.BytesIO(written(Form.CSV, parts)), parse_dates=["time"])
    times = [row[3] for row in rows_of(parts)]

    assert parquet["time"].astype("int64").tolist() == times
    assert table_["time"].dt.as_unit("ns").astype("int64").tolist() == times
    assert parquet["value"].equals(table_["value"])
    assert parquet["count"].tolist() == table_["count"].tolist()


def test_formulas():
    """Text that a spreadsheet would run is given as text; numbers below zero stay numbers."""
    texts = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\tx", "\rx", "\uff1d1", "'x", "x=1", "-"]
    times = START + np.arange(len(texts))
    one = part(0, time=times, value=np.full(len(texts), -1.5), state=np.array(texts, object))
    _, *found = csv.reader(io.StringIO(written(Form.CSV, [one]).decode(), newline=""))

    assert [row[6] for row in found] == [*(f"'{text}" for text in texts[:8]), "x=1", "'-"]
    assert {row[4] for row in found} == {"-1.5"}


def test_groups_of_rows():
    """A Parquet file has groups of an even size however the parts come, and says how it was compressed."""
    parts = [part(50_000, f"d/x/{at}") for at in range(6)]
    found = pq.ParquetFile(io.BytesIO(written(Form.PARQUET, parts)))
    sizes = [found.metadata.row_group(at).num_rows for at in range(found.metadata.num_row_groups)]

    assert sizes == [65_536] * 4 + [300_000 - 4 * 65_536]
    assert found.metadata.row_group(0).column(3).compression == "ZSTD"


def test_half_a_surrogate_pair():
    """Text that is no text is given with a question mark, in every format."""
    one = part(0, time=np.array([START]), state=np.array(["a\ud800"], object))

    assert all(b"a?" in written(form, [one]) for form in Form if form is not Form.PARQUET)
    assert read(Form.PARQUET, written(Form.PARQUET, [one])).column("state").to_pylist() == ["a?"]


def test_a_long_series_waits_in_a_file(monkeypatch):
    """Columns that come too early are put aside and come back whole."""
    monkeypatch.setattr("barrio.tables.columns._IN_MEMORY", 100)
    parts = [part(500, first=at) for at in range(0, 5_000, 500)]
    found = json.loads(written(Form.JSON, parts))["series"]

    assert len(found) == 1
    assert found[0]["value"] == [row[4] for row in rows_of(parts)]
    assert AWKWARD in found[0]["state"]
