from __future__ import annotations

import io
import json
import logging
import subprocess
import sys

import pytest

from tests.barrio.notify.receiver import OK, Receiver, answer
from tests.barrio.notify.stage import channel, sending, stands, until

BODY = {"title": "Cistern A1 runs low", "text": "Level below 20 %", "priority": "critical"}
CHANNELS = {"d/duty": channel(apprise="${secret:phone}", lang="es")}


pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")


@pytest.fixture
def in_our_log():
    """What reaches the handlers of our own log."""
    found = io.StringIO()
    handler = logging.StreamHandler(found)
    logging.getLogger().addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)


async def test_a_message_goes_by_the_library(outbox, clock):
    """A JSON service of apprise on loopback gets title, text and kind."""
    async with Receiver() as receiver:
        url = f"json://user:hunter22@127.0.0.1:{receiver.port}/tok3n"
        async with sending(outbox, CHANNELS, clock, known=lambda _: url):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: stands(outbox).sent == 1)
    [request] = receiver.requests
    body = json.loads(request.body)

    assert body["title"] == "[alarma, crítica] Cistern A1 runs low"
    assert body["message"].startswith("Level below 20 %")
    assert body["type"] == "failure"


async def test_what_a_service_does_not_take_is_tried_again(outbox, clock, capfd, in_our_log):
    """The library's own words are kept, without anything that stands in the URL, and appear nowhere else."""
    receiver = Receiver([answer("500 Oops"), OK])
    async with receiver:
        url = f"json://user:hunter22@127.0.0.1:{receiver.port}/tok3n"
        async with sending(outbox, CHANNELS, clock, known=lambda _: url):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: stands(outbox).words != "")
            words = stands(outbox).words
            clock.move(2)
            await until(lambda: stands(outbox).sent == 1)

    assert "500" in words
    assert "hunter22" not in words
    assert "tok3n" not in words
    assert "apprise" not in capfd.readouterr().err
    assert "notification" not in in_our_log.getvalue()


@pytest.mark.parametrize("url", ["", "nonsense", "nothing://x", "json://", "mailto://"])
async def test_a_url_that_means_nothing_is_said_without_it(outbox, clock, url):
    """The secret's name is in the words, its text is not."""
    async with sending(outbox, CHANNELS, clock, known=lambda _: url):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: stands(outbox).words != "")

    assert stands(outbox).words == "secret 'phone' is no URL that apprise knows"


def test_the_library_is_not_imported_before_it_is_used():
    """A platform without such channels does not carry it."""
    check = "import sys, barrio.notify.notifier, barrio.notify.apprise; print('apprise' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "False"
