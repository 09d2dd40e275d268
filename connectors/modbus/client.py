"""One Modbus TCP connection: pymodbus dials, frames and pairs requests with answers; here it is kept strict.

What pymodbus 3.16 leaves open, and what is done about it:

- It unpacks register by register, 42 % of its time, and prints every answer for a log that nobody reads: `Reply` keeps
  the bytes as they came.
- It takes an answer with transaction 0, any unit for a request to unit 0, any function, and any number of bytes that is
  at least the byte count: `Connection.ask` compares all of them.
- It goes on after an answer that never came, so that a late one meets the next request: the caller closes the
  connection after each `Unanswered`.
- It waits out the timeout when the peer hangs up: `_changed` ends the wait at once.
- It waits by `asyncio.wait_for`, which up to Python 3.11 swallows a cancellation that meets an answer
  (python/cpython#86296), under a lock that one task a connection does not need: `_exchange` waits for it itself.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import socket
from typing import TYPE_CHECKING

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from connectors.modbus.config import Table
from twin.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from connectors.modbus.plan import Block
    from twin.model.protocol import Endpoint

_REQUESTS: dict[Table, type[ModbusPDU]] = {
    Table.COIL: ReadCoilsRequest,
    Table.DISCRETE: ReadDiscreteInputsRequest,
    Table.INPUT: ReadInputRegistersRequest,
    Table.HOLDING: ReadHoldingRegistersRequest,
}

# MODBUS Application Protocol V1.1b3, 7 (exception responses).
_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
_EXCEPTION = 0x80


class Unanswered(TransientError):
    """Raised when a request got no answer that can be used; the connection is not to be used again."""


class NoAnswer(Unanswered):
    """Raised when nothing that fits came in time."""


class WrongReply(Unanswered):
    """Raised when something came that does not answer what was asked."""


class ConnectionLost(Unanswered):
    """Raised when the peer hung up before it answered."""


class Refused(PermanentError):
    """Raised when the device answered with an exception; `code` is its number."""

    def __init__(self, peer: str, code: int) -> None:
        self.code = code
        super().__init__(peer, f"exception {code}: {_EXCEPTIONS.get(code, 'not one of the standard')}")


class Reply(ModbusPDU):
    """An answer of any function, `pdu` being its bytes from the function code on."""

    def __init__(self, pdu: bytes) -> None:
        """Keep the bytes; the framer fills in unit and transaction."""
        super().__init__()
        self.pdu = pdu


class _Decoder(DecodePDU):
    """Decoder that leaves all judgement to `Connection.ask`."""

    def decode(self, frame: bytes) -> Reply:
        return Reply(frame)


class Request:
    """One read, made once and asked again and again."""

    def __init__(self, block: Block, unit: int) -> None:
        """Read `block` from `unit`."""
        self.pdu = _REQUESTS[block.table](address=block.start, count=block.count, dev_id=unit)
        self.unit = unit
        self.function = self.pdu.function_code
        self.payload_size = block.payload_size


class Connection:
    """One TCP connection; one request at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare a connection; `dial` makes it."""
        self._peer = endpoint.peer
        self._client = AsyncModbusTcpClient(
            endpoint.host.strip("[]"),
            port=endpoint.port,
            reconnect_delay=0,
            retries=0,
            trace_connect=self._changed,
        )
        self._context = self._client.ctx
        self._context.framer.decoder = _Decoder(is_server=False)
        self.answered = False

    @property
    def alive(self) -> bool:
        """Whether the peer has not hung up yet."""
        return self._client.connected

    async def ask(self, request: Request, timeout_s: float) -> bytes:
        """Return the registers or packed bits that the device answers, exactly as many bytes as were asked for.

        Raises `Refused` when it answered with an exception, one of `Unanswered` in every other case.
        """
        try:
            reply = await self._exchange(request.pdu, timeout_s)
        except (TimeoutError, ModbusException) as error:
            raise NoAnswer(self._peer, f"no answer within {timeout_s:g} s") from error
        except OSError as error:
            raise ConnectionLost(self._peer, "connection closed by the device") from error
        payload = self._checked(request, reply)
        self.answered = True
        return payload

    async def _exchange(self, pdu: ModbusPDU, timeout_s: float) -> ModbusPDU:
        """Send a request and return what the framer makes of the next answer; `TimeoutError` when none comes."""
        context, loop = self._context, asyncio.get_running_loop()
        if not self.alive:
            raise ConnectionResetError
        pdu.transaction_id = context.getNextTID()
        context.response_future = waiting = loop.create_future()
        timer = loop.call_later(timeout_s, _expire, waiting)
        try:
            context.pdu_send(pdu)
            answer: ModbusPDU = await waiting
        finally:
            timer.cancel()
        return answer

    def close(self) -> None:
        """Close at once; nothing that is still on its way is heard any more."""
        self._client.close()

    def _checked(self, request: Request, reply: ModbusPDU) -> bytes:
        if not isinstance(reply, Reply) or reply.transaction_id != request.pdu.transaction_id:
            raise WrongReply(self._peer, "answered another request")
        if reply.dev_id != request.unit:
            raise WrongReply(self._peer, f"unit {reply.dev_id} answered, unit {request.unit} was asked")
        if self._context.recv_buffer:
            raise WrongReply(self._peer, "the answer goes on after its end")
        pdu, size = reply.pdu, request.payload_size
        if pdu[0] == request.function and len(pdu) == size + 2 and pdu[1] == size:
            return pdu[2:]
        if pdu[0] == request.function | _EXCEPTION and len(pdu) == 2:
            self.answered = True
            raise Refused(self._peer, pdu[1])
        raise WrongReply(self._peer, _difference(request, pdu))

    def _changed(self, connected: bool) -> None:  # noqa: FBT001 (pymodbus calls it so)
        waiting = self._context.response_future
        if not connected and self._context.request_transaction_id and not waiting.done():
            waiting.set_exception(ConnectionResetError())


def _expire(waiting: asyncio.Future[ModbusPDU]) -> None:
    if not waiting.done():
        waiting.set_exception(TimeoutError())


def _difference(request: Request, pdu: bytes) -> str:
    if pdu[0] & ~_EXCEPTION != request.function:
        return f"answered function {pdu[0]}, function {request.function} was asked"
    return f"answered {len(pdu)} bytes, {request.payload_size + 2} were due"


async def dial(endpoint: Endpoint, timeout_s: float) -> Connection:
    """Return a new connection; `TransientError` with the reason in words when there is none within `timeout_s`."""
    _hush()
    connection = Connection(endpoint)
    context = connection._context  # noqa: SLF001 (the other half of the same object)
    try:
        # Not client.connect(): it logs the reason and returns False.
        async with asyncio.timeout(timeout_s):
            context.transport, _ = await context.call_create()
    except TimeoutError as error:
        raise TransientError(endpoint.peer, f"no connection within {timeout_s:g} s") from error
    except OSError as error:
        raise TransientError(endpoint.peer, _reason(endpoint.host, error)) from error
    return connection


def _hush() -> None:
    """Keep pymodbus' own log quiet unless somebody has set its level: what it would say is raised here."""
    logger = logging.getLogger("pymodbus")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


def _reason(host: str, error: OSError) -> str:
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
