"""One session with one server: the library's services, each bounded in time, and what their errors mean.

The library's own supervision, publish loop and reconnects are left alone: this session ends at its first fault, and a
new run of the link makes a new one.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import BadEncodingLimitsExceeded, BadTooManyOperations
from asyncua.ua.uaerrors._base import UaError, UaStatusCodeError

from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connectors.opcua.codec import Identifier, NodeAddress

_SAY_GOODBYE_S = 1.5
_SHORTEST_SESSION_S = 60.0
_MOST_PER_RESPONSE = 1000  # decoding more at once would hold up the event loop for over 25 ms

NAMESPACE_ARRAY = ObjectIds.Server_NamespaceArray
SERVER_STATUS = ObjectIds.Server_ServerStatus
MOST_ITEMS_PER_CALL = ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall

_CLOSED = frozenset(
    {"BadSessionClosed", "BadSessionIdInvalid", "BadSecureChannelClosed", "BadSecureChannelIdInvalid"}
)
_WORDS: dict[type[BaseException], str] = {
    ConnectionRefusedError: "connection refused",
    ConnectionResetError: "connection reset",
    ConnectionError: "connection closed by the server",
}


@dataclass(frozen=True, slots=True)
class Granted:
    """A subscription as the server made it; `keep_alive_s` is the longest that it stays silent while it lives."""

    id: int
    keep_alive_s: float


class Session:
    """A session over a secure channel of its own; `open` first, `close` always."""

    def __init__(self, url: str, timeout_s: float, keep_alive_s: float) -> None:
        self.url = url
        self.timeout_s = timeout_s
        self._client = Client(url, timeout=timeout_s)
        self._client.name = self._client.description = "barrio"
        self._client.application_uri = "urn:barrio:client"
        self._client.product_uri = "urn:barrio"
        # A server keeps a session that was cut off for this long, and small ones have few to give.
        self._client.session_timeout = int(max(_SHORTEST_SESSION_S, 6 * keep_alive_s) * 1000)

    async def open(self) -> None:
        """Connect and log in; what it raises is for `away`."""
        client = self._client
        before = _cancellations()
        await client.connect_socket()
        # asyncio.wait_for of Python 3.11 swallows a cancellation that meets the end of the wait (cpython #86296). Only
        # the difference counts: a TaskGroup that failed earlier in this task has left the number raised.
        if _cancellations() > before:
            raise asyncio.CancelledError
        await client.send_hello()
        await client.open_secure_channel()
        await client.create_session()
        await client.activate_session()

    async def close(self) -> None:
        """Say goodbye if the server listens, then drop the socket; bounded, and safe after any failure."""
        protocol = self._client.uaclient.protocol
        transport = protocol.transport if protocol is not None else None
        try:
            if transport is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_SAY_GOODBYE_S):
                        await self._client.disconnect()
        finally:
            self._client.disconnect_socket()
            if transport is not None:
                transport.abort()
            await asyncio.sleep(0)

    async def keep_secure(self) -> None:
        """Renew the secure channel for ever, at three quarters of its life."""
        while True:
            await asyncio.sleep(self._client.secure_channel_timeout * 0.75 / 1000)
            await self._client.open_secure_channel(renew=True)
            self._client.uaclient.revolve_security_token()

    async def read(self, node: int) -> Any:
        """Return the value of a node of the standard's namespace, None where the server gives none."""
        nodes = [_node_id(node, 0)]
        (found,) = await self._client.uaclient.session.read_attributes(nodes, AttributeIds.Value)
        return _good_value(found)

    async def namespaces(self) -> dict[str, int]:
        """Return the server's namespace indexes by URI."""
        found = await self.read(NAMESPACE_ARRAY)
        return {uri: index for index, uri in enumerate(found or ()) if uri}

    async def subscribe(self, publishing_s: float, keep_alive_s: float) -> Granted:
        """Create a subscription that speaks at least every `keep_alive_s`, as far as the server grants it."""
        keep_alive = max(1, round(keep_alive_s / publishing_s))
        request = ua.CreateSubscriptionRequest()
        request.Parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=publishing_s * 1000,
            RequestedLifetimeCount=max(10 * keep_alive, round(_SHORTEST_SESSION_S / publishing_s)),
            RequestedMaxKeepAliveCount=keep_alive,
            MaxNotificationsPerPublish=_MOST_PER_RESPONSE,
            PublishingEnabled=True,
        )
        # The library's create_subscription would start its own publish loop, which hides why a session ended.
        answer = await self._send(request, ua.CreateSubscriptionResponse)
        made = answer.Parameters
        return Granted(
            made.SubscriptionId, made.RevisedPublishingInterval * made.RevisedMaxKeepAliveCount / 1000
        )

    async def _send(self, request: Any, answer: Any) -> Any:
        protocol = self._client.uaclient.protocol
        if protocol is None:
            raise ConnectionError
        response = struct_from_binary(answer, await protocol.send_request(request))
        response.ResponseHeader.ServiceResult.check()
        return response

    async def monitor(
        self, subscription: int, requests: Sequence[ua.MonitoredItemCreateRequest], chunk: int
    ) -> list[int]:
        """Create monitored items, `chunk` per request or what the server takes; returns their status codes."""
        codes: list[int] = []
        while len(codes) < len(requests):
            asked = list(requests[len(codes) : len(codes) + chunk])
            parameters = ua.CreateMonitoredItemsParameters(
                SubscriptionId=subscription,
                TimestampsToReturn=ua.TimestampsToReturn.Both,
                ItemsToCreate=asked,
            )
            try:
                results = await self._client.uaclient.session.create_monitored_items(parameters)
            except (BadTooManyOperations, BadEncodingLimitsExceeded):
                if len(asked) == 1:
                    raise
                chunk = len(asked) // 2
            else:
                codes += [result.StatusCode.value for result in results]
        return codes

    async def publish(self, acknowledged: list[ua.SubscriptionAcknowledgement]) -> ua.PublishResult:
        """Ask for the next publish response; waits as long as the server has nothing to say."""
        response: Any = await self._client.uaclient.session.publish(acknowledged)
        response.ResponseHeader.ServiceResult.check()
        return cast("ua.PublishResult", response.Parameters)

    def away(self, error: BaseException) -> TransientError | None:
        """Return what an error says of the server as `TransientError`, None when it is a fault of ours."""
        leaves = list(_leaves(error))
        if not all(isinstance(leaf, (OSError, TimeoutError, UaError, TransientError)) for leaf in leaves):
            return None
        for leaf in leaves:
            # What we said ourselves explains the errors that followed from it.
            if isinstance(leaf, TransientError):
                return leaf
        return TransientError(self.url, words_of(leaves[0], self.timeout_s))


def monitoring(
    place: int, node: ua.NodeId, sampling_s: float, queue_size: int
) -> ua.MonitoredItemCreateRequest:
    """Return the request to monitor the value of `node` under the client handle `place`."""
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=place, SamplingInterval=sampling_s * 1000, QueueSize=queue_size, DiscardOldest=True
        ),
    )


def node_id(address: NodeAddress, namespaces: dict[str, int]) -> ua.NodeId | None:
    """Return a node's id in this session, None when the server does not have its namespace."""
    index = address.namespace if isinstance(address.namespace, int) else namespaces.get(address.namespace)
    return None if index is None else _node_id(address.identifier, index)


def words_of(error: BaseException, timeout_s: float) -> str:
    """Return why the server is away, for a person."""
    if isinstance(error, UaStatusCodeError):
        name = type(error).__name__
        return f"session closed by the server: {name}" if name in _CLOSED else f"the server refused: {name}"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    for kind, words in _WORDS.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, socket.gaierror):
        return f"name not found: {error.strerror or error}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _node_id(identifier: Identifier, index: int) -> ua.NodeId:
    # The library wants subclasses of int and str of its own here, and takes the plain ones.
    return ua.NodeId(cast("Any", identifier), cast("Any", index))


def _good_value(data: ua.DataValue) -> Any:
    status = data.StatusCode
    if data.Value is None or (status is not None and not status.is_good()):
        return None
    return data.Value.Value
