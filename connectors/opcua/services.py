"""Services of OPC 10000-4 beyond those of `session`: bounded in time, in chunks that the server takes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import (
    BadEncodingLimitsExceeded,
    BadMessageNotAvailable,
    BadResponseTooLarge,
    BadTooManyOperations,
)
from asyncua.ua.uaerrors._base import UaError, UaStatusCodeError

from connectors.opcua.loss import words_of
from connectors.opcua.transport import NONSENSE
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from connectors.opcua.session import Session

_A = TypeVar("_A")
_B = TypeVar("_B")
_TOO_LARGE = (BadTooManyOperations, BadEncodingLimitsExceeded, BadResponseTooLarge)
_LIMITS = (
    ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
    ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds,
    ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most operations that one request may hold: what the server says, never more than asked for."""

    monitor: int
    read: int
    translate: int
    history: int


class UnreadableError(TransientError):
    """Raised when a server answered, and the answer cannot be decoded."""


@contextmanager
def understood(url: str) -> Iterator[None]:
    """Turn whatever the library raises over an answer that it cannot decode into `UnreadableError`."""
    try:
        yield
    except UaStatusCodeError:
        raise
    except UaError as error:
        raise UnreadableError(url, words_of(error, 0.0)) from error
    except NONSENSE as error:
        words = f"an answer that is not understood: {str(error) or type(error).__name__}"
        raise UnreadableError(url, words) from error


async def ask(session: Session, request: Any, answer: type) -> Any:
    """Return the answer to `request`; raises the status of the service as the library's error."""
    with understood(session.url):
        data = await session.client.uaclient.session._send_request(request)  # noqa: SLF001 (the one way past its logs)
        response: Any = struct_from_binary(answer, data)
        response.ResponseHeader.ServiceResult.check()
        return response


def _whole(url: str, results: Sequence[_B] | None, asked: int) -> Sequence[_B]:
    """Return the results of an answer, one for each of `asked` operations; `TransientError` where there are others."""
    found = results or ()
    if len(found) != asked:
        raise TransientError(url, f"{len(found)} results for {asked} operation{'' if asked == 1 else 's'}")
    return found


async def _chunked(
    asked: Sequence[_A], chunk: int, send: Callable[[Sequence[_A]], Awaitable[Sequence[_B]]], url: str
) -> list[_B]:
    """Return the results of all operations in order, halving the request where the server calls it too large."""
    results: list[_B] = []
    while len(results) < len(asked):
        part = asked[len(results) : len(results) + max(chunk, 1)]
        try:
            found = await send(part)
        except _TOO_LARGE:
            if len(part) == 1:
                raise
            chunk = len(part) // 2
            continue
        results += _whole(url, found, len(part))
    return results


async def limits(session: Session, chunk: int) -> Limits:
    """Return the operation limits of the server (OPC 10000-5, 6.3.11), `chunk` where it has none."""
    nodes = [ua.NodeId(ua.Int32(one)) for one in _LIMITS]
    found = [value_of(data) for data in await read(session, nodes, AttributeIds.Value, len(nodes))]
    return Limits(*(min(chunk, one) if isinstance(one, int) and one > 0 else chunk for one in found))


async def read(
    session: Session, nodes: Sequence[ua.NodeId], attribute: AttributeIds, chunk: int
) -> list[ua.DataValue]:
    """Return one attribute of each node."""
    return await read_several(session, [(node, attribute) for node in nodes], chunk)


async def read_several(
    session: Session, wanted: Sequence[tuple[ua.NodeId, AttributeIds]], chunk: int
) -> list[ua.DataValue]:
    """Return several attributes, each of its node."""

    async def send(part: Sequence[tuple[ua.NodeId, AttributeIds]]) -> Sequence[ua.DataValue]:
        asked = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node, attribute in part]
        parameters = ua.ReadParameters(TimestampsToReturn=ua.TimestampsToReturn.Both, NodesToRead=asked)
        answer = await ask(session, ua.ReadRequest(Parameters=parameters), ua.ReadResponse)
        results: Sequence[ua.DataValue] = answer.Results
        return results

    return await _chunked(wanted, chunk, send, session.url)


async def read_element(session: Session, node: ua.NodeId, index: int) -> ua.DataValue:
    """Return one element of an array, as an array of one (OPC 10000-4, 7.27 NumericRange)."""
    wanted = ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value, IndexRange=str(index))
    answer = await ask(
        session, ua.ReadRequest(Parameters=ua.ReadParameters(NodesToRead=[wanted])), ua.ReadResponse
    )
    result: ua.DataValue = _whole(session.url, answer.Results, 1)[0]
    return result


async def monitor(
    session: Session, subscription: int, items: Sequence[ua.MonitoredItemCreateRequest], chunk: int
) -> list[int]:
    """Create monitored items; returns their status codes."""

    async def send(part: Sequence[ua.MonitoredItemCreateRequest]) -> Sequence[ua.MonitoredItemCreateResult]:
        request = ua.CreateMonitoredItemsRequest()
        request.Parameters = ua.CreateMonitoredItemsParameters(
            SubscriptionId=subscription,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=list(part),
        )
        answer = await ask(session, request, ua.CreateMonitoredItemsResponse)
        results: Sequence[ua.MonitoredItemCreateResult] = answer.Results
        return results

    return [one.StatusCode.value for one in await _chunked(items, chunk, send, session.url)]


async def translate(
    session: Session, paths: Sequence[ua.BrowsePath], chunk: int
) -> list[ua.BrowsePathResult]:
    """Return what each browse path leads to."""

    async def send(part: Sequence[ua.BrowsePath]) -> Sequence[ua.BrowsePathResult]:
        request = ua.TranslateBrowsePathsToNodeIdsRequest()
        request.Parameters.BrowsePaths = list(part)
        answer = await ask(session, request, ua.TranslateBrowsePathsToNodeIdsResponse)
        results: Sequence[ua.BrowsePathResult] = answer.Results
        return results

    return await _chunked(paths, chunk, send, session.url)


async def write(session: Session, values: Sequence[ua.WriteValue]) -> list[int]:
    """Write values in one request; returns their status codes. Never sent twice."""
    request = ua.WriteRequest(Parameters=ua.WriteParameters(NodesToWrite=list(values)))
    answer = await ask(session, request, ua.WriteResponse)
    return [status.value for status in _whole(session.url, answer.Results, len(values))]


async def call(
    session: Session, owner: ua.NodeId, method: ua.NodeId, arguments: Sequence[ua.Variant]
) -> ua.CallMethodResult:
    """Call one method. Never sent twice."""
    request = ua.CallRequest()
    request.Parameters.MethodsToCall = [ua.CallMethodRequest(owner, method, list(arguments))]
    answer = await ask(session, request, ua.CallResponse)
    result: ua.CallMethodResult = _whole(session.url, answer.Results, 1)[0]
    return result


async def history(
    session: Session, details: ua.ReadRawModifiedDetails, nodes: Sequence[ua.HistoryReadValueId]
) -> list[ua.HistoryReadResult]:
    """Read raw history of several nodes (OPC 10000-11, 6.4.3); `nodes` are at most what the server takes."""
    answer = await ask(session, _history_request(details, nodes, release=False), ua.HistoryReadResponse)
    return list(_whole(session.url, answer.Results, len(nodes)))


async def release(
    session: Session, details: ua.ReadRawModifiedDetails, nodes: Sequence[ua.HistoryReadValueId]
) -> None:
    """Let the server forget continuation points that are not followed to their end."""
    await ask(session, _history_request(details, nodes, release=True), ua.HistoryReadResponse)


def _history_request(
    details: ua.ReadRawModifiedDetails, nodes: Sequence[ua.HistoryReadValueId], *, release: bool
) -> ua.HistoryReadRequest:
    request = ua.HistoryReadRequest()
    request.Parameters = ua.HistoryReadParameters(
        HistoryReadDetails=details,
        TimestampsToReturn=ua.TimestampsToReturn.Source,
        ReleaseContinuationPoints=release,
        NodesToRead=list(nodes),
    )
    return request


async def republish(session: Session, subscription: int, number: int) -> ua.NotificationMessage | None:
    """Return a message that was sent before (OPC 10000-4, 5.14.6), None where the server cannot say it (any more)."""
    request = ua.RepublishRequest()
    request.Parameters = ua.RepublishParameters(subscription, number)
    try:
        answer = await ask(session, request, ua.RepublishResponse)
    except (BadMessageNotAvailable, UnreadableError):
        return None
    message: ua.NotificationMessage = answer.NotificationMessage
    # Some servers answer with an empty message instead of a status.
    return message if message.SequenceNumber == number and message.NotificationData else None


def value_of(data: ua.DataValue) -> Any:
    """Return the value that came with a good status, else None."""
    status = data.StatusCode
    if data.Value is None or (status is not None and not status.is_good()):
        return None
    return data.Value.Value
