"""Looking at a device: what it lists (RFC 6690), what each resource answers once, and a draft of its profile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiocoap

from connectors.abilities import Draft
from connectors.coap import blocks, exchange, linkformat
from connectors.coap.config import is_resource
from connectors.coap.draft import Seen, drafted
from connectors.coap.exchange import NoAnswer
from connectors.coap.line import line_to
from connectors.coap.linkformat import LinkError
from connectors.coap.security import Security
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.coap.config import CoapOptions
    from connectors.coap.line import Line
    from connectors.coap.linkformat import CoreLink
    from connectors.home import Home
    from twin.model.protocol import Endpoint

_CORE = "/.well-known/core"
_MOST_RESOURCES = 64
_EACH_S = 4.0
_ALL_S = 60.0


async def discover(endpoint: Endpoint, options: CoapOptions, home: Home) -> Draft:
    """Ask for the list and then each resource once, and draft a profile; within a minute, whatever the device says."""
    name = endpoint.peer
    if endpoint.scheme.endswith("+listen"):
        raise TransientError(name, "devices that push are not asked; what they send is listed as strangers")
    try:
        async with (
            Security(endpoint, options, home) as security,
            line_to(endpoint.host, endpoint.port, security.wrap()) as line,
        ):
            return await _Looker(endpoint, options, line, security).draft()
    except NoAnswer as none:
        raise TransientError(name, str(none)) from none


class _Looker:
    """One look at one device."""

    def __init__(self, endpoint: Endpoint, options: CoapOptions, line: Line, security: Security) -> None:
        self._endpoint = endpoint
        self._options = options
        self._line = line
        self._security = security
        self._remarks: list[str] = []

    async def draft(self) -> Draft:
        links = await self._links()
        seen: list[Seen] = []
        try:
            async with asyncio.timeout(_ALL_S):
                for link in links:
                    seen.append(await self._look(link))  # noqa: PERF401 - what was seen before the end counts
        except TimeoutError:
            self._remarks.append(f"it took longer than {_ALL_S:g} s: {len(links) - len(seen)} were not asked")
        return Draft(drafted(self._endpoint, self._options, seen), tuple(self._remarks))

    async def _links(self) -> Sequence[CoreLink]:
        answer = await self._get(_CORE, observe=False)
        if answer.code != aiocoap.CONTENT:
            raise NoAnswer(f"it gives no list of its resources: {exchange.said(answer)}")
        try:
            links = linkformat.parse(answer.payload.decode("utf-8", "replace"))
        except LinkError as error:
            raise NoAnswer(f"its list of resources cannot be read: {error}") from error
        own = [link for link in links if is_resource(link.target) and link.target != _CORE]
        if len(own) < len(links):
            self._remarks.append(f"{len(links) - len(own)} links lead elsewhere or are no resources")
        if len(own) > _MOST_RESOURCES:
            self._remarks.append(f"only {_MOST_RESOURCES} of {len(own)} resources were asked")
        return own[:_MOST_RESOURCES]

    async def _look(self, link: CoreLink) -> Seen:
        try:
            answer = await self._get(link.target, observe=True)
        except NoAnswer as none:
            return Seen(link, None, b"", words=str(none))
        number = answer.opt.content_format
        if answer.code != aiocoap.CONTENT:
            return Seen(link, None, b"", words=exchange.said(answer))
        observable = answer.opt.observe is not None
        return Seen(link, None if number is None else int(number), answer.payload, observable=observable)

    async def _get(self, resource: str, *, observe: bool) -> aiocoap.Message:
        """Return the whole answer; an observation that it began is ended at once."""
        host, timeout_s = self._endpoint.host, min(self._options.timeout, _EACH_S)
        message = exchange.request(resource, host)
        message.opt.observe = 0 if observe else None
        guard = await self._security.guard()
        token = self._line.new_token()
        asked = self._line.begin(message, token, exchange.USUAL, guard)
        try:
            answer, _ = await asked.answer(timeout_s)
        finally:
            asked.stop()
        if answer.opt.observe is not None:
            end = exchange.request(resource, host)
            end.opt.observe = 1
            self._line.tell(end, token, guard)
        if answer.opt.block2 is not None and answer.opt.block2.more:
            again = exchange.request
            answer = await blocks.rest(self._line, answer, lambda: again(resource, host), timeout_s, guard)
        return answer
