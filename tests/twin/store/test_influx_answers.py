"""What an InfluxDB, or what stands in its place, may answer: all that was asked for, or an error."""

import json
import socket
import threading
import time
import zlib
from contextlib import closing, contextmanager, suppress

import numpy as np
import pytest

from tests.contract.store import MINUTE, STATES, T0, WARM, catalogue, ids, rows
from tests.twin.store.standin import Answer, StandIn
from twin.store import influx_http
from twin.store.influx import InfluxStore
from twin.store.influx_http import Access, InfluxHTTP
from twin.store.port import Aggregate, StoreBusy

_RAW = ("time", "value", "state", "quality", "received", "device_time")
_HERE = {"device": "hall", "point": "warm"}


@pytest.fixture
def standin():
    with StandIn("1.6.7") as server:
        server.answers["/query"] = Answer(200, b'{"results":[{}]}')
        yield server


@pytest.fixture
def opened(standin):
    made = []

    def open_store():
        made.append(InfluxStore(standin.url, timeout_s=5.0))
        made[-1].open(catalogue("d"), STATES)
        return made[-1]

    yield open_store
    for store in made:
        store.close()


def _answered(*rows_of, columns=_RAW, name="air_temperature", tags=None, **more):
    series = {"name": name, "tags": tags or _HERE, "columns": columns, "values": rows_of}
    return Answer(200, json.dumps({"results": [{"statement_id": 0, "series": [series], **more}]}).encode())


def _row(time, value=21.5):
    return [time, value, None, None, None, None]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b""),
        Answer(200, b"\n \n"),
        Answer(200, b"{}"),
        Answer(200, b'{"status":"ok"}'),
        Answer(200, b'{"results":null}'),
        Answer(200, b'{"results":[]}'),
        Answer(200, b'{"results":[{"series":null}]}'),
        Answer(200, b'{"results":[{"error":7}]}'),
        Answer(200, b'{"results":[{"statement_id":0,"partial":true}]}'),
        _answered(_row(T0), partial=True),
        _answered(_row(T0), name="active_power"),
        _answered(_row(T0), tags={"device": "hall", "point": "cold"}),
        _answered(_row(T0, "21.5")),
        _answered(_row(T0, True)),
        _answered(_row(T0, [1, 2])),
        _answered(_row(float(T0))),
        _answered(_row(str(T0))),
        _answered(_row(T0 - 1)),
        _answered(_row(T0 + MINUTE)),
        _answered(_row(10**30)),
    ],
)
def test_an_answer_to_another_question(standin, opened, answer):
    """What is not whole, or not what was asked for, is an error: never fewer readings, other ones, or a bug."""
    store = opened()
    standin.answers["/query"] = _answered(_row(T0))
    good = store.raw(ids(WARM), T0, T0 + MINUTE).value.tolist()
    standin.answers["/query"] = answer
    with pytest.raises(StoreBusy, match=r"not understood|not whole"):
        store.raw(ids(WARM), T0, T0 + MINUTE)

    assert good == [21.5]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_question_that_is_refused(standin, opened, status):
    """No data are refused with a question: who asks may try again, as with all else that a query is answered with."""
    store = opened()
    standin.answers["/query"] = Answer(status, b'{"error":"error parsing query"}')
    with pytest.raises(StoreBusy, match=f"answered {status}: error parsing query"):
        store.latest(ids(WARM))


@pytest.mark.parametrize(
    "cells",
    [
        [[T0, 0, 43.0]],
        [[T0, None, 43.0]],
        [[T0, -2, 43.0]],
        [[T0, "2", 43.0]],
        [[T0, 2, "43"]],
        [[T0, 2, 43.0], [T0, 2, 43.0]],
        [[T0 - MINUTE, 2, 43.0]],
        [[T0 + 2 * MINUTE, 2, 43.0]],
        [[T0, 2]],
    ],
)
def test_windows_that_were_not_asked_for(standin, opened, cells):
    """What the database reduced is checked likewise: a window told twice, without a count or from elsewhere."""
    store = opened()
    edges = np.array([T0, T0 + MINUTE, T0 + 2 * MINUTE])
    standin.answers["/query"] = _answered([T0, 2, 43.0], columns=("time", "count", "sum"))
    good = store.windows(ids(WARM), edges, [Aggregate.MEAN])[WARM].columns["mean"].tolist()
    standin.answers["/query"] = _answered(*cells, columns=("time", "count", "sum")[: len(cells[0])])
    with pytest.raises(StoreBusy, match="not understood"):
        store.windows(ids(WARM), edges, [Aggregate.MEAN])

    assert good[0] == 21.5


@pytest.mark.parametrize("count", [0, None])
def test_a_window_of_nothing(standin, opened, count):
    """Engines differ in whether they leave out a window whose readings are all bad; it is the same to who asks."""
    store = opened()
    edges = np.array([T0, T0 + MINUTE, T0 + 2 * MINUTE])
    rows_of = [[T0, count, None], [T0 + MINUTE, 2, 43.0]]
    standin.answers["/query"] = _answered(*rows_of, columns=("time", "count", "sum"))
    found = store.windows(ids(WARM), edges, [Aggregate.MEAN, Aggregate.COUNT])[WARM].columns

    assert np.isnan(found["mean"][0])
    assert found["mean"][1] == 21.5
    assert found["count"].tolist() == [0, 2]


@pytest.mark.parametrize(("version", "finds"), [("3.9.0", True), ("2.9.1", False), ("1.12.4", False)])
def test_an_answer_without_a_line(standin, version, finds):
    """3 Core answers nothing where it finds nothing; of the others that is half an answer."""
    standin.ping = Answer(204, headers={"X-Influxdb-Version": version})
    standin.answers["/query"] = Answer(200, b"")
    with closing(InfluxHTTP(standin.url, Access(), 5.0, None)) as http:
        http.ping()
        if finds:
            assert list(http.query("d", "SELECT")) == []
        else:
            with pytest.raises(StoreBusy, match="not whole"):
                list(http.query("d", "SELECT"))


def _bomb():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b"x" * 1_000_000) for _ in range(200)) + packer.flush()


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"x" * 80_000_000, {}), (_bomb(), {"Content-Encoding": "gzip"})],
    ids=["endless", "bomb"],
)
def test_an_answer_without_an_end(standin, opened, body, headers):
    """A line that does not end, and one that grows when it is unpacked, are left where they are."""
    store = opened()
    standin.answers["/query"] = Answer(200, body, headers)
    with pytest.raises(StoreBusy, match="more than 67,108,864 bytes"):
        store.latest(ids(WARM))


@contextmanager
def _dripping(status):
    """A server whose answers come a byte at a time; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.1 %d Well\r\nContent-Length: 1000\r\n\r\n" % status)
                    for _ in range(1_000):
                        connection.sendall(b" ")
                        time.sleep(0.1)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize(
    ("status", "call"),
    [
        (200, lambda http: list(http.query("d", "SELECT"))),
        (503, lambda http: http.write("d", b"x")),
        (503, InfluxHTTP.ping),
    ],
    ids=["query", "write", "ping"],
)
def test_an_answer_that_drips(monkeypatch, status, call):
    """Bytes that come now and then keep nobody longer than a whole answer may take."""
    monkeypatch.setattr(influx_http, "_TIMEOUTS", 0.1)
    with _dripping(status) as url:
        http = InfluxHTTP(url, Access(), 5.0, "2")
        with pytest.raises(StoreBusy, match=r"no whole answer within 0\.5 s"):
            call(http)
        http.close()


def test_a_connection_is_used_again(influxdb):
    """Answers are read to their end, also those to writes that say nothing: no request needs a new connection."""
    store = InfluxStore(influxdb.url, database_prefix="again_")
    seen = []
    store._http._client.event_hooks["response"] = [
        lambda answer: seen.append(answer.extensions["network_stream"].get_extra_info("client_addr"))
    ]
    store.open(catalogue("d"), STATES)
    for _ in range(3):
        store.write(rows(WARM, (T0, 21.5)))
        store.latest(ids(WARM))
    store.close()

    assert len(seen) > 6
    assert len(set(seen)) == 1
