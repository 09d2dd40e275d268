"""How often somebody may ask: a bucket that holds a minute's worth and fills all the time (token bucket).

Headers as in draft-ietf-httpapi-ratelimit-headers-10 (`RateLimit-Policy`, `RateLimit`), and beside them the older
`X-RateLimit-Limit`, `-Remaining` and `-Reset` (s) that most clients know. `Retry-After` goes with 429.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from http import HTTPStatus

from starlette.exceptions import HTTPException

WINDOW_S = 60
MOST_BUCKETS = 10_000


class Bucket:
    """What one caller has left. `now_s` is any clock that only goes forward."""

    __slots__ = ("_at_s", "_left", "per_minute")

    def __init__(self, per_minute: int, now_s: float) -> None:
        self.per_minute = per_minute
        self._left = float(per_minute)
        self._at_s = now_s

    def spend(self, cost: float = 1.0, now_s: float | None = None) -> None:
        """Take what a request costs; 429 with the time to wait when that is not there.

        What costs more than a minute's worth is given to whoever has a full bucket.
        """
        now_s = time.monotonic() if now_s is None else now_s
        wanted, left = min(cost, self.per_minute), self._filled(now_s)
        if wanted > left:
            wait = math.ceil((wanted - left) * WINDOW_S / self.per_minute)
            words = f"more than {self.per_minute:,} requests per minute: again in {wait} s"
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS, words, {"Retry-After": str(wait), **self.headers()}
            )
        self._left = left - wanted

    def charge(self, cost: float, now_s: float | None = None) -> None:
        """Take what a request turned out to cost, which may be more than is left: whoever asks next waits for it."""
        left = self._filled(time.monotonic() if now_s is None else now_s)
        self._left = max(left - cost, -float(self.per_minute))

    def headers(self) -> dict[str, str]:
        """Return what a caller is told of its rate."""
        left, full_s = (
            max(0, int(self._left)),
            math.ceil((self.per_minute - self._left) * WINDOW_S / self.per_minute),
        )
        return {
            "RateLimit-Policy": f'"minute";q={self.per_minute};w={WINDOW_S}',
            "RateLimit": f'"minute";r={left};t={full_s}',
            "X-RateLimit-Limit": str(self.per_minute),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(full_s),
        }

    def _filled(self, now_s: float) -> float:
        self._left = min(
            self.per_minute, self._left + max(0.0, now_s - self._at_s) * self.per_minute / WINDOW_S
        )
        self._at_s = now_s
        return self._left


class Buckets:
    """The buckets of those who asked lately, `MOST_BUCKETS` at most: whoever was silent for longest is forgotten."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def of(self, key: str, per_minute: int) -> Bucket:
        """Return the bucket of a caller."""
        found = self._buckets.get(key)
        if found is None or found.per_minute != per_minute:
            found = self._buckets[key] = Bucket(per_minute, time.monotonic())
            if len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return found
