"""MQTT on trial, against a real mosquitto and a device that says its values ten times a second."""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from connectors.conformance.subject import Subject
from connectors.mqtt import connector
from tests.connectors.mqtt.broker import PASSWORD, USER, Mosquitto
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiomqtt

FLAWS = {
    "null": b'{"value": null}',
    "text": b'{"value": "seven"}',
    "no such key": b'{"other": 7}',
    "half a message": b'{"value": 7',
    "nothing": b"",
}


@dataclass
class Speaker:
    """A device with two topics."""

    broker: Mosquitto
    client: aiomqtt.Client
    payloads: dict[str, bytes] = field(
        default_factory=lambda: {"number": b'{"value": 7}', "door_state": b"closed"}
    )

    @property
    def port(self) -> int:
        return self.broker.port

    async def set(self, point: str, raw: object) -> None:
        if point == "number":
            self.payloads["number"] = json.dumps({"value": raw}).encode()
        else:
            self.payloads["door_state"] = str(raw).encode()
        await self.say()

    async def spoil(self, flaw: str) -> None:
        self.payloads["number"] = FLAWS[flaw]
        await self.say()

    async def say(self) -> None:
        for topic, payload in list(self.payloads.items()):
            await self.client.publish(f"trial/{topic}", payload, qos=1)

    async def keep_saying(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            await self.say()


def _renamed(reply: bytes) -> bytes:
    return reply.replace(b"trial/number", b"trial/nomber")


def _with_qos_2(reply: bytes) -> bytes:
    """Return the bytes with the first PUBLISH made one of QoS 2, which nobody asked for."""
    return (
        bytes([reply[0] & 0xF9 | 4]) + reply[1:] if reply[:1] and reply[0] >> 4 == 3 else b"\x34" + reply[1:]
    )


class MqttSubject(Subject):
    """A topic in JSON and one in text, behind one broker with a password."""

    connector = connector
    points: ClassVar = {
        "number": {"topic": "number", "key": "value"},
        "state": {"topic": "door_state", "states": {"closed": "closed", "open": "open"}},
    }
    options: ClassVar = {
        "keepalive": "1s",
        "timeout": "1500ms",
        "user": USER,
        "password": "${secret:broker}",
        "insecure": "loopback",
    }
    secrets: ClassVar = {"broker": PASSWORD}
    flaws: ClassVar = {
        "null": Reason.NOT_AVAILABLE,
        "text": Reason.WRONG_TYPE,
        "no such key": Reason.NOT_AVAILABLE,
        "half a message": Reason.UNDECODABLE,
        "nothing": Reason.NOT_AVAILABLE,
    }
    noticed_s = 4.0
    # What mosquitto has on its way unacknowledged (max_inflight_messages); it queues two more here, and drops the rest.
    in_flight = 20
    back_s = 8.0
    patience_s = 0.5
    tests = Path(__file__).parents[1] / "mqtt"
    wrong_replies: ClassVar = {"another topic": _renamed, "a QoS that was not asked for": _with_qos_2}
    mistakes: ClassVar = {
        "a wildcard": ({"topic": "plant/+/t"}, "wildcard"),
        "two places": ({"metric": "t", "topic": "t"}, "metric"),
        "a key in text": ({"topic": "t", "format": "text", "key": "a"}, "json"),
    }
    garbage: ClassVar = {
        "256 MB to come": b"\x30\xff\xff\xff\x7f\x00\x04trial",
        "a length of five bytes": b"\x30\xff\xff\xff\xff\x7f",
        "a topic longer than its packet": b"\x30\x05\xff\xfftri",
        "a topic that is no text": b"\x30\x06\x00\x02\xff\xfe17",
        "no topic": b"\x30\x04\x00\x0017",
        "a wildcard as topic": b"\x30\x06\x00\x01#17 ",
        "$SYS": b"\x30\x08\x00\x04$SYS17",
        "QoS 3": b"\x36\x05\x00\x01t17",
        "an answer that nobody asked for": b"\x90\x03\x12\x34\x01",
        "a second CONNACK": b"\x20\x02\x00\x00",
        "an empty PUBLISH": b"\x30\x00",
        "an empty PUBACK": b"\x40\x00",
        "a ping": b"\xc0\x00",
    }

    def endpoint(self, port: int) -> str:
        return f"mqtt://127.0.0.1:{port}/trial"

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Speaker]:
        with (
            tempfile.TemporaryDirectory() as folder,
            Mosquitto(Path(folder), password=True, queued=2) as broker,
        ):
            async with broker.client() as client:
                speaker = Speaker(broker, client)
                await speaker.say()
                task = asyncio.create_task(speaker.keep_saying())
                try:
                    yield speaker
                finally:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    def probed(self) -> str:
        return "the broker takes us"
