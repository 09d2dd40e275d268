"""Sessions of people at a browser: a cookie stands for the token that they showed once.

- A session knows which token it stands for and asks for it each time: a token that is revoked ends its sessions.
- A login code is made by whoever shows a token, holds for `CODE_S`, and works once. It stands for that token too, so
  that a command can open a browser without a secret that lasts in its address.
- Both are 256 random bits, kept as SHA-256 and in memory: a restart ends all sessions.
- A browser sends cookies also when a stranger's page asks. `SameSite=Strict` keeps most of those away; what changes
  something, and every WebSocket, has to come from our own pages as well (`is_ours`).
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from twin.access.tokens import digest

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

COOKIE = "barrio_session"
SESSION_S = 12 * 3600.0
CODE_S = 120.0
MOST = 1_000
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Identity(NamedTuple):
    """What was shown: the id of a `token` of the book, or the text of one that gives `roles`, which is in no book."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Session:
    """For whom, and until when on the monotonic clock."""

    identity: Identity
    until_s: float


class Sessions:
    """The sessions and codes of one process, `MOST` of each: the oldest are forgotten."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()
        self._codes: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, identity: Identity, now_s: float) -> str:
        """Return the cookie of a new session."""
        return _put(self._sessions, Session(identity, now_s + SESSION_S))

    def find(self, cookie: str, now_s: float) -> Identity | None:
        """Return for whom a cookie stands, None when its session is over or there never was one."""
        found = self._sessions.get(digest(cookie))
        return found.identity if found is not None and now_s < found.until_s else None

    def end(self, cookie: str) -> None:
        """End a session."""
        self._sessions.pop(digest(cookie), None)

    def code(self, identity: Identity, now_s: float) -> str:
        """Return a new login code."""
        return _put(self._codes, Session(identity, now_s + CODE_S))

    def redeem(self, code: str, now_s: float) -> Identity | None:
        """Return for whom a code stands, once; None when it is none any more."""
        found = self._codes.pop(digest(code), None)
        return found.identity if found is not None and now_s < found.until_s else None


def is_ours(connection: HTTPConnection) -> bool:
    """Whether a request comes from one of our own pages, as the browser says (Fetch Metadata, or `Origin`)."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == connection.headers.get("host")


def _put(known: OrderedDict[bytes, Session], session: Session) -> str:
    text = secrets.token_urlsafe(32)
    known[digest(text)] = session
    if len(known) > MOST:
        known.popitem(last=False)
    return text
