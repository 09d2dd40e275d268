"""One connection to a broker: aiomqtt's client, with what its own queue does not promise.

aiomqtt acknowledges a message when it is received, drops one when its queue is full, connects in a thread that no
cancellation stops, and leaves its socket open when paho fails to read a packet. Here a message is acknowledged by
`ack`, which is called when it is durable; a full queue stops the reading, so that the broker keeps the rest; the
socket is made beforehand (`connectors.mqtt.dial`), guarded (`connectors.mqtt.guard`) and surely closed.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt import MQTTException
from paho.mqtt.enums import MQTTErrorCode

from connectors.mqtt.access import properties_of, why
from connectors.mqtt.dial import dial
from connectors.mqtt.guard import Guard, GuardedSocket
from connectors.mqtt.inbox import Arrival, Inbox
from twin.errors import TransientError

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Sequence

    from paho.mqtt import client as paho
    from paho.mqtt.reasoncodes import ReasonCode

    from connectors.mqtt.access import Access

_FILTERS_AT_ONCE = 100
_MOST_UNSENT = 50_000
# Names of what a broker says of credentials (version 5, table 3-1; paho uses them for 3.1.1 as well). Tried again and
# again they would lock an account, and they are not right a second later.
_CREDENTIALS = frozenset(
    {"Bad user name or password", "Not authorized", "Client identifier not valid", "Banned"}
)
_CREDENTIALS_AGAIN_S = 60.0
# What paho raises for a packet that it cannot read, beside its own errors; found by feeding it random bytes.
_UNREADABLE = (MQTTException, aiomqtt.MqttError, struct.error, LookupError, ValueError, TypeError, OSError)

# paho logs what a broker sends; what matters of that is in TransientError.
_SILENT = logging.getLogger("barrio.mqtt.paho")
_SILENT.setLevel(logging.CRITICAL + 1)


@asynccontextmanager
async def connected(access: Access, now_ns: Callable[[], int]) -> AsyncIterator[Session]:
    """Lend a session that the broker has accepted; TransientError when it does not, or is not there.

    `keep_s` 0 asks for a clean session, which the broker forgets with the connection.
    """
    peer = access.endpoint.peer
    try:
        sock = await dial(access.endpoint.host, access.endpoint.port, access.context, access.timeout_s)
    except TimeoutError:
        raise TransientError(peer, f"no connection within {access.timeout_s:g} s") from None
    except OSError as error:
        raise TransientError(peer, why(error)) from None
    session = Session(access, sock, now_ns)
    try:
        await session.open()
        yield session
    finally:
        await session.close()


class Session(aiomqtt.Client):
    """A connection with manual acknowledgement and back-pressure."""

    def __init__(self, access: Access, sock: socket.socket, now_ns: Callable[[], int]) -> None:
        newer = access.version == "5"
        super().__init__(
            access.endpoint.host.strip("[]"),
            access.endpoint.port,
            identifier=access.client_id,
            username=access.user,
            password=access.secret() if access.secret else None,
            protocol=aiomqtt.ProtocolVersion.V5 if newer else aiomqtt.ProtocolVersion.V311,
            clean_session=None if newer else access.keep_s == 0,
            clean_start=access.keep_s == 0 if newer else 3,
            properties=properties_of(access) if newer else None,
            keepalive=max(1, round(access.keepalive_s)),
            timeout=access.timeout_s,
            logger=_SILENT,
        )
        self.resumed = False
        self._peer = access.endpoint.peer
        self._now_ns = now_ns
        self._guard = Guard()
        self._guarded = GuardedSocket(sock, self._guard)
        self._inbox = Inbox()
        self._unsent = 0
        self._paused = False
        self._lost = ""
        self._sent: dict[int, asyncio.Future[int]] = {}
        self._client.manual_ack_set(on=True)
        # paho would make a socket of its own, in a thread.
        vars(self._client)["_create_socket"] = lambda: self._guarded

    async def open(self) -> None:
        """Introduce us to the broker; TransientError when it refuses or does not answer."""
        try:
            self._client.connect(
                self._hostname,
                self._port,
                self._keepalive,
                clean_start=self._clean_start,
                properties=self._properties,
            )
            async with asyncio.timeout(self.timeout):
                await asyncio.shield(self._connected)
        except TimeoutError:
            raise TransientError(
                self._peer, f"accepts connections, no answer within {self.timeout:g} s"
            ) from None
        except MqttConnectError as error:
            words = _words(error.rc)
            again_s = _CREDENTIALS_AGAIN_S if words in _CREDENTIALS else None
            raise TransientError(self._peer, f"the broker refuses us: {words}", again_s) from None
        except (aiomqtt.MqttError, OSError) as error:
            raise TransientError(self._peer, self._lost or str(error)) from None

    async def close(self) -> None:
        """Say good-bye if that is possible without waiting, and let go of everything."""
        with suppress(*_UNREADABLE):
            if not self._lost:
                self._client.disconnect()
                self._client.loop_write()
        self._fail("closed")
        self._detach()
        self._guarded.close()
        if self._misc_task is not None:
            self._misc_task.cancel()
            await asyncio.gather(self._misc_task, return_exceptions=True)
        for future in (self._connected, self._disconnected):
            if future.done() and not future.cancelled():
                future.exception()

    async def take(self) -> Sequence[Arrival]:
        """Return what has arrived, at least one message and not too many; TransientError when the link is lost."""
        while not self._inbox:
            if self._lost:
                raise TransientError(self._peer, self._lost)
            await self._inbox.news()
        some = self._inbox.take()
        self._resume()
        return some

    def ack(self, arrival: Arrival) -> None:
        """Tell the broker that a message is in good hands; in the order of arrival (section 4.6)."""
        if arrival.mid and not self._lost:
            self._client.ack(arrival.mid, 1)
            self._unsent = self._unsent + 1 if self._client.want_write() else 0
            if self._unsent > _MOST_UNSENT:
                self._fail("the broker sends and does not read what it is sent")

    @property
    def lost(self) -> str:
        """Why the connection is lost, empty while it is not."""
        return self._lost

    async def follow(self, filters: Sequence[str]) -> dict[str, str]:
        """Subscribe with QoS 1; returns the filters that the broker refused, with its words."""
        refused: dict[str, str] = {}
        for at in range(0, len(filters), _FILTERS_AT_ONCE):
            some = filters[at : at + _FILTERS_AT_ONCE]
            try:
                granted = await self.subscribe([(one, 1) for one in some])
            except aiomqtt.MqttError as error:
                raise TransientError(self._peer, self._lost or f"no answer to SUBSCRIBE: {error}") from None
            refused.update(
                {one: _words(code) for one, code in zip(some, granted, strict=False) if _value(code) >= 0x80}
            )
        return refused

    async def unfollow(self, filters: Sequence[str]) -> None:
        """Unsubscribe; TransientError when the broker does not answer."""
        for at in range(0, len(filters), _FILTERS_AT_ONCE):
            try:
                await self.unsubscribe(list(filters[at : at + _FILTERS_AT_ONCE]))
            except aiomqtt.MqttError as error:
                raise TransientError(self._peer, self._lost or f"no answer to UNSUBSCRIBE: {error}") from None

    async def send(self, topic: str, payload: bytes, qos: int = 1) -> int:
        """Publish; returns the broker's reason code (0 in version 3.1.1). TransientError when it does not answer."""
        info = self._client.publish(topic, payload, qos)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise TransientError(self._peer, self._lost or str(info.rc))
        if qos == 0:
            return 0
        sent: asyncio.Future[int] = self._loop.create_future()
        self._sent[info.mid] = sent
        try:
            async with asyncio.timeout(self.timeout):
                return await sent
        except TimeoutError:
            raise TransientError(self._peer, "no acknowledgement of what was published") from None
        finally:
            self._sent.pop(info.mid, None)

    async def _misc_loop(self) -> None:
        """Keep the connection alive, and notice when it is not."""
        pause_s = min(1.0, self._keepalive / 4)
        while self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS:  # noqa: ASYNC110 - a clock
            await asyncio.sleep(pause_s)

    async def _wait_for(self, fut: Any, timeout: float | None) -> Any:  # noqa: ASYNC109 - aiomqtt's signature
        """Wait without `asyncio.wait_for`, which loses cancellations in Python 3.11 (bpo-42130)."""
        try:
            async with asyncio.timeout(self.timeout if timeout is None else timeout):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("timed out") from None

    def _on_connect(
        self, _client: Any, _userdata: Any, flags: paho.ConnectFlags, reason_code: Any, properties: Any = None
    ) -> None:
        self.resumed = bool(flags.session_present)
        super()._on_connect(_client, _userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        _client: Any,
        _userdata: Any,
        flags: paho.DisconnectFlags,
        reason_code: Any,
        _properties: Any = None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._fail(f"the broker ended it: {_words(reason_code)}")
        elif _words(reason_code) == "Keep alive timeout":
            self._fail("the broker is mute")
        else:
            self._fail("the broker closed the connection")

    def _on_message(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._put(
            Arrival(
                topic,
                bytes(message.payload),
                self._now_ns(),
                message.mid if message.qos else 0,
                bool(message.retain),
                bool(message.dup),
            )
        )

    def _on_publish(
        self, _client: Any, _userdata: Any, mid: int, reason_code: ReasonCode, _properties: Any
    ) -> None:
        waiting = self._sent.get(mid)
        if waiting is not None and not waiting.done():
            waiting.set_result(_value(reason_code))

    def _put(self, arrival: Arrival) -> None:
        self._inbox.put(arrival)
        if self._inbox.is_full:
            self._paused = True
            self._loop.remove_reader(self._guarded.fileno())

    def _resume(self) -> None:
        if self._paused and self._inbox.has_room:
            self._paused = False
            if not self._lost:
                self._loop.add_reader(self._guarded.fileno(), self._read)
                self._loop.call_soon(self._read)

    def _on_socket_open(self, _client: Any, _userdata: Any, _sock: Any) -> None:
        self._loop.add_reader(self._guarded.fileno(), self._read)
        self._misc_task = self._loop.create_task(self._misc_loop())

    def _on_socket_close(self, _client: Any, _userdata: Any, _sock: Any) -> None:
        self._detach()

    def _on_socket_register_write(self, _client: Any, _userdata: Any, _sock: Any) -> None:
        if self._guarded.fileno() >= 0:
            self._loop.add_writer(self._guarded.fileno(), self._write)

    def _on_socket_unregister_write(self, _client: Any, _userdata: Any, _sock: Any) -> None:
        if self._guarded.fileno() >= 0:
            self._loop.remove_writer(self._guarded.fileno())

    def _detach(self) -> None:
        if self._guarded.fileno() >= 0:
            self._loop.remove_reader(self._guarded.fileno())
            self._loop.remove_writer(self._guarded.fileno())

    def _read(self) -> None:
        try:
            while not (self._paused or self._lost):
                self._client.loop_read()
                if not self._guarded.pending():
                    break
        except _UNREADABLE as error:
            self._fail(f"a packet that cannot be read: {type(error).__name__}")
        while self._guard.skipped:
            large = self._guard.skipped.popleft()
            self._put(Arrival(large.topic, b"", self._now_ns(), large.mid, skipped=large.size))

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except _UNREADABLE as error:
            self._fail(str(error))

    def _fail(self, words: str) -> None:
        """Note that the connection is of no more use, and wake everybody who waits for it."""
        if self._lost:
            return
        self._lost = self._guard.fault or words
        self._detach()
        error = aiomqtt.MqttError(self._lost)
        waiting: list[asyncio.Future[Any]] = [self._connected, *self._pending_subscribes.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(error)
        for event in self._pending_unsubscribes.values():
            event.set()
        for sent in self._sent.values():
            if not sent.done():
                sent.set_exception(TransientError(self._peer, self._lost))
        self._inbox.rouse()


def _value(code: Any) -> int:
    """Return a reason code of version 5, or the return code of 3.1.1, as a number."""
    return int(getattr(code, "value", code))


def _words(code: object) -> str:
    return str(code)
