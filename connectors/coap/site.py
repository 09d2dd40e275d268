"""What devices find here: `/readings` to push to, a resource directory to register at, and the list of both."""

from __future__ import annotations

import asyncio
import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import aiocoap

from connectors.coap import linkformat
from connectors.coap.asked import Asked, refuse
from connectors.coap.blocks import Refused, Uploads, slice_of
from connectors.coap.directory import Directory, Rejected
from connectors.coap.linkformat import CoreLink
from connectors.coap.payload import CONTENT_FORMATS
from connectors.coap.protection import Protected
from connectors.coap.reader import names_of
from connectors.coap.strangers import Strangers, another
from connectors.payloads.decoding import NoValue, Wire, decode, shown
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.base import Sink
    from connectors.coap.keys import Keys
    from connectors.coap.reader import Reader
    from connectors.coap.server import Request
    from connectors.payloads.senml import Record

_FORMATS: Mapping[int, Wire] = {CONTENT_FORMATS[wire]: wire for wire in (Wire.SENML_JSON, Wire.SENML_CBOR)}
_COMMIT_WITHIN_S = 20.0
_RETRY_S = 10.0
_LONGEST_NAME = 63  # RFC 9176, section 5
_SERVED = (
    CoreLink("/readings", {"ct": "110 112", "title": "POST SenML"}),
    CoreLink("/rd", {"rt": "core.rd", "ct": "40"}),
    CoreLink("/rd-lookup/ep", {"rt": "core.rd-lookup-ep", "ct": "40"}),
    CoreLink("/rd-lookup/res", {"rt": "core.rd-lookup-res", "ct": "40"}),
)


@dataclass(frozen=True, slots=True)
class Pusher:
    """A device that pushes: its endpoint name, what reads its packs, and how it proves who it is."""

    name: str
    reader: Reader
    security: str
    psk_identity: bytes | None = None


class Site:
    """Serves one link's devices while it runs."""

    def __init__(
        self,
        pushers: Sequence[Pusher],
        directory: Directory,
        sink: Sink,
        keys: Mapping[str, Keys],
        scheme: str,
    ) -> None:
        # Apart, so that whoever has no key cannot push out what is sent with one.
        self.uploads, self._proven_uploads = Uploads(), Uploads()
        self._pushers = {pusher.name: pusher for pusher in pushers}
        self._by_psk = {one.psk_identity: one.name for one in pushers if one.psk_identity is not None}
        self._directory = directory
        self._sink = sink
        self._scheme = scheme
        self._strangers = Strangers(sink)
        self._protected = Protected(keys, self._answer, self._strangers)
        self._loop = asyncio.get_running_loop()

    async def handle(self, request: Request) -> aiocoap.Message:
        """Return the answer to a request."""
        message = request.message
        if message.opt.oscore is not None:
            return await self._protected.handle(request)
        proven = self._by_psk.get(request.identity) if request.identity is not None else None
        return await self._answer(Asked(message, request.source, proven, request.room))

    async def _answer(self, asked: Asked) -> aiocoap.Message:
        message = asked.message
        if message.opt.proxy_uri is not None or message.opt.proxy_scheme is not None:
            return refuse(aiocoap.PROXYING_NOT_SUPPORTED, "no proxy")
        try:
            answer = await self._route(asked)
        except (Refused, Rejected) as error:
            code = error.code if isinstance(error, Refused) else aiocoap.BAD_REQUEST
            answer = refuse(code, str(error))
            answer.opt.max_age = error.after_s if isinstance(error, Busy) else None
            if message.opt.block1 is not None:
                answer.opt.block1 = message.opt.block1
        return self._sliced(answer, asked)

    def _sliced(self, answer: aiocoap.Message, asked: Asked) -> aiocoap.Message:
        if not answer.code.is_successful():
            return answer
        etag = hashlib.sha256(answer.payload).digest()[:4]
        return slice_of(answer, asked.message, etag, asked.exponent)

    async def _route(self, asked: Asked) -> aiocoap.Message:  # noqa: PLR0911 - a line for each thing that is served
        path, code = asked.message.opt.uri_path, asked.message.code
        match (code, *path):
            case (aiocoap.POST, "readings"):
                return await self._readings(asked)
            case (aiocoap.POST, "rd"):
                return self._register(asked)
            case (aiocoap.POST, "rd", place):
                return self._update(asked, place)
            case (aiocoap.DELETE, "rd", place):
                return self._remove(asked, place)
            case (aiocoap.GET, "rd-lookup", "ep"):
                return _links(self._directory.endpoints(_query(asked)))
            case (aiocoap.GET, "rd-lookup", "res"):
                return _links(self._directory.resources(_query(asked)))
            case (aiocoap.GET, ".well-known", "core"):
                wanted = _query(asked)
                return _links([link for link in _SERVED if linkformat.matches(link, wanted)])
        known = path[:1] in {("readings",), ("rd",), ("rd-lookup",)} or path == (".well-known", "core")
        return refuse(aiocoap.METHOD_NOT_ALLOWED if known else aiocoap.NOT_FOUND, "POST to /readings")

    def _who(self, asked: Asked, words: str) -> Pusher:
        """Return the device that asks; Refused, and a stranger noted, when it is none of ours."""
        claimed = _query(asked).get("ep")
        if asked.proven is not None:
            if claimed not in {None, asked.proven}:
                raise Refused(aiocoap.FORBIDDEN, f"its key is that of {asked.proven}")
            return self._pushers[asked.proven]
        name = claimed or self._directory.at(asked.source)
        pusher = None if name is None else self._pushers.get(name)
        if pusher is None:
            who = f"{shown(claimed)} at {asked.source}" if claimed else f"coap://{asked.source}"
            self._strangers.seen(who, words)
            if claimed is None:
                raise Refused(aiocoap.UNAUTHORIZED, "say who you are: ?ep=NAME, or register at /rd")
            raise Refused(aiocoap.FORBIDDEN, "no device here has this endpoint name")
        if pusher.security != "none":
            raise Refused(aiocoap.UNAUTHORIZED, f"this device speaks {pusher.security} only")
        return pusher

    async def _readings(self, asked: Asked) -> aiocoap.Message:
        message = asked.message
        number = None if message.opt.content_format is None else int(message.opt.content_format)
        wire = None if number is None else _FORMATS.get(number)
        if wire is None:
            raise Refused(aiocoap.UNSUPPORTED_CONTENT_FORMAT, "SenML: Content-Format 110 or 112")
        if message.opt.block1 is not None and message.opt.block1.block_number == 0:
            self._who(asked, "posts readings in blocks")
        body = self._body(asked)
        if body is None:
            return _more(message)
        received = self._sink.now_ns()
        records = _records(wire, body, received)
        pusher = self._who(asked, f"posts readings: {shown(names_of(records))}")
        self._check_names(pusher, records)
        await self._keep(pusher, body, number, received, records)
        answer = aiocoap.Message(code=aiocoap.CHANGED)
        answer.opt.block1 = message.opt.block1
        return answer

    def _body(self, asked: Asked) -> bytes | None:
        message = asked.message
        key = (asked.proven or asked.source, message.opt.uri_path, message.opt.uri_query)
        try:
            uploads = self.uploads if asked.proven is None else self._proven_uploads
            return uploads.take(key, message, self._loop.time())
        except Refused as refused:
            if refused.code is aiocoap.REQUEST_ENTITY_TOO_LARGE:
                self._who(asked, "posts more than can be read")
            raise

    def _check_names(self, pusher: Pusher, records: Sequence[Record]) -> None:
        other = another(records, pusher.name, self._pushers)
        if other is not None:
            words = f"posts as {pusher.name} with a base name of {other}"
            self._strangers.seen(pusher.name, words)
            raise Refused(aiocoap.FORBIDDEN, f"the base name is that of {other}")

    async def _keep(
        self, pusher: Pusher, body: bytes, number: int | None, received: int, records: Sequence[Record]
    ) -> None:
        """Return when the readings are durable; Refused when they hold nothing of this device, or cannot be kept."""
        samples = pusher.reader.pushed(body, number, received)
        if samples.newest is None:
            raise Refused(aiocoap.BAD_REQUEST, f"no point has these names: {shown(names_of(records))}")
        try:
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                if samples.kept is not None:
                    await self._sink.commit(replace(samples.kept, backfilled=True))
                await self._sink.commit(samples.newest)
        except TransientError as full:
            raise Busy(full.retry_after_s or _RETRY_S) from full
        except TimeoutError as error:
            raise Busy(_RETRY_S) from error
        self._sink.up()

    def _register(self, asked: Asked) -> aiocoap.Message:
        query = _query(asked)
        name = query.get("ep", "")
        if asked.proven is None and not 0 < len(name.encode()) <= _LONGEST_NAME:
            raise Refused(aiocoap.BAD_REQUEST, "ep=NAME, of 1 to 63 bytes")
        links = self._links(asked)
        if links is None:
            return _more(asked.message)
        pusher = self._who(asked, f"registers: {shown(links or 'no resources')}")
        place = self._directory.register(pusher.name, query, links, asked.source, self._scheme)
        answer = aiocoap.Message(code=aiocoap.CREATED)
        answer.opt.location_path = ("rd", place)
        answer.opt.block1 = asked.message.opt.block1
        return answer

    def _links(self, asked: Asked) -> str | None:
        """Return the list of links that a registration carries, None when more blocks of it must follow."""
        if asked.message.opt.content_format not in {None, linkformat.CONTENT_FORMAT}:
            raise Refused(aiocoap.UNSUPPORTED_CONTENT_FORMAT, "links: Content-Format 40")
        body = self._body(asked)
        if body is None:
            return None
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused(aiocoap.BAD_REQUEST, "links are UTF-8") from error

    def _update(self, asked: Asked, place: str) -> aiocoap.Message:
        self._check_owner(asked, place)
        if not self._directory.update(place, _query(asked), asked.source, self._scheme):
            return refuse(aiocoap.NOT_FOUND, "register anew")
        return aiocoap.Message(code=aiocoap.CHANGED)

    def _remove(self, asked: Asked, place: str) -> aiocoap.Message:
        self._check_owner(asked, place)
        if not self._directory.remove(place):
            return refuse(aiocoap.NOT_FOUND, "not registered")
        return aiocoap.Message(code=aiocoap.DELETED)

    def _check_owner(self, asked: Asked, place: str) -> None:
        held = self._directory.get(place)
        if held is None:
            return
        if asked.proven != held.ep and (asked.proven or self._pushers[held.ep].security != "none"):
            raise Refused(aiocoap.FORBIDDEN, "not its own registration")


class Busy(Refused):
    """Raised when readings cannot be kept now; the device may come again after `after_s`."""

    def __init__(self, after_s: float) -> None:
        self.after_s = math.ceil(after_s)
        super().__init__(aiocoap.SERVICE_UNAVAILABLE, "the buffer is full")


def _more(message: aiocoap.Message) -> aiocoap.Message:
    answer = aiocoap.Message(code=aiocoap.CONTINUE)
    answer.opt.block1 = message.opt.block1
    return answer


def _links(links: Sequence[CoreLink]) -> aiocoap.Message:
    payload = linkformat.write(links).encode()
    return aiocoap.Message(code=aiocoap.CONTENT, payload=payload, content_format=linkformat.CONTENT_FORMAT)


def _query(asked: Asked) -> dict[str, str]:
    """Return the query; of a name that stands twice the first counts."""
    query: dict[str, str] = {}
    for part in asked.message.opt.uri_query:
        name, _, value = part.partition("=")
        query.setdefault(name, value)
    return query


def _records(wire: Wire, body: bytes, received: int) -> Sequence[Record]:
    try:
        records: Sequence[Record] = decode(wire, body, received)
    except NoValue as none:
        raise Refused(aiocoap.BAD_REQUEST, none.words) from none
    return records
