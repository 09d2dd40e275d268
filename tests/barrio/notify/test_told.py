"""From a rule in `alarms.yaml` to whoever is told of it, through the whole platform and over its end."""

import hashlib
import hmac
import json

import pytest

from tests.barrio.notify.receiver import Receiver
from tests.barrio.scripted import staged, until

ALARMS = """\
alarms:
  - {{id: hot, for: {{kind: Thing}}, point: temperature, above: 30 Cel, priority: critical, text: "{{name}} is hot"}}
notify:
  - {{id: duty, webhook: "{url}", secret: "${{secret:hook}}"}}
"""
KEY = "s3cr3t-key"


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setenv("BARRIO_SECRET_HOOK", KEY)
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)


def is_signed(request) -> bool:
    """Whether a request bears the signature of whoever knows the key."""
    at, _, given = request.headers["barrio-signature"].partition(",v1=")
    signed = at.removeprefix("t=").encode() + b"." + request.body
    return hmac.compare_digest(hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest(), given)


async def test_an_alarm_is_told_signed(tmp_path):
    """What a reading raised arrives at the webhook of its district, with what is wrong and where."""
    async with Receiver() as receiver, staged(tmp_path, alarms=ALARMS.format(url=receiver.url)) as stage:
        await stage.links["probe"].give("temperature", 31.5)
        await receiver.heard(1)
    [request] = receiver.requests
    body = json.loads(request.body)

    assert is_signed(request)
    assert (body["event"], body["channel"]) == ("alarm.raised", "little/duty")
    assert body["data"]["what"] == "little/probe/temperature"
    assert (body["data"]["priority"], body["data"]["value"]) == ("critical", "31.5 Cel")


async def test_what_could_not_be_told_is_told_by_the_next_process(tmp_path):
    """An alarm that nobody took while the receiver was away arrives after a restart, once, and stands as it stood."""
    async with Receiver() as receiver:
        pass
    rules = ALARMS.format(url=receiver.url)
    async with staged(tmp_path, alarms=rules) as stage:
        await stage.links["probe"].give("temperature", 31.5)
        living = stage.platform.living
        outbox, alarms = living.outbox, living.alarms
        assert outbox is not None
        assert alarms is not None
        await until(lambda: [one for one in outbox.status() if one.waiting and one.words])
        alarms.acknowledge(1, "ana", "on my way")
        await stage.settled()
    async with receiver, staged(tmp_path, alarms=rules) as stage:
        await receiver.heard(1)
        later = stage.platform.living
        assert later.outbox is not None
        assert later.alarms is not None
        again = later.outbox
        await until(lambda: not any(one.waiting for one in again.status()))
        (standing,) = later.alarms.standing()
    raised = [one for one in receiver.requests if one.headers["barrio-event"] == "alarm.raised"]

    assert all(map(is_signed, receiver.requests))
    assert len(raised) == 1
    assert (standing.number, str(standing.state), standing.who) == (1, "acknowledged", "ana")
