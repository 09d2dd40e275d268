"""What a server may send: every frame and every message is bounded before the library decodes it.

The library (asyncua 2.1) trusts the sizes that a server tells: it waits for a frame of 4 GB, takes over the server's
own limits from the acknowledgement, goes backwards in its buffer at a negative length, and makes 2^31 elements out of
an array that takes no bytes (CVE-2022-25304 was of that kind). Here a frame has its place in the protocol and a size
(OPC 10000-6, 7.1.2), a message a length and a number of chunks, and decoding it a number of steps. What breaks a limit
ends the connection, with words.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, cast

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.common.connection import TransportLimits
from asyncua.common.utils import Buffer
from asyncua.crypto.uacrypto import InvalidSignature as WrongMac  # type: ignore[attr-defined]
from asyncua.ua import ua_binary
from asyncua.ua.uaerrors._base import UaError, UaStatusCodeError
from cryptography.exceptions import InvalidSignature

if TYPE_CHECKING:
    import asyncio

MOST_CHUNK = 65_535
MOST_CHUNKS = 1_024
MOST_MESSAGE = 4 * 1024 * 1024
MOST_STEPS = 1_000_000  # about a second of decoding
_LEAST_BUFFER = 8_192  # OPC 10000-6, 7.1.2.3
_MOST_DIMENSIONS = 8

_PREFIX = struct.Struct("<3scI")
_CHUNKS = {b"ACK": b"F", b"ERR": b"F", b"OPN": b"F", b"MSG": b"FCA"}

# What the library raises for bytes that are not what they claim to be.
NONSENSE = (
    UaError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    WrongMac,
    InvalidSignature,
)


class NotUnderstoodError(UaError):
    """Raised when the server sent what is no OPC UA, or too much of it; the message says what."""


class Limits(TransportLimits):
    """What we take, whatever the server says of itself: its acknowledgement bounds only what we send."""

    def __init__(self) -> None:
        super().__init__(MOST_CHUNK, MOST_CHUNK, MOST_CHUNKS, MOST_MESSAGE)

    def update_client_limits(self, msg: ua.Acknowledge) -> None:
        """Take the server's buffer as the bound of what it is sent (OPC 10000-6, 7.1.2.4)."""
        if msg.ReceiveBufferSize < _LEAST_BUFFER:
            message = (
                f"the server takes {msg.ReceiveBufferSize} bytes at a time, {_LEAST_BUFFER} is the least"
            )
            raise NotUnderstoodError(message)
        self.max_send_buffer = min(MOST_CHUNK, msg.ReceiveBufferSize)


class Body(Buffer):
    """Bytes of one message: reads go forwards only, and there are not endlessly many of them."""

    steps = 0

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        self.steps += 1
        if size < 0:
            raise NotUnderstoodError(f"the server sent a length of {size}")
        if self.steps > MOST_STEPS:
            raise NotUnderstoodError(f"the server sent a message of more than {MOST_STEPS} fields")
        return super().read(size)

    def copy(self, size: int = -1) -> Buffer:
        """Return the next `size` bytes as a message of their own."""
        if size < -1:
            raise NotUnderstoodError(f"the server sent a length of {size}")
        if size == -1 or size > self._size:
            size = self._size
        return Body(self._data, self._cur_pos, size)


class Protocol(UASocketProtocol):
    """The library's protocol with frames cut here."""

    def __init__(self, timeout_s: float, security_policy: Any) -> None:
        super().__init__(timeout_s, security_policy, Limits())
        self._bytes = bytearray()
        self._fault: UaError | None = None

    def data_received(self, data: bytes) -> None:
        """Take what came; a frame is looked at when it is whole."""
        self._bytes += data
        try:
            while (frame := self._next_frame()) is not None:
                self._take(frame)
        except NONSENSE as error:
            self._break(error)

    def _next_frame(self) -> bytes | None:
        if len(self._bytes) < _PREFIX.size:
            return None
        kind, chunk, size = _PREFIX.unpack_from(self._bytes)
        if chunk not in _CHUNKS.get(kind, b""):
            raise NotUnderstoodError(
                f"the server sent {bytes(self._bytes[:4])!r} where a frame of OPC UA begins"
            )
        if not _PREFIX.size < size <= MOST_CHUNK:
            raise NotUnderstoodError(f"the server sent a frame of {size} bytes, {MOST_CHUNK} is the most")
        if len(self._bytes) < size:
            return None
        frame = bytes(self._bytes[:size])
        del self._bytes[:size]
        return frame

    def _take(self, frame: bytes) -> None:
        buffer = Body(frame)
        header = ua_binary.header_from_binary(buffer)
        try:
            message = self._connection.receive_from_header_and_body(header, buffer)
        except UaStatusCodeError as error:
            raise NotUnderstoodError(
                f"the server sent a message of more than {MOST_MESSAGE} bytes or {MOST_CHUNKS} chunks"
            ) from error
        self._process_received_message(message)
        if frame.startswith(b"OPN"):
            self._opened(message.body())

    def _opened(self, body: Buffer) -> None:
        asked: Any = self._open_secure_channel_exchange
        response = ua_binary.struct_from_binary(ua.OpenSecureChannelResponse, body)
        response.ResponseHeader.ServiceResult.check()
        self._open_secure_channel_exchange = response
        self._connection.set_channel(response.Parameters, asked.RequestType, asked.ClientNonce)

    def _call_callback(self, request_id: int, body: Buffer | ua.Acknowledge) -> None:
        super()._call_callback(request_id, Body(bytes(body)) if isinstance(body, Buffer) else body)

    def _break(self, error: BaseException) -> None:
        """End the connection; who waits for an answer, or asks from now on, is told why."""
        known = isinstance(error, (NotUnderstoodError, UaStatusCodeError))
        self._fault = error if known else _not_understood(error)  # type: ignore[assignment]
        self._bytes.clear()
        self._fail_all_pending(cast("Exception", self._fault))
        if self.transport is not None:
            self.transport.abort()

    async def send_hello(self, url: str, max_messagesize: int = 0, max_chunkcount: int = 0) -> ua.Acknowledge:
        """Begin, unless the server began by itself, with something else."""
        if self._fault is not None:
            raise self._fault
        return await super().send_hello(url, max_messagesize, max_chunkcount)

    def _send_request(self, request: Any, *rest: Any, **named: Any) -> asyncio.Future[Any]:
        if self._fault is not None:
            raise self._fault
        return super()._send_request(request, *rest, **named)


def _not_understood(error: BaseException) -> NotUnderstoodError:
    return NotUnderstoodError(f"the server sent what is not understood: {type(error).__name__}")


class _UaClient(UaClient):
    def _make_protocol(self) -> asyncio.Protocol:  # type: ignore[override]
        super()._make_protocol()
        self.protocol = Protocol(self._timeout, self.security_policy)
        self.protocol.on_connection_lost = self._on_transport_lost
        self.protocol.is_session_closing = self._is_session_closing
        return self.protocol


class BoundedClient(Client):
    """The library's client over `Protocol`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__(url, timeout=timeout_s)
        self.uaclient = _UaClient(timeout_s)
        self.max_messagesize = MOST_MESSAGE
        self.max_chunkcount = MOST_CHUNKS


def _nothing(data: Any) -> None:
    """Read a value of type Null: no bytes, and yet a step, so that 2^31 of them end."""
    data.read(0)


def _shaped(flat: list[Any], dimensions: list[int]) -> list[Any]:
    """Return an array as its dimensions say; their product is its length (OPC 10000-6, 5.2.2.16)."""
    if not dimensions:
        return flat
    if len(dimensions) > _MOST_DIMENSIONS or min(dimensions) < 0 or math.prod(dimensions) != len(flat):
        raise NotUnderstoodError(f"the server sent {len(flat)} values as an array of {dimensions[:8]}")
    return _nested(flat, dimensions)


def _nested(flat: list[Any], dimensions: list[int]) -> list[Any]:
    if len(dimensions) == 1 or not flat:
        return flat
    size = len(flat) // dimensions[0]
    return [_nested(flat[at : at + size], dimensions[1:]) for at in range(0, len(flat), size)]


# Two places where the library decodes without reading: no buffer can bound them.
ua_binary._Null.unpack = staticmethod(_nothing)  # type: ignore[method-assign]  # noqa: SLF001
ua_binary._reshape = _shaped  # type: ignore[assignment]  # noqa: SLF001
ua_binary._create_uatype_deserializer.cache_clear()  # noqa: SLF001
ua_binary._create_uatype_array_deserializer.cache_clear()  # noqa: SLF001
