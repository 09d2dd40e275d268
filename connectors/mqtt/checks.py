"""What the schemas alone cannot see of a device: `(path, message)` for each fault. No network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.mqtt import topics
from connectors.mqtt.config import (
    SPARKPLUG,
    address_of,
    base_of,
    is_sparkplug,
    options_of,
    place_of,
    topic_of,
    topics_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.mqtt.config import MqttOptions
    from twin.model.district import Device
    from twin.model.protocol import Endpoint

_PLAIN = "mqtt"
OPEN = "a password over mqtt:// can be read on the way: use mqtts://, or say why not with `insecure`"


def faults(device: Device) -> Iterator[tuple[str, str]]:
    """Yield all faults of a device."""
    yield from _security(device)
    if is_sparkplug(device):
        yield from _sparkplug(device)
    else:
        yield from _topics(device)
    yield from _writing(device)


def is_open(endpoint: Endpoint, options: MqttOptions) -> bool:
    """Whether a password would go over the network for everybody to read, and nobody said why that is acceptable."""
    return endpoint.scheme == _PLAIN and options.password is not None and options.insecure is None


def _security(device: Device) -> Iterator[tuple[str, str]]:
    options = options_of(device)
    if device.endpoint.scheme != _PLAIN:
        return
    if is_open(device.endpoint, options):
        yield "options.password", OPEN
    for key in ("ca", "certificate"):
        if getattr(options, key) is not None:
            yield f"options.{key}", "certificates belong to mqtts://, the endpoint says mqtt://"


def _sparkplug(device: Device) -> Iterator[tuple[str, str]]:
    if place_of(device) is None:
        where = f"/{SPARKPLUG}/GROUP/NODE or /{SPARKPLUG}/GROUP/NODE/DEVICE"
        yield "endpoint", f"a device with metrics lives at {where}, found {device.endpoint.path!r}"
    for point in device.points.values():
        if address_of(point).metric is None:
            yield f"points.{point.name}", "a device has metrics of Sparkplug B or topics, not both"


def _topics(device: Device) -> Iterator[tuple[str, str]]:
    base = base_of(device.endpoint)
    fault = topics.fault_of(base) if base else ""
    if fault:
        yield "endpoint", fault
        return
    if base.startswith(f"{SPARKPLUG}/"):
        yield "endpoint", f"{SPARKPLUG} is the namespace of Sparkplug B, whose points have a `metric`"
    options = options_of(device)
    for topic, points in topics_of(device).items():
        last = points[-1].name
        if not topic:
            yield f"points.{last}.topic", "neither the endpoint nor the point names a topic"
        written = {address_of(point).written for point in points} - {None}
        if len(written) > 1:
            names = " and ".join(sorted(str(one) for one in written))
            yield f"points.{last}.format", f"topic {topic} is one payload, it cannot be {names}"
        for point in points:
            if len(points) > 1 and not written and address_of(point).key is None:
                yield f"points.{point.name}", f"{len(points)} points read the whole text of {topic}"
                break
    if options.availability is not None and topic_of(device, options.availability) in topics_of(device):
        yield "options.availability", "is also the topic of a point"


def _writing(device: Device) -> Iterator[tuple[str, str]]:
    options = options_of(device)
    if options.rebirth and device.endpoint.scheme == _PLAIN and options.insecure is None:
        yield (
            "options.rebirth",
            "asking for a rebirth is a command: use mqtts://, or say why not with `insecure`",
        )
    for point in device.points.values():
        address = address_of(point)
        if not point.writable:
            continue
        if device.endpoint.scheme == _PLAIN and options.insecure is None:
            words = (
                "anybody can write over mqtt://: use mqtts://, or say why that is acceptable with `insecure`"
            )
            yield f"points.{point.name}.writable", words
        if address.metric is None and address.command is None:
            yield f"points.{point.name}.writable", "a point that can be written needs a `command` topic"
