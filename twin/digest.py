"""Many notifications as one: what remains of those for which there was no room."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from twin.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGEST = "digest"
MOST_SHOWN = 20


def folded(before: str | None, more: Sequence[tuple[str, str, int]]) -> dict[str, Any]:
    """Return the body of a digest with `(kind, body, put_at)` of further entries added; `before` is its JSON so far.

    It counts all of them by event and priority, and shows the titles of the newest `MOST_SHOWN`; what a digest among
    them stands for is counted, not the digest.
    """
    found: dict[str, Any] = json.loads(before) if before else {}
    events, priorities = Counter(found.get("events", {})), Counter(found.get("priorities", {}))
    shown: list[str] = list(found.get("shown", []))
    times = [*filter(None, (found.get("since"), found.get("until")))]
    for kind, text, at in more:
        body, when = json.loads(text), rfc3339(at, "milliseconds")
        if kind == DIGEST:
            events.update(body.get("events", {}))
            priorities.update(body.get("priorities", {}))
            shown += body.get("shown", [])
            times += [body.get("since") or when, body.get("until") or when]
        else:
            events[kind] += 1
            priorities[str(body.get("priority", "none"))] += 1
            shown.append(str(body.get("title") or body.get("what") or kind)[:200])
            times.append(when)
    return {
        "count": sum(events.values()),
        "events": dict(events),
        "priorities": dict(priorities),
        "since": min(times),
        "until": max(times),
        "shown": shown[-MOST_SHOWN:],
    }
