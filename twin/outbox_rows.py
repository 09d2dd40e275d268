"""Tables and statements of `twin.outbox`, and its rows as objects."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, key TEXT NOT NULL, delivery TEXT NOT NULL,
  kind TEXT NOT NULL, body TEXT, rank INTEGER NOT NULL, put_at INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
  tried_at INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL DEFAULT 0, aside INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'waiting', words TEXT NOT NULL DEFAULT '', ended_at INTEGER,
  UNIQUE (channel, key)
) STRICT;
CREATE INDEX IF NOT EXISTS entry_waiting ON entry (channel, aside, id) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS entry_ended ON entry (channel, id) WHERE state <> 'waiting';
CREATE TABLE IF NOT EXISTS tally (
  channel TEXT PRIMARY KEY, sent INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
  given_up INTEGER NOT NULL DEFAULT 0, folded INTEGER NOT NULL DEFAULT 0, words TEXT NOT NULL DEFAULT '',
  words_at INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
"""
PUT = (
    "INSERT INTO entry (channel, key, delivery, kind, body, rank, put_at) VALUES (?,?,?,?,?,?,?) "
    "ON CONFLICT (channel, key) DO NOTHING"
)
FIRSTS = "SELECT MIN(id) FROM entry WHERE state = 'waiting' GROUP BY channel, aside"
HEADS = (
    "SELECT tried_at, due, id, channel, key, delivery, kind, body, put_at, tries + 1 FROM entry "  # noqa: S608
    f"WHERE id IN ({FIRSTS}) ORDER BY aside, id"
)
LOWEST = (
    "SELECT id, kind, body, put_at FROM entry WHERE channel = :channel AND state = 'waiting' "
    "AND (rank >= :lowest OR kind = :digest) AND id NOT IN (SELECT value FROM json_each(:but)) "
    "ORDER BY kind = :digest DESC, rank DESC, id LIMIT :many"
)
OPEN_DIGEST = (
    "SELECT id, body FROM entry WHERE channel = ? AND state = 'waiting' AND kind = ? AND tries = 0 "
    "ORDER BY id DESC LIMIT 1"
)
STATUS = (
    "SELECT t.channel, COUNT(e.id), MIN(e.put_at), t.sent, t.failed, t.given_up, t.folded, t.words, t.words_at "
    "FROM tally t LEFT JOIN entry e ON e.channel = t.channel AND e.state = 'waiting' "
    "GROUP BY t.channel ORDER BY t.channel"
)
PRUNE = (
    "DELETE FROM entry WHERE channel = ? AND state <> 'waiting' AND id <= "
    "(SELECT id FROM entry WHERE channel = ? AND state <> 'waiting' ORDER BY id DESC LIMIT 1 OFFSET ?)"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One notification that is due; `body` is JSON, `tries` counts this one."""

    id: int
    channel: str
    key: str
    delivery: str
    kind: str
    body: str
    put_at: int
    tries: int


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How a channel stands; times are ns UTC, `oldest` is None when nothing waits."""

    channel: str
    waiting: int
    oldest: int | None
    sent: int
    failed: int
    given_up: int
    folded: int
    words: str
    words_at: int
