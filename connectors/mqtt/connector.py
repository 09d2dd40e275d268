"""Links: one connection per broker and credentials, every message delivered, acknowledged when it is durable."""

from __future__ import annotations

import secrets
import time
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.mqtt import checks, discovery
from connectors.mqtt.access import Access
from connectors.mqtt.config import MqttOptions, MqttPoint, address_of, options_of, place_of, topics_of
from connectors.mqtt.delivery import Delivery
from connectors.mqtt.dial import tls_context
from connectors.mqtt.routes import Routes
from connectors.mqtt.session import connected
from connectors.mqtt.writing import Echoes, come, message_of, metrics_of
from twin.errors import StartError, TransientError
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.abilities import Draft, Outcome, Setting
    from connectors.base import Sink
    from connectors.home import Home
    from connectors.mqtt.session import Session
    from twin.model.bound import BoundDevice
    from twin.model.district import Device
    from twin.model.protocol import Endpoint

SECURE = "mqtts"
_PROBE_S = 10.0


class MqttConnector:
    """MQTT over TCP and TLS, as the twin and the supervisor see it."""

    name = "mqtt"
    schemes: Mapping[str, int] = {"mqtt": 1883, SECURE: 8883}
    point_model = MqttPoint
    options_model = MqttOptions

    def check(self, device: Device) -> Iterator[tuple[str, str]]:
        """Yield what the schemas alone cannot see of a device."""
        yield from checks.faults(device)

    def links(self, devices: Sequence[BoundDevice], home: Home) -> Sequence[MqttLink]:
        """Return one link for each broker and credentials. No network, no tasks."""
        shared: dict[tuple[object, ...], list[BoundDevice]] = {}
        for device in devices:
            shared.setdefault(_connection_of(device.device), []).append(device)
        return [MqttLink(tuple(same), home) for same in shared.values()]

    def explain(self, device: BoundDevice, home: Home) -> str:  # noqa: ARG002 - nothing is learned about a device
        """Return what is subscribed to for a device, and what is read where."""
        lines = [f"subscribes with QoS 1 to {one}" for one in Routes([device]).filters]
        place = place_of(device.device)
        if place is not None:
            lines += [
                f"  {point.name}: metric {address_of(point).metric}"
                for point in device.device.points.values()
            ]
            return "\n".join(lines)
        for topic, points in topics_of(device.device).items():
            for point in points:
                address = address_of(point)
                place_in = address.key or address.name or "the whole payload"
                lines.append(f"  {point.name}: {place_in} of {topic}")
        return "\n".join(lines)

    async def discover(self, endpoint: Endpoint, options: Mapping[str, object], home: Home) -> Draft:
        """Listen to what is said below an endpoint's topic for a while, and draft a profile of it.

        StartError where that would show the password to everybody on the way.
        """
        checked = MqttOptions.model_validate(options)
        if checks.is_open(endpoint, checked):
            raise StartError(checks.OPEN)
        access = replace(_access(endpoint, checked, home), client_id=_new_client_id(), keep_s=0.0)
        return await discovery.draft(access)


def _connection_of(device: Device) -> tuple[object, ...]:
    """Return what devices must have in common to share a connection."""
    options = options_of(device)
    return (
        device.endpoint.peer,
        options.version,
        options.client_id,
        options.user,
        options.password,
        options.ca,
        options.certificate,
        options.private_key,
    )


def _shared(devices: Sequence[BoundDevice]) -> MqttOptions:
    """Return the options of a connection that devices share: the most careful of each."""
    every = [options_of(one.device) for one in devices]
    return every[0].model_copy(
        update={
            "keepalive": min(one.keepalive for one in every),
            "keep": max(one.keep for one in every),
            "timeout": max(one.timeout for one in every),
            "insecure": next((one.insecure for one in every if one.insecure), None),
        }
    )


def _new_client_id() -> str:
    # Up to 23 characters of 0-9a-zA-Z is what every broker must take (version 3.1.1, section 3.1.3.1).
    return f"barrio{secrets.token_hex(8)}"


def _access(endpoint: Endpoint, options: MqttOptions, home: Home) -> Access:
    name = options.password
    return Access(
        endpoint=endpoint,
        client_id=options.client_id or "",
        version=options.version,
        user=options.user,
        secret=None if name is None else lambda: home.secret(name),
        context=tls_context(options, home) if endpoint.scheme == SECURE else None,
        timeout_s=options.timeout,
        keepalive_s=options.keepalive,
        keep_s=options.keep,
    )


class MqttLink:
    """All devices of one broker that share credentials."""

    def __init__(self, devices: Sequence[BoundDevice], home: Home) -> None:
        self._devices = devices
        self._home = home
        self._endpoint = devices[0].device.endpoint
        self._options = _shared(devices)
        self._sort = f"{zlib.crc32(repr(_connection_of(devices[0].device)).encode()):08x}"
        self._routes = Routes(devices)
        self._echoes = Echoes()
        self._delivery = Delivery(self._routes, self._echoes)
        self._live: Session | None = None

    @property
    def name(self) -> str:
        """The peer, as in endpoints."""
        return self._endpoint.peer

    @property
    def devices(self) -> Sequence[BoundDevice]:
        """The devices that this link reads."""
        return self._devices

    @property
    def security(self) -> str:
        """How the broker is spoken to, for health."""
        if self._endpoint.scheme == SECURE:
            return "TLS with client certificate" if self._options.certificate else "TLS"
        return f"none: {self._options.insecure}" if self._options.insecure else "none"

    async def run(self, sink: Sink) -> None:
        """Receive until cancelled; TransientError when the broker is away, or will not have us."""
        access = replace(self._access(), client_id=self._client_id())
        async with connected(access, sink.now_ns) as session:
            self._back(sink.now_ns())
            await self._subscribe(session, sink)
            sink.up()
            self._live = session
            try:
                await self._delivery.run(session, sink)
            finally:
                self._live = None
                self._note("left", str(sink.now_ns()))

    async def probe(self) -> str:
        """Connect once under another name, so that the running link keeps its session; TransientError when away."""
        access = self._access()
        probing = replace(
            access, client_id=_new_client_id(), keep_s=0.0, timeout_s=min(access.timeout_s, _PROBE_S)
        )
        async with connected(probing, time.time_ns):
            return f"the broker takes us, MQTT {self._options.version}, security: {self.security}"

    async def write(self, settings: Sequence[Setting]) -> Sequence[Outcome]:
        """Publish settings of one device and wait until it reports them; TransientError when the link is down."""
        session = self._live
        if session is None or session.lost:
            raise TransientError(self.name, "the link is down")
        device = self._owner(settings[0])
        with self._echoes.expecting(settings) as echoes:
            refused = await self._send(session, device, settings)
            for setting, echo in zip(settings, echoes, strict=True):
                echo.refused = refused.get(setting.point.id, "")
            await come(echoes, options_of(device).timeout)
            return [echo.outcome() for echo in echoes]

    async def _send(self, session: Session, device: Device, settings: Sequence[Setting]) -> dict[int, str]:
        """Publish; returns the words of those that were refused, by point."""
        metrics, place = self._routes.metrics.get(device.id), place_of(device)
        if metrics is not None and place is not None:
            try:
                payload = metrics_of(metrics, settings, time.time_ns())
            except ValueError as error:
                return {setting.point.id: str(error) for setting in settings}
            await session.send(place.command(), payload, qos=0)
            return {}
        refused: dict[int, str] = {}
        for setting in settings:
            topic, payload = message_of(device, setting)
            code = await session.send(topic, payload)
            if code >= 0x80:
                refused[setting.point.id] = f"the broker refuses to publish to {topic} (reason code {code})"
        return refused

    def _owner(self, setting: Setting) -> Device:
        return next(bound.device for bound in self._devices if setting.point in bound.points)

    async def _subscribe(self, session: Session, sink: Sink) -> None:
        """Subscribe, unless the broker has kept our subscriptions: again would bring all retained messages again."""
        wanted = self._routes.filters
        before = self._home.notes.get(self._key("filters"), "").split("\n") if session.resumed else []
        if before == wanted:
            return
        await session.unfollow([one for one in before if one and one not in wanted])
        refused = await session.follow(wanted)
        for one, words in refused.items():
            for ids in self._routes.behind(one):
                sink.silent(ids, Reason.NO_ANSWER, f"the broker refuses the subscription to {one}: {words}")
        self._note("filters", "\n".join(one for one in wanted if one not in refused))

    def _access(self) -> Access:
        """Return how the broker is reached; TransientError when a certificate or a secret is not (any more) there."""
        try:
            return _access(self._endpoint, self._options, self._home)
        except StartError as error:
            raise TransientError(self.name, str(error)) from None

    def _back(self, now_ns: int) -> None:
        left = self._home.notes.get(self._key("left"), "")
        self._routes.reconnected(int(left) if left.isdecimal() else now_ns, now_ns)
        self._note("left", str(now_ns))

    def _client_id(self) -> str:
        """Return the name under which the broker keeps our session; made once and remembered."""
        if self._options.client_id is not None:
            return self._options.client_id
        found = self._home.notes.get(self._key("client"), "")
        if not found:
            found = _new_client_id()
            self._note("client", found)
        return found

    def _note(self, what: str, text: str) -> None:
        self._home.notes[self._key(what)] = text

    def _key(self, what: str) -> str:
        return f"{what} {self.name} {self._sort}"
