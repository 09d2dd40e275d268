"""Webhooks: a POST of JSON, signed so that the receiver knows who sent it and when.

    POST /barrio HTTP/1.1
    Content-Type: application/json
    Barrio-Event: alarm.raised
    Barrio-Delivery: 5f1c…            the same at every try, so that a repetition can be told
    Barrio-Signature: t=1764355200,v1=8c1d…

`v1` is the HMAC-SHA256 (RFC 2104), in hexadecimal, of `t`, a dot and the body, under the channel's secret. A receiver
that also looks at the age of `t` is safe from somebody who plays an old delivery again.

2xx is delivered. 408, 425, 429, redirections (which are not followed), 5xx and everything that is no answer are worth
another try; any other 4xx is refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import socket
import ssl
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx
import orjson

from barrio import __version__
from barrio.moments import rfc3339
from barrio.notify.outcome import LIMIT_S, Outcome, hidden, unreachable
from twin.clock import NS
from twin.errors import StartError
from twin.model.spec import Named
from twin.notify_spec import is_loopback, split_url
from twin.outgoing import terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from twin.clock import Clock
    from twin.notify_spec import ChannelSpec
    from twin.outbox_rows import Entry

LONGEST_ANSWER = 65_536
LONGEST_WORDS = 200
"""Characters of each thing that a receiver says: they are kept and listed with every try."""
_AGAIN = frozenset({408, 425, 429})
_NOT_FOLLOWED = range(300, 400)


class Webhook:
    """One receiver of deliveries; `client` makes another client than the usual one."""

    def __init__(
        self,
        spec: ChannelSpec,
        secrets: Callable[[str], str],
        clock: Clock,
        client: Callable[[], httpx.AsyncClient] | None = None,
    ) -> None:
        self._spec = spec
        self._make = client or _client
        self._secrets = secrets
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    async def deliver(self, entry: Entry) -> Outcome:
        """Post an entry once."""
        try:
            url, secret = await asyncio.to_thread(self._known)
            if self._client is None:
                self._client = await asyncio.to_thread(self._make)
        except (StartError, ValueError, ssl.SSLError) as error:
            return unreachable(str(error))
        hide = partial(hidden, url=url) if self._is_secret else str
        outcome = await self._posted(self._client, url, entry, secret, hide)
        return replace(outcome, words=hide(outcome.words))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    @property
    def _is_secret(self) -> bool:
        """Whether nobody must see the URL."""
        return isinstance(self._spec.webhook, Named)

    async def _posted(
        self, client: httpx.AsyncClient, url: str, entry: Entry, secret: str, hide: Callable[[str], str]
    ) -> Outcome:
        body = envelope(entry)
        headers = self._headers(entry, body, secret)
        try:
            async with client.stream("POST", url, content=body, headers=headers) as answer:
                return await self._understood(answer, hide)
        except httpx.InvalidURL:
            return unreachable("the URL leads nowhere")
        except httpx.HTTPError as error:
            return unreachable(_why(error))

    def _known(self) -> tuple[str, str]:
        """URL and key as they are now; blocks on their files."""
        url = str(self._spec.webhook)
        if self._is_secret:
            url = self._secrets(url)
            parts = split_url(url)
            if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not self._spec.insecure:
                raise ValueError(
                    "the secret URL is not encrypted, and the channel gives no reason with `insecure`"
                )
        return url, self._secrets(self._spec.secret) if self._spec.secret else ""

    def _headers(self, entry: Entry, body: bytes, secret: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"barrio/{__version__}",
            "Barrio-Event": entry.kind,
            "Barrio-Delivery": entry.delivery,
        }
        if secret:
            headers["Barrio-Signature"] = signature(secret, self._clock.now_ns() // NS, body)
        return headers

    async def _understood(self, answer: httpx.Response, hide: Callable[[str], str]) -> Outcome:
        # Hidden before it is cut: the first half of a secret is not found any more.
        text, status = await _text(answer), answer.status_code
        words = f"{status} {hide(answer.reason_phrase)[:LONGEST_WORDS]}".strip()
        if answer.is_success:
            return Outcome("delivered", words, status=status, body=text)
        if status in _NOT_FOLLOWED:
            where = hide(answer.headers.get("location", "nowhere"))[:LONGEST_WORDS]
            words += f", a redirection to {where}: name that URL itself"
        elif text.strip():
            words += f": {hide(' '.join(text.split()))[:LONGEST_WORDS]}"
        again = status in _AGAIN or status in _NOT_FOLLOWED or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        asked_s = (
            retry_after_s(answer.headers.get("retry-after", ""), self._clock.now_ns()) if again else None
        )
        return Outcome(
            "later" if again else "refused", words, retry_after_s=asked_s, status=status, body=text
        )


def envelope(entry: Entry) -> bytes:
    """Return the body of a delivery, the same at every try."""
    head = {"event": entry.kind, "delivery": entry.delivery, "channel": entry.channel}
    return orjson.dumps({**head, "at": rfc3339(entry.put_at), "data": orjson.loads(entry.body)})


def signature(secret: str, at_s: int, body: bytes) -> str:
    """Return the value of `Barrio-Signature` for a body at a time, seconds since 1970 UTC."""
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def retry_after_s(text: str, now: int) -> float | None:
    """Return the wait that `Retry-After` asks for, seconds or a date (RFC 9110, 10.2.3); None when it says neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment.timestamp() - now / NS, 0.0)


async def _text(answer: httpx.Response) -> str:
    """Return the beginning of an answer's body, and leave the rest where it is."""
    found = bytearray()
    async for chunk in answer.aiter_raw():
        found += chunk
        if len(found) >= LONGEST_ANSWER:
            break
    return bytes(found[:LONGEST_ANSWER]).decode("utf-8", "replace")


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        follow_redirects=False,
        timeout=LIMIT_S,
        limits=httpx.Limits(max_connections=1, keepalive_expiry=30.0),
        headers={"Accept-Encoding": "identity"},
        **terms(),
    )


def _why(error: httpx.HTTPError) -> str:
    """Return what is known of the reason: what the machine said lies below what the libraries make of it."""
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {LIMIT_S:.0f} s"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {LIMIT_S:.0f} s"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, socket.gaierror):
            return "its name leads to no address"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
