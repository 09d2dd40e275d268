"""What a profile may say of a CoAP device."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.coap import connector
from connectors.coap.config import CoapOptions, CoapPoint, resources_of
from connectors.conformance.recording import device


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
