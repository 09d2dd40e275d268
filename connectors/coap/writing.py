"""Setting points: a PUT or POST of their resource in its own format, and what the device has afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiocoap

from connectors.abilities import Done, Outcome
from connectors.coap import blocks, exchange
from connectors.coap.config import address_of
from connectors.coap.exchange import NoAnswer
from connectors.coap.keys import Exhausted
from connectors.coap.payload import CONTENT_FORMATS, encode, place_of, wire_of
from connectors.coap.reader import Reader, accepted
from connectors.coap.security import NONE
from connectors.payloads.decoding import NoValue, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.abilities import Setting
    from connectors.coap.line import Line
    from connectors.coap.security import Security
    from twin.model.spec import StateKey

    Place = tuple[str, ...]

_METHODS = {"put": aiocoap.PUT, "post": aiocoap.POST}
PLAIN = "plain CoAP is never written to: give the device OSCORE or DTLS"


class Writer:
    """Sets points of one device over an open line."""

    def __init__(self, line: Line, host: str, timeout_s: float, security: Security) -> None:
        self._line = line
        self._host = host
        self._timeout_s = timeout_s
        self._security = security

    async def write(self, settings: Sequence[Setting]) -> Sequence[Outcome]:
        """Return an outcome for each setting, in order. Settings of one resource go in one request where they can."""
        if self._security.name == NONE and not self._security.stand_in:
            return [Outcome(setting, Done.REFUSED, words=PLAIN) for setting in settings]
        outcomes: dict[int, Outcome] = {}
        for resource, method, places in _grouped(settings):
            found = await self._set(resource, method, list(places.values()))
            outcomes.update({id(outcome.setting): outcome for outcome in found})
        return [outcomes[id(setting)] for setting in settings]

    async def _set(self, resource: str, method: str, group: Sequence[Setting]) -> list[Outcome]:
        done, words = await self._send(resource, method, group)
        if done is Done.REFUSED:
            return [Outcome(setting, done, words=words) for setting in group]
        has = await self._read_back(resource, group)
        return [Outcome(setting, done, back, words) for setting, back in zip(group, has, strict=True)]

    async def _send(self, resource: str, method: str, group: Sequence[Setting]) -> tuple[Done, str]:
        message = exchange.request(resource, self._host, _METHODS[method])
        pairs = [(setting.point.point, address_of(setting.point.point)) for setting in group]
        wire = wire_of(pairs, None)
        values = {
            place_of(point, address, wire): _whole(setting.raw)
            for (point, address), setting in zip(pairs, group, strict=True)
        }
        try:
            message.payload = encode(wire, values)
        except ValueError as error:
            return Done.REFUSED, str(error)
        message.opt.content_format = CONTENT_FORMATS[wire]
        return await self._sent(message)

    async def _sent(self, message: aiocoap.Message) -> tuple[Done, str]:
        guard = await self._security.guard()
        try:
            answer = await exchange.ask(self._line, message, self._timeout_s, guard)
        except Exhausted as none:
            return Done.REFUSED, str(none)
        except NoAnswer as none:
            return Done.UNKNOWN, str(none)
        if answer.code.is_successful():
            return Done.WRITTEN, ""
        return Done.REFUSED, exchange.said(answer)

    async def _read_back(self, resource: str, group: Sequence[Setting]) -> list[float | StateKey | None]:
        """Return what the device has now of each point, None where it does not say."""
        nothing: list[float | StateKey | None] = [None] * len(group)
        reader = Reader([setting.point for setting in group])
        message = exchange.request(resource, self._host)
        message.opt.accept = accepted(reader.format)
        try:
            guard = await self._security.guard()
            answer = await exchange.ask(self._line, message, self._timeout_s, guard)
            if answer.opt.block2 is not None and answer.opt.block2.more:
                again = exchange.request
                answer = await blocks.rest(
                    self._line, answer, lambda: again(resource, self._host), self._timeout_s, guard
                )
        except NoAnswer:
            return nothing
        if answer.code != aiocoap.CONTENT:
            return nothing
        return [_back(reader, setting, answer) for setting in group]


def _grouped(settings: Sequence[Setting]) -> list[tuple[str, str, dict[Place, Setting]]]:
    """Return `(resource, method, settings by place)`, no group with two values that one payload could not hold."""
    groups: list[tuple[str, str, dict[Place, Setting]]] = []
    for setting in settings:
        point, address = setting.point.point, address_of(setting.point.point)
        place = steps(place_of(point, address, wire_of([(point, address)], None)))
        for resource, method, places in groups:
            same = (resource, method) == (address.resource, address.write)
            if same and not any(_meet(place, other) for other in places):
                places[place] = setting
                break
        else:
            groups.append((address.resource, address.write, {place: setting}))
    return groups


def _meet(one: Place, other: Place) -> bool:
    """Whether two places are the same, or one lies inside of the other."""
    common = min(len(one), len(other))
    return one[:common] == other[:common]


def _back(reader: Reader, setting: Setting, answer: aiocoap.Message) -> float | StateKey | None:
    number = answer.opt.content_format
    try:
        return reader.raw(setting.point, answer.payload, None if number is None else int(number))
    except NoValue:
        return None


def _whole(raw: float | StateKey) -> float | StateKey:
    """Return a whole number as an integer: what many devices take, and `21` instead of `21.0`."""
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw
