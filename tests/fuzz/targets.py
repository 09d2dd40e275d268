"""What is fuzzed: functions of bytes that may raise nothing at all, each with a few inputs to begin with."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiocoap
import cbor2

from connectors.coap import connector, linkformat, wire
from connectors.coap.config import Format
from connectors.coap.payload import CONTENT_FORMATS
from connectors.coap.reader import Reader
from connectors.coap.wire import NotCoap
from connectors.conformance.recording import bind, device
from connectors.modbus import pdu
from connectors.modbus.framing import Mbap, Rtu, crc
from connectors.modbus.registers import Table
from connectors.mqtt import connector as mqtt
from connectors.mqtt.config import Place
from connectors.mqtt.node import Node
from connectors.mqtt.sparkplug import DataType, Kind, encode
from connectors.payloads.decoding import NoValue, Wire, decode
from twin.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.modbus.framing import Framing
    from twin.frame import Frame

NOW = 1_790_000_000_000_000_000
PEER = "peer"
READ = pdu.read(7, Table.HOLDING, 100, 3)
ANSWER = b"\x03\x06\0\x01\0\x02\0\x03"
POINTS = bind(device(connector, "coap+listen://h/d", {"t": {"name": "temp"}, "h": {"name": "hum"}})).points
METRICS = bind(device(mqtt, "mqtt://h/spBv1.0/g/n", {"t": {"metric": "temp"}, "h": {"metric": "hum"}}))
KINDS = tuple(Kind)
WIRES = tuple(Wire)


@dataclass(frozen=True)
class Target:
    """A function of bytes, and the inputs to begin with."""

    run: Callable[[bytes], None]
    seeds: Sequence[bytes]


def payloads(data: bytes) -> None:
    """Any payload in any way of writing holds something, or says why not; a reading has a value or a bad reason."""
    wired = WIRES[data[0] % len(WIRES)] if data else Wire.TEXT
    with suppress(NoValue):
        decode(wired, data[1:], NOW)
    samples = Reader(POINTS, Format.SENML).samples(data[1:], CONTENT_FORMATS[wired], NOW)
    for frame in (samples.newest, samples.kept):
        if frame is not None:
            _hold(frame)


def sparkplug(data: bytes) -> None:
    """A node says something of any message, and then of another."""
    node = Node(Place("g", "n"))
    node.add(None, METRICS)
    for kind in (Kind.NODE_BIRTH, KINDS[data[0] % len(KINDS)] if data else Kind.NODE_DATA):
        heard = node.hear(kind, Place("g", "n"), data[1:], NOW, 0.0)
        for frame in heard.frames if heard else ():
            _hold(frame)


def _hold(frame: Frame) -> None:
    reasons = [0] * len(frame.ids) if frame.quality is None else frame.quality.tolist()
    for value, reason in zip(frame.values.tolist(), reasons, strict=True):
        if reason >= 128 and not math.isnan(value):
            raise AssertionError(f"a bad reading has the value {value}")


def coap(data: bytes) -> None:
    """A datagram is a message that is written as it was read, or NotCoap; its payload is a list of links or none."""
    try:
        message = wire.decode(data)
    except NotCoap:
        return
    again = wire.decode(wire.encode(message, int(message.mtype), message.mid, message.token))
    if (again.code, again.token, again.payload) != (message.code, message.token, message.payload):
        raise AssertionError("a message came back as another")
    with suppress(linkformat.LinkError):
        linkformat.parse(message.payload.decode("utf-8", "replace"))


def mbap(data: bytes) -> None:
    """What comes over TCP is the answer that was asked for, nothing yet, or refused."""
    _feed(Mbap(PEER), data)


def rtu(data: bytes) -> None:
    """What comes over a line is the answer that was asked for, nothing yet, or refused."""
    _feed(Rtu(PEER), data)


def _feed(framing: Framing, data: bytes) -> None:
    framing.wrap(READ)
    cut = data[0] % len(data) if data else 0
    for piece in (data[1 : 1 + cut], data[1 + cut :]):
        if not piece:
            continue
        try:
            payload = framing.feed(piece)
        except (TransientError, PermanentError):
            return
        if payload is not None and len(payload) != len(ANSWER) - 2:
            raise AssertionError(f"a payload of {len(payload)} bytes")


def _pack(wired: Wire) -> bytes:
    records = [{"bn": "d/", "n": "temp", "u": "Cel", "v": 21.5, "t": -5}, {"n": "temp", "v": 22}]
    labelled = [{-2: "d/", 0: "temp", 2: 21.5, 6: -5}, {0: "hum", 2: 40}]
    made = cbor2.dumps(labelled) if wired is Wire.SENML_CBOR else str(records).replace("'", '"').encode()
    return bytes([WIRES.index(wired)]) + made


def _asked() -> bytes:
    message = aiocoap.Message(code=aiocoap.GET, uri_path=("rd-lookup", "ep"), payload=b"</a>;rt=b,</c>")
    message.opt.observe = 0
    return wire.encode(message, wire.CON, 7, b"token")


_BIRTH = encode(
    [("bdSeq", DataType.INT64, 1), ("temp", DataType.FLOAT, 21.5)], time_ns=NOW, seq=0, aliases={"temp": 3}
)
_LINE = b"\x07" + ANSWER
TARGETS = {
    "payloads": Target(payloads, [_pack(Wire.SENML_JSON), _pack(Wire.SENML_CBOR), b"\0" + b"21.5"]),
    "sparkplug": Target(sparkplug, [b"\0" + _BIRTH, b"\1" + _BIRTH]),
    "coap": Target(coap, [_asked(), b"\x40\x01\0\x01"]),
    "mbap": Target(mbap, [b"\3" + b"\0\x01\0\0\0\x09\x07" + ANSWER, b"\0\0\x01\0\0\0\x03\x07\x83\x02"]),
    "rtu": Target(rtu, [b"\3" + _LINE + crc(_LINE), b"\0\x07\x83\x02" + crc(b"\x07\x83\x02")]),
}


def any_of(data: bytes) -> None:
    """Run the target that the first byte names, so that one process can run them all."""
    if data:
        list(TARGETS.values())[data[0] % len(TARGETS)].run(data[1:])


def seeds_of_any() -> Sequence[bytes]:
    """Return the inputs to begin with, for `any_of`."""
    return [bytes([at]) + seed for at, one in enumerate(TARGETS.values()) for seed in one.seeds]
