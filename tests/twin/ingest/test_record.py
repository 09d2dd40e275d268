from __future__ import annotations

import base64

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.twin.ingest.batches import START, same
from twin.frame import Batch
from twin.ingest import record
from twin.ingest.books import State

# Written by the first version: a data folder from then must open for ever.
FORMAT_1 = base64.b64decode(
    "QlJTUAEAfAADAAAARwAAAAAhAAALAPMjhFvXGAsAAAAAAAAADAAAAAAAAAANAAAAAAAAAA4AAAAAAAAADwAAAAAAAAAQAAAAAAAAABEA"
    "AAAAAAAAEgAAAAAAAAATAAAAAAAAABQAAAAAAAAAFQAAAAAAAAAMl8SPG20/vQEAAAACAAAALAEAAAAA8yOEW9cYBQDzI4Rb1xgJAPMj"
    "hFvXGAoA8yOEW9cYAAAAAAAA+D8AAAAAAAD4fwAAAAAAAACAAIIA"
)
SEGMENT = 7


def whole(n, kind):
    return arrays.arrays(kind, n)


@st.composite
def batches(draw):
    n = draw(st.integers(1, 20))
    time = draw(whole(n, np.int64))
    received = draw(st.sampled_from([time.copy(), np.zeros(n, np.int64)]) | whole(n, np.int64))
    device = draw(st.sampled_from([time.copy(), np.zeros(n, np.int64)]) | whole(n, np.int64))
    ids, value, quality = (draw(whole(n, kind)) for kind in (np.int32, np.float64, np.uint8))
    return Batch(ids, time, received, device, value, quality)


@given(given_batch=batches())
def test_any_batch_round_trips(given_batch):
    """Every batch comes back to the bit, whatever stands in its columns."""
    data = record.encode(given_batch, State(seq=9), START, SEGMENT)
    header = record.decode_header(data, 0, SEGMENT)

    assert header is not None
    assert record.proves(header, data, record.SIZE)
    assert header.length == len(data) - record.SIZE
    found = record.decode_payload(header, data, record.SIZE)
    assert same(found, given_batch)
    assert found.seq == 9


def test_format_1_stays_readable():
    """A record that the first version wrote means today what it meant then."""
    header = record.decode_header(FORMAT_1, 0, SEGMENT)

    assert header is not None
    assert header.state == State(*range(11, 22))
    assert (header.rows, header.written) == (3, START + 11)
    assert record.proves(header, FORMAT_1, record.SIZE)
    batch = record.decode_payload(header, FORMAT_1, record.SIZE)
    assert batch.ids.tolist() == [1, 2, 300]
    assert batch.time.tolist() == batch.device.tolist() == [START, START + 5, START + 9]
    assert batch.received.tolist() == [START + 10] * 3
    assert str(batch.value.tolist()) == "[1.5, nan, -0.0]"
    assert batch.quality.tolist() == [0, 130, 0]


@given(data=st.binary(max_size=300), at=st.integers(0, 300))
def test_no_bytes_are_taken_for_a_header(data, at):
    """Bytes that nobody wrote are no record, wherever they are looked at."""
    assert record.decode_header(data, at, SEGMENT) is None
    assert record.decode_header(record.MAGIC + data, 0, SEGMENT) is None


def test_usual_batches_are_small():
    """A polled batch takes 20 bytes a reading: id, time and value, the rest said once."""
    n = 1000
    time = np.arange(n, dtype=np.int64)
    batch = Batch(
        np.arange(n, dtype=np.int32), time, time, np.zeros(n, np.int64), np.ones(n), np.zeros(n, np.uint8)
    )

    assert len(record.encode(batch, State(), 0, 1)) == record.SIZE + 20 * n + 8 + 1
