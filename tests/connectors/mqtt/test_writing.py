"""Settings to messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from connectors.abilities import Done, Setting
from connectors.conformance.recording import bind, device
from connectors.mqtt import connector
from connectors.mqtt.node import Metrics
from connectors.mqtt.sparkplug import DataType, Payload, decode, encode
from connectors.mqtt.writing import Echoes, message_of, metrics_of
from twin.frame import Frame


def bound(keys: dict[str, Any], end: str = "mqtt://h/plant"):
    return bind(device(connector, end, {"p": {"writable": True} | keys}))


@pytest.mark.parametrize(
    ("keys", "raw", "payload"),
    [
        ({}, 21.0, b"21"),
        ({}, 21.5, b"21.5"),
        ({"states": {True: "on", False: "off"}}, True, b"true"),
        ({"states": {"ON": "on"}}, "ON", b"ON"),
        ({"key": "a"}, 0.0, b"0"),
        ({"states": {"ON": "on"}, "template": '{"s": {value}}'}, "ON", b'{"s": "ON"}'),
    ],
)
def test_what_is_sent(keys, raw, payload):
    """Text is written plainly, a template takes JSON, a whole number has no fraction; zero is a value."""
    one = bound({"topic": "t", "command": "{device}/set"} | keys)

    assert message_of(one.device, Setting(one.points[0], raw)) == ("plant/device/set", payload)


def frame(value: float, *, backfilled: bool = False) -> Frame:
    return Frame(np.array([0], np.int32), np.array([value]), 1, backfilled=backfilled)


def test_a_state_is_read_back_as_its_code():
    """The outcome holds the raw code that the device reports, not the id of its state."""
    one = bound({"topic": "t", "command": "c", "states": {"ON": "on", "OFF": "off"}})
    echoes = Echoes()
    with echoes.expecting([Setting(one.points[0], "ON")]) as (echo,):
        echoes.hear(frame(one.points[0].state("OFF")))
        before = echo.outcome()
        echoes.hear(frame(one.points[0].state("ON")))
        after = echo.outcome()

    assert (before.done, before.read_back) == (Done.UNKNOWN, "OFF")
    assert (after.done, after.read_back) == (Done.WRITTEN, "ON")


def test_what_was_kept_confirms_nothing():
    """A backfilled value, and one that is none, do not tell that a setting was carried out."""
    one = bound({"topic": "t", "command": "c"})
    echoes = Echoes()
    with echoes.expecting([Setting(one.points[0], 5.0)]) as (echo,):
        echoes.hear(frame(5.0, backfilled=True))
        echoes.hear(frame(np.nan))

        assert (echo.outcome().done, echo.outcome().read_back) == (Done.UNKNOWN, None)


def test_a_metric_is_written_with_the_type_of_its_birth():
    """Before the birth nothing can be set; afterwards a value that does not fit its type cannot."""
    one = bound({"metric": "M"}, "mqtt://h/spBv1.0/g/n")
    metrics = Metrics(one)
    with pytest.raises(ValueError, match="birth has no metric 'M'"):
        metrics_of(metrics, [Setting(one.points[0], 5.0)], 1)
    birth: Payload = decode(encode([("M", DataType.UINT8, 1)], time_ns=1))
    metrics.be_born(birth)

    made = decode(metrics_of(metrics, [Setting(one.points[0], 5.0)], 10**9))
    assert (made.metrics[0].name, made.metrics[0].datatype, made.metrics[0].value) == ("M", DataType.UINT8, 5)
    with pytest.raises(ValueError, match="does not fit"):
        metrics_of(metrics, [Setting(one.points[0], 300.0)], 1)
