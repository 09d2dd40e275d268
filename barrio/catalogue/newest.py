"""Points with their newest readings as JSON, ten thousand at a time: texts are put together of parts that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orjson

from barrio.api.points import gap_of
from barrio.errors import words_for
from barrio.history.permitted import NOTHING_USABLE, Newest, permitted_latest
from twin.errors import TransientError
from twin.quality import Reason
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.access.who import Who
    from barrio.catalogue.facts import Fact
    from barrio.platform import Platform
    from twin.frame import Ids, Times

_NULL = b"null"
_RESOLUTIONS = tuple(f'"resolution":"{one.value}"}}}}'.encode() for one in Resolution)
_QUALITIES: Mapping[int, bytes] = {
    int(one): orjson.dumps({"level": one.level, "reason": one.slug, "meaning": one.meaning})[:-1]
    for one in Reason
}
_EMPTY = _QUALITIES[Reason.INPUT_MISSING].replace(
    Reason.INPUT_MISSING.meaning.encode(), NOTHING_USABLE.encode()
)
"""Of a window without a usable reading."""


async def with_newest(platform: Platform, who: Who, facts: Sequence[Fact]) -> list[bytes]:
    """Return points with their newest readings as finely as `who` is given them: `resolution` says how finely.

    Where that is windows and the store is away, there are no values, and `quality` says why.
    """
    ids = np.array([fact.item.id for fact in facts], np.int32)
    words = ""
    try:
        found = await permitted_latest(platform, who, ids)
    except TransientError as error:
        found, words = _unasked(platform, who, ids), words_for(error, whole=who.sight.whole)
    values = _split(
        orjson.dumps(np.ascontiguousarray(found.value), option=orjson.OPT_SERIALIZE_NUMPY), len(ids)
    )
    times = (_texts(found.time), _texts(found.received), _texts(found.device))
    gaps = np.where(found.finest > 0, 0, platform.gaps.reason[ids]).tolist()
    parts = zip(facts, values, found.quality.tolist(), found.finest.tolist(), gaps, *times, strict=True)
    states = {str(float(one)).encode(): orjson.dumps(name) for one, name in platform.catalogue.states.items()}
    details = platform.live.details
    said: dict[tuple[int, int, str], bytes] = {}
    rows = []
    for fact, number, code, finest, broken, time, received, device in parts:
        value = number
        if fact.item.point.states:
            value = states.get(number, _NULL)
            value = b'%b,"state":%b' % (value, value)
        head = _EMPTY if finest and code == Reason.INPUT_MISSING else _QUALITIES[code]
        quality = b'%b,"detail":""}' % head
        if detail := words if finest else details.get(fact.item.id, ""):
            quality = b'%b,"detail":%b}' % (head, orjson.dumps(detail))
        gap = _gap(platform, who, fact.item.id, said) if broken else _NULL
        rows.append(
            b'%b%b,"quality":%b,"time":%b,"received":%b,"device_time":%b,"gap":%b,%b'
            % (fact.begun, value, quality, time, received, device, gap, _RESOLUTIONS[finest])
        )
    return rows


def _unasked(platform: Platform, who: Who, ids: Ids) -> Newest:
    """Return what is known without the store: readings themselves, and nothing of windows."""
    live, finest = platform.live, who.sight.finest[ids]
    windowed = finest > 0
    value = np.where(windowed, np.nan, live.value[ids])
    quality = np.where(windowed, Reason.INPUT_MISSING, live.quality[ids]).astype(np.uint8)
    time, received, device = (
        np.where(windowed, 0, one[ids]) for one in (live.time, live.received, live.device)
    )
    return Newest(ids, value, quality, time, received, device, finest)


def _gap(platform: Platform, who: Who, series: int, said: dict[tuple[int, int, str], bytes]) -> bytes:
    """Return a gap as JSON; when a link is down, thousands are the same."""
    gaps = platform.gaps
    key = (int(gaps.reason[series]), int(gaps.since[series]), gaps.words.get(series, ""))
    if key not in said:
        said[key] = orjson.dumps(gap_of(platform, series, told=who.on_duty))
    return said[key]


def _texts(times: Times) -> list[bytes]:
    """Return times in RFC 3339 as JSON, with nine digits where they are finer than a microsecond; null for none."""
    if not times.any():
        return [_NULL] * len(times)
    texts = np.datetime_as_string(times.astype("datetime64[ns]")).astype("S").tolist()
    return [
        b'"%bZ"' % text.removesuffix(b"000") if time else _NULL
        for text, time in zip(texts, times.tolist(), strict=True)
    ]


def _split(array: bytes, length: int) -> list[bytes]:
    return array[1:-1].split(b",") if length else []
