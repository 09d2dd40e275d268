"""Events as text: what happened, written once, however many listen.

An event has an id (`EPOCH-NUMBER`), a name (`reading`, `alarm`, `gap`, `lost` …) and data, which is JSON. Server-sent
events and WebSockets carry the same three in their own way: a `Dialect`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from twin.clock import rfc3339
from twin.model.quantities import Aggregation
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from barrio.assembly import Catalogue
    from barrio.live.ring import Rows
    from twin.frame import Times

READING, ALARM, GAP = "reading", "alarm", "gap"
KINDS = (READING, ALARM, GAP)
_ID = re.compile(r"([0-9a-f]{1,16})-([0-9]{1,18})")
_SLUGS = {int(reason): reason.slug for reason in Reason}


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody has come to: the number of an event, in the life of a ring that has a name."""

    epoch: str
    number: int

    def __str__(self) -> str:
        """Return it as the id of an event."""
        return f"{self.epoch}-{self.number}"


def place_of(text: str) -> Place | None:
    """Return the place that an id names, None when it is not one of ours."""
    found = _ID.fullmatch(text.strip())
    return None if found is None else Place(found[1], int(found[2]))


def data_of(body: Mapping[str, Any]) -> str:
    """Return data as JSON, in one line."""
    return orjson.dumps(body).decode()


@dataclass(frozen=True, slots=True)
class Dialect:
    """How events are carried.

    `one` writes an event (id, name, data), `many` makes a message of some that follow each other, `join` one message of
    several.
    """

    name: str
    one: Callable[[str, str, str], str]
    many: Callable[[Sequence[str]], bytes]
    join: Callable[[Sequence[bytes]], bytes]
    beat: Callable[[str], bytes]


def _sse_one(number: str, name: str, data: str) -> str:
    return f"id: {number}\nevent: {name}\ndata: {data}\n\n"


def _sse_many(events: Sequence[str]) -> bytes:
    return "".join(events).encode()


def _sse_join(messages: Sequence[bytes]) -> bytes:
    return b"".join(messages)


def _json_join(messages: Sequence[bytes]) -> bytes:
    return b"[%b]" % b",".join(message[1:-1] for message in messages)


def _sse_beat(number: str) -> bytes:
    return f": beat\nid: {number}\n\n".encode()


def _json_one(number: str, name: str, data: str) -> str:
    return f'{{"id":"{number}","event":"{name}","data":{data}}}'


def _json_many(events: Sequence[str]) -> bytes:
    return f"[{','.join(events)}]".encode()


def _json_beat(number: str) -> bytes:
    return f'[{{"id":"{number}","event":"beat","data":{{}}}}]'.encode()


SSE = Dialect("sse", _sse_one, _sse_many, _sse_join, _sse_beat)
JSON = Dialect("json", _json_one, _json_many, _json_join, _json_beat)


class Readings:
    """Readings as the data of events: `{"point":…,"time":…,"value":…,"quality":…}`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._points = {item.id: item for item in catalogue.points.values()}
        self._states = {number: orjson.dumps(name).decode() for number, name in catalogue.states.items()}
        self._heads: dict[int, str] = {}

    def written(self, rows: Rows) -> list[str]:
        """Return the data of each reading."""
        return [
            f'{self._head(series)}{at}","value":{self._value(series, value)},"quality":"{_SLUGS[quality]}"}}'
            for series, at, value, quality in zip(
                rows.ids.tolist(),
                stamps(rows.time),
                rows.value.tolist(),
                rows.quality.tolist(),
                strict=True,
            )
        ]

    def window(self, series: int, start: str, value: float, every: str) -> str:
        """Return the data of the value of a finished window, stamped with its start; empty where it has none."""
        if value != value:  # noqa: PLR0124 - NaN, and nothing else
            return ""
        said = self._value(series, value)
        return f'{self._head(series)}{start}","value":{said},"quality":"good","every":"{every}"}}'

    def is_gauge(self, series: int) -> bool:
        """Whether what a point gives in a window is a mean."""
        return self._points[series].point.quantity.aggregation is Aggregation.GAUGE

    def gap(self, series: int, at: int, reason: Reason | None, words: str) -> str:
        """Return the data of a gap that began at a time for a reason, or (without one) ended."""
        moment = rfc3339(at)
        if reason is None:
            return f'{self._head(series)}{moment}","state":"ended"}}'
        said = orjson.dumps(words).decode()
        return f'{self._head(series)}{moment}","state":"began","reason":"{reason.slug}","words":{said}}}'

    def __contains__(self, series: int) -> bool:
        """Whether a series is configured."""
        return series in self._points

    def _head(self, series: int) -> str:
        found = self._heads.get(series)
        if found is None:
            path = orjson.dumps(self._points[series].point.path).decode()
            found = self._heads[series] = f'{{"point":{path},"time":"'
        return found

    def _value(self, series: int, value: float) -> str:
        if value != value:  # noqa: PLR0124 - NaN, and nothing else
            return "null"
        if self._points[series].point.states:
            return self._states.get(int(value), "null")
        return repr(value)


def stamps(times: Times) -> list[str]:
    """Return times, ns UTC, as `2026-11-23T15:00:00.000000Z`, with nine digits where they are finer than a microsecond.

    Many of them are equal, and written once.
    """
    if not len(times):
        return []
    distinct, where = np.unique(times, return_inverse=True)
    texts = np.datetime_as_string(distinct.astype("datetime64[ns]")).tolist()
    shown = [f"{text.removesuffix('000')}Z" for text in texts]
    return [shown[at] for at in where.tolist()]
