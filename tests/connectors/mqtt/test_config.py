"""What a profile may say of an MQTT device."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.conformance.recording import device
from connectors.mqtt import connector
from connectors.mqtt.config import Format, MqttOptions, MqttPoint, Place, place_of, topics_of
from tests import ROOT
from twin.model.loader import load_district
from twin.model.protocol import parse_endpoint


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"topic": "a/+"}, "wildcard"),
        ({"topic": ""}, "at least one character"),
        ({"topic": "t", "format": "xml"}, "'text', 'json', 'cbor' or 'senml'"),
        ({"topic": "t", "format": "text", "key": "a"}, "places in json or cbor"),
        ({"topic": "t", "key": "a", "name": "b"}, "belong to SenML"),
        ({"topic": "t", "format": "json", "name": "b"}, "belong to a SenML record"),
        ({"metric": "m", "topic": "t"}, "has no topic"),
        ({"topic": "t", "time_format": "ms"}, "there is no `time`"),
        ({"topic": "t", "template": "on"}, "needs {value}"),
        ({"topic": "t", "template": "{value}!"}, "there is no `command`"),
        ({"topic": "t", "command": "a/#"}, "wildcard"),
        ({"topic": "t", "register": 4}, "Extra inputs"),
    ],
)
def test_a_wrong_address_is_refused_with_words(keys, words):
    """An address that cannot work is refused, and the words say what was meant."""
    with pytest.raises(ValidationError, match=words):
        MqttPoint.model_validate(keys)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"password": "hunter2", "user": "u"}, "secrets never stand in files"),
        ({"password": "${secret:x}"}, "needs a `user`"),
        ({"certificate": "c.pem"}, "go together"),
        ({"version": "4"}, "3.1.1"),
        ({"discover": "a/#/b"}, "as the last level"),
        ({"retained": "maybe"}, "'uncertain', 'good' or 'ignore'"),
        ({"keepalive": "0s"}, "greater than"),
    ],
)
def test_wrong_options_are_refused_with_words(options, words):
    """Options that cannot be are refused; what may be a secret is not shown."""
    with pytest.raises(ValidationError, match=words) as caught:
        MqttOptions.model_validate(options)

    shown = "; ".join(error["msg"] for error in caught.value.errors())
    assert "hunter2" not in shown


def test_the_defaults_are_those_of_the_reference():
    """Without options: version 3.1.1, a minute of keep-alive, a week of memory, retained is uncertain, no rebirth."""
    options = MqttOptions()

    assert (options.version, options.keepalive, options.keep, options.timeout) == ("3.1.1", 60, 604_800, 10)
    assert (options.retained, options.rebirth, options.partial, options.offline) == (
        "uncertain",
        False,
        False,
        "offline",
    )


@pytest.mark.parametrize(
    ("keys", "form"),
    [
        ({"topic": "t"}, None),
        ({"topic": "t", "key": "a"}, Format.JSON),
        ({"topic": "t", "format": "cbor", "key": "a"}, Format.CBOR),
        ({"topic": "t", "name": "a"}, Format.SENML),
    ],
)
def test_an_address_implies_its_format(keys, form):
    """A key is in JSON and a name in SenML unless the point says otherwise."""

    assert MqttPoint.model_validate(keys).written is form


def faults(endpoint: str, points: dict[str, Any], **options: Any) -> list[tuple[str, str]]:
    return list(connector.check(device(connector, endpoint, points, options=options)))


WRITABLE = {"topic": "t", "command": "c", "writable": True}


@pytest.mark.parametrize(
    ("endpoint", "points", "options", "path", "words"),
    [
        ("mqtt://h", {"p": {}}, {}, "points.p.topic", "neither the endpoint nor the point"),
        ("mqtt://h/a/#", {"p": {"topic": "t"}}, {}, "endpoint", "wildcard"),
        ("mqtt://h/a", {"p": {"metric": "m"}}, {}, "endpoint", "/spBv1.0/GROUP/NODE"),
        ("mqtt://h/spBv1.0/g/n", {"p": {"topic": "t"}}, {}, "endpoint", "whose points have a `metric`"),
        ("mqtt://h/spBv1.0/g/n", {"p": {"metric": "m"}, "q": {"topic": "t"}}, {}, "points.q", "not both"),
        (
            "mqtt://h",
            {"p": {"topic": "t", "key": "a"}, "q": {"topic": "t", "name": "a"}},
            {},
            "points.q.format",
            "cannot be json and senml",
        ),
        ("mqtt://h", {"p": {"topic": "t"}, "q": {"topic": "t"}}, {}, "points.p", "read the whole text"),
        ("mqtt://h", {"p": WRITABLE}, {}, "points.p.writable", "anybody can write"),
        ("mqtts://h", {"p": {"topic": "t", "writable": True}}, {}, "points.p.writable", "needs a `command`"),
        (
            "mqtt://h",
            {"p": {"topic": "t"}},
            {"user": "u", "password": "${secret:x}"},
            "options.password",
            "can be read on the way",
        ),
        (
            "mqtt://h/spBv1.0/g/n",
            {"p": {"metric": "m"}},
            {"rebirth": True},
            "options.rebirth",
            "is a command",
        ),
        ("mqtt://h", {"p": {"topic": "t"}}, {"ca": "ca.pem"}, "options.ca", "belong to mqtts"),
        ("mqtt://h", {"p": {"topic": "t"}}, {"availability": "t"}, "options.availability", "also the topic"),
    ],
)
def test_a_device_is_checked_for_what_schemas_cannot_see(endpoint, points, options, path, words):
    """Each fault has its place and says what was meant."""
    found = faults(endpoint, points, **options)

    assert [one for one, _ in found] == [path]
    assert words in found[0][1]


def test_what_is_fine_has_no_faults():
    """TLS, a reason for plain passwords and writing, Sparkplug B, and many points of one message are fine."""
    secret = {"user": "u", "password": "${secret:x}"}

    assert faults("mqtts://h", {"p": WRITABLE}, **secret) == []
    assert faults("mqtt://h", {"p": WRITABLE}, insecure="isolated network", **secret) == []
    assert faults("mqtt://h/spBv1.0/g/n/d", {"p": {"metric": "m"}}) == []
    assert faults("mqtt://h/a", {"p": {"key": "a"}, "q": {"key": "b"}}) == []


def test_topics_stand_below_the_endpoint():
    """The endpoint's path comes first, {device} is the device's id, points of one topic are read together."""
    points = {"a": {"topic": "x/{device}"}, "b": {}, "c": {"topic": "x/{device}"}}
    found = topics_of(device(connector, "mqtt://h/base", points, name="d7"))

    assert {topic: [point.name for point in some] for topic, some in found.items()} == {
        "base/x/d7": ["a", "c"],
        "base": ["b"],
    }


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/spBv1.0/g/n", Place("g", "n")),
        ("/spBv1.0/g/n/d", Place("g", "n", "d")),
        ("/spBv1.0/g", None),
        ("/spBv1.0/g//d", None),
        ("/other/g/n", None),
        ("", None),
    ],
)
def test_places_of_sparkplug(path, place):
    """An edge node or a device of it stands in the endpoint's path."""

    assert place_of(device(connector, f"mqtt://h{path}", {"p": {"metric": "m"}})) == place


def test_endpoints_have_their_ports():
    """1883 in the clear and 8883 over TLS, where none is written."""

    assert parse_endpoint("mqtt://h", connector.schemes).port == 1883
    assert parse_endpoint("mqtts://h/a/b", connector.schemes).port == 8883


@pytest.mark.parametrize("profile", ["air-quality-mqtt", "people-counter-mqtt"])
def test_shipped_profiles_load(tmp_path, profile):
    """A district that uses a profile of the library has no faults."""
    (tmp_path / "district.yaml").write_text(
        "district: d\nname: D\ntimezone: UTC\nlocation: {lat: 0, lon: 0}\nsites: [{id: s}]\n"
    )
    (tmp_path / "devices.yaml").write_text(
        f"devices: [{{id: x, profile: {profile}, site: s, endpoint: 'mqtt://h/base'}}]\n"
    )

    district = load_district(tmp_path, {"mqtt": connector}, [ROOT / "connectors/profiles"])

    assert district.devices["x"].points
