"""What is told of a store that does not answer, and to whom."""

import pytest

from barrio.errors import AWAY
from tests.barrio.access.town import CALLERS, town
from twin.store.port import StoreBusy, StoreDenied

WORDS = "answered 500: panic on db-3 at 10.9.8.7"
ASKED = (
    "/api/v1/history?point=little/probe/temperature&from=-1h",
    "/api/v1/history?point=little/probe/temperature&from=-1h&every=1m",
    "/sta/v1.1/Observations",
)


@pytest.mark.parametrize("error", [StoreBusy, StoreDenied])
async def test_where_the_store_is_and_what_it_says_is_for_operators(tmp_path, monkeypatch, error):
    """Whoever sees the whole platform is told all; others that it is away, and neither its address nor its words."""

    def away(*_):
        raise error("http://10.1.2.3:8086", WORDS)

    said = {}
    async with town(tmp_path) as found:
        for name in ("raw", "windows", "newest", "before", "asof"):
            monkeypatch.setattr(found.platform.store, name, away, raising=False)
        for caller in set(CALLERS) - {"other"}:
            answers = [await found.ask(caller, "GET", url) for url in ASKED]
            said[caller] = {
                (one.status_code, one.headers["retry-after"], one.json()["detail"]) for one in answers
            }
    every, some = {(503, "5", f"http://10.1.2.3:8086: {WORDS}")}, {(503, "5", AWAY)}

    assert said == {"public": some, "scoped": some, "reader": every, "operator": every}
