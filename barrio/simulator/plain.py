"""What a district has to leave out to be read from the simulator, which knows no encryption, logins or serial lines.

Nobody outside of this machine is told of a simulated district: whoever it sends word to is the simulator's stand-in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from barrio.simulator.supplier import NOTICES, ORDERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twin.model.district import Device, District
    from twin.notify_spec import ChannelSpec

WHY = "the simulator on this machine"
"""Why that is all right, as health shows it."""

_LEFT_OUT: Mapping[str, Any] = {
    "insecure": WHY, "user": "", "password": None, "user_certificate": "", "user_key": ""
}  # fmt: skip


def plain(district: District) -> District:
    """Return the district without security, each device behind a protocol of the network: for the simulator only."""
    return replace(district, devices={name: _plain(device) for name, device in district.devices.items()})


def answered(district: District, host: str, port: int | None) -> District:
    """Return the district with its suppliers and all who are notified at one port of this machine, without secrets."""
    where = f"http://{host}:{port}"
    services, alarms = district.services, district.alarms
    if services is not None:
        services = replace(services, suppliers=_redirected(services.suppliers, where + ORDERS))
    if alarms is not None:
        alarms = replace(alarms, channels=_redirected(alarms.channels, where + NOTICES))
    return replace(district, services=services, alarms=alarms)


def _redirected(channels: Sequence[ChannelSpec], url: str) -> tuple[ChannelSpec, ...]:
    there = {"webhook": url, "email": None, "apprise": None, "secret": None, "insecure": None}
    return tuple(channel.model_copy(update=there) for channel in channels)


def _plain(device: Device) -> Device:
    if device.protocol == "modbus":
        unit = device.endpoint.path.rpartition("/")[2]
        there = replace(device.endpoint, scheme="modbus+tcp", path=f"/{unit}" if unit else "")
        return replace(device, endpoint=there)
    if device.endpoint.scheme == "opc.tcp":
        return replace(device, options=device.options.model_copy(update=_LEFT_OUT))
    if device.endpoint.scheme == "coap":
        from connectors.coap.config import options_of

        return replace(device, options=options_of(device).for_stand_in(WHY))
    return device
