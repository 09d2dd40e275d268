"""Packets of a bounded size, of kinds that a broker may send."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.mqtt.guard import Guard, NotMqtt, Skipped

MOST = 200


def length(size: int) -> bytes:
    """The remaining length of section 2.2.3."""
    found = bytearray()
    while True:
        size, low = divmod(size, 128)
        found.append(low | (0x80 if size else 0))
        if not size:
            return bytes(found)


def publish(topic: str, payload: bytes, mid: int = 0) -> bytes:
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name + (mid.to_bytes(2, "big") if mid else b"") + payload
    return bytes([0x32 if mid else 0x30]) + length(len(body)) + body


_PUBLISHES = st.lists(
    st.tuples(st.text("abc/", min_size=1, max_size=5), st.integers(0, 2 * MOST), st.integers(0, 3)),
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_PUBLISHES, st.lists(st.integers(1, 90), min_size=1))
def test_what_fits_passes_and_what_is_too_large_is_noted(said, cuts):
    """However the stream is cut: small messages pass as they are, each large one is noted once, in order."""
    packets = [(publish(topic, b"x" * size, mid), topic, mid) for topic, size, mid in said]
    stream = b"".join(packet for packet, _, _ in packets)
    guard = Guard(MOST)

    passed = b""
    at = number = 0
    while at < len(stream):
        size = cuts[number % len(cuts)]
        passed += guard.feed(stream[at : at + size])
        at, number = at + size, number + 1

    bodies = [(packet, _size(packet), topic, mid) for packet, topic, mid in packets]
    assert passed == b"".join(packet for packet, size, _, _ in bodies if size <= MOST)
    assert list(guard.skipped) == [Skipped(topic, size, mid) for _, size, topic, mid in bodies if size > MOST]


def _size(packet: bytes) -> int:
    at = 1
    while packet[at] & 0x80:
        at += 1
    return len(packet) - at - 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x36", "type 3"),
        (b"\x34", "type 3"),
        (b"\x10", "type 1"),
        (b"\x00", "type 0"),
        (b"\xf0", "type 15"),
        (b"\x30\xff\xff\xff\xff", "four bytes"),
        (b"\x90\xc9\x01", "201 bytes"),
    ],
)
def test_what_no_broker_may_send_is_an_end(data, words):
    """Other kinds of packets, QoS 2 and impossible lengths end the connection, and the guard knows why."""
    guard = Guard(MOST)

    with pytest.raises(NotMqtt, match=words):
        guard.feed(data)
    assert words in guard.fault


def test_a_huge_message_is_not_kept():
    """Of 256 MB no more is kept than topic and packet identifier."""
    guard = Guard()
    guard.feed(b"\x32\xff\xff\xff\x7f\x00\x03a/b\x00\x07")
    for _ in range(64):
        guard.feed(bytes(1 << 20))

    assert len(guard._kept or b"") == 8
    assert guard.feed(bytes((1 << 28) - 1 - 7 - (64 << 20)) + publish("c", b"1")) == publish("c", b"1")
    assert list(guard.skipped) == [Skipped("a/b", (1 << 28) - 1, 7)]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_pass_or_are_refused(data):
    """Whatever comes, it passes, is skipped, or is no MQTT."""
    guard = Guard(MOST)
    try:
        passed = guard.feed(data)
    except NotMqtt:
        assert guard.fault
    else:
        assert len(passed) <= len(data)
