"""Where notifications go, as a person writes it: `notify:` in `alarms.yaml`, `suppliers:` in `services.yaml`.

A channel is reached by a webhook, by e-mail, or by whatever a URL of apprise names. What filters there are is applied
by whoever puts notifications into the outbox (see `twin.outbox`); how they are sent is none of this file's business.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, model_validator

from twin.model.spec import Id, Named, SecretHere, SecretName, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

Priority = Literal["critical", "high", "medium", "low"]
PRIORITIES: tuple[Priority, ...] = ("critical", "high", "medium", "low")
Happening = Literal["raised", "returned", "acknowledged", "shelved", "unshelved", "suppressed", "escalated"]

_SECRET = re.compile(r"\$\{secret:([a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?)\}")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253}):([0-9]{1,5})")
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\\]{1,64}@[A-Za-z0-9._-]{1,253}")
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, so that nobody else hears what is sent there."""
    return _LOOPBACK.fullmatch(host.strip("[]").lower()) is not None


def split_url(text: str) -> SplitResult:
    """Return the parts of the URL of a webhook; ValueError with words when it is none."""
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not text.isprintable() or " " in text:
        raise ValueError("a webhook is a URL such as https://ops.example.com/barrio, or ${secret:NAME}")
    return parts


def _check_webhook(value: str) -> str:
    if match := _SECRET.fullmatch(value):
        return Named(match[1])
    parts = split_url(value)
    if parts.username or parts.password:
        # Not shown: a password stands in it.
        raise SecretHere
    return value


def _check_server(value: str) -> str:
    match = _SERVER.fullmatch(value)
    if match is None or not 0 < int(match[2]) < 65_536:
        raise ValueError("a mail server is HOST:PORT, such as smtp.example.com:587")
    return value


def _check_address(value: str) -> str:
    if _ADDRESS.fullmatch(value) is None:
        raise ValueError("an address is NAME@HOST, without a name for people beside it")
    return value


Webhook = Annotated[str, Field(max_length=2000), AfterValidator(_check_webhook)]
Server = Annotated[str, Field(max_length=300), AfterValidator(_check_server)]
Address = Annotated[str, Field(max_length=320), AfterValidator(_check_address)]
Reason = Annotated[str, Field(min_length=1, max_length=200)]


class EmailSpec(Spec):
    """Mail over SMTP."""

    to: tuple[Address, ...] = Field(min_length=1, max_length=50, description="Addresses that get the mail")
    sender: Address = Field(alias="from", description="Address that it comes from")
    server: Server = Field(description="HOST:PORT of the mail server")
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the way is encrypted; none needs `insecure` unless the server is this machine",
    )
    user: Annotated[str, Field(max_length=200)] = Field(
        default="", description="User of the server; no login when left out"
    )
    password: SecretName | None = Field(default=None, description="${secret:NAME} of the user's password")

    @property
    def host(self) -> str:
        """Host of the server."""
        return self.server.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Port of the server."""
        return int(self.server.rpartition(":")[2])

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password go together")
        return self


class ChannelSpec(Spec):
    """One way to reach somebody: exactly one of webhook, email and apprise."""

    id: Id = Field(description="Id, not used by another channel of the file")
    webhook: Webhook | None = Field(
        default=None,
        description="URL that notifications are posted to; ${secret:NAME} where the URL itself is a secret",
    )
    email: EmailSpec | None = Field(default=None, description="Mail: to, from, server, tls, user, password")
    apprise: SecretName | None = Field(default=None, description="${secret:NAME} of an apprise URL")
    secret: SecretName | None = Field(
        default=None, description="Webhooks: ${secret:NAME} of the key that deliveries are signed with"
    )
    insecure: Reason | None = Field(
        default=None,
        description="Why what is sent may be read on its way; without it nothing goes unencrypted",
    )
    priorities: tuple[Priority, ...] = Field(
        default=(),
        description="Only alarms of these priorities: critical, high, medium, low; all when left out",
    )
    rules: tuple[Id, ...] = Field(default=(), description="Only alarms of these rules; all when left out")
    on: tuple[Happening, ...] = Field(
        default=("raised", "returned"),
        min_length=1,
        description="What is told: raised, returned, acknowledged, shelved, unshelved, suppressed, escalated",
    )
    at_most: int = Field(
        default=30, ge=1, le=600, description="Deliveries in a minute; what comes faster waits its turn"
    )
    lang: Literal["en", "es"] = Field(default="en", description="Language of mails and messages: en or es")

    @property
    def way(self) -> Literal["webhook", "email", "apprise"]:
        """How the channel is reached."""
        return "webhook" if self.webhook is not None else "email" if self.email is not None else "apprise"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in ("webhook", "email", "apprise") if getattr(self, name) is not None]
        if len(ways) != 1:
            found = " and ".join(ways) or "none"
            raise ValueError(f"a channel has exactly one of webhook, email and apprise, found {found}")
        if self.secret is not None and self.webhook is None:
            raise ValueError("secret signs the deliveries of a webhook, and there is none")
        return self

    @model_validator(mode="after")
    def _not_in_the_open(self) -> Self:
        if self.insecure is None and (host := self._open_to()) and not is_loopback(host):
            words = f"what is sent to {host} could be read on its way: encrypt it, or give a reason with `insecure`"
            raise ValueError(words)
        return self

    def _open_to(self) -> str:
        """Host that is reached without encryption; empty when there is none (that of a secret URL is not known)."""
        if self.webhook is not None and not isinstance(self.webhook, Named):
            parts = split_url(self.webhook)
            return (parts.hostname or "") if parts.scheme == "http" else ""
        return self.email.host if self.email is not None and self.email.tls == "none" else ""

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Yield `(path, name)` of every secret that the channel names."""
        if isinstance(self.webhook, Named):
            yield "webhook", str(self.webhook)
        if self.email is not None and self.email.password is not None:
            yield "email.password", str(self.email.password)
        for key in ("apprise", "secret"):
            if (name := getattr(self, key)) is not None:
                yield key, str(name)


def channel_of(district: str, channel: str) -> str:
    """Return the name by which the outbox knows a channel of a district."""
    return f"{district}/{channel}"
