"""The device's side of OSCORE, for tests: aiocoap with its own key store, as server and as client."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiocoap
from aiocoap import resource
from aiocoap.credentials import CredentialsMap
from aiocoap.oscore_sitewrapper import OscoreSiteWrapper

from connectors.home import Home
from tests.servers import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECRET = "0102030405060708090a0b0c0d0e0f10"
SALT = "9e7ca92223786340"
OPTIONS: dict[str, Any] = {
    "oscore": {"sender_id": "01", "recipient_id": "02", "secret": "${secret:lamp}", "salt": SALT}
}


def home(folder: Path) -> Home:
    """Return what our side has: its secret and its folder."""
    return Home(folder / "ours", {"lamp": SECRET}.__getitem__)


def theirs(folder: Path, name: str = "theirs") -> CredentialsMap:
    """Return the device's key store; its ids are ours turned round."""
    keys = folder / name
    keys.mkdir(exist_ok=True)
    settings = {"sender-id_hex": "02", "recipient-id_hex": "01", "secret_hex": SECRET, "salt_hex": SALT}
    (keys / "settings.json").write_text(json.dumps(settings))
    made = CredentialsMap()
    made.load_from_dict({":lamp": {"oscore": {"basedir": str(keys)}}})
    return made


def done(keys: CredentialsMap) -> None:
    """Let the device's key store go, so that it can be opened again."""
    for one in keys.values():
        if one.lockfile is not None:
            one._destroy()


class Dimmer(resource.ObservableResource):  # type: ignore[misc]
    """A resource that can be set; it refuses what is above 100 and keeps whether requests were protected."""

    def __init__(self) -> None:
        super().__init__()
        self.payload = b'{"level":40}'
        self.protected: list[bool] = []

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        self.protected.append(type(request.remote).__name__ == "OSCOREAddress")
        return aiocoap.Message(payload=self.payload, content_format=50)

    async def render_put(self, request: aiocoap.Message) -> aiocoap.Message:
        if json.loads(request.payload)["level"] > 100:
            return aiocoap.Message(code=aiocoap.BAD_REQUEST, payload=b"0 to 100")
        self.payload = request.payload
        self.updated_state()
        return aiocoap.Message(code=aiocoap.CHANGED)


@asynccontextmanager
async def protected(folder: Path, **things: resource.Resource) -> AsyncIterator[str]:
    """Serve resources under OSCORE while the block runs; yields the endpoint."""
    site = resource.Site()
    for name, thing in things.items():
        site.add_resource([name], thing)
    keys = theirs(folder)
    port = free_port()
    context = await aiocoap.Context.create_server_context(
        OscoreSiteWrapper(site, keys), bind=(LOOPBACK, port), transports=["udp6"], server_credentials=keys
    )
    try:
        yield f"coap://{LOOPBACK}:{port}"
    finally:
        await context.shutdown()
        done(keys)


@asynccontextmanager
async def pusher(folder: Path, port: int) -> AsyncIterator[aiocoap.Context]:
    """Lend a client whose requests to `port` go under OSCORE."""
    context = await aiocoap.Context.create_client_context(transports=["oscore", "udp6"])
    keys = theirs(folder)
    for one in keys.values():
        context.client_credentials[f"coap://{LOOPBACK}:{port}/*"] = one
    try:
        yield context
    finally:
        await context.shutdown()
        context.client_credentials.clear()
        done(keys)
