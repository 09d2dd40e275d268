from __future__ import annotations

import asyncio
import email
import email.policy
import socketserver
import threading
import time
from contextlib import contextmanager, suppress

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from barrio.notify.email import mail_of
from tests.barrio.notify.certificates import context_of
from tests.barrio.notify.stage import channel, outbox_at, sending, stands, until
from tests.moved import START
from tests.servers import free_port
from twin.outbox_rows import Entry

BODY = {
    "title": "Cistern A1 runs low",
    "text": "Level below 20 % for 5 minutes",
    "what": "d/cistern-a1/level",
    "where": "Tower A",
    "since": "2025-11-28T12:40:00-06:00",
    "value": "18.2 %",
    "priority": "high",
    "advice": "Open the inlet by hand",
    "link": "https://grafana.example.com/d/water",
}


class Postbox:
    """Takes every mail, or answers as a test says."""

    def __init__(self, said: str = "250 OK") -> None:
        self.mails: list[tuple[list[str], email.message.EmailMessage]] = []
        self.encrypted: list[bool] = []
        self.said = said

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd calls it so
        """Keep a mail."""
        if self.said.startswith("250"):
            found = email.message_from_bytes(envelope.content, policy=email.policy.default)
            self.mails.append((envelope.rcpt_tos, found))
            self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return self.said

    async def handle_RCPT(self, server, session, envelope, address, _options):  # noqa: N802
        """Refuse whoever is unknown."""
        if address.startswith("nobody"):
            return "550 no such user"
        if address.startswith("busy"):
            return "450 mailbox busy"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@contextmanager
def served(postbox, **given):
    """A mail server on loopback; yields its port."""
    port = free_port()
    controller = Controller(postbox, hostname="127.0.0.1", port=port, **given)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def mail(port, **given):
    spec = {"to": ["maria@example.com"], "from": "barrio@example.com", "server": f"127.0.0.1:{port}"}
    return {"d/duty": channel(email={**spec, "tls": "none", **given})}


async def test_a_mail_says_what_where_and_since_when(outbox, clock):
    """Title line, text, then a row each; advice and link last."""
    postbox = Postbox()
    with served(postbox) as port:
        async with sending(outbox, mail(port), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: stands(outbox).sent == 1)
    [(to, found)] = postbox.mails

    assert to == ["maria@example.com"]
    assert found["Subject"] == "[alarm, high] Cistern A1 runs low"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found.get_content().splitlines() == [
        "Level below 20 % for 5 minutes",
        "",
        "What:       d/cistern-a1/level",
        "Where:      Tower A",
        "Since:      2025-11-28 12:40:00-06:00",
        "Value:      18.2 %",
        "Priority:   high",
        "What to do: Open the inlet by hand",
        "Look at:    https://grafana.example.com/d/water",
    ]


async def test_a_mail_in_spanish(outbox, clock):
    """The labels are those of the channel's language; what the district says stays as it is."""
    postbox = Postbox()
    with served(postbox) as port:
        spec = mail(port)["d/duty"].model_copy(update={"lang": "es"})
        async with sending(outbox, {"d/duty": spec}, clock):
            outbox.put("d/duty", "alarm.returned", BODY | {"title": "Cisterna A1, señal"}, "1")
            await until(lambda: stands(outbox).sent == 1)
    [(_, found)] = postbox.mails

    assert found["Subject"] == "[terminada, alta] Cisterna A1, señal"
    assert "Dónde:" in found.get_content()
    assert "Qué hacer:" in found.get_content()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_the_user_s_password_is_a_secret(outbox, clock):
    """The login uses the secret's text; a wrong one waits for somebody to put it right."""
    known = {"smtp": "wrong"}

    def check(_server, _session, _envelope, _mechanism, data):
        return AuthResult(success=data.password == b"mail-pass", handled=False)

    given = {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    postbox = Postbox()
    with served(postbox, **given) as port:
        channels = mail(port, user="barrio", password="${secret:smtp}")
        async with sending(outbox, channels, clock, known=known.__getitem__):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: "refuses the user" in stands(outbox).words)
            known["smtp"] = "mail-pass"
            clock.move(2)
            await until(lambda: stands(outbox).sent == 1)

    assert "mail-pass" not in stands(outbox).words


@pytest.mark.parametrize(
    ("said", "to", "stand"),
    [
        ("554 no spam", ["maria@example.com"], (0, 1, 0)),
        ("451 later", ["maria@example.com"], (0, 0, 1)),
        ("250 OK", ["nobody@example.com"], (0, 1, 0)),
        ("250 OK", ["nobody@example.com", "busy@example.com"], (0, 0, 1)),
        ("250 OK", ["nobody@example.com", "maria@example.com"], (1, 0, 0)),
    ],
)
async def test_answers_of_a_mail_server(outbox, clock, said, to, stand):
    """5xx is final, 4xx is not; who was not taken among several is said."""
    with served(Postbox(said)) as port:
        async with sending(outbox, mail(port, to=to), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: stands(outbox).words != "")
    found = stands(outbox)

    assert (found.sent, found.failed, found.waiting) == stand
    assert said[4:] in found.words or "example.com" in found.words


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_mail_goes_out_encrypted(outbox, clock, certificate, monkeypatch, tls):
    """With a certificate that this machine trusts the mail arrives, encrypted from the start or from STARTTLS on."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    key = "tls_context" if tls == "starttls" else "ssl_context"
    postbox = Postbox()
    with served(postbox, **{key: context_of(certificate)}) as port:
        async with sending(outbox, mail(port, tls=tls), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: stands(outbox).sent == 1)

    assert postbox.encrypted == [True]


@pytest.mark.parametrize("offers", [True, False])
async def test_nothing_goes_out_in_the_open_instead(outbox, clock, certificate, offers):
    """A server with a stranger's certificate, or without STARTTLS, gets no mail: it waits, and the reason is said."""
    postbox = Postbox()
    given = {"tls_context": context_of(certificate)} if offers else {}
    with served(postbox, **given) as port:
        async with sending(outbox, mail(port, tls="starttls"), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: stands(outbox).words != "")

    assert postbox.mails == []
    assert ("certificate" if offers else "STARTTLS") in stands(outbox).words
    assert stands(outbox).waiting == 1


async def test_a_server_that_says_nothing_is_left(outbox, clock):
    """Cancelled while a mail server hangs, the notifier ends and its connection is cut."""
    heard, left = asyncio.Event(), asyncio.Event()

    async def hang(reader, writer):
        heard.set()
        writer.write(b"220 tar pit\r\n")
        while await reader.read(100):
            pass
        left.set()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        async with sending(outbox, mail(port), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await heard.wait()
            await asyncio.sleep(0.1)
        async with asyncio.timeout(3):
            await left.wait()


def _drips(wire):
    """Greet one sign at a time, and never to the end."""
    while wire.send(b"2"):
        time.sleep(0.01)


def _floods(wire):
    """Greet with one line after the other, and never with the last one."""
    while wire.send(b"220-" + b"a" * 4_000 + b"\r\n"):
        pass


def _is_rude(wire):
    """Take a mail, and refuse the good-bye."""
    wire.sendall(b"220 here\r\n")
    with wire.makefile("rb") as lines:
        for line in lines:
            if line.lower().startswith(b"data"):
                wire.sendall(b"354 go on\r\n")
                while next(lines) != b".\r\n":
                    pass
            wire.sendall(b"554 no\r\n" if line.lower().startswith(b"quit") else b"250 OK\r\n")


@contextmanager
def rude(behaviour):
    """A server that behaves so with whoever comes; yields its port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with suppress(OSError):
                behaviour(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def waiting_threads():
    return [one for one in threading.enumerate() if one.name == "barrio-notify"]


@pytest.mark.parametrize("tls", ["none", "tls"])
async def test_a_greeting_that_never_ends_holds_no_thread(outbox, clock, monkeypatch, tls):
    """Given up as a whole, the conversation is cut, also while it greets or makes itself secret."""
    monkeypatch.setattr("barrio.notify.lane.WHOLE_S", 0.3)
    with rude(_drips) as port:
        async with sending(outbox, mail(port, tls=tls), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: stands(outbox).words != "")
            await until(lambda: not waiting_threads())

    assert stands(outbox).waiting == 1


async def test_an_answer_without_an_end_is_cut_off(outbox, clock):
    """What a server says in one conversation is bounded, so that it cannot take the memory."""
    with rude(_floods) as port:
        async with sending(outbox, mail(port), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: "closed" in stands(outbox).words)

    assert stands(outbox).waiting == 1
    assert not waiting_threads()


async def test_a_mail_that_was_taken_is_not_sent_again(outbox, clock):
    """However the server says good-bye."""
    with rude(_is_rude) as port:
        async with sending(outbox, mail(port), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: stands(outbox).words != "")

    assert (stands(outbox).sent, stands(outbox).waiting) == (1, 0)


def test_a_title_cannot_add_headers():
    """Line ends in a title are blanks, and the delivery's id is the mail's."""
    entry = Entry(
        1, "d/duty", "k", "some-id", "alarm.raised", '{"title":"a\\r\\nBcc: x@y.z\\u0000"}', START, 1
    )
    spec = mail(25)["d/duty"]
    assert spec.email is not None
    found = mail_of(entry, spec, spec.email)

    assert found["Subject"] == "[alarm] a Bcc: x@y.z"
    assert found["Bcc"] is None
    assert found["Message-ID"] == "<some-id@example.com>"
    assert found["Date"] == "Fri, 28 Nov 2025 18:40:00 +0000"


async def test_nobody_at_the_server_waits(tmp_path, clock):
    """A refused connection is worth another try."""
    with outbox_at(tmp_path, clock) as outbox:
        async with sending(outbox, mail(1), clock):
            outbox.put("d/duty", "alarm.raised", BODY, "1")
            await until(lambda: "refused" in stands(outbox).words)

        assert stands(outbox).waiting == 1
