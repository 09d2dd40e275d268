"""Notifications on their way out: kept on disk until somebody took them, or until waiting makes no sense any more.

What holds:

- What `put` was told survives a crash of the process or the machine (committed with `synchronous=FULL`).
- A (channel, key) is taken once: putting it again changes nothing, also after it was delivered.
- At least once: an entry is handed out again until `done` or `failed` is on disk, always with the same delivery id and
  the same body, so that the receiver can tell a repetition.
- Order per channel: an entry is handed out after those before it. One that its receiver answered with errors for
  about an hour steps aside, so that one bad entry does not hold up the others for a week.
- Bounded: `most` entries wait for a channel. Beyond, digests become one, and the oldest of the lowest priority joins
  them; a digest says how many, and critical entries go last. Of what ended the newest `MOST_ENDED` are remembered.
- A wall clock that is set back makes nobody wait longer; one that is set forward gives nothing up before
  `twin.backoff.FEWEST_TRIES` tries.

Channels are named `district/channel`. The body of an entry is a JSON object. Words for people are made of the keys
`title`, `text`, `what` (a path), `where`, `since`, `until` (RFC 3339), `value`, `advice`, `link`, `priority` (critical,
high, medium, low) and `count`, each of which may be missing; what else is in it, programs get as it is.
"""

from __future__ import annotations

import json
import random
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from twin import outbox_rows as rows
from twin.backoff import Patience
from twin.clock import SystemClock
from twin.databook import DataBook
from twin.digest import DIGEST, folded
from twin.notify_spec import PRIORITIES
from twin.outbox_rows import ChannelStatus, Entry
from twin.sqlite import Database
from twin.words import storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from twin.clock import Clock

MOST = 1_000
MOST_ENDED = 10_000
LONGEST_BODY = 64_000
LONGEST_WORDS = 500
_PRUNE_EVERY = 50
_NO_PRIORITY = -1


class Outbox(DataBook):
    """The outbox of one data folder; methods block on the disk and raise `twin.sqlite.DatabaseBusy`.

    `on_put` is called, in the thread that put it, when there is something new to send.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock | None = None,
        patience: Patience | None = None,
        *,
        most: int = MOST,
    ) -> None:
        self.on_put: Callable[[], None] = _nothing
        super().__init__(Database(path, rows.SCHEMA, synchronous="FULL"))
        self._clock = clock or SystemClock()
        self._patience = patience or Patience(random.Random())
        self._most = most
        self._out: dict[int, str] = {}
        self._endings = 0

    # --- in -------------------------------------------------------------------------------------------------

    def put(self, channel_id: str, kind: str, body: Mapping[str, Any], key: str) -> bool:
        """Keep a notification for a channel; False when this (channel, key) was put before.

        Raises ValueError when the body is no JSON (NaN is none) or longer than `LONGEST_BODY`.
        """
        text = _json(body)
        rank = _rank(body)
        with self._database.transaction() as connection:
            row = (channel_id, storable(key), str(uuid.uuid4()), kind, text, rank, self._clock.now_ns())
            taken = connection.execute(rows.PUT, row).rowcount > 0
            if taken:
                connection.execute(
                    "INSERT INTO tally (channel) VALUES (?) ON CONFLICT DO NOTHING", (channel_id,)
                )
                self._fold(connection, channel_id, self._most, _NO_PRIORITY)
        if taken:
            self.on_put()
        return taken

    def condense(self, channel: str, keep: int) -> int:
        """Fold what waits beyond `keep` entries, but nothing critical or without a priority; returns how many."""
        with self._database.transaction() as connection:
            return self._fold(connection, channel, keep, PRIORITIES.index("high"))

    # --- out ------------------------------------------------------------------------------------------------

    def due(self, now: int, channels: Collection[str] | None = None) -> list[Entry]:
        """Hand out what is due, at most one entry a channel: another one when this one is `done`, `failed` or put off.

        `channels` are those that can send now, all when left out. That an entry was handed out is on disk first.
        """
        found: list[Entry] = []
        with self._database.transaction() as connection:
            busy = set(self._out.values())
            for tried_at, due, *fields in connection.execute(rows.HEADS).fetchall():
                entry = Entry(*fields)
                free = entry.channel not in busy and (channels is None or entry.channel in channels)
                if free and self._patience.is_due(now, tried_at=tried_at, due=due):
                    connection.execute("UPDATE entry SET tries = ? WHERE id = ?", (entry.tries, entry.id))
                    busy.add(entry.channel)
                    found.append(entry)
        self._out |= {entry.id: entry.channel for entry in found}
        return found

    def done(self, entry: Entry, words: str = "") -> None:
        """The receiver took it."""
        with self._ending(entry, "sent", words, "sent") as connection:
            connection.execute("UPDATE entry SET body = NULL WHERE id = ?", (entry.id,))

    def failed(self, entry: Entry, words: str) -> None:
        """The receiver will never take it: it is kept among those that failed, and not tried again."""
        with self._ending(entry, "failed", words, "failed"):
            pass

    def later(
        self, entry: Entry, words: str, retry_after_s: float | None = None, *, answered: bool = False
    ) -> bool:
        """Try again after a while; False when it has waited for too long, and is given up.

        `retry_after_s` is the wait that the receiver asked for; `answered` tells a receiver that answers with errors
        from one that is out of reach.
        """
        now = self._clock.now_ns()
        if self._patience.is_over(now, entry.put_at, entry.tries):
            with self._ending(entry, "given up", words, "given_up"):
                return False
        due = now + self._patience.wait_ns(entry.tries, retry_after_s)
        aside = int(answered and self._patience.steps_aside(entry.tries))
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE entry SET tried_at = ?, due = ?, aside = MAX(aside, ?), words = ? WHERE id = ?",
                (now, due, aside, _short(words), entry.id),
            )
            self._say(connection, entry.channel, words, now)
        self._out.pop(entry.id, None)
        return True

    def recall(self) -> None:
        """Take back what was handed out, when whoever took it is gone."""
        self._out.clear()

    def expire(self, now: int, channels: Collection[str]) -> int:
        """Give up what waited too long for channels that are no longer there; returns how many."""
        before = now - self._patience.give_up_after_ns
        with self._database.transaction() as connection:
            lost = connection.execute(
                "SELECT channel, COUNT(*) FROM entry WHERE state = 'waiting' AND put_at < ? "
                "AND channel NOT IN (SELECT value FROM json_each(?)) GROUP BY channel",
                (before, json.dumps(list(channels))),
            ).fetchall()
            for channel, count in lost:
                connection.execute(
                    "UPDATE entry SET state = 'given up', ended_at = ?, words = 'there is no such channel any more' "
                    "WHERE channel = ? AND state = 'waiting' AND put_at < ?",
                    (now, channel, before),
                )
                connection.execute(
                    "UPDATE tally SET given_up = given_up + ? WHERE channel = ?", (count, channel)
                )
        return sum(count for _, count in lost)

    # --- questions ------------------------------------------------------------------------------------------

    def status(self) -> list[ChannelStatus]:
        """Return how each channel stands that ever had something to send."""
        with self._database.reading() as connection:
            return [ChannelStatus(*row) for row in connection.execute(rows.STATUS).fetchall()]

    def undelivered(self, channel: str, limit: int) -> list[tuple[str, str, str]]:
        """Return `(key, body, words)` of what failed or was given up, the newest first."""
        with self._database.reading() as connection:
            return connection.execute(
                "SELECT key, body, words FROM entry WHERE channel = ? AND state IN ('failed', 'given up') "
                "ORDER BY id DESC LIMIT ?",
                (channel, limit),
            ).fetchall()

    # --- inside ---------------------------------------------------------------------------------------------

    @contextmanager
    def _ending(self, entry: Entry, state: str, words: str, counter: str) -> Iterator[sqlite3.Connection]:
        now = self._clock.now_ns()
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE entry SET state = ?, words = ?, ended_at = ? WHERE id = ?",
                (state, _short(words), now, entry.id),
            )
            connection.execute(
                f"UPDATE tally SET {counter} = {counter} + 1 WHERE channel = ?",  # noqa: S608 - a name of ours
                (entry.channel,),
            )
            self._say(connection, entry.channel, words, now)
            self._endings += 1
            if self._endings % _PRUNE_EVERY == 0:
                connection.execute(rows.PRUNE, (entry.channel, entry.channel, MOST_ENDED))
            yield connection
        self._out.pop(entry.id, None)

    def _say(self, connection: sqlite3.Connection, channel: str, words: str, now: int) -> None:
        connection.execute(
            "UPDATE tally SET words = ?, words_at = ? WHERE channel = ?", (_short(words), now, channel)
        )

    def _fold(self, connection: sqlite3.Connection, channel: str, keep: int, lowest: int) -> int:
        """Fold the oldest of the lowest priority until `keep` entries wait; those being sent are left alone."""
        waiting = connection.execute(
            "SELECT COUNT(*) FROM entry WHERE channel = ? AND state = 'waiting'", (channel,)
        ).fetchone()[0]
        if waiting <= keep:
            return 0
        digest = connection.execute(rows.OPEN_DIGEST, (channel, DIGEST)).fetchone()
        # A new digest takes a place of its own, and what it stands for is more than one.
        many, fewest = (waiting - keep, 1) if digest else (waiting - keep + 1, 2)
        but = json.dumps([*self._out, *digest[:1]] if digest else list(self._out))
        asked = {"channel": channel, "lowest": lowest, "digest": DIGEST, "but": but, "many": many}
        going = connection.execute(rows.LOWEST, asked).fetchall()
        if len(going) < fewest:
            return 0
        now = self._clock.now_ns()
        body = folded(digest[1] if digest else None, [row[1:] for row in going])
        if digest:
            connection.execute("UPDATE entry SET body = ? WHERE id = ?", (_json(body), digest[0]))
        else:
            delivery = str(uuid.uuid4())
            row = (channel, f"{DIGEST}-{delivery}", delivery, DIGEST, _json(body), _NO_PRIORITY, now)
            connection.execute(rows.PUT, row)
        connection.executemany(
            "UPDATE entry SET state = 'folded', body = NULL, ended_at = ? WHERE id = ?",
            [(now, row[0]) for row in going],
        )
        connection.execute("UPDATE tally SET folded = folded + ? WHERE channel = ?", (len(going), channel))
        return len(going)


def _nothing() -> None:
    """Nobody waits for what is put."""


def _json(body: Mapping[str, Any]) -> str:
    text = storable(json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    if len(text) > LONGEST_BODY:
        raise ValueError(f"a notification of {len(text):,} characters, {LONGEST_BODY:,} are allowed")
    return text


def _rank(body: Mapping[str, Any]) -> int:
    """Return 0 for critical to 3 for low, `_NO_PRIORITY` for what has none and is folded last."""
    priority = body.get("priority")
    return PRIORITIES.index(priority) if priority in PRIORITIES else _NO_PRIORITY


def _short(words: str) -> str:
    return storable(words)[:LONGEST_WORDS]
