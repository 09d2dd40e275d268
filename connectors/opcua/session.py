"""One session with one server: the library's services, each bounded in time.

The library's own supervision, publish loop and reconnects are left alone: this session ends at its first fault, and a
new run of the link makes a new one.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from connectors.opcua import services
from connectors.opcua.access import Access
from connectors.opcua.loss import loss_of
from connectors.opcua.security import Door
from connectors.opcua.transport import BoundedClient
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from asyncua.client.ua_client import UASocketProtocol

    from connectors.home import Home
    from connectors.opcua.config import OpcUaOptions
    from connectors.opcua.nodes import Identifier, NodeAddress

_SAY_GOODBYE_S = 1.5
_SHORTEST_SESSION_S = 60.0
_SHORTEST_CHANNEL_S = 1.0
_LONGEST_SILENCE_S = 3600.0
_MOST_PER_RESPONSE = 1000  # decoding more at once would hold up the event loop for over 25 ms

NAMESPACE_ARRAY = ObjectIds.Server_NamespaceArray
SERVER_STATUS = ObjectIds.Server_ServerStatus


@dataclass(frozen=True, slots=True)
class Granted:
    """A subscription as the server made it; `keep_alive_s` is the longest that it stays silent while it lives."""

    id: int
    keep_alive_s: float


class Session:
    """A session over a secure channel of its own; `open` first, `close` always."""

    def __init__(self, door: Door, timeout_s: float, keep_alive_s: float) -> None:
        self.url = door.url
        self.timeout_s = timeout_s
        self._door = door
        self.client = self._made()
        # A server keeps a session that was cut off for this long, and small ones have few to give.
        self.client.session_timeout = int(max(_SHORTEST_SESSION_S, 6 * keep_alive_s) * 1000)

    def _made(self) -> BoundedClient:
        client = BoundedClient(self.url, self.timeout_s)
        client.name = client.description = "barrio"
        client.product_uri = "urn:barrio"
        return client

    @property
    def security(self) -> str:
        """How the server is spoken to, for health."""
        return self._door.words

    async def open(self) -> None:
        """Connect and log in as the door says; what it raises is for `away`."""
        if not self._door.open_by_wish:
            await self._door.approve(await self._endpoints())
        self._door.fit(self.client)
        await _connect(self.client)
        session = await self.client.create_session()
        self._door.compare(session.ServerEndpoints)
        await self._door.login(self.client)

    async def judge_again(self) -> None:
        """See whether the server is still trusted; `TransientError` when it is not."""
        await self._door.judge_again()

    async def _endpoints(self) -> Any:
        """Return the endpoints that the server offers, asked without security: nobody answers for them yet."""
        asker = self._made()
        try:
            await _connect(asker)
            return await asker.get_endpoints()
        finally:
            await _drop(asker)

    async def close(self) -> None:
        """Say goodbye if the server listens, then drop the socket; bounded, and safe after any failure."""
        protocol = self.client.uaclient.protocol
        try:
            if protocol is not None and protocol.transport is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_SAY_GOODBYE_S):
                        await self.client.disconnect()
        finally:
            await _drop(self.client, protocol)

    async def keep_secure(self) -> None:
        """Renew the secure channel for ever, at three quarters of its life, however short the server makes it."""
        while True:
            await asyncio.sleep(max(_SHORTEST_CHANNEL_S, self.client.secure_channel_timeout * 0.75 / 1000))
            await self.client.open_secure_channel(renew=True)
            self.client.uaclient.revolve_security_token()

    async def read(self, node: int) -> Any:
        """Return the value of a node of the standard's namespace, None where the server gives none."""
        (found,) = await services.read(self, [_node_id(node, 0)], AttributeIds.Value, 1)
        return services.value_of(found)

    async def namespaces(self) -> dict[str, int]:
        """Return the server's namespace indexes by URI."""
        found = await self.read(NAMESPACE_ARRAY)
        uris = found if isinstance(found, list) else ()
        return {uri: index for index, uri in enumerate(uris) if uri and isinstance(uri, str)}

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
        answer = await services.ask(self, request, ua.CreateSubscriptionResponse)
        made = answer.Parameters
        granted_s = made.RevisedPublishingInterval * made.RevisedMaxKeepAliveCount / 1000
        if not 0 < granted_s <= _LONGEST_SILENCE_S:  # also not a number
            words = f"the server's subscriptions speak every {granted_s:g} s, which shows nothing: poll it"
            raise TransientError(self.url, words)
        return Granted(made.SubscriptionId, granted_s)

    async def publish(self, acknowledged: list[ua.SubscriptionAcknowledgement]) -> ua.PublishResult:
        """Ask for the next publish response; waits as long as the server has nothing to say."""
        response: Any = await self.client.uaclient.session.publish(acknowledged)
        response.ResponseHeader.ServiceResult.check()
        return cast("ua.PublishResult", response.Parameters)

    def away(self, error: BaseException) -> TransientError | None:
        """Return what an error says of the server as `TransientError`, None when it is a fault of ours."""
        return loss_of(error, self.url, self.timeout_s)

    @contextmanager
    def losses(self) -> Iterator[None]:
        """Raise what ends the session as `TransientError`; faults of ours stay what they are."""
        try:
            yield
        except Exception as error:
            away = self.away(error)
            if away is None:
                raise
            raise away from error


def session_of(url: str, options: OpcUaOptions, home: Home) -> Session:
    """Return a session with a server as the options say; no network."""
    # The library logs what it raises as well, with traces; whoever wants that sets its level.
    chatter = logging.getLogger("asyncua")
    if chatter.level == logging.NOTSET:
        chatter.setLevel(logging.CRITICAL + 1)
    return Session(Door(Access.of(options), home, url), options.timeout, options.keep_alive)


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


async def heeding(work: Coroutine[Any, Any, None]) -> None:
    """Do `work`, and end as cancelled when that was asked for, also where `work` tells of a loss instead.

    A TaskGroup that is cancelled while one of its tasks fails tells of the failure only. In a task of its own, what it
    adds to the number of cancellations and does not take away is not ours.
    """
    before = _cancellations()
    try:
        await asyncio.create_task(work)
    except TransientError:
        if _cancellations() > before:
            raise asyncio.CancelledError from None
        raise


async def _connect(client: BoundedClient) -> None:
    before = _cancellations()
    await client.connect_socket()
    # asyncio.wait_for of Python 3.11 swallows a cancellation that meets the end of the wait (cpython #86296). Only
    # the difference counts: a TaskGroup that failed earlier in this task has left the number raised.
    if _cancellations() > before:
        raise asyncio.CancelledError
    await client.send_hello()
    await client.open_secure_channel()


async def _drop(client: BoundedClient, protocol: UASocketProtocol | None = None) -> None:
    """Let go of a connection, also one that was never made."""
    protocol = protocol or client.uaclient.protocol
    transport = protocol.transport if protocol is not None else None
    client.disconnect_socket()
    if transport is not None:
        transport.abort()
    await asyncio.sleep(0)


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _node_id(identifier: Identifier, index: int) -> ua.NodeId:
    # The library wants subclasses of int and str of its own here, and takes the plain ones.
    return ua.NodeId(cast("Any", identifier), cast("Any", index))
