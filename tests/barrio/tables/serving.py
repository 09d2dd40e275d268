"""An application that gives one table, on a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response

from barrio.api import problems
from barrio.api.compress import Compress
from barrio.api.server import bind
from barrio.settings import parse_listen
from barrio.tables.answer import answer
from barrio.tables.choice import Format
from barrio.tables.table import Table


class Threads:
    """What answers need of a platform."""

    def __init__(self) -> None:
        self.reads = ThreadPoolExecutor(2, "reads")

    async def in_thread(self, _thread: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(
            self.reads, partial(function, *args, **kwargs)
        )


def application(make: Callable[[], Table]) -> FastAPI:
    """An application whose `/table` gives what `make` makes."""
    app, platform = FastAPI(), Threads()
    problems.install(app)
    app.add_middleware(Compress)

    @app.get("/table")
    async def given(request: Request, form: Format = None) -> Response:
        assert form is None or form in request.url.query
        return await answer(platform, request, make(), name="d/x: readings")  # type: ignore[arg-type] # a small one

    return app


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[SimpleNamespace]:
    """Serve on a free port of loopback."""
    listening = bind(parse_listen("127.0.0.1:0"))
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    task = asyncio.create_task(server.serve([listening]))
    try:
        while not server.started:  # noqa: ASYNC110 - it sets no event
            await asyncio.sleep(0.01)
        yield SimpleNamespace(port=port, url=f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        await task
