"""Ways to a device by the scheme of its endpoint: TCP, TLS, RTU frames over TCP, RTU on a serial line."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.modbus import tls
from connectors.modbus.client import Connection
from connectors.modbus.config import options_of
from connectors.modbus.framing import Mbap, Rtu
from connectors.modbus.serial_line import Line, open_line
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors.modbus.config import ModbusOptions
    from twin.model.bound import BoundDevice
    from twin.model.district import Device
    from twin.model.protocol import Endpoint

TCP, RTU_OVER_TCP, RTU = "modbus+tcp", "modbus+rtu+tcp", "modbus+rtu"

SCHEMES = {TCP: 502, tls.SCHEME: tls.PORT, RTU_OVER_TCP: 502, RTU: 0}
"""Schemes and their ports; no port stands for a device file of this machine."""

_LINE = re.compile(r"(?!.*/\.\.?/)/dev/[^/].*/\d{1,3}")


@dataclass(frozen=True, slots=True)
class Way:
    """How one link reaches its peer; devices with equal ways share a connection."""

    scheme: str
    host: str
    port: int
    credentials: tls.Credentials | None = None
    line: Line | None = None

    @property
    def name(self) -> str:
        """The peer, as in endpoints."""
        return (
            f"{self.scheme}://{self.line.path}" if self.line else f"{self.scheme}://{self.host}:{self.port}"
        )

    @property
    def shares_one_line(self) -> bool:
        """Whether a second connection would speak into the first one's conversation."""
        return self.scheme in {RTU, RTU_OVER_TCP}


@dataclass(slots=True)
class Dialler:
    """Makes connections along a way. `security` says how the peer is spoken to."""

    way: Way
    timeout_s: float
    delay_s: float
    reason: str = ""
    _spoken: str = field(default="")

    @property
    def security(self) -> str:
        """For health: what was negotiated once there was a connection."""
        if self.way.scheme == tls.SCHEME:
            subject = self.way.credentials.subject if self.way.credentials else ""
            return f"{self._spoken or 'TLS'} with client certificate {subject}".rstrip()
        return f"none: {self.reason}" if self.reason else "none"

    async def dial(self) -> Connection:
        """Return a new connection; `TransientError` with the reason in words when there is none in time."""
        way = self.way
        try:
            async with asyncio.timeout(self.timeout_s):
                if way.line is not None:
                    return await self._open(way.line)
                if way.scheme == tls.SCHEME:
                    return await self._secured()
                return await self._connect()
        except TimeoutError as error:
            raise TransientError(way.name, f"no connection within {self.timeout_s:g} s") from error
        except ssl.SSLError as error:
            raise TransientError(way.name, tls.tls_words(error)) from error
        except OSError as error:
            words = reason_of(way.host, error)
            if way.scheme == tls.SCHEME and error.errno is None:
                words = "the server ended the TLS handshake"
            raise TransientError(way.name, words) from error

    async def _open(self, line: Line) -> Connection:
        quiet_s = max(line.quiet_s, self.delay_s)
        connection = Connection(self.way.name, Rtu(self.way.name), quiet_s, is_line=True)
        await open_line(line, connection)
        return connection

    async def _connect(
        self, context: ssl.SSLContext | None = None, server_name: str | None = None
    ) -> Connection:
        framing = Rtu(self.way.name) if self.way.shares_one_line else Mbap(self.way.name)
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self.way.name, framing, self.delay_s),
            self.way.host.strip("[]"),
            self.way.port,
            ssl=context,
            server_hostname=server_name,
        )
        return connection

    async def _secured(self) -> Connection:
        credentials = self.way.credentials
        if credentials is None:
            raise TransientError(self.way.name, "no client certificate is configured")
        tunnel = await asyncio.to_thread(credentials.open, self.way.name)
        name = credentials.server_name or self.way.host.strip("[]")
        connection = await self._connect(tunnel.context, name)
        try:
            tunnel.check(self.way.name)
        except TransientError:
            connection.close()
            raise
        self._spoken = connection.tls_version or "TLS"
        return connection


def way_to(device: Device) -> Way:
    """Return how `device` is reached."""
    return way_of(device.endpoint, options_of(device), tls.folder_of(device))


def way_of(endpoint: Endpoint, options: ModbusOptions, folder: Path) -> Way:
    """Return how an endpoint is reached with these options, whose files lie in `folder`."""
    if endpoint.scheme == RTU:
        line = Line(
            endpoint.path.rpartition("/")[0],
            options.baudrate,
            options.parity,
            options.stopbits,
            options.bytesize,
        )
        return Way(endpoint.scheme, "", 0, line=line)
    credentials = tls.credentials_of(options, folder) if endpoint.scheme == tls.SCHEME else None
    return Way(endpoint.scheme, endpoint.host, endpoint.port, credentials)


def dialler(devices: tuple[BoundDevice, ...]) -> Dialler:
    """Return the dialler of devices that share a way; the most patient and the slowest of them set the pace."""
    options = [options_of(bound.device) for bound in devices]
    return Dialler(
        way_to(devices[0].device),
        timeout_s=max(each.connect_timeout for each in options),
        delay_s=max(each.delay for each in options),
        reason=next((each.insecure for each in options if each.insecure), ""),
    )


def faults(device: Device) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the endpoint and the options that belong to it."""
    yield from tls.faults(device)
    if words := line_fault(device.endpoint):
        yield "endpoint", words


def line_fault(endpoint: Endpoint) -> str:
    """Return what is wrong with the device file of a serial line, "" when nothing is; no way leads out of /dev."""
    if endpoint.scheme != RTU or _LINE.fullmatch(endpoint.path):
        return ""
    return f"a serial line is {RTU}:///dev/NAME/UNIT, for example {RTU}:///dev/ttyUSB0/7, found {endpoint}"


def reason_of(host: str, error: OSError) -> str:
    """Return an operating system's error as words; several attempts in one error speak with the first's."""
    if isinstance(error, socket.gaierror):
        return f"the name {host} is not known"
    number = error.errno
    if number is None and (match := re.search(r"Errno (\d+)", str(error))):
        number = int(match[1])
    if number == errno.ECONNREFUSED:
        return "connection refused"
    words = os.strerror(number) if number else "cannot connect"
    return words[:1].lower() + words[1:]
