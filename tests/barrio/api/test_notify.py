"""How channels stand over HTTP, and a test message through one of them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from barrio.api import notify, problems
from barrio.notify.notifier import Notifier
from barrio.settings import Settings
from tests.barrio import callers
from tests.barrio.notify.receiver import Receiver, answer
from tests.barrio.notify.stage import channel, outbox_at, secrets
from tests.moved import MovedClock


async def in_thread(_thread, function, *args):
    """Run where we are."""
    return function(*args)


@pytest.fixture
async def receiver():
    async with Receiver() as found:
        yield found


@pytest.fixture
def platform(tmp_path, receiver) -> Any:
    """As much of a platform as the routes ask for: a district with a channel and a supplier."""
    clock = MovedClock()
    channels = (channel(webhook=receiver.url, secret="${secret:hook}"),)
    supplier = channel(webhook="https://water.example.com/orders?key=1").model_copy(update={"id": "water"})
    district = SimpleNamespace(
        id="little",
        folder=Path("little"),
        alarms=SimpleNamespace(channels=channels),
        services=SimpleNamespace(suppliers=(supplier,)),
        commands=None,
    )
    with outbox_at(tmp_path, clock) as outbox:
        known = {"little/duty": channels[0], "little/water": supplier}
        yield SimpleNamespace(
            catalogue=SimpleNamespace(districts=[district]),
            living=SimpleNamespace(
                outbox=outbox, notifier=Notifier(outbox, known, secrets, clock, in_thread)
            ),
            settings=Settings(),
            at_rest=False,
            in_thread=in_thread,
        )


@pytest.fixture
async def http(platform):
    app = FastAPI()
    app.state.sights = callers.inside()
    problems.install(app)
    notify.add(app, platform)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as found:
        yield found


async def asked(http, name):
    return await http.post("/api/v1/notifications/test", json={"channel": name})


async def test_every_channel_is_listed(http, platform):
    """Channels of the files, whether they sent something or not, and those that are gone but have something waiting."""
    platform.living.outbox.put("little/duty", "raised", {}, "1")
    platform.living.outbox.put("little/old", "raised", {}, "1")
    found = (await http.get("/api/v1/notifications")).json()["channels"]

    assert [(one["channel"], one["waiting"], one["sent"]) for one in found] == [
        ("little/duty", 1, 0),
        ("little/water", 0, 0),
        ("little/old", 1, 0),
    ]
    assert found[0]["oldest"] == "2025-11-28T18:40:00.000000Z"
    assert found[1]["way"] == "webhook at water.example.com"
    assert found[2]["way"] == "no longer in the district's files"


async def test_a_test_message_goes_past_the_queue(http, receiver, platform):
    """It is signed like any other, says that it is a test, and leaves the queue as it was."""
    platform.living.outbox.put("little/duty", "raised", {}, "1")
    body = (await asked(http, "little/duty")).json()
    [request] = receiver.requests

    assert body == {"channel": "little/duty", "delivered": True, "words": "200 OK"}
    assert request.headers["barrio-event"] == "test"
    assert "barrio-signature" in request.headers
    assert platform.living.outbox.status()[0].waiting == 1


async def test_a_test_that_fails_says_why(http, receiver):
    """The receiver's words come back."""
    receiver.answers = [answer("401 Unauthorized", body=b"bad signature")]

    assert (await asked(http, "little/duty")).json()["words"] == "401 Unauthorized: bad signature"


async def test_a_channel_that_is_not_there(http):
    """The nearest name is offered."""
    found = await asked(http, "little/dutty")

    assert found.status_code == 404
    assert "did you mean little/duty?" in found.json()["detail"]


@pytest.mark.parametrize(("whole", "status"), [(False, 404), (True, 403)])
async def test_nobody_else_sends(platform, receiver, whole, status):
    """Who does not see everything finds nothing, and who only looks sends nothing."""
    app = FastAPI()
    app.state.sights = callers.inside(whole=whole, roles=())
    problems.install(app)
    notify.add(app, platform)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        found = await asked(http, "little/duty")

    assert found.status_code == status
    assert receiver.requests == []


async def test_at_rest_nothing_is_sent(http, platform):
    """While no platform runs the words say so."""
    platform.at_rest = True

    assert (await asked(http, "little/duty")).status_code == 503


async def test_without_channels_there_is_nothing_to_list(http, platform):
    """A district without alarms and services has no channels."""
    platform.catalogue.districts[0].alarms = platform.catalogue.districts[0].services = None
    platform.living.outbox = None

    assert (await http.get("/api/v1/notifications")).json() == {"channels": []}
