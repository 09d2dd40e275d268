"""The way to the webhooks of tokens: their book is opened, and their code imported, where there are any."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import ExitStack

    from barrio.live.hooks import Hooks
    from barrio.platform import Platform


class HookDesk:
    """Opens the hooks of a platform when they are first asked for, or at the start where some are kept."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._found: Hooks | None = None
        self._opening = asyncio.Lock()

    async def start(self, opened: ExitStack) -> None:
        """Begin with the hooks that are kept; `opened` closes what is opened here."""
        self._opened = opened
        if self._platform.folder.hooks.exists():
            await self.get()

    async def get(self) -> Hooks:
        """Return the hooks of a platform that runs."""
        async with self._opening:
            if self._found is None:
                self._found = await self._open()
        return self._found

    async def close(self) -> None:
        """End the deliveries."""
        if self._found is not None:
            await self._found.close()

    async def _open(self) -> Hooks:
        from barrio.live.hook_book import HookBook
        from barrio.live.hooks import Hooks

        platform, book = self._platform, HookBook(self._platform.folder.hooks)
        aside = await platform.in_thread("ledger", book.open)
        self._opened.callback(book.close)
        if aside is not None:
            platform.note(
                "book_damaged", platform.clock.now_ns(), f"set aside as {aside.name}", "hooks.sqlite"
            )
        found = await platform.in_thread("ledger", Hooks, platform, book)
        found.start()
        return found
