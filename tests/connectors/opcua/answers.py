"""Answers of a real server, changed on their way out: what servers send that break the rules, or only bend them."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from asyncua import ua
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import struct_to_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.connectors.opcua.servers import Bms


@contextmanager
def answers(server: Bms, kind: type, change: Callable[[Any], Any]) -> Iterator[None]:
    """Send each response of `kind` as `change` makes it, while the block runs.

    `change` is called in the server's thread with a copy, so that what the server keeps stays as it was. It returns a
    response (that or another one, see `fault`), bytes instead of an encoded response, or None: then nothing is sent.
    """
    send = UaProcessor.send_response

    def changed(
        processor: UaProcessor,
        handle: int,
        header: ua.SequenceHeader,
        response: Any,
        message: bytes = ua.MessageType.SecureMessage,
    ) -> None:
        if processor.iserver is not server.server.iserver or not isinstance(response, kind):
            send(processor, handle, header, response, message)
            return
        response = copy.deepcopy(response)
        response.ResponseHeader.RequestHandle = handle
        found = change(response)
        if isinstance(found, bytes):
            processor._transport.write(
                processor._connection.message_to_binary(
                    found, message_type=message, request_id=header.RequestId
                )
            )
        elif found is not None:
            send(processor, handle, header, found, message)

    with mock.patch.object(UaProcessor, "send_response", changed):
        yield


def fault(name: str) -> ua.ServiceFault:
    """Return the answer of a server that refuses a whole service."""
    found = ua.ServiceFault()
    found.ResponseHeader.ServiceResult = ua.StatusCode(getattr(ua.StatusCodes, name))
    return found


def refused(name: str) -> Callable[[Any], ua.ServiceFault]:
    """Return a change to the refusal `name`, for `answers`."""
    return lambda _: fault(name)


def without_results(response: Any) -> Any:
    """Return a response that answers nothing of what was asked."""
    response.Results = []
    return response


def cut_short(response: Any) -> bytes:
    """Return a response whose last bytes are missing."""
    return struct_to_binary(response)[:-1]
