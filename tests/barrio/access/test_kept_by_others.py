"""What stands between a caller and the door: caches that keep answers, and sockets that write addresses anew."""

import stat

import httpx
import pytest

from barrio.access.door import Door
from tests.barrio.access.town import town
from twin.access.tokens import TokenBook

ANSWERS = [
    "/api/v1/history?point=little/probe/temperature&from=-1h",
    "/api/v1/latest",
    "/api/v1/points/little/probe/temperature/latest",
    "/api/v1/session",
    "/api/v1/twin",
    "/api/v1/nowhere",
    "/sta/v1.1/Datastreams",
    "/metrics",
    "/api/v1/districts",
]


@pytest.fixture
async def place(tmp_path):
    async with town(tmp_path) as found:
        yield found


async def test_no_answer_is_kept_for_somebody_else(place):
    """What depends on who asks is stored nowhere on its way, or only by whom it was for, and looked after there."""
    said = {}
    for caller in ("public", "scoped", "operator"):
        for url in ANSWERS:
            answer = await place.ask(caller, "GET", url)
            said[caller, url] = answer.headers.get("cache-control")

    assert {said[one] for one in said if one[1] != "/api/v1/districts"} == {"no-store"}
    assert {said[one] for one in said if one[1] == "/api/v1/districts"} == {"private, no-cache"}


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
async def test_who_shares_a_rate(place, first, second, together):
    """Addresses of IPv4 are told apart also where one socket takes both kinds; of IPv6 only networks are."""
    app = place.http._transport.app
    assert isinstance(app, Door)

    async def left(host):
        transport = httpx.ASGITransport(app, client=(host, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            return int((await http.get("/healthz")).headers["x-ratelimit-remaining"])

    before = await left(first)
    after = await left(second)

    assert (after < before) == together


def test_the_book_of_tokens_is_for_its_owner(tmp_path):
    """Also where a command makes it, with whatever mask the shell has, in a folder that everybody may look into."""
    book = TokenBook(tmp_path / "tokens.sqlite")
    book.open()
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    book.close()

    assert set(modes.values()) == {0o600}
