"""A connection to a broker, made without threads, so that it can be given up at any moment."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

from twin.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.home import Home
    from connectors.mqtt.config import MqttOptions


def tls_context(options: MqttOptions, home: Home) -> ssl.SSLContext:
    """Return what verifies the broker and shows our certificate; StartError when a file is not there or not good.

    Relative names of files are looked for in the connector's own folder.
    """
    try:
        context = ssl.create_default_context(cafile=_file(options.ca, home))
        if options.certificate is not None and options.private_key is not None:
            context.load_cert_chain(
                home.folder / options.certificate, home.folder / options.private_key, password=_no_password
            )
    except (OSError, ValueError) as error:
        words = f"{options.ca or options.certificate}: {getattr(error, 'strerror', None) or error}"
        raise StartError(f"certificates for MQTT cannot be read: {words}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _file(name: str | None, home: Home) -> Path | None:
    return None if name is None else home.folder / name


def _no_password() -> str:
    """Stand in for the question at the terminal that OpenSSL would ask."""
    raise ValueError("the private key is encrypted")


async def dial(host: str, port: int, context: ssl.SSLContext | None, timeout_s: float) -> socket.socket:
    """Return a connected, non-blocking socket, over TLS when there is a context; OSError when there is none to be had.

    Every address of the host is tried until one answers; all of it takes `timeout_s` at most.
    """
    loop = asyncio.get_running_loop()
    host = host.strip("[]")
    async with asyncio.timeout(timeout_s):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        last: OSError = OSError("no address")
        for family, kind, proto, _, address in found:
            try:
                sock = await _connect(socket.socket(family, kind, proto), address)
                return sock if context is None else await _secure(sock, context, host)
            except OSError as error:
                last = error
        raise last


async def _connect(sock: socket.socket, address: tuple[object, ...]) -> socket.socket:
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _secure(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """Return the socket over TLS once the broker has proved who it is."""
    wrapped = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    try:
        while True:
            try:
                wrapped.do_handshake()
            except ssl.SSLWantReadError:
                await _ready(wrapped, write=False)
            except ssl.SSLWantWriteError:
                await _ready(wrapped, write=True)
            else:
                return wrapped
    except BaseException:
        wrapped.close()
        raise


async def _ready(sock: socket.socket, *, write: bool) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    descriptor = sock.fileno()
    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(descriptor, _settle, ready)
    try:
        await ready
    finally:
        remove(descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
