"""What came of one try to deliver a notification, and what each way out has to offer."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import unquote

from twin.model.spec import Named

if TYPE_CHECKING:
    from twin.notify_spec import ChannelSpec
    from twin.outbox_rows import Entry

_SHORTEST_SECRET = 4

LIMIT_S = 10.0
"""How long a receiver may take to connect, and to answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try.

    `delivered`: taken; `refused`: will never be taken; `later`: worth another try. `answered` tells whether somebody
    answered at all. `status` and `body` are those of an HTTP answer, 0 and empty else. `words` hold no secret.
    """

    verdict: Literal["delivered", "refused", "later"]
    words: str
    answered: bool = True
    retry_after_s: float | None = None
    status: int = 0
    body: str = ""


class Way(Protocol):
    """One way to a receiver; made without effects, connected when first used."""

    async def deliver(self, entry: Entry) -> Outcome:
        """Try once. Any exception but a cancellation is a bug."""

    async def close(self) -> None:
        """Let go of what it holds, at once; also while a delivery is under way."""


def unreachable(words: str) -> Outcome:
    """Return that nobody answered."""
    return Outcome("later", words, answered=False)


def hidden(words: str, url: str) -> str:
    """Return words with stars in place of all parts of a secret URL, any of which may be what is secret about it.

    As it is written, as it reads, and as its user is sent (RFC 7617).
    """
    scheme, _, rest = url.partition("://")
    user = unquote(rest.partition("/")[0].rpartition("@")[0])
    both = f"{rest} {unquote(rest)} {b64encode(user.encode()).decode().rstrip('=')}"
    parts = {part for part in re.split(r"[^\w-]+", both) if len(part) >= _SHORTEST_SECRET} - {scheme}
    for part in sorted(parts, key=len, reverse=True):
        words = words.replace(part, "***")
    return words


def described(spec: ChannelSpec) -> str:
    """Return where a channel leads, without what is secret about it."""
    if spec.email is not None:
        return f"e-mail by {spec.email.server}"
    if spec.webhook is None:
        return "apprise"
    if isinstance(spec.webhook, Named):
        return "webhook at a secret URL"
    return f"webhook at {spec.webhook.partition('://')[2].partition('/')[0]}"
