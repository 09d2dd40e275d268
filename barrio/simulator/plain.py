"""What a district has to leave out to be read from the simulator, which knows no encryption, logins or serial lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.model.district import Device, District

WHY = "the simulator on this machine"
"""Why that is all right, as health shows it."""

_LEFT_OUT: Mapping[str, Any] = {
    "insecure": WHY, "user": "", "password": None, "user_certificate": "", "user_key": ""
}  # fmt: skip


def plain(district: District) -> District:
    """Return the district without security, each device behind a protocol of the network: for the simulator only."""
    return replace(district, devices={name: _plain(device) for name, device in district.devices.items()})


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
