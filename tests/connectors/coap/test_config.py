"""What a profile may say of a CoAP device."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.coap import connector
from connectors.coap.config import CoapOptions, CoapPoint, resources_of
from connectors.conformance.recording import bind_all, device
from connectors.home import Home
from twin.errors import StartError


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"resource": "temp"}, "a path such as"),
        ({"resource": "/a b"}, "a path such as"),
        ({"resource": "/" + "x" * 256}, "255 bytes"),
        ({"resource": "/t", "format": "xml"}, "'text', 'json', 'cbor' or 'senml'"),
        ({"resource": "/t", "format": "text", "key": "a"}, "place in json or cbor"),
        ({"resource": "/t", "key": "a", "name": "b"}, "place in json or cbor"),
        ({"resource": "/t", "format": "cbor", "name": "b"}, "belong to a SenML record"),
        ({"resource": "/t", "register": 4}, "Extra inputs"),
        ({"resource": "/t", "poll": "soon"}, "a duration is"),
    ],
)
def test_a_wrong_address_is_refused_with_words(keys, words):
    """An address that cannot work is refused, and the words say what was meant."""
    with pytest.raises(ValidationError, match=words):
        CoapPoint.model_validate(keys)


def test_the_defaults_are_those_of_the_reference():
    """Without options a device is observed, and an answer may take 10 s."""
    options = CoapOptions()

    assert (options.timeout, options.observe, options.format) == (10.0, True, None)


def test_points_that_share_a_resource_are_read_together():
    """Resources come in the order of the profile, each with all of its points."""
    keys: dict[str, dict[str, Any]] = {
        "t": {"resource": "/air", "key": "t"},
        "on": {"resource": "/on"},
        "h": {"resource": "/air", "key": "h"},
    }

    found = resources_of(device(connector, "coap://h:1", keys))

    assert {path: [point.name for point, _ in points] for path, points in found.items()} == {
        "/air": ["t", "h"],
        "/on": ["on"],
    }


def test_a_device_is_checked_for_what_schemas_cannot_see():
    """A path in the endpoint, a multicast address and two formats of one resource are faults."""
    keys = {"a": {"resource": "/x", "format": "json"}, "b": {"resource": "/x", "format": "cbor"}}

    faults = dict(connector.check(device(connector, "coap://224.0.1.187/rooms", keys)))

    assert faults["points.b.format"] == "resource /x is one payload, it cannot be cbor and json"
    assert "224.0.1.187 is a multicast address" in faults["endpoint"]
    assert not list(connector.check(device(connector, "coap://lamp-1", {"a": {"resource": "/x"}})))


OSCORE = {"oscore": {"sender_id": "01", "recipient_id": "02", "secret": "${secret:a}"}}
PSK = {"psk": "${secret:a}", "psk_identity": "barrio"}
READ, SET = {"resource": "/x"}, {"resource": "/x", "writable": True}


@pytest.mark.parametrize(
    ("endpoint", "point", "options", "fault"),
    [
        ("coap://h", {}, {}, "points.p.resource: a resource of the device is missing"),
        ("coap://h", SET, {}, "points.p.writable: plain CoAP is never written to"),
        ("coap://h", READ, PSK, "options.psk: a pre-shared key is for coaps"),
        ("coaps://h", READ, {}, "options.psk: coaps needs `psk_identity` and `psk`"),
        ("coaps://h", READ, {**PSK, **OSCORE}, "options.oscore: one of OSCORE and DTLS"),
        (
            "coap+listen://0.0.0.0",
            {},
            {},
            "endpoint: after the address to listen at stands the device's endpoint name",
        ),
        ("coap+listen://0.0.0.0/a/b", {}, {}, "endpoint: after the address"),
        ("coap+listen://224.0.1.187/a", {}, {}, "endpoint: 224.0.1.187 is a multicast address"),
        ("coap+listen://0.0.0.0/a", READ, {}, "points.p.resource: a device that pushes sends to /readings"),
        ("coap+listen://0.0.0.0/a", {"key": "x"}, {}, "points.p: a device that pushes sends SenML"),
        ("coap+listen://0.0.0.0/a", {"format": "json"}, {}, "points.p: a device that pushes sends SenML"),
        (
            "coap+listen://0.0.0.0/a",
            {"writable": True},
            OSCORE,
            "points.p.writable: a device that pushes cannot",
        ),
    ],
)
def test_what_cannot_work_is_a_fault(endpoint, point, options, fault):
    """Each has its place and says what was meant."""
    faults = [
        ": ".join(found)
        for found in connector.check(device(connector, endpoint, {"p": point}, options=options))
    ]

    assert any(found.startswith(fault) for found in faults), faults


@pytest.mark.parametrize(
    ("endpoint", "point", "options"),
    [
        ("coap://h", SET, OSCORE),
        ("coap+listen://0.0.0.0/lamp-1", {"name": "t"}, {}),
        ("coap+listen://[::]:5683/lamp%201", {"name": "t"}, OSCORE),
    ],
)
def test_what_works_is_none(endpoint, point, options):
    """A device that can be read, set or heard has no fault."""
    assert not list(connector.check(device(connector, endpoint, {"p": point}, options=options)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"oscore": {**OSCORE["oscore"], "sender_id": "2"}}, "hex digits in quotes"),
        ({"oscore": {**OSCORE["oscore"], "sender_id": "02"}}, "each end has an id of its own"),
        ({"oscore": {**OSCORE["oscore"], "sender_id": "00" * 8}}, "at most 14"),
        ({"oscore": {**OSCORE["oscore"], "secret": "0102"}}, "secrets never stand in files"),
        ({"psk": "${secret:a}"}, "belong together"),
    ],
)
def test_wrong_key_material_is_refused_with_words(options, words):
    """Ids in hex and different, secrets by name."""
    with pytest.raises(ValidationError, match=words):
        CoapOptions.model_validate(options)


def test_links_follow_from_addresses_and_keys():
    """All that push to one address share a link; devices behind one peer with different keys do not."""
    other = {"oscore": {**OSCORE["oscore"], "recipient_id": "03"}}
    made = [
        device(connector, "coap+listen://0.0.0.0/a", {"p": {"name": "t"}}, name="a"),
        device(connector, "coap+listen://0.0.0.0/b", {"p": {"name": "t"}}, name="b", options=OSCORE),
        device(connector, "coap://h", {"p": READ}, name="c", options=OSCORE),
        device(connector, "coap://h", {"p": READ}, name="d", options=other),
        device(connector, "coap://h", {"p": READ}, name="e", options=OSCORE),
    ]

    links = connector.links(bind_all(made), Home())

    assert [[one.device.name for one in link.devices] for link in links] == [["a", "b"], ["c", "e"], ["d"]]
    assert [link.security for link in links] == ["OSCORE, none", "OSCORE", "OSCORE"]


def test_devices_that_cannot_be_told_apart_are_named():
    """Two with one endpoint name on one address stop the start, by their ids."""
    made = [device(connector, "coap+listen://0.0.0.0/a", {"p": {"name": "t"}}, name=name) for name in "ab"]
    with pytest.raises(StartError, match="a and b push to one address with the same endpoint name a"):
        connector.links(bind_all(made), Home())
