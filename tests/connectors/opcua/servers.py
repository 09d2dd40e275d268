"""Real peers on loopback: a building management system, and a wire that can be cut or freeze."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

from asyncua import ua
from asyncua.server.server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping
    from datetime import datetime

URI = "urn:barrio:bms"


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Bms:
    """An OPC UA server in a thread of its own, with variables by name under the namespace `URI`.

    `ahead` namespaces are registered before it, so that its index is another one.
    """

    def __init__(self, variables: Mapping[str, ua.Variant], ahead: int = 0, port: int | None = None) -> None:
        self.port = port or free_port()
        self._variables = variables
        self._ahead = ahead
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def endpoint(self) -> str:
        """What a device of the server has as its endpoint."""
        return f"opc.tcp://127.0.0.1:{self.port}/bms"

    def __enter__(self) -> Self:
        logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)
        self._thread.start()
        self.do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self.server.stop())
        self.do(_end_tasks())
        self.do(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        # Whoever counts the lines that run wants those of the connector; the server is slow enough as it is.
        sys.settrace(None)
        self._loop.run_forever()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run `work` where the server lives and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(40)

    async def _start(self) -> None:
        self.server = Server()
        await self.server.init()
        self.server.set_endpoint(self.endpoint)
        for number in range(self._ahead):
            await self.server.register_namespace(f"urn:pad:{number}")
        self.index = await self.server.register_namespace(URI)
        objects = self.server.nodes.objects
        self._folder = await objects.add_folder(ua.NodeId("Plant", self.index), "Plant")
        for name, value in self._variables.items():
            await self._add(name, value)
        await self.server.start()

    async def _add(self, name: str, value: ua.Variant) -> None:
        node = ua.NodeId(name, self.index)
        await self._folder.add_variable(node, name.rpartition(".")[2], value)

    def add(self, name: str, value: ua.Variant) -> None:
        """Add a variable to the running server."""
        self.do(self._add(name, value))

    def write(self, name: str, value: ua.Variant, status: int = 0, source: datetime | None = None) -> None:
        """Set a variable with status and source time."""
        data = ua.DataValue(value, ua.StatusCode(status), SourceTimestamp=source)
        node = ua.NodeId(name, self.index)
        self.do(self.server.write_attribute_value(node, data))

    def end_subscriptions(self, status: int) -> None:
        """Tell every client that its subscription has ended."""

        async def end() -> None:
            for one in self.server.iserver.subscription_service.subscriptions.values():
                await one.enqueue_statuschange(ua.StatusCode(status))

        self.do(end())

    @property
    def sessions(self) -> int:
        """Number of clients that are connected."""
        server = self.server.bserver
        return len(server.clients) if server is not None else 0


async def _end_tasks() -> None:
    """End what the library's server leaves running for sessions that were cut off."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Wire:
    """A TCP connection that somebody can stop without closing it."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def freeze(self) -> None:
        """Forward nothing any more; both ends stay connected."""
        self._flows.clear()

    def thaw(self) -> None:
        """Forward again, also what was held back."""
        self._flows.set()

    def cut(self) -> None:
        """Reset all connections."""
        for writer in self._writers:
            writer.transport.abort()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join a client to the target."""
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, back}
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        sink.close()

    async def close(self) -> None:
        """End all connections and tasks."""
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)


@asynccontextmanager
async def wire(target: int) -> AsyncIterator[Wire]:
    """A wire to a port of loopback; dial `wire.port`."""
    line = Wire(target)
    server = await asyncio.start_server(line.connect, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await line.close()
