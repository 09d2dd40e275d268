"""`barrio explain` and `barrio discover`: how a device is read, and what one that is not configured yet has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barrio.assembly import load_all, profiles_folder
from barrio.commands.check import look_at
from barrio.errors import AskError, UnknownName
from barrio.homes import Secrets
from barrio.service import run_loop
from barrio.terminal import plain
from connectors.abilities import Discovers, Explains
from connectors.home import Home
from connectors.registry import Connectors
from twin.folder import DataFolder
from twin.model.protocol import parse_endpoint
from twin.model.source import Faults, Place, Source, suggest
from twin.model.spec import is_id
from twin.model.validation import validate
from twin.model.yaml_source import parse_yaml
from twin.notes import Notes

if TYPE_CHECKING:
    from pydantic import BaseModel

    from barrio.settings import Settings
    from connectors.base import Connector
    from twin.errors import Fault
    from twin.model.bound import BoundDevice
    from twin.model.source import Where


def explain(settings: Settings, districts: Sequence[str], protocol: str, path: str) -> str:
    """Return how a device (`district/device`) is read, and what was learned about it."""
    connectors = Connectors()
    connector = _connector(connectors, protocol)
    if not isinstance(connector, Explains):
        raise AskError("PROTOCOL", f"{protocol} has nothing to explain: it makes no plan")
    folder = DataFolder(settings.data)
    names = districts or list(folder.read_districts().values()) or [path.partition("/")[0]]
    found = load_all(names, Path(), connectors, profiles_folder())
    bound = _device(look_at(found).devices, path, protocol)
    return connector.explain(bound, _home(settings, folder, protocol))


def discover(
    settings: Settings, protocol: str, endpoint: str, options: Sequence[str]
) -> tuple[str, list[str]]:
    """Return the text of a draft profile for the device at an endpoint, and remarks."""
    connector = _connector(Connectors(), protocol)
    if not isinstance(connector, Discovers):
        raise AskError("PROTOCOL", f"{protocol} cannot look for points at a device")
    try:
        peer = parse_endpoint(endpoint, connector.schemes)
    except ValueError as error:
        raise AskError("ENDPOINT", str(error)) from None
    asked = _options(options, connector.options_model)
    home = _home(settings, DataFolder(settings.data), protocol)
    draft = run_loop(connector.discover(peer, asked, home))
    return draft.text, [plain(remark) for remark in draft.remarks]


def write_draft(path: Path, text: str) -> None:
    """Write a draft to a file that does not exist yet, as the profile that it is called after; AskError otherwise."""
    if is_id(path.stem):
        text = re.sub(r"^profile: .*$", f"profile: {path.stem}", text, count=1, flags=re.MULTILINE)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise AskError("--out", f"{path}: {(error.strerror or str(error)).lower()}") from None


def _connector(connectors: Connectors, protocol: str) -> Connector:
    if protocol not in connectors:
        raise UnknownName(f"there is no connector {protocol!r}{suggest(protocol, list(connectors))}")
    return connectors[protocol]


def _device(devices: Sequence[BoundDevice], path: str, protocol: str) -> BoundDevice:
    known = {f"{bound.device.district}/{bound.device.id}": bound for bound in devices}
    if path not in known:
        whole = [one for one in known if one.endswith(f"/{path}")]
        hint = f" (did you mean {whole[0]}?)" if whole else suggest(path, list(known))
        raise UnknownName(f"there is no device {path!r}{hint}; a device is DISTRICT/DEVICE")
    spoken = known[path].device.protocol
    if spoken != protocol:
        raise AskError("PROTOCOL", f"{path} speaks {spoken}, not {protocol}")
    return known[path]


def _home(settings: Settings, folder: DataFolder, protocol: str) -> Home:
    """Return the connector's home as a platform with these settings has it; nothing in it is changed."""
    notes: dict[str, str] = {}
    if folder.notes.exists():
        book = Notes(folder.notes)
        book.open()
        notes = book.of(protocol)
        book.close()
    return Home(folder.connectors / protocol, Secrets(settings.secrets), notes)


def _options(given: Sequence[str], model: type[BaseModel]) -> dict[str, Any]:
    """Return `KEY=VALUE` as a mapping; values are read as in a profile, and checked as its options are."""
    faults = Faults()
    found: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals:
            # Not shown: what stands here may be a secret.
            raise AskError("--option", "one of them is not KEY=VALUE")
        source = parse_yaml(Path(key), value, faults)
        found[key] = source.data if source else None
    if not faults.found:
        lines: dict[Where, int] = {(key,): 1 for key in found}
        validate(model, found, Place(Source(Path(), found, lines), ()), faults)
    if faults.found:
        raise AskError("--option", "; ".join(_words(fault) for fault in faults.found))
    return found


def _words(fault: Fault) -> str:
    """Return what is wrong, after the key of its option; nothing stands before what no key alone is guilty of."""
    name = fault.path if fault.path != "(file)" else fault.file.name
    return f"{name}: {fault.message}" if name else fault.message
