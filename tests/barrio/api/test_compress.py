"""Answers are compressed for whoever takes that, and bodies that are compressed are not taken."""

import gzip

import httpx
import pytest
import zstandard
from fastapi import FastAPI
from fastapi.responses import Response, StreamingResponse

from barrio.api.compress import Compress, liked

TEXT = b'{"a": 1, "b": "words and words"}' * 100
LIKED = {
    "": "",
    "gzip": "gzip",
    "zstd": "zstd",
    "gzip, deflate, br, zstd": "zstd",
    "*": "zstd",
    "gzip;q=1.0, zstd;q=0.5": "gzip",
    "zstd;q=0, *": "gzip",
    "identity;q=1, gzip;q=0.5": "",
    "br": "",
    "gzip;q=0": "",
    "GZIP;Q=0.1": "gzip",
}


@pytest.mark.parametrize(("header", "encoding"), LIKED.items())
def test_what_is_liked(header, encoding):
    """The encoding with the largest weight is taken, zstd among equals."""
    assert liked([header]) == encoding


def application() -> FastAPI:
    app = FastAPI()
    app.add_middleware(Compress)

    @app.api_route("/text", methods=["GET", "HEAD"])
    async def text(tag: str = 'W/"1"', media: str = "application/json", cache: str = "") -> Response:
        return Response(
            TEXT, media_type=media, headers={"ETag": tag, "Cache-Control": cache, "Vary": "Accept"}
        )

    @app.get("/short")
    async def short() -> Response:
        return Response(TEXT[:1000], media_type="text/plain")

    @app.get("/stream")
    async def stream(media: str = "text/csv") -> Response:
        async def pieces():
            for at in range(0, len(TEXT), 100):
                yield TEXT[at : at + 100]

        return StreamingResponse(pieces(), media_type=media)

    @app.post("/body")
    async def body() -> dict[str, int]:
        return {"taken": 1}

    return app


@pytest.fixture
async def http():
    transport = httpx.ASGITransport(application())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        client.headers["Accept-Encoding"] = "gzip"
        yield client


async def raw(http, path, **headers):
    async with http.stream("GET", path, headers=headers) as answer:
        return answer, b"".join([piece async for piece in answer.aiter_raw()])


@pytest.mark.parametrize(
    ("encoding", "undone"),
    [
        ("gzip", gzip.decompress),
        ("zstd", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
    ],
)
@pytest.mark.parametrize("path", ["/text", "/stream"])
async def test_comes_back_whole(http, path, encoding, undone):
    """What is undone is what was sent, and a length that is told is that of what is sent."""
    answer, data = await raw(http, path, **{"Accept-Encoding": encoding})

    assert answer.headers["content-encoding"] == encoding
    assert undone(data) == TEXT
    assert len(data) < len(TEXT) / 4
    assert int(answer.headers.get("content-length", len(data))) == len(data)
    assert "Accept-Encoding" in answer.headers["vary"]


async def test_etags(http):
    """A weak tag stays, a strong one becomes weak: the bytes are others."""
    weak, strong = await http.get("/text"), await http.get("/text", params={"tag": '"2"'})
    plain = await http.get("/text", params={"tag": '"2"'}, headers={"Accept-Encoding": "identity"})

    assert (weak.headers["etag"], strong.headers["etag"]) == ('W/"1"', 'W/"2"')
    assert (plain.headers["etag"], plain.headers["vary"]) == ('"2"', "Accept, Accept-Encoding")


@pytest.mark.parametrize(
    "path",
    [
        "/short",
        "/text?cache=no-transform",
        "/text?media=application/vnd.apache.parquet",
        "/stream?media=text/event-stream",
    ],
)
async def test_what_is_left_as_it_is(http, path):
    """Short answers, files that are resumed, what has its own compression, and events that must not wait."""
    assert "content-encoding" not in (await http.get(path)).headers


async def test_head(http):
    """HEAD has no body to compress, and says what the answer depends on."""
    answer = await http.head("/text")

    assert (answer.content, answer.headers["vary"]) == (b"", "Accept, Accept-Encoding")


async def test_bodies(http):
    """A compressed body is refused before anybody unpacks it."""
    bomb = gzip.compress(bytes(1_000_000))
    refused = await http.post("/body", content=bomb, headers={"Content-Encoding": "gzip"})
    plain = await http.post("/body", content=b"x", headers={"Content-Encoding": "identity"})

    assert (refused.status_code, refused.headers["accept-encoding"]) == (415, "identity")
    assert refused.headers["content-type"] == "application/problem+json"
    assert plain.status_code == 200
