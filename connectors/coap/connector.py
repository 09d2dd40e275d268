"""CoAP as the twin and the supervisor see it: what a file may say, and which links follow from it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from connectors.coap import dtls
from connectors.coap.client import CoapLink
from connectors.coap.config import (
    PUSHED,
    CoapOptions,
    CoapPoint,
    Format,
    address_of,
    options_of,
    resources_of,
)
from connectors.coap.discovery import discover
from connectors.coap.listen import ListenLink, endpoint_name
from connectors.coap.observation import Pace
from connectors.coap.security import NONE, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.abilities import Draft
    from connectors.home import Home
    from twin.model.bound import BoundDevice
    from twin.model.district import Device, Point
    from twin.model.protocol import Endpoint

_LISTEN = "+listen"
_LONGEST_NAME = 63  # RFC 9176, section 5


class CoapConnector:
    """CoAP over UDP: devices that are asked and observed, and devices that push."""

    name = "coap"
    schemes: Mapping[str, int] = {"coap": 5683, "coaps": 5684, "coap+listen": 5683, "coaps+listen": 5684}
    point_model = CoapPoint
    options_model = CoapOptions

    def check(self, device: Device) -> Iterator[tuple[str, str]]:
        """Yield what the schemas alone cannot see of a device."""
        yield from _check_security(device)
        if device.endpoint.scheme.endswith(_LISTEN):
            yield from _check_listen(device)
        else:
            yield from _check_client(device)

    def links(
        self, devices: Sequence[BoundDevice], home: Home, pace: Pace | None = None
    ) -> Sequence[CoapLink | ListenLink]:
        """Return one link for each address to listen at, and for each peer and key. No network, no tasks."""
        groups: dict[tuple[object, ...], list[BoundDevice]] = {}
        for bound in devices:
            groups.setdefault(_group(bound.device), []).append(bound)
        return [_link(tuple(same), home, pace or Pace()) for same in groups.values()]

    async def discover(self, endpoint: Endpoint, options: Mapping[str, object], home: Home) -> Draft:
        """Ask a device what it serves (RFC 6690) and draft a profile; TransientError when it is away."""
        return await discover(endpoint, CoapOptions.model_validate(options), home)


def _group(device: Device) -> tuple[object, ...]:
    if device.endpoint.scheme.endswith(_LISTEN):
        return (device.endpoint.peer,)
    options = options_of(device)
    return (device.endpoint.peer, options.oscore, options.psk_identity, options.psk)


def _link(devices: tuple[BoundDevice, ...], home: Home, pace: Pace) -> CoapLink | ListenLink:
    if devices[0].device.endpoint.scheme.endswith(_LISTEN):
        return ListenLink(devices, home)
    return CoapLink(devices, home, pace)


def _check_client(device: Device) -> Iterator[tuple[str, str]]:
    if device.endpoint.path.strip("/"):
        yield (
            "endpoint",
            f"a CoAP endpoint has no path, {device.endpoint.path!r} belongs into a point's resource",
        )
    if _is_multicast(device.endpoint.host):
        yield "endpoint", f"{device.endpoint.host} is a multicast address, a device has its own"
    for point in device.points.values():
        if "resource" not in address_of(point).model_fields_set:
            yield (
                f"points.{point.name}.resource",
                "a resource of the device is missing, such as /sensors/temp",
            )
    for path, points in resources_of(device).items():
        written = {address.format for _, address in points if address.format}
        if len(written) > 1:
            names = " and ".join(sorted(written))
            yield (
                f"points.{points[-1][0].name}.format",
                f"resource {path} is one payload, it cannot be {names}",
            )


def _check_listen(device: Device) -> Iterator[tuple[str, str]]:
    name = endpoint_name(device)
    if not name or "/" in name or len(name.encode()) > _LONGEST_NAME:
        wanted = f"the device's endpoint name, of 1 to {_LONGEST_NAME} bytes: {device.endpoint.peer}/lamp-1"
        yield "endpoint", f"after the address to listen at stands {wanted}"
    if _is_multicast(device.endpoint.host):
        yield "endpoint", f"{device.endpoint.host} is a multicast address, none of ours"
    for point in device.points.values():
        yield from _check_pushed(point)


def _check_pushed(point: Point) -> Iterator[tuple[str, str]]:
    address = address_of(point)
    if address.resource != PUSHED:
        yield f"points.{point.name}.resource", f"a device that pushes sends to {PUSHED}, it names no resource"
    if address.key is not None or address.format not in {None, Format.SENML}:
        yield (
            f"points.{point.name}",
            "a device that pushes sends SenML: a record's `name`, no key or other format",
        )
    if point.writable:
        yield f"points.{point.name}.writable", "a device that pushes cannot be written to"


def _check_security(device: Device) -> Iterator[tuple[str, str]]:
    options = options_of(device)
    is_dtls = device.endpoint.scheme.startswith("coaps")
    if is_dtls and not dtls.available():
        yield "endpoint", dtls.EXTRA
    if is_dtls and options.psk is None:
        yield "options.psk", "coaps needs `psk_identity` and `psk`"
    if not is_dtls and options.psk is not None:
        yield "options.psk", f"a pre-shared key is for coaps, and the endpoint is {device.endpoint.scheme}"
    if is_dtls and options.oscore is not None:
        yield "options.oscore", "one of OSCORE and DTLS, not both"
    if kind_of(device) == NONE and not device.endpoint.scheme.endswith(_LISTEN):
        for point in device.points.values():
            if point.writable:
                yield (
                    f"points.{point.name}.writable",
                    "plain CoAP is never written to: give the device `options.oscore`, or a coaps endpoint",
                )


def _is_multicast(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_multicast
    except ValueError:
        return False
