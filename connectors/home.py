"""What a connector has on this machine: secrets by name, a folder of its own, notes that survive a restart."""

from __future__ import annotations

import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from twin.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable


def _no_secret(name: str) -> str:
    raise StartError(f"secret {name!r} is not set")


class Home:
    """Given to `Connector.links`; one for each connector, so that names never meet.

    `notes` maps keys to texts. Setting one never blocks; it is durable soon afterwards, and what was set last before a
    power cut may be lost: a note is a shortcut (what a device refused, what was tried), never a reading.
    """

    def __init__(
        self,
        folder: Path | None = None,
        secret: Callable[[str], str] = _no_secret,
        notes: MutableMapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._secret = secret
        self.notes: MutableMapping[str, str] = {} if notes is None else notes

    @property
    def folder(self) -> Path:
        """Folder of the connector (certificates, keys, counters of messages), made when it is first asked for."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="barrio-"))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder

    def secret(self, name: str) -> str:
        """Return what `${secret:NAME}` stands for; `StartError` when it is not set."""
        return self._secret(name)
