from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import logging
import socket
import subprocess
import time

import pytest
import structlog

from barrio import logs
from barrio.notify.outcome import hidden
from barrio.notify.webhook import Webhook, retry_after_s, signature
from tests.barrio.notify.certificates import context_of
from tests.barrio.notify.receiver import OK, Receiver, answer
from tests.barrio.notify.stage import channel, outbox_at, sending, stands, until
from tests.moved import START
from twin.outbox_rows import Entry

BODY = {"title": "Cistern A1 runs low", "priority": "high"}


def hook(receiver, **given):
    return {"d/duty": channel(webhook=receiver.url, **given)}


@pytest.fixture
def said():
    """What the logs say, from the lowest level on."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    logs.set_up("debug", out=out)
    yield out
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


async def test_a_delivery_says_what_who_and_when(outbox, clock):
    """The body holds event, delivery id and what was put; headers name the same event and delivery."""
    async with Receiver() as receiver, sending(outbox, hook(receiver), clock):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: stands(outbox).sent == 1)
    [request] = receiver.requests
    body = json.loads(request.body)

    assert request.line == "POST /barrio HTTP/1.1"
    assert body["data"] == BODY
    assert (body["event"], body["channel"]) == ("alarm.raised", "d/duty")
    assert body["at"] == "2025-11-28T18:40:00.000000Z"
    assert request.headers["barrio-event"] == "alarm.raised"
    assert request.headers["barrio-delivery"] == body["delivery"]
    assert "barrio-signature" not in request.headers


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(f"503 {'A' * 60_000}"), f"503 {'A' * 200}"),
        (answer("307 Moved", f"Location: /{'a' * 60_000}"), f"to /{'a' * 199}: name that URL itself"),
        (answer("400 No", body=b"b" * 60_000), f"400 No: {'b' * 200}"),
    ],
    ids=["reason", "location", "body"],
)
async def test_what_a_receiver_says_is_kept_up_to_a_length(outbox, clock, said, words):
    """Whoever takes deliveries of somebody else chooses these words, and each try keeps them."""
    async with Receiver([said]) as receiver:
        spec = channel(webhook=receiver.url)
        way = Webhook(spec, lambda _name: "", clock)
        outcome = await way.deliver(Entry(0, "d/duty", "1", "1", "alarm.raised", "{}", 0, 1))
        await way.close()

    assert outcome.words.endswith(words)
    assert len(outcome.words) < 300


async def test_a_signature_can_be_verified_by_somebody_else(outbox, clock):
    """HMAC-SHA256 over time, dot and body: openssl comes to the same result as we do."""
    async with Receiver() as receiver, sending(outbox, hook(receiver, secret="${secret:hook}"), clock):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await receiver.heard(1)
    [request] = receiver.requests
    at, _, given = request.headers["barrio-signature"].partition(",v1=")
    signed = at.removeprefix("t=").encode() + b"." + request.body
    found = await asyncio.to_thread(
        subprocess.run,
        ["openssl", "dgst", "-sha256", "-hmac", "s3cr3t-key", "-r"],
        input=signed,
        capture_output=True,
        check=True,
    )

    assert at == f"t={START // 1_000_000_000}"
    assert found.stdout.split()[0].decode() == given
    assert hmac.new(b"s3cr3t-key", signed, hashlib.sha256).hexdigest() == given


def test_a_changed_byte_changes_the_signature():
    """Neither the time nor the body can be changed without the key."""
    base = signature("k", 1, b"body")

    assert (
        len({base, signature("k", 2, b"body"), signature("k", 1, b"bodY"), signature("l", 1, b"body")}) == 4
    )


async def test_an_error_is_tried_again_with_the_same_delivery(outbox, clock):
    """500, then 200: the second try has the same id and body, a new signature, and comes after a wait."""
    receiver = Receiver([answer("500 Oops", body=b"sorry"), OK])
    async with receiver, sending(outbox, hook(receiver, secret="${secret:hook}"), clock):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: stands(outbox).words == "500 Oops: sorry")
        clock.move(1.0)
        await until(lambda: stands(outbox).sent == 1)
    first, second = receiver.requests

    assert first.headers["barrio-delivery"] == second.headers["barrio-delivery"]
    assert first.body == second.body
    assert first.headers["barrio-signature"] != second.headers["barrio-signature"]


async def test_a_receiver_that_asks_for_time_gets_it(outbox, clock):
    """429 with Retry-After: nothing is sent before, something after."""
    receiver = Receiver([answer("429 Slow Down", "Retry-After: 120"), OK])
    async with receiver, sending(outbox, hook(receiver), clock):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: stands(outbox).words == "429 Slow Down")
        clock.move(119)
        await asyncio.sleep(0.1)
        early = len(receiver.requests)
        clock.move(1.5)
        await until(lambda: stands(outbox).sent == 1)

    assert early == 1


@pytest.mark.parametrize("status", ["400 Bad", "401 Who", "404 Nowhere", "410 Gone", "422 No"])
async def test_a_refusal_is_not_repeated(outbox, clock, status):
    """Other 4xx are final: kept with the receiver's words, counted, and the next one is sent."""
    receiver = Receiver([answer(status, body=b"not\r\nlike this"), OK])
    async with receiver, sending(outbox, hook(receiver), clock):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        outbox.put("d/duty", "alarm.raised", BODY, "2")
        await until(lambda: stands(outbox).sent == 1)

    assert stands(outbox).failed == 1
    assert [(key, words) for key, _, words in outbox.undelivered("d/duty", 10)] == [
        ("1", f"{status}: not like this")
    ]


@pytest.mark.parametrize(
    "status", ["408 Late", "425 Early", "429 Slow", "500 A", "503 B", "302 Found", "599 C"]
)
async def test_what_may_get_better_waits(outbox, clock, status):
    """Busy, broken and redirecting receivers are tried again, and nothing is lost."""
    receiver = Receiver([answer(status, "Location: http://127.0.0.1:1/elsewhere")])
    async with receiver, sending(outbox, hook(receiver), clock):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: stands(outbox).words.startswith(status))

    assert (stands(outbox).waiting, stands(outbox).failed) == (1, 0)


async def test_a_redirection_is_not_followed(outbox, clock):
    """What is signed for one receiver is not sent to another; the words name the URL."""
    async with Receiver() as other:
        receiver = Receiver([answer("301 Moved", f"Location: {other.url}")])
        async with receiver, sending(outbox, hook(receiver), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: other.url in stands(outbox).words)

    assert other.requests == []


async def test_a_huge_answer_is_not_read_to_its_end(outbox, clock):
    """An answer of a gigabyte costs a piece of it, and its status counts."""
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 1_000_000
    heard = []
    receiver = Receiver([endless])
    async with receiver, sending(outbox, hook(receiver), clock, on_answer=lambda *said: heard.append(said)):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: stands(outbox).sent == 1)
    [(_, _, _, body)] = heard

    assert len(body) == 65_536


async def test_an_answer_reaches_whoever_waits_for_it(outbox, clock):
    """The answer's status and body are told with channel and key, an error's too."""
    heard = []
    receiver = Receiver([answer("503 No"), answer("200 OK", body=b'{"accepted": true}')])
    async with receiver, sending(outbox, hook(receiver), clock, on_answer=lambda *said: heard.append(said)):
        outbox.put("d/duty", "supply.requested", {"litres": 8000}, "order-7")
        # Told before it is written down; the wait counts from then.
        await until(lambda: stands(outbox).words != "")
        clock.move(1)
        await until(lambda: len(heard) == 2)

    assert heard == [
        ("d/duty", "order-7", 503, ""),
        ("d/duty", "order-7", 200, '{"accepted": true}'),
    ]


async def test_nobody_there_is_no_refusal(outbox, clock):
    """A refused connection waits, and goes out when somebody listens."""
    async with Receiver() as receiver:
        pass
    async with sending(outbox, hook(receiver), clock):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: stands(outbox).words == "connection refused")
        async with receiver:
            clock.move(2)
            await until(lambda: stands(outbox).sent == 1)


async def test_no_answer_at_all_is_said_and_tried_again(outbox, clock, monkeypatch):
    """A receiver that takes the request and says nothing has so long, and no longer."""
    monkeypatch.setattr("barrio.notify.webhook.LIMIT_S", 0.2)
    receiver = Receiver([None])
    async with receiver, sending(outbox, hook(receiver), clock):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: "no answer within" in stands(outbox).words)

    assert stands(outbox).waiting == 1


async def test_nonsense_is_no_success(outbox, clock):
    """What is not HTTP is an answer that is not understood."""
    receiver = Receiver([b"220 ready\r\n\r\n"])
    async with receiver, sending(outbox, hook(receiver), clock):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: stands(outbox).words != "")

    assert (stands(outbox).sent, stands(outbox).waiting) == (0, 1)


async def test_a_missing_secret_is_named_and_nothing_is_sent(outbox, clock):
    """Without its key a delivery waits: it never goes out unsigned."""
    async with Receiver() as receiver, sending(outbox, hook(receiver, secret="${secret:lost}"), clock):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: stands(outbox).words == "secret 'lost' is not set")

    assert receiver.requests == []


async def test_a_url_that_is_a_secret_is_looked_up_and_not_shown(outbox, clock, said):
    """The URL comes from the secret, and stands neither in words nor in a log of any level."""
    async with Receiver() as receiver:
        known = {"url": receiver.url}
        channels = {"d/duty": channel(webhook="${secret:url}")}
        async with sending(outbox, channels, clock, known=known.__getitem__):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: stands(outbox).sent == 1)

    assert receiver.url not in said.getvalue()
    assert receiver.url not in stands(outbox).words


async def test_a_secret_url_in_the_open_needs_a_reason(outbox, clock):
    """Plain HTTP to another machine is refused when the URL is looked up, as it is in a file."""
    channels = {"d/duty": channel(webhook="${secret:url}")}
    async with sending(outbox, channels, clock, known=lambda _: "http://ops.example/hook"):
        outbox.put("d/duty", "alarm.raised", BODY, "1")
        await until(lambda: "insecure" in stands(outbox).words)

    assert "ops.example" not in stands(outbox).words


async def test_words_of_a_receiver_do_not_show_a_secret_url(outbox, clock):
    """Also where an answer or a redirection repeats it."""
    receiver = Receiver(
        [answer("302 Found", "Location: /hook/T0K3N"), answer("404 No", body=b"no T0K3N here")]
    )
    async with receiver:
        url = f"http://user:hunter22@127.0.0.1:{receiver.port}/hook/T0K3N"
        async with sending(outbox, {"d/duty": channel(webhook="${secret:url}")}, clock, known=lambda _: url):
            outbox.put("d/duty", "raised", BODY, "1")
            await until(lambda: stands(outbox).words.startswith("302"))
            moved = stands(outbox).words
            clock.move(2)
            await until(lambda: stands(outbox).failed == 1)

    assert moved == "302 Found, a redirection to /***/***: name that URL itself"
    assert stands(outbox).words == "404 No: no *** here"
    assert receiver.requests[0].headers["authorization"].startswith("Basic ")


async def test_half_of_a_secret_is_not_shown_either(outbox, clock):
    """Words are cut to their length when nothing secret is in them any more."""
    receiver = Receiver(
        [
            answer("302 Found", f"Location: /{'x' * 192}/T0K3N-of-the-hook"),
            answer("404 No", body=b"x" * 194 + b" T0K3N-of-the-hook"),
        ]
    )
    async with receiver:
        url = f"http://127.0.0.1:{receiver.port}/T0K3N-of-the-hook"
        async with sending(outbox, {"d/duty": channel(webhook="${secret:url}")}, clock, known=lambda _: url):
            outbox.put("d/duty", "raised", BODY, "1")
            await until(lambda: stands(outbox).words.startswith("302"))
            moved = stands(outbox).words
            clock.move(2)
            await until(lambda: stands(outbox).failed == 1)

    assert "T0K3N" not in moved
    assert "T0K3N" not in stands(outbox).words


def test_a_url_is_hidden_however_it_is_written():
    """As in the file of the secret, as it reads, and as the header of its user."""
    url = "https://user:hunter22@ops.example/p%C3%A1ssword"

    assert hidden("p%C3%A1ssword", url) == "p%C3%***"
    assert hidden("pássword, Basic dXNlcjpodW50ZXIyMg==", url) == "***, Basic ***=="


def test_every_part_of_a_url_is_hidden():
    """User, password, host, path and query of any length that could be guessed are stars."""
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnl%2Babc/?x=secret%20word"
    words = "T1JJ3T3L2 with TIiajkdnl and abc at A1BRTD4JD: secret, slack"

    assert hidden(words, url) == "*** with *** and abc at ***: ***, slack"


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_is_one_that_this_machine_trusts(
    outbox, clock, certificate, monkeypatch, trusted
):
    """What signs itself is not trusted, unless this machine is told to."""
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    async with Receiver(tls=context_of(certificate)) as receiver, sending(outbox, hook(receiver), clock):
        outbox.put("d/duty", "raised", BODY, "1")
        await until(lambda: stands(outbox).words != "")

    words = "200 OK" if trusted else "its certificate is not trusted: self-signed certificate"
    assert stands(outbox).words == words
    assert len(receiver.requests) == trusted


async def test_a_name_that_leads_nowhere_is_said(outbox, clock, monkeypatch):
    """A host that no resolver knows is worth another try: names come back."""

    async def resolve(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with sending(outbox, {"d/duty": channel(webhook="https://ops.invalid/x")}, clock):
        outbox.put("d/duty", "raised", BODY, "1")
        await until(lambda: stands(outbox).words == "its name leads to no address")


async def test_one_that_never_answers_delays_nobody_else(outbox, clock, monkeypatch):
    """A hundred deliveries of one channel go through while another one hangs."""
    for limit in ("barrio.notify.webhook.LIMIT_S", "barrio.notify.lane.WHOLE_S"):
        monkeypatch.setattr(limit, 1_000.0)
    async with Receiver([None]) as dead, Receiver() as alive:
        channels = {
            "d/dead": channel(webhook=dead.url, at_most=600),
            "d/duty": channel(webhook=alive.url, at_most=600),
        }
        async with sending(outbox, channels, clock):
            outbox.put("d/dead", "alarm.raised", BODY, "1")
            for number in range(100):
                outbox.put("d/duty", "alarm.raised", {**BODY, "n": number}, str(number))
            await dead.heard(1)
            await until(lambda: stands(outbox).sent == 100)

    assert [json.loads(one.body)["data"]["n"] for one in alive.requests] == list(range(100))
    assert len(dead.requests) == 1
    assert stands(outbox, "d/dead").words == ""


async def test_order_holds_over_errors(outbox, clock):
    """An entry that has to wait is not overtaken by the next one."""
    receiver = Receiver([answer("503 A"), answer("503 B"), OK])
    async with receiver, sending(outbox, hook(receiver), clock):
        for number in range(5):
            outbox.put("d/duty", "alarm.raised", {"n": number}, str(number))

        def all_sent():
            clock.move(4)
            return stands(outbox).sent == 5

        await until(all_sent)

    assert [json.loads(one.body)["data"]["n"] for one in receiver.requests] == [0, 0, 0, 1, 2, 3, 4]


async def test_killed_between_sent_and_done_it_is_sent_again_as_the_same(tmp_path, clock, monkeypatch):
    """The receiver sees one delivery twice, and can tell it by the id."""
    async with Receiver() as receiver:
        with outbox_at(tmp_path, clock) as first:
            first.put("d/duty", "alarm.raised", BODY, "1")
            with monkeypatch.context() as broken:
                broken.setattr(first, "done", lambda *_: time.sleep(0.2))
                async with sending(first, hook(receiver), clock):
                    await receiver.heard(1)
        with outbox_at(tmp_path, clock) as second:
            async with sending(second, hook(receiver), clock):
                await until(lambda: stands(second).sent == 1)
    one, two = receiver.requests

    assert one.headers["barrio-delivery"] == two.headers["barrio-delivery"]
    assert one.body == two.body


async def test_no_more_than_so_many_in_a_minute(outbox, clock):
    """The third waits; when there is room again what came meanwhile is a digest, after the critical one."""
    async with Receiver() as receiver, sending(outbox, hook(receiver, at_most=2), clock):
        for number in range(8):
            outbox.put("d/duty", "alarm.raised", {"priority": "low", "n": number}, str(number))
        outbox.put("d/duty", "alarm.raised", {"priority": "critical"}, "bad")
        await until(lambda: stands(outbox).sent == 2)
        await asyncio.sleep(0.1)
        before = len(receiver.requests)
        clock.move(61)
        await until(lambda: stands(outbox).waiting == 0)
    critical, digest = (json.loads(one.body) for one in receiver.requests[2:])

    assert before == 2
    assert (digest["event"], digest["data"]["count"]) == ("digest", 6)
    assert critical["data"]["priority"] == "critical"


async def test_stopped_while_a_receiver_hangs_it_leaves_nothing(outbox, clock):
    """Cancelled in the middle of a delivery, the notifier closes its connection."""
    async with Receiver([None]) as receiver:
        async with sending(outbox, hook(receiver), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await receiver.heard(1)
        await until(lambda: receiver.connections == 0)

    assert stands(outbox).waiting == 1


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Fri, 28 Nov 2025 18:41:00 GMT", 60.0),
        ("Fri, 28 Nov 2025 18:00:00 GMT", 0.0),
        ("Fri, 28 Nov 2025 18:41:00 -0000", 60.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("Fri, 99 Nov 2025 18:41:00 GMT", None),
        ("٣", None),
    ],
)
def test_both_forms_of_retry_after_are_read(text, wait_s):
    """RFC 9110, 10.2.3: seconds or a date; anything else asks for nothing."""
    assert retry_after_s(text, START) == wait_s
