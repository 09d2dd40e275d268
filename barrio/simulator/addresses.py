"""Where the simulator stands in for a district's devices: each network peer of the files gets a port of its own.

The same district, base port and host give the same ports in every process, so that the platform and the simulator
agree without talking; an override file says the same to a person.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from twin.errors import ConfigError, Fault, StartError
from twin.model.protocol import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from twin.model.district import District
    from twin.notify_spec import ChannelSpec

_LAST_PORT = 65_535


def peers(district: District) -> dict[str, Endpoint]:
    """Return the peers of a district by their text, in the order of the files."""
    found: dict[str, Endpoint] = {}
    for device in district.devices.values():
        found.setdefault(device.endpoint.peer, device.endpoint)
    return found


def mapping(district: District, base_port: int, host: str = "127.0.0.1") -> dict[str, tuple[str, int]]:
    """Return where each peer is simulated: `base_port` for the first of the files, then one port after the other.

    StartError when the ports do not suffice.
    """
    texts = list(peers(district))
    count = ports_of(district)
    last = base_port + count - 1
    if base_port < 1 or last > _LAST_PORT:
        raise StartError(
            f"{district.id} needs {count} ports from the base port on, "
            f"{base_port} to {last} do not exist (choose 1 to {_LAST_PORT - count + 1})"
        )
    return {text: (host, base_port + offset) for offset, text in enumerate(texts)}


def ports_of(district: District) -> int:
    """Return how many ports the simulator of a district takes: one for each peer, one for whom it sends word to."""
    return len(peers(district)) + bool(channels_of(district))


def supplier_port(district: District, base_port: int) -> int | None:
    """Return the port at which everybody is stood in for whom the district sends word to; None where it has nobody."""
    return base_port + len(peers(district)) if channels_of(district) else None


def channels_of(district: District) -> tuple[ChannelSpec, ...]:
    """Return the ways on which a district sends word to people and suppliers."""
    suppliers = district.services.suppliers if district.services else ()
    return (*suppliers, *(district.alarms.channels if district.alarms else ()))


def rewritten(district: District, places: Mapping[str, tuple[str, int]]) -> District:
    """Return the district with the endpoints of `places` replaced; peers that it does not name stay as they are."""
    devices = {}
    for device in district.devices.values():
        place = places.get(device.endpoint.peer)
        devices[device.id] = device if place is None else replace(device, endpoint=device.endpoint.at(*place))
    return replace(district, devices=devices)


def overrides(district: District, places: Mapping[str, tuple[str, int]]) -> dict[str, str]:
    """Return the peers as written with the peers to dial instead, as an override file holds them."""
    return {text: peer.at(*places[text]).peer for text, peer in peers(district).items() if text in places}


def load_overrides(path: Path) -> dict[str, tuple[str, int]]:
    """Return what an override file says, as `rewritten` takes it; ConfigError for a file that is none."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(path, 1, "(file)", f"cannot be read: {_reason(error)}")]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ConfigError(
            [Fault(path, line, "(file)", f"is not YAML: {getattr(error, 'problem', error)}")]
        ) from error
    entries = data.get("endpoints") if isinstance(data, dict) else None
    if not isinstance(entries, dict) or set(data) != {"endpoints"}:
        words = "must hold one key, endpoints, with peers as written and the peers to dial instead"
        raise ConfigError([Fault(path, 1, "endpoints", words)])
    faults: list[Fault] = []
    places = {str(text): _place(path, str(text), target, faults) for text, target in entries.items()}
    if faults:
        raise ConfigError(faults)
    return places


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "unreadable").lower() if isinstance(error, OSError) else "not UTF-8 text"


def _place(path: Path, text: str, target: object, faults: list[Fault]) -> tuple[str, int]:
    scheme, found, rest = str(target).partition("://")
    host, colon, port = rest.rpartition(":")
    if (
        found
        and colon
        and host
        and port.isdigit()
        and 1 <= int(port) <= _LAST_PORT
        and text.startswith(f"{scheme}://")
    ):
        return host, int(port)
    wanted = f"{text.partition('://')[0] or 'scheme'}://HOST:PORT"
    faults.append(
        Fault(path, _line(path, text), f"endpoints.{text}", f"{target!r} is not a peer, expected {wanted}")
    )
    return "", 0


def _line(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if text in line), 1)
