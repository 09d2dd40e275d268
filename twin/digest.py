"""Many notifications as one: what remains of those for which there was no room."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGEST = "digest"
MOST_SHOWN = 20


def folded(before: str | None, more: Sequence[tuple[str, str, int]]) -> dict[str, Any]:
    """Return the body of a digest with `(kind, body, put_at)` of further entries added; `before` is its JSON so far.

    It counts all of them by event and priority, and shows the titles of the newest `MOST_SHOWN`.
    """
    found: dict[str, Any] = json.loads(before) if before else {}
    events, priorities = Counter(found.get("events", {})), Counter(found.get("priorities", {}))
    shown: list[str] = list(found.get("shown", []))
    for kind, text, _ in more:
        body = json.loads(text)
        events[kind] += 1
        priorities[str(body.get("priority", "none"))] += 1
        shown.append(str(body.get("title") or body.get("what") or kind)[:200])
    times = [_moment(at) for _, _, at in more]
    return {
        "count": sum(events.values()),
        "events": dict(events),
        "priorities": dict(priorities),
        "since": min([*times, *filter(None, [found.get("since")])]),
        "until": max([*times, *filter(None, [found.get("until")])]),
        "shown": shown[-MOST_SHOWN:],
    }


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
