"""`barrio certs opcua`: our own application certificate, and whose we trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.errors import AskError
from connectors.opcua import folders, own
from twin.folder import DataFolder
from twin.model.source import suggest

if TYPE_CHECKING:
    from pathlib import Path

    from barrio.settings import Settings

PROTOCOL = "opcua"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line said; thumbprints may be shortened to their first sixteen digits."""

    hosts: tuple[str, ...] = ()
    days: int | None = None
    renew: bool = False
    trust: str | None = None
    untrust: str | None = None


def certs(settings: Settings, protocol: str, asked: Asked) -> list[str]:
    """Do what was asked, make our own certificate if there is none; returns what is there then, line by line."""
    if protocol != PROTOCOL:
        near = suggest(protocol, [PROTOCOL])
        raise AskError("PROTOCOL", f"only {PROTOCOL} has certificates of its own, found {protocol!r}{near}")
    folder = DataFolder(settings.data).connectors / PROTOCOL
    lines = [_moved(folder, asked)] if asked.trust or asked.untrust else []
    missing = not (folder / own.OWN / "certificate.der").exists()
    if asked.renew or (missing and not lines):
        made = own.make(folder, hosts=asked.hosts, days=asked.days or own.DAYS, replace=asked.renew)
        lines.append(f"made {made.certificate}: let the servers trust it")
    return [*lines, *folders.overview(folder)]


def _moved(folder: Path, asked: Asked) -> str:
    if asked.trust:
        return f"trusted from now on: {folders.trust(folder, asked.trust)}"
    return f"not trusted any more: {folders.untrust(folder, asked.untrust or '')}"
