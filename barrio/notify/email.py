"""E-mail over SMTP (RFC 5321), encrypted unless the district says why not (RFC 3207, RFC 8314)."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from barrio.notify.daemon import in_daemon
from barrio.notify.outcome import LIMIT_S, Outcome, unreachable
from barrio.notify.smtp import Encrypted, Plain, Wire
from barrio.notify.words import message
from twin.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from twin.notify_spec import ChannelSpec, EmailSpec
    from twin.outbox_rows import Entry

_PERMANENT = 500


class Email:
    """One mail server, dialled anew for each mail."""

    def __init__(self, spec: ChannelSpec, mail: EmailSpec, secrets: Callable[[str], str]) -> None:
        self._spec = spec
        self._mail = mail
        self._secrets = secrets
        self._wires: list[Wire] = []

    async def deliver(self, entry: Entry) -> Outcome:
        """Send an entry once."""
        return await in_daemon(self._send, entry)

    async def close(self) -> None:
        """Cut the connection: the thread that waits for it ends with an error that nobody hears."""
        for wire in list(self._wires):
            wire.cut()

    def _send(self, entry: Entry) -> Outcome:
        try:
            with self._conversation() as server:
                self._login(server)
                refused = server.send_message(mail_of(entry, self._spec, self._mail))
        except smtplib.SMTPRecipientsRefused as error:
            return _recipients(error.recipients)
        except smtplib.SMTPAuthenticationError as error:
            # Somebody can put it right, and then what waits goes out.
            return Outcome("later", f"{self._mail.server} refuses the user: {_reply(error)}")
        except smtplib.SMTPResponseException as error:
            words = f"{self._mail.server}: {_reply(error)}"
            return Outcome("refused" if error.smtp_code >= _PERMANENT else "later", words)
        except (StartError, smtplib.SMTPException, OSError, UnicodeError) as error:
            return unreachable(f"{self._mail.server}: {_why(error)}")
        if refused:
            return Outcome("delivered", f"taken, but not for {', '.join(refused)}")
        return Outcome("delivered", f"taken by {self._mail.server}")

    @contextmanager
    def _conversation(self) -> Iterator[smtplib.SMTP]:
        """Yield a server that was dialled; from its first byte on `close` can cut it."""
        wire = Wire()
        self._wires.append(wire)
        try:
            server = self._dialled(wire)
            try:
                yield server
                # What was taken is taken, however the server says good-bye.
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
            finally:
                server.close()
        finally:
            self._wires.remove(wire)
            wire.close()

    def _dialled(self, wire: Wire) -> smtplib.SMTP:
        mail = self._mail
        way = Encrypted if mail.tls == "tls" else Plain
        server = way(mail.host, mail.port, LIMIT_S, wire)
        if mail.tls == "starttls":
            try:
                server.starttls(context=ssl.create_default_context())
            except BaseException:
                # Never in the open where it was to be encrypted.
                server.close()
                raise
        return server

    def _login(self, server: smtplib.SMTP) -> None:
        if self._mail.password is not None:
            server.login(self._mail.user, self._secrets(self._mail.password))


def mail_of(entry: Entry, spec: ChannelSpec, mail: EmailSpec) -> EmailMessage:
    """Return an entry as a mail, with the same identity at every try."""
    from datetime import UTC, datetime

    words = message(entry, spec.lang)
    found = EmailMessage()
    found["Subject"] = words.title
    found["From"] = mail.sender
    found["To"] = ", ".join(mail.to)
    found["Date"] = format_datetime(datetime.fromtimestamp(entry.put_at // 1_000_000_000, UTC))
    found["Message-ID"] = f"<{entry.delivery}@{mail.sender.rpartition('@')[2]}>"
    # So that nobody's absence note is sent back (RFC 3834, 5).
    found["Auto-Submitted"] = "auto-generated"
    found["Content-Language"] = spec.lang
    found.set_content(words.text)
    return found


def _recipients(refused: dict[str, tuple[int, bytes]]) -> Outcome:
    """Nobody was taken: worth another try when one of them may be taken later."""
    later = any(code < _PERMANENT for code, _ in refused.values())
    words = "; ".join(
        f"{name}: {code} {text.decode('utf-8', 'replace')}" for name, (code, text) in refused.items()
    )
    return Outcome("later" if later else "refused", words)


def _reply(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"


def _why(error: Exception) -> str:
    return f"no answer within {LIMIT_S:.0f} s" if isinstance(error, TimeoutError) else str(error)
