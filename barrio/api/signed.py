"""Who may speak for a supplier: whoever signs what they post as barrio signs what it posts to them.

    Barrio-Signature: t=1764355200,v1=8c1d…

`v1` is the HMAC-SHA256 of `t`, a dot and the body, under the secret of the supplier. A signature holds for five minutes
around `t`. The body names the request, so that it cannot be sent a second time for another one.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from twin.notify_spec import ChannelSpec

HOLDS_S = 300


def is_signed(
    header: str, body: bytes, channel: ChannelSpec | None, find: Callable[[str], str], now_s: int
) -> bool:
    """Whether a body carries the signature of a channel's secret; blocks on the file of the secret."""
    from barrio.notify.webhook import signature

    at_s = _time(header)
    if at_s is None or channel is None or channel.secret is None or abs(now_s - at_s) > HOLDS_S:
        return False
    secret = find(str(channel.secret))
    return bool(secret) and secrets.compare_digest(
        header.encode("utf-8", "replace"), signature(secret, at_s, body).encode()
    )


def _time(header: str) -> int | None:
    """Return the time of a signature, None when it has none that makes sense."""
    text = header.partition(",")[0].removeprefix("t=")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
