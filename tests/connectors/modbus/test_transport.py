"""Endpoints and the ways that they stand for."""

import errno
import socket

import pytest

from connectors.conformance.recording import bind_all, device
from connectors.home import Home
from connectors.modbus import connector
from connectors.modbus.config import unit_of
from connectors.modbus.transport import reason_of, way_to
from tests.connectors.modbus.links import ONE
from twin.model.protocol import parse_endpoint


def at(endpoint, name="d", **options):
    return device(connector, endpoint, ONE, name=name, options=options)


@pytest.mark.parametrize(
    ("text", "name", "unit"),
    [
        ("modbus+tcp://10.0.0.1", "modbus+tcp://10.0.0.1:502", 1),
        ("modbus+tls://plc/3", "modbus+tls://plc:802", 3),
        ("modbus+rtu+tcp://10.0.0.1:4001/17", "modbus+rtu+tcp://10.0.0.1:4001", 17),
        ("modbus+rtu:///dev/ttyUSB0/7", "modbus+rtu:///dev/ttyUSB0", 7),
        (
            "modbus+rtu:///dev/serial/by-id/usb-FTDI_A1-if00/247",
            "modbus+rtu:///dev/serial/by-id/usb-FTDI_A1-if00",
            247,
        ),
    ],
)
def test_endpoints(text, name, unit):
    """Every scheme has its form; a serial line is its device file, and the unit stands behind it."""
    files = {"certificate": "a.pem", "key": "a.key"} if "tls" in text else {}
    one = at(text, **files)

    assert not list(connector.check(one))
    assert (way_to(one).name, unit_of(one.endpoint)) == (name, unit)
    assert parse_endpoint(str(one.endpoint), connector.schemes) == one.endpoint
    assert one.endpoint.peer == name


@pytest.mark.parametrize(
    "text",
    [
        "modbus+rtu:///dev/ttyUSB0",
        "modbus+rtu:///ttyUSB0/1",
        "modbus+rtu:///dev/x/y",
        "modbus+rtu:///dev//1",
        "modbus+rtu:///dev/../etc/passwd/1",
    ],
)
def test_what_is_no_serial_line(text):
    """A line without a unit, or outside /dev, is a fault that shows the right form."""
    assert any(
        path == "endpoint" and "for example modbus+rtu:///dev/ttyUSB0/7" in message
        for path, message in connector.check(at(text))
    )


@pytest.mark.parametrize(
    "text", ["modbus+rtu://ttyUSB0/1", "modbus+rtu://host:502/1", "modbus+rtu://", "modbus+tcp:///dev/x/1"]
)
def test_a_file_where_there_is_a_host_and_the_other_way_round(text):
    """A serial line has no host, everything else has one."""
    with pytest.raises(ValueError, match=r"names no (file|host)"):
        parse_endpoint(text, connector.schemes)


def test_devices_that_are_reached_the_same_way_share_a_connection():
    """Host and port, or the line and how it is set; whoever needs another certificate needs another connection."""
    devices = [
        at("modbus+tcp://10.0.0.1/1", "a"),
        at("modbus+tcp://10.0.0.1/2", "b"),
        at("modbus+rtu+tcp://10.0.0.1/2", "c"),
        at("modbus+rtu:///dev/ttyS0/1", "d"),
        at("modbus+rtu:///dev/ttyS0/2", "e"),
        at("modbus+tls://10.0.0.1/1", "f", certificate="/a.pem", key="/a.key"),
        at("modbus+tls://10.0.0.1/2", "g", certificate="/b.pem", key="/b.key"),
    ]
    links = connector.links(bind_all(devices), Home())

    assert [[bound.device.id for bound in link.devices] for link in links] == [
        ["a", "b"],
        ["c"],
        ["d", "e"],
        ["f"],
        ["g"],
    ]


def test_health_says_how_a_peer_is_spoken_to():
    """Nobody is authenticated over TCP or a line: health says so, with the reason where there is one."""
    secured = at("modbus+tls://x/1", certificate="/nowhere.pem", key="/nowhere.key")
    plain, explained = at("modbus+tcp://x/1"), at("modbus+tcp://y/1", insecure="network of its own")
    links = connector.links(bind_all([plain, explained, secured]), Home())

    assert [link.security for link in links] == [
        "none",
        "none: network of its own",
        "TLS with client certificate",
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 111] …"),
            "connection refused",
        ),
        (socket.gaierror(-2, "Name or service not known"), "the name plc-7 is not known"),
        (OSError("odd"), "cannot connect"),
    ],
)
def test_reasons_are_words(error, words):
    """Why no connection was made is said as a person would."""
    assert reason_of("plc-7", error) == words
