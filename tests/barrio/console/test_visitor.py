"""What a page asks on somebody's behalf."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

from barrio.console.visitor import Busy, Refused, Visitor, url_of

KNOWN = SimpleNamespace(name="known")


def asked(answer, path="/api/v1/x", who=None):
    """Return what a visitor is told by an application that answers so; in a thread, as a browser holds the loop."""

    async def app(scope, receive, send):
        await answer(scope, receive, send)

    scope: dict[str, Any] = {
        "type": "http",
        "headers": [(b"host", b"h")],
        "query_string": b"",
        "scheme": "http",
        "path": "/",
    }
    if who is not None:
        scope["state"] = {"who": who}
    console: Any = SimpleNamespace(platform=None, app=app, door=app)
    visitor = Visitor(console, Request(scope | {"server": ("h", 1), "method": "GET"}))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asyncio.wait_for(visitor.get(path), 5)).result()


def test_an_answer_in_pieces_is_whole():
    """An answer that is streamed, and waits for its reader to go away, is read to its end."""

    async def pieces():
        yield b'{"a": '
        await asyncio.sleep(0)
        yield b"1}"

    assert asked(StreamingResponse(pieces(), media_type="application/json"), who=KNOWN) == {"a": 1}


def test_a_problem_is_told_in_its_own_words():
    """The words of a problem reach the page, with its status."""
    with pytest.raises(Refused, match="from: nonsense") as refused:
        asked(JSONResponse({"detail": "from: nonsense"}, 400), who=KNOWN)

    assert refused.value.status == 400


def test_whoever_asks_too_much_is_not_taken_for_somebody_else():
    """While the door takes no question nobody knows who this is: nothing is asked with what was true before."""
    with pytest.raises(Busy):
        asked(JSONResponse({"detail": "slow down"}, 429))


def test_whoever_is_not_known_any_more_asks_nothing():
    """A token that the door refuses asks nothing more."""
    with pytest.raises(Refused) as refused:
        asked(JSONResponse({"detail": "not known"}, 401))

    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "/x"),
        ({"a": None, "b": ""}, "/x"),
        ({"a": 0, "b": "é &"}, "/x?a=0&b=%C3%A9+%26"),
        ({"a": ["1", "2"]}, "/x?a=1&a=2"),
    ],
)
def test_an_address_has_what_was_given(given, url):
    """What was not given is left out; zero is something, and several are several."""

    assert url_of("/x", given) == url
