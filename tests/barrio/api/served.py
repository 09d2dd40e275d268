"""Two districts behind the real server on loopback, for programs of others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from barrio.access.door import Door
from barrio.api.app import create_app
from barrio.api.server import Server, address, bind
from barrio.settings import Listen
from tests.barrio.access.town import Town, town


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Town, str]]:
    """Yield the districts and the URL that reaches them."""
    async with town(folder) as found:
        app = create_app(found.platform)
        listening = bind(Listen("127.0.0.1", 0))
        server = Server(Door(app, found.platform, app.state.sights), listening)
        task = asyncio.create_task(server.run_until_stopped())
        try:
            yield found, address(listening)
        finally:
            server.stop()
            await task


async def ran(*words: str, cwd: Path, within_s: float) -> tuple[int, str]:
    """Run a program of others beside the server to its end; returns its exit code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(within_s):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace")
