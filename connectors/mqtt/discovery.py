"""Listening to a broker for a while, and a draft profile of what was heard."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from connectors.abilities import Draft
from connectors.drafts import CHOOSE, Names, as_key, plain_id, quoted
from connectors.mqtt import sparkplug
from connectors.mqtt.config import SPARKPLUG, base_of
from connectors.mqtt.session import connected
from connectors.mqtt.sparkplug import Kind
from connectors.payloads.decoding import NoValue, Wire, decode, shown
from connectors.payloads.values import is_number
from twin.errors import TransientError
from twin.model.catalogue import CATALOGUE
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connectors.mqtt.access import Access
    from connectors.mqtt.inbox import Arrival

LISTEN_S = 8.0
_MOST_TOPICS = 1_000
_MOST_BYTES = 50_000_000
_MOST_POINTS = 2_000
_MOST_LEVELS = 6
_BIRTHS = frozenset({Kind.NODE_BIRTH, Kind.DEVICE_BIRTH})


@dataclass(frozen=True, slots=True)
class Found:
    """One value that was heard: the keys of its address, the words that name it, and the value."""

    address: dict[str, str]
    words: tuple[str, ...]
    value: object


@dataclass(slots=True)
class _Heard:
    """The last message of each topic; beyond `_MOST_TOPICS` or `_MOST_BYTES` they are only counted."""

    base: str
    last: dict[str, bytes] = field(default_factory=dict)
    size: int = 0
    beyond: int = 0

    def take(self, arrival: Arrival) -> None:
        topic, payload = arrival.topic, arrival.payload
        known = self.last.get(topic)
        if known is not None and _is_later(topic, self.last):
            return
        size = self.size + len(payload) - len(known or b"")
        if (known is None and len(self.last) >= _MOST_TOPICS) or size > _MOST_BYTES:
            self.beyond += 1
        else:
            self.last[topic], self.size = payload, size


def _is_later(topic: str, heard: dict[str, bytes]) -> bool:
    """Whether a topic is a birth that was heard already: the first says as much as the next."""
    found = sparkplug.parse_topic(topic)
    return found is not None and found[0] in _BIRTHS and topic in heard


async def draft(access: Access) -> Draft:
    """Listen below the endpoint's topic and return what was heard; TransientError when the broker is away."""
    base = base_of(access.endpoint)
    wanted = f"{base}/#" if base else "#"
    heard = _Heard(base)
    async with connected(access, time.time_ns) as session:
        refused = await session.follow([wanted])
        if refused:
            raise TransientError(access.endpoint.peer, f"the broker refuses {wanted}: {refused[wanted]}")
        try:
            async with asyncio.timeout(LISTEN_S):
                while True:
                    for arrival in await session.take():
                        heard.take(arrival)
                        session.ack(arrival)
        except TimeoutError:
            return _written(heard)


def _written(heard: _Heard) -> Draft:
    values = (
        one for topic, payload in sorted(heard.last.items()) for one in _values(heard.base, topic, payload)
    )
    # Counted, not kept: a small message may hold ten thousand values.
    found, left_out = list(islice(values, _MOST_POINTS)), sum(1 for _ in values)
    remarks = [f"heard {len(heard.last)} topics in {LISTEN_S:g} s; what speaks more rarely is not here"]
    if heard.beyond:
        remarks.append(
            f"{heard.beyond} messages on further topics are left out: name a longer topic in the endpoint"
        )
    if left_out:
        remarks.append(f"{left_out} values are left out")
    births = [one for topic in heard.last if (one := sparkplug.parse_topic(topic))]
    for kind, place in births:
        if kind in _BIRTHS:
            levels = "/".join(filter(None, (SPARKPLUG, place.group, place.node, place.device)))
            remarks.append(f"a Sparkplug B device lives at /{levels}")
    if births and not any(kind in _BIRTHS for kind, _ in births):
        remarks.append("no birth was heard: ask the edge node for a rebirth, and discover again")
    return Draft(_profile(found), tuple(remarks))


def _values(base: str, topic: str, payload: bytes) -> Iterator[Found]:
    edge = sparkplug.parse_topic(topic)
    if edge is not None:
        if edge[0] in _BIRTHS:
            yield from _metrics(payload)
        return
    below = topic.removeprefix(base).removeprefix("/") if base else topic
    address = {"topic": below} if below else {}
    words = tuple(below.split("/")) if below else tuple(base.split("/")[-1:])
    try:
        text = decode(Wire.TEXT, payload)
    except NoValue:
        return
    if payload[:1] not in {b"{", b"["}:
        yield Found(address, words, text)
        return
    try:
        decoded = decode(Wire.JSON, payload)
    except NoValue:
        return
    yield from (
        _records(address, words, payload)
        if isinstance(decoded, list)
        else _leaves(address, words, decoded, "")
    )


def _metrics(payload: bytes) -> Iterator[Found]:
    try:
        metrics = sparkplug.decode(payload).metrics
    except NoValue:
        return
    for metric in metrics:
        if metric.name not in {sparkplug.REBIRTH, sparkplug.BD_SEQ, ""} and metric.value is not None:
            yield Found({"metric": metric.name}, tuple(metric.name.split("/")), metric.value)


def _records(address: dict[str, str], words: tuple[str, ...], payload: bytes) -> Iterator[Found]:
    try:
        records = decode(Wire.SENML_JSON, payload)
    except NoValue:
        return
    for record in records:
        if record.value is not None:
            yield Found({**address, "name": record.name}, (*words, record.own or record.name), record.value)


def _leaves(
    address: dict[str, str], words: tuple[str, ...], value: object, at: str, level: int = 0
) -> Iterator[Found]:
    if isinstance(value, dict) and level < _MOST_LEVELS:
        for key, held in value.items():
            step = f"{at}/{key.replace('~', '~0').replace('/', '~1')}"
            yield from _leaves(address, (*words, key), held, step, level + 1)
    elif isinstance(value, bool | int | float | str):
        yield Found({**address, "key": at}, words, value)


def _profile(found: Sequence[Found]) -> str:
    lines = [
        "profile: draft-mqtt",
        "protocol: mqtt",
        "kind: Device",
        "description: Drafted from what was heard; give every point its quantity, and take away what nobody needs",
        "source: generic",
        "points:",
    ]
    names = Names()
    for one in found:
        keys = ", ".join(f"{key}: {quoted(text)}" for key, text in one.address.items())
        name = as_key(names.make("_".join(one.words[-2:])))
        lines.append(f"  {name}: {{quantity: {_quantity(one) or CHOOSE}, {keys}}}  # was {shown(one.value)}")
    return "\n".join([*lines, ""])


def _quantity(found: Found) -> str | None:
    """Return the quantity whose own name the device uses; nothing is guessed."""
    name = plain_id(found.words[-1]) if found.words else ""
    quantity = CATALOGUE.get(name)
    if quantity is None:
        return None
    is_state = quantity.aggregation is Aggregation.STATE
    return name if is_state is not is_number(found.value) else None
