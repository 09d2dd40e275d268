"""How barrio speaks HTTP to servers outside of it: stores, Grafana, whoever takes a webhook; always alike."""

from __future__ import annotations

import ssl
from typing import TypedDict


class Terms(TypedDict):
    """What a client of httpx is given."""

    verify: ssl.SSLContext
    trust_env: bool


def terms() -> Terms:
    """Return what every client is given: the certificates that this machine trusts, and no proxy.

    So one of a town's own authority is as good as any. A proxy from the environment would be a peer that nobody
    configured.
    """
    return {"verify": ssl.create_default_context(), "trust_env": False}
