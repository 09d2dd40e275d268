"""Tables over HTTP: which format, which name, and what happens when somebody goes away on the way."""

import asyncio
import io
import json
import threading
import time

import httpx
import pyarrow as pa
import pytest

from barrio.tables.choice import accepted
from barrio.tables.forms import Form
from tests.barrio.tables.serving import application, served
from tests.barrio.tables.stage import part, rows_of, table
from twin.store.port import StoreBusy

LIKED = {
    "": Form.JSON,
    "*/*": Form.JSON,
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": Form.JSON,
    "text/csv": Form.CSV,
    "text/*": Form.CSV,
    "text/csv;q=0.5, application/x-ndjson": Form.NDJSON,
    "application/json;q=0.1, */*": Form.NDJSON,
    "application/*;q=0.2, application/json;q=0.1": Form.NDJSON,
    "application/vnd.apache.parquet": Form.PARQUET,
    "APPLICATION/VND.APACHE.ARROW.STREAM ; q=1.0": Form.ARROW,
    "text/csv;q=0, */*;q=0": None,
    "text/csv;q=nan": None,
    "text/html": None,
    "image/png, nonsense;;;q=, /": None,
}


@pytest.mark.parametrize(("header", "form"), LIKED.items())
def test_accept(header, form):
    """The most specific range says how much a format is liked, the usual format goes first among equals."""
    assert accepted(header) is form


@pytest.fixture
async def http():
    parts = [part(30), part(10, "d/y/p")]
    transport = httpx.ASGITransport(application(lambda: table(iter(parts))))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("form", Form)
async def test_format_goes_before_accept(http, form):
    """A format that is named is given whatever is accepted; its type and its file's name say which it is."""
    found = await http.get(
        "/table", params={"format": form}, headers={"Accept": "text/html", "Accept-Encoding": ""}
    )

    assert found.status_code == 200
    assert found.headers["content-type"] == form.content_type
    assert found.headers["content-disposition"].endswith(f'; filename="d_x_readings{form.suffix}"')
    assert found.headers["vary"].split(", ")[0] == "Accept"
    assert int(found.headers["content-length"]) == len(found.content)


async def test_by_accept(http):
    """Arrow comes to whoever accepts it."""
    found = await http.get("/table", headers={"Accept": "application/vnd.apache.arrow.stream, */*;q=0.1"})

    assert pa.ipc.open_stream(found.content).read_all().num_rows == 40


async def test_nothing_is_accepted(http):
    """406 says what there is."""
    found = await http.get("/table", headers={"Accept": "image/png"})

    assert (found.status_code, found.json()["title"]) == (406, "Not Acceptable")
    assert "text/csv" in found.json()["detail"]
    assert (await http.get("/table", params={"format": "xml"})).status_code == 400


class Away:
    """Parts of a store that is away."""

    def __iter__(self):
        raise StoreBusy("store", "away")


async def test_an_error_before_the_first_byte_is_a_problem():
    """A store that is away is said with 503."""

    transport = httpx.ASGITransport(application(lambda: table(Away())))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        found = await client.get("/table", params={"format": "csv"})

    assert (found.status_code, found.headers["content-type"]) == (503, "application/problem+json")


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
async def test_an_error_after_the_first_byte_breaks_the_answer(form, encoding):
    """No reader takes half an answer for a whole one, whatever the format and the encoding."""

    def parts():
        for at in range(40):
            yield part(25_000, first=at)
        raise StoreBusy("store", "away")

    async with served(application(lambda: table(parts()))) as server, httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(
                f"{server.url}/table", params={"format": form}, headers={"Accept-Encoding": encoding}
            )


class Counted:
    """Parts without end, that count how far they were read and whether they were stopped."""

    def __init__(self) -> None:
        self.read = 0
        self.stopped = threading.Event()

    def __iter__(self):
        try:
            while True:
                self.read += 1
                yield part(20_000, first=self.read)
        finally:
            self.stopped.set()


async def begun(port: int) -> asyncio.StreamWriter:
    """Ask, and read a little of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
    writer.write(b"GET /table?format=csv HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.read(100)).startswith(b"HTTP/1.1 200 OK")
    return writer


async def test_a_reader_that_goes_away_stops_the_store():
    """Soon after a client is gone nothing is read for it any more."""
    parts = Counted()
    async with served(application(lambda: table(parts))) as server:
        writer = await begun(server.port)
        writer.close()

        assert await asyncio.to_thread(parts.stopped.wait, 5)


async def test_a_slow_reader_is_left(monkeypatch):
    """Whoever takes nothing is waited for a while, holds no thread meanwhile, and makes nobody read ahead."""
    monkeypatch.setattr("barrio.tables.answer.PATIENCE_S", 0.5)
    parts = Counted()
    answers: list[int] = []
    app = application(lambda: table(parts))
    async with served(app) as server, httpx.AsyncClient() as client:
        writer = await begun(server.port)
        while not answers or answers[-1] != parts.read:
            answers.append(parts.read)
            await asyncio.sleep(0.2)
        others = application(lambda: table(iter([part(5)])))
        async with served(others) as other:
            assert (await client.get(f"{other.url}/table")).status_code == 200

        assert await asyncio.to_thread(parts.stopped.wait, 5)
        writer.close()


async def test_a_long_answer_is_streamed():
    """What is longer than a megabyte comes in chunks, and is all there."""
    parts = [part(25_000, first=at) for at in range(0, 100_000, 25_000)]
    began = time.process_time()
    async with served(application(lambda: table(iter(parts)))) as server, httpx.AsyncClient() as client:
        found = await client.get(f"{server.url}/table", params={"format": "json"})
        lines = await client.get(f"{server.url}/table", params={"format": "ndjson"})

    assert found.headers["transfer-encoding"] == "chunked"
    assert json.loads(found.content)["series"][0]["value"] == [row[4] for row in rows_of(parts)]
    assert len(io.BytesIO(lines.content).readlines()) == 100_000
    assert time.process_time() - began < 20


async def test_the_kernel_breaks_what_nobody_takes(monkeypatch):
    """A connection whose other end takes nothing is gone with what waits in its buffers."""
    monkeypatch.setattr("barrio.api.server.STALLED_MS", 1_000)
    monkeypatch.setattr("barrio.tables.answer.PATIENCE_S", 0.5)
    parts = Counted()
    async with served(application(lambda: table(parts))) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=4096)
        writer.write(b"GET /table?format=csv HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.to_thread(parts.stopped.wait, 10)
        await asyncio.sleep(3)

        with pytest.raises(ConnectionResetError):
            await reader.read(-1)
        writer.close()
