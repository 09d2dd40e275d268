"""A link to all devices that push to one address of ours."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from connectors.coap import dtls, security, server
from connectors.coap.config import options_of
from connectors.coap.directory import Directory
from connectors.coap.exchange import NoAnswer
from connectors.coap.keys import Keys
from connectors.coap.reader import Reader
from connectors.coap.site import Pusher, Site
from twin.errors import StartError, TransientError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from connectors.base import Sink
    from connectors.coap.config import CoapOptions
    from connectors.home import Home
    from twin.model.bound import BoundDevice
    from twin.model.district import Device

# tinydtls wants an identity of its own even where it only serves.
_OURS = b"barrio"


def endpoint_name(device: Device) -> str:
    """Return the name that a device gives itself: the path of its endpoint."""
    return unquote(device.endpoint.path.strip("/"))


class ListenLink:
    """One address where devices push to and register; all of its devices share it.

    `dropped` counts the datagrams that were not answered as asked, by reason, over all runs.
    """

    def __init__(self, devices: Sequence[BoundDevice], home: Home) -> None:
        self._devices = devices
        self._home = home
        self._endpoint = devices[0].device.endpoint
        self._pushers = _pushers(devices)
        self.dropped: Counter[str] = Counter()

    @property
    def name(self) -> str:
        """The address, as in endpoints."""
        return self._endpoint.peer

    @property
    def devices(self) -> Sequence[BoundDevice]:
        """The devices that push here."""
        return self._devices

    @property
    def security(self) -> str:
        """How the devices must speak, for health: each kind that occurs, `none` last."""
        kinds = {security.kind_of(bound.device) for bound in self._devices}
        return ", ".join(kind for kind in (security.OSCORE, security.DTLS, security.NONE) if kind in kinds)

    async def run(self, sink: Sink) -> None:
        """Take what devices push until cancelled; TransientError when the address cannot be had."""
        try:
            async with AsyncExitStack() as stack:
                keys = await self._keys(stack)
                site = Site(self._pushers, self._directory(), sink, keys, self._scheme)
                await self._serve(site, sink, stack)
        except NoAnswer as none:
            raise TransientError(self.name, str(none)) from none

    async def _serve(self, site: Site, sink: Sink, stack: AsyncExitStack) -> None:
        wrap = self._wrap()
        try:
            sock = server.bound(self._endpoint.host, self._endpoint.port)
        except OSError as error:
            raise TransientError(self.name, f"cannot listen here: {server.taken(error)}") from error
        async with asyncio.TaskGroup() as tasks:
            serving = server.serving(sock, site.handle, tasks, wrap)
            (await stack.enter_async_context(serving)).dropped = self.dropped
            sink.up()
            await asyncio.Event().wait()

    async def probe(self) -> str:
        """Take the address and give it back; TransientError when it cannot be had."""
        try:
            server.bound(self._endpoint.host, self._endpoint.port).close()
        except OSError as error:
            raise TransientError(self.name, f"cannot listen here: {server.taken(error)}") from error
        names = ", ".join(pusher.name for pusher in self._pushers[:4])
        return f"can be listened at, for {len(self._pushers)} devices: {names}"

    @property
    def _scheme(self) -> str:
        return self._endpoint.scheme.removesuffix("+listen")

    def _directory(self) -> Directory:
        prefix = f"rd/{self._endpoint.host}:{self._endpoint.port}/"
        return Directory([pusher.name for pusher in self._pushers], self._home.notes, prefix)

    async def _keys(self, stack: AsyncExitStack) -> dict[str, Keys]:
        found: dict[str, Keys] = {}
        for bound, pusher in zip(self._devices, self._pushers, strict=True):
            options = options_of(bound.device).oscore
            if options is not None:
                secret = security.secret_of(options, self._home)
                found[pusher.name] = await stack.enter_async_context(_opened(Keys(secret, self._home.folder)))
        return found

    def _wrap(self) -> dtls.Wrap | None:
        if self._scheme != "coaps":
            return None
        if not dtls.available():
            raise NoAnswer(dtls.EXTRA)
        keys = dict(security.psk_of(options_of(bound.device), self._home) for bound in self._devices)
        return dtls.Psk(_OURS, keys, serves=True)


@asynccontextmanager
async def _opened(keys: Keys) -> AsyncIterator[Keys]:
    await keys.open()
    try:
        yield keys
    finally:
        await keys.close()


def _marks(name: str, options: CoapOptions) -> list[str]:
    """Return what tells a device apart from others of the same address."""
    marks = [f"endpoint name {name}"]
    if options.oscore is not None:
        context = f" in {options.oscore.id_context}" if options.oscore.id_context else ""
        marks.append(f"OSCORE recipient_id {options.oscore.recipient_id}{context}")
    if options.psk_identity is not None:
        marks.append(f"psk_identity {options.psk_identity}")
    return marks


def _pushers(devices: Sequence[BoundDevice]) -> list[Pusher]:
    """Return the devices by endpoint name; StartError where two cannot be told apart."""
    made: dict[str, str] = {}
    pushers = []
    for bound in devices:
        options = options_of(bound.device)
        name = endpoint_name(bound.device)
        for mark in _marks(name, options):
            other = made.setdefault(mark, bound.device.id)
            if other != bound.device.id:
                raise StartError(f"{other} and {bound.device.id} push to one address with the same {mark}")
        identity = options.psk_identity.encode() if options.psk_identity else None
        reader = Reader(bound.points, options.format)
        pushers.append(Pusher(name, reader, security.kind_of(bound.device), identity))
    return pushers
