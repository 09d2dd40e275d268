"""Questions about a data folder: over HTTP to the platform that runs with it, or to its files while none does.

Both ways end in the same application, so that a question has one answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from barrio.errors import AskError
from twin.errors import BarrioError, StartError
from twin.folder import DataFolder

if TYPE_CHECKING:
    from barrio.settings import Settings

TIMEOUT_S = 120.0
_OPTIONS = {"lease": "for"}
"""Parameters that are called otherwise where they are options."""


class Unanswered(BarrioError):
    """Raised when the platform answered with an error; the words are its own."""


@asynccontextmanager
async def answers(settings: Settings, districts: Sequence[str]) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client for the data folder of the settings; `districts` overrides those that it remembers at rest."""
    folder = DataFolder(settings.data)
    if not settings.data.is_dir():
        raise StartError(f"there is no data folder {settings.data}: name one with --data")
    running = folder.running()
    if running is None:
        async with _at_rest(settings, districts or list(folder.read_districts().values())) as client:
            yield client
        return
    if "http" not in running:
        raise StartError(f"barrio (process {running['pid']}) is starting or stopping, ask again in a moment")
    async with httpx.AsyncClient(base_url=running["http"], trust_env=False, timeout=TIMEOUT_S) as client:
        with suppress(OSError):
            client.headers["Authorization"] = f"Bearer {folder.read_token()}"
        yield client


@asynccontextmanager
async def _at_rest(settings: Settings, districts: Sequence[str]) -> AsyncIterator[httpx.AsyncClient]:
    from barrio.api.app import create_app
    from barrio.assembly import load_all, profiles_folder
    from barrio.platform import Platform
    from connectors.registry import Connectors
    from twin.clock import SystemClock

    if not districts:
        words = "remembers no district: name one with --district, or another folder with --data"
        raise StartError(f"data folder {settings.data} {words}")
    connectors = Connectors()
    found = load_all(districts, Path(), connectors, profiles_folder())
    platform = Platform(found, settings, connectors, SystemClock(), at_rest=True)
    async with platform:
        transport = httpx.ASGITransport(create_app(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://at-rest") as client:
            yield client


async def fetch(client: httpx.AsyncClient, path: str, query: Mapping[str, Any] | None = None) -> Any:
    """Return the JSON of an answer; AskError or Unanswered with the words of an error."""
    given = {key: value for key, value in (query or {}).items() if value is not None}
    return await _answer(client, client.build_request("GET", path, params=given))


async def tell(client: httpx.AsyncClient, path: str, body: Mapping[str, Any]) -> Any:
    """Return the JSON of the answer to a POST; errors as in `fetch`."""
    return await _answer(client, client.build_request("POST", path, json=body))


async def _answer(client: httpx.AsyncClient, request: httpx.Request) -> Any:
    try:
        answer = await client.send(request)
    except httpx.TransportError as error:
        raise Unanswered(f"barrio at {client.base_url} does not answer: {error}") from error
    if answer.is_success:
        return answer.json()
    try:
        body = answer.json()
    except ValueError:
        raise Unanswered(f"{answer.status_code}: {answer.text[:200]}") from None
    if "parameter" in body:
        name = str(body["parameter"])
        words = str(body["detail"]).removeprefix(f"{name}: ")
        raise AskError(f"--{_OPTIONS.get(name, name.replace('_', '-'))}", words)
    raise Unanswered(str(body["detail"]))
