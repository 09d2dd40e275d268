"""An OPC UA server in a process of its own, whose variables count up: what is lost shows as a missing number.

    with running(variables=1000, per_s=3000) as server: ...

By hand: `python -m tests.bench.opcua_server VARIABLES PER_S` prints its port, then for each line `SECONDS` on its
standard input counts for that long and answers with the number of changes so far. It ends when its input does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, cast

from asyncua import ua
from asyncua.server.server import Server

from tests import ROOT
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

URI = "urn:barrio:bench"
_STEP_S = 0.02
_PER_FOLDER = 100
_STOP_WITHIN_S = 10.0


@dataclass
class Counting:
    """The server's end of a pipe; its process is not the one that is measured."""

    port: int
    orders: IO[str]
    answers: IO[str]

    def begin(self, seconds: float) -> None:
        """Let the variables count for `seconds`."""
        self.orders.write(f"{seconds}\n")
        self.orders.flush()

    def end(self) -> int:
        """Wait until they have counted; returns the number of changes since the server's start."""
        return int(self.answers.readline())


@contextmanager
def running(variables: int, per_s: int) -> Iterator[Counting]:
    """Run the server while the block runs."""
    command = [sys.executable, "-m", "tests.bench.opcua_server", str(variables), str(per_s)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        try:
            yield Counting(int(process.stdout.readline()), process.stdin, process.stdout)
        finally:
            process.stdin.close()
            try:
                process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


async def serve(variables: int, per_s: int) -> None:
    """Serve until the standard input ends: with the process that started this one."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    server, port = Server(), free_port()
    await server.init()
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    nodes = await _variables(server, variables)
    await server.start()
    _say(port)
    changes = 0
    loop = asyncio.get_running_loop()
    while order := await loop.run_in_executor(None, sys.stdin.readline):
        changes = await _count(server, nodes, per_s, float(order), changes)
        _say(changes)
    # Not stopped in order: the one that asked is gone, and the library takes long over it.
    os._exit(0)


async def _variables(server: Server, count: int) -> list[ua.NodeId]:
    index = await server.register_namespace(URI)
    nodes = []
    for number in range(count):
        if number % _PER_FOLDER == 0:
            folder = await server.nodes.objects.add_folder(
                ua.NodeId(ua.String(f"f{number}"), ua.Int16(index)), f"f{number}"
            )
        node = ua.NodeId(ua.String(f"v{number}"), ua.Int16(index))
        await folder.add_variable(node, f"v{number}", ua.Variant(0.0, ua.VariantType.Double))
        nodes.append(node)
    return nodes


async def _count(server: Server, nodes: list[ua.NodeId], per_s: int, seconds: float, changes: int) -> int:
    begun, first = time.monotonic(), changes
    while (passed := time.monotonic() - begun) < seconds:
        due = first + int(passed * per_s)
        now = cast("ua.DateTime", datetime.now(UTC))
        for change in range(changes, due):
            value = ua.Variant(float(change // len(nodes) + 1), ua.VariantType.Double)
            data = ua.DataValue(value, SourceTimestamp=now, ServerTimestamp=now)
            await server.write_attribute_value(nodes[change % len(nodes)], data)
        changes = max(changes, due)
        await asyncio.sleep(_STEP_S)
    return changes


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
