"""What a connector's README must hold: an example that passes the check, and what was measured."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from twin.errors import ConfigError
from twin.model.loader import load_district

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from connectors.base import Connector

_BLOCK = re.compile(r"^```ya?ml\n(.*?)^```", re.DOTALL | re.MULTILINE)
_MEASURED = re.compile(r"^#+ .*(?:measured|numbers|rate).*\n((?:(?!^#).*\n?)*)", re.IGNORECASE | re.MULTILINE)
_FIGURE = re.compile(
    r"[0-9][0-9.,]* ?(?:[kM] )?(?:\w+ ?(?:/|per |a )(?:s\b|second)|(?:µs|us|microseconds)\b)"
)
_PROFILES = Path(__file__).parent.parent / "profiles"


def example_faults(text: str, connector: Connector) -> Sequence[str]:
    """Return what `barrio check` would say of the examples in a README: nothing is well.

    An example is a block of YAML with a profile of the protocol; devices that it shows are taken along.
    """
    return _faults(_mappings(text), connector)


def profile_faults(text: str, connector: Connector) -> Sequence[str]:
    """Return what `barrio check` would say of a profile, such as `discover` drafts."""
    return _faults([yaml.safe_load(text)], connector)


def figures(text: str) -> Sequence[str]:
    """Return the rates and costs that the README's section on what was measured gives."""
    return [found[0] for section in _MEASURED.finditer(text) for found in _FIGURE.finditer(section[1])]


def _faults(found: Iterable[object], connector: Connector) -> Sequence[str]:
    blocks = [one for one in found if isinstance(one, dict)]
    profiles = {str(one["profile"]): one for one in blocks if one.get("protocol") == connector.name}
    if not profiles:
        return [f"no YAML shows a profile of protocol {connector.name}"]
    devices = [one for block in blocks for one in block.get("devices", ()) if one.get("profile") in profiles]
    shown = {one["profile"] for one in devices}
    devices += [_device(name, connector) for name in profiles if name not in shown]
    with tempfile.TemporaryDirectory(prefix="barrio-") as folder:
        _write(Path(folder), profiles, devices)
        try:
            load_district(Path(folder), {connector.name: connector}, [_PROFILES])
        except ConfigError as error:
            return [f"{fault.path}: {fault.message}" for fault in error.faults]
    return []


def _mappings(text: str) -> Iterator[object]:
    return (yaml.safe_load(block[1]) for block in _BLOCK.finditer(text))


def _device(profile: str, connector: Connector) -> dict[str, Any]:
    scheme, port = next(iter(connector.schemes.items()))
    endpoint = f"{scheme}://192.0.2.1:{port}"
    return {"id": f"example-of-{profile}", "profile": profile, "site": "example", "endpoint": endpoint}


def _write(folder: Path, profiles: dict[str, dict[str, Any]], devices: list[dict[str, Any]]) -> None:
    sites = sorted({str(one.get("site", "")) for one in devices})
    district = {
        "district": "example",
        "name": "Example",
        "timezone": "UTC",
        "location": {"lat": 0, "lon": 0},
        "sites": [{"id": site} for site in sites],
    }
    (folder / "profiles").mkdir()
    _dump(folder / "district.yaml", district)
    _dump(folder / "devices.yaml", {"devices": devices})
    for name, block in profiles.items():
        own = {key: block[key] for key in block if key not in {"devices", "tables"}}
        _dump(folder / "profiles" / f"{name}.yaml", own)


def _dump(path: Path, what: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(what, sort_keys=False, allow_unicode=True), encoding="utf-8")
