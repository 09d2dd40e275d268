"""What makes pages: NiceGUI as an application that is started and stopped by us, since our server has no lifespan.

NiceGUI is one per process: so is this. Nothing is kept on disk: no page uses its storage, and the file that it would
read at its import is named where there is none.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from barrio.console import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message

    from barrio.console.front import Console
    from dashboards.kit.texts import Lang

MOST_PAGES = 200
"""Pages that are open at once, in all browsers."""
KEPT_FREE = 50
"""Of them those that only whoever is known opens: whoever shows no token cannot keep an operator out."""
MOST_OF_AN_ADDRESS = 60
"""Of whoever shows none: the page to sign in is there for other addresses."""
NEVER_CONNECTED_S = 15.0
"""After so long a page whose browser never came back for it makes room for another."""
AWAY_S = 5.0
"""How long a page that lost its connection is kept."""
CACHE = "public, max-age=3600"


@contextmanager
def _without_storage(folder: Path) -> Iterator[None]:
    """Name a folder that is not there as NiceGUI's own while it is imported."""
    before = os.environ.get("NICEGUI_STORAGE_PATH")
    os.environ["NICEGUI_STORAGE_PATH"] = str(folder / "console")
    try:
        yield
    finally:
        if before is None:
            del os.environ["NICEGUI_STORAGE_PATH"]
        else:
            os.environ["NICEGUI_STORAGE_PATH"] = before


class Shell:
    """The pages of one platform. Made in a thread, started and stopped in the loop."""

    def __init__(self, console: Console) -> None:
        with _without_storage(console.platform.settings.data):
            from nicegui import Client, core, ui

        from barrio.console import pages

        self._clients = Client
        self.app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        pages.add(console)
        style = (Path(__file__).parent / "assets" / "console.css").read_text("utf-8")
        Client.shared_head_html = f"<style>{style}</style>"
        core.app.config.socket_io_js_transports = ["websocket"]
        # A page may write a line into our log otherwise, as long and as often as it likes.
        core.sio.on("log", _unheard)
        core.app.on_page_exception(_broken)
        ui.run_with(
            self.app,
            title="Barrio",
            favicon=_FAVICON,
            dark=None,
            tailwind=False,
            binding_refresh_interval=None,
            reconnect_timeout=AWAY_S,
            message_history_length=100,
            show_welcome_message=False,
            cache_control_directives=CACHE,
        )
        self._lifespan = _Lifespan(self.app)

    @property
    def translated(self) -> dict[Lang, dict[bytes, bytes]]:
        """What NiceGUI says in English, by language."""
        return _SAID

    async def start(self) -> None:
        """Begin."""
        await self._lifespan.start()

    async def stop(self) -> None:
        """End every page and what runs for it."""
        for client in list(self._clients.instances.values()):
            client.delete()
        await self._lifespan.stop()

    def is_full(self, address: str, *, known: bool) -> bool:
        """Whether no more pages can be opened by whoever is `known`, or by others from an address.

        Those that nobody came back for make room first.
        """
        if not self._is_full(address, known=known):
            return False
        self._clients.prune_instances(client_age_threshold=NEVER_CONNECTED_S)
        return self._is_full(address, known=known)

    def _is_full(self, address: str, *, known: bool) -> bool:
        found = self._clients.instances.values()
        if known:
            return len(found) >= MOST_PAGES
        own = sum(one.ip == address for one in found)
        return len(found) >= MOST_PAGES - KEPT_FREE or own >= MOST_OF_AN_ADDRESS


class _Lifespan:
    """The events of an application's life (ASGI 3, lifespan 2.0), sent by us."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._asked: asyncio.Queue[Message] = asyncio.Queue()
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._task = asyncio.create_task(self._app(scope, self._asked.get, self._said.put), name="console")
        await self._tell("startup")

    async def stop(self) -> None:
        await self._tell("shutdown")
        if self._task is not None:
            await self._task

    async def _tell(self, event: str) -> None:
        await self._asked.put({"type": f"lifespan.{event}"})
        said = await self._said.get()
        if not said["type"].endswith(".complete"):
            raise RuntimeError(f"the console: {said.get('message', said['type'])}")


async def _unheard(*_: object) -> None:
    """Take what a page says to our log."""


def _broken() -> None:
    """Say that a page could not be made; why stands in the log."""
    from barrio.console.parts import Tag, link

    with Tag("div", look="page"):
        Tag("h1", words.BROKEN.en)
        Tag("p", words.BROKEN.es, "lead", lang="es")
        link(words.MAP.en, "/", "button")


_FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0f5c6e"/>'
    '<path d="M6 25V15l6-5 6 5v10zm14 0V9h6v16z" fill="#fff"/></svg>'
)
_SAID: dict[Lang, dict[bytes, bytes]] = {
    "en": {},
    "es": {text.en.encode(): text.es.encode() for text in (words.CONNECTION_LOST, words.TRYING)},
}
