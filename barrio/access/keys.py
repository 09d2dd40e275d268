"""The tokens as the door looks them up: in memory, looked after once a second.

Whoever can read the data folder has the operator's token. Further roles of `commands.yaml` have a secret each:
`BARRIO_SECRET_ROLE_LIGHTING`, or the file `role-lighting` in the folder of secrets, holds the token of the role
`lighting`. All others are in the book.

What another process did (`barrio token create`, `revoke`) is taken over within `EVERY_S` and the time of one read; no
request waits for the disk. A book that cannot be read leaves what is known, and that is logged once.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from typing import TYPE_CHECKING

import structlog

from twin.access.tokens import digest, id_of
from twin.audit import PLATFORM
from twin.clock import rfc3339
from twin.errors import TransientError
from twin.model.roles import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barrio.homes import Secrets
    from barrio.platform import Platform
    from twin.access.tokens import Step, Token, TokenBook
    from twin.model.district import District

EVERY_S = 1.0
USED_S = 60.0
"""How exactly it is kept when a token was last used, s."""

log = structlog.get_logger("barrio")


class Keys:
    """The tokens of one data folder; `operator` is the one that every start makes anew, empty until then."""

    def __init__(self, book: TokenBook, districts: Sequence[District], known: Secrets) -> None:
        self.book = book
        self.operator = ""
        self._named = sorted({one for each in districts if each.commands for one in each.commands.roles})
        self._known = known
        self._roles: dict[str, str] = {}
        self._tokens: dict[str, Token] = {}
        self._used: dict[str, int] = {}
        self._due = True
        self._words = ""

    def load(self) -> None:
        """Take over what the book says, where another process changed it; blocks."""
        self._roles = {one: text for one in self._named if (text := self._known.find(f"role-{one}"))}
        if self.book.changed():
            self._tokens = {one.id: one for one in self.book.all()}
            self._due = True

    def roles(self, text: str) -> frozenset[str]:
        """Return the roles that a text is the token of, none for any other."""
        if _same(text, self.operator):
            return frozenset({OPERATOR})
        return frozenset(one for one, right in self._roles.items() if _same(text, right))

    def find(self, text: str, now_ns: int) -> Token | None:
        """Return the token of a text, None for one that is not known or holds no more."""
        token_id = id_of(text)
        found = self.by_id(token_id, now_ns)
        if found is None or not secrets.compare_digest(found.hash, digest(text)):
            return None
        return found

    def by_id(self, token_id: str, now_ns: int) -> Token | None:
        """Return a token that holds, and remember that it was used."""
        found = self._tokens.get(token_id)
        if found is None or not found.holds(now_ns):
            return None
        self._used[token_id] = now_ns
        return found

    def holds(self, token_id: str, now_ns: int) -> bool:
        """Whether a token holds; that it was asked for is no use of it."""
        found = self._tokens.get(token_id)
        return found is not None and found.holds(now_ns)

    async def run(self, platform: Platform) -> None:
        """Look after the book until cancelled."""
        waited_s = 0.0
        while True:
            try:
                await platform.in_thread("access", self.load)
                await self._note(platform)
                if waited_s >= USED_S:
                    waited_s = 0.0
                    await self.keep(platform)
                self._words = ""
            except (TransientError, sqlite3.Error) as error:
                if not self._words:
                    log.warning("tokens.not_read", words=str(error))
                self._words = str(error)
            await asyncio.sleep(EVERY_S)
            waited_s += EVERY_S

    async def keep(self, platform: Platform) -> None:
        """Keep when tokens were last used."""
        used, self._used = self._used, {}
        if used:
            await platform.in_thread("access", self.book.used, used)

    async def _note(self, platform: Platform) -> None:
        """Put what was done to tokens into the audit log."""
        if not self._due:
            return
        steps = await platform.in_thread("access", self.book.steps)
        if steps:
            await platform.in_thread("commands", platform.audit.append, [_entry(one) for one in steps])
            await platform.in_thread("access", self.book.noted, steps)
        self._due = False


def _same(given: str, right: str) -> bool:
    return bool(right) and secrets.compare_digest(given.encode("utf-8", "surrogateescape"), right.encode())


def _entry(step: Step) -> dict[str, str]:
    return {
        "at": rfc3339(step.at),
        "step": step.what,
        "kind": PLATFORM,
        "who": step.who,
        "token": step.token,
        "name": step.name,
    }
