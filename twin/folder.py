"""The data folder: everything a platform keeps, held by one process at a time.

lock            held with flock by the process that runs; its number stands in it
platform.json   where the running platform answers; only there while one runs
districts.json  the districts that ran last, for questions while none runs
alive           changed every few seconds while a platform runs
spool/          readings on their way to the store
series.sqlite   series ids and state ids
ledger.sqlite   gaps and events
letters.sqlite  readings that the store refused
devices.sqlite  events and conditions that devices reported
notes.sqlite    what connectors learned about devices
alarms.sqlite   alarms: how each stands, and what became of it when
commands.sqlite commands: what was asked, by whom, what came of it; what is desired of each point
services.sqlite supply requests, corrections of counts, services that were done
models.sqlite   the districts as they were: every version that ever ran
outbox.sqlite   notifications that wait to be sent
hooks.sqlite    webhooks of tokens: where they lead, how far they are; readable for the owner of the folder only
figures.sqlite  open figures that were published
rollups.sqlite  how far rollups are made, and what of them has to be made again
intervals.sqlite  intervals of registers as they were settled, in versions, and what was decided about them
audit.log       every step of every command, exports, tokens: each line chained to the one before
tokens.sqlite   tokens that were given away: hashes, what each allows, until when
exports/        files of export jobs, and the book of them
connectors/     a folder for each protocol: certificates, keys
operator.token  lets whoever can read this folder tell the running platform what to do
twin.duckdb     the embedded store
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.errors import StartError
from twin.files import Files, write_all

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE_S = 0.3


class DataFolder:
    """A data folder. `open` takes it, `close` gives it back; a killed process gives it back too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1

    @property
    def spool(self) -> Path:
        """Folder of the spool."""
        return self.path / "spool"

    @property
    def series(self) -> Path:
        """File of the series ids."""
        return self.path / "series.sqlite"

    @property
    def ledger(self) -> Path:
        """File of gaps and events."""
        return self.path / "ledger.sqlite"

    @property
    def letters(self) -> Path:
        """File of the dead letters."""
        return self.path / "letters.sqlite"

    @property
    def devices(self) -> Path:
        """File of what devices reported of themselves."""
        return self.path / "devices.sqlite"

    @property
    def notes(self) -> Path:
        """File of what connectors learned."""
        return self.path / "notes.sqlite"

    @property
    def alarms(self) -> Path:
        """File of the alarms."""
        return self.path / "alarms.sqlite"

    @property
    def commands(self) -> Path:
        """File of commands and what is desired."""
        return self.path / "commands.sqlite"

    @property
    def services(self) -> Path:
        """File of supply requests, counts and services."""
        return self.path / "services.sqlite"

    @property
    def models(self) -> Path:
        """File of the districts as they were."""
        return self.path / "models.sqlite"

    @property
    def outbox(self) -> Path:
        """File of notifications that wait."""
        return self.path / "outbox.sqlite"

    @property
    def figures(self) -> Path:
        """File of the open figures."""
        return self.path / "figures.sqlite"

    @property
    def hooks(self) -> Path:
        """File of the webhooks of tokens."""
        return self.path / "hooks.sqlite"

    @property
    def rollups(self) -> Path:
        """File of how far rollups are made."""
        return self.path / "rollups.sqlite"

    @property
    def tokens(self) -> Path:
        """File of the tokens that were given away."""
        return self.path / "tokens.sqlite"

    @property
    def intervals(self) -> Path:
        """File of the intervals of registers."""
        return self.path / "intervals.sqlite"

    @property
    def audit(self) -> Path:
        """The audit log."""
        return self.path / "audit.log"

    @property
    def connectors(self) -> Path:
        """Folder of the connectors' own folders."""
        return self.path / "connectors"

    @property
    def token(self) -> Path:
        """File of the operator's token."""
        return self.path / "operator.token"

    @property
    def duckdb(self) -> Path:
        """File of the embedded store."""
        return self.path / "twin.duckdb"

    @property
    def platform(self) -> Path:
        """File that says where the running platform answers."""
        return self.path / "platform.json"

    @property
    def districts(self) -> Path:
        """File that names the districts that were run last with this folder."""
        return self.path / "districts.json"

    @property
    def alive(self) -> Path:
        """File whose time of change is the last sign of life of a platform."""
        return self.path / "alive"

    def open(self) -> None:
        """Make the folder where there is none, and take it.

        Raises `StartError` when it cannot be used or another process has it.
        """
        try:
            # For us and our group: what dwellings use is in here.
            self.path.mkdir(mode=0o750, parents=True, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except (FileExistsError, NotADirectoryError) as error:
            raise StartError(
                f"data folder {self.path}: there is a file of that name, not a folder"
            ) from error
        except OSError as error:
            words = os.strerror(error.errno or 0).lower()
            raise StartError(f"data folder {self.path} cannot be used: {words}") from error
        if not _take(descriptor):
            pid = _pid(descriptor)
            os.close(descriptor)
            raise StartError(f"data folder {self.path} is in use by process {pid or 'of unknown number'}")
        self._lock = descriptor
        self._settle()

    def close(self) -> None:
        """Give the folder back; a second time does nothing."""
        if self._lock >= 0:
            with suppress(OSError):
                self.platform.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1

    def write_platform(self, info: dict[str, Any]) -> None:
        """Say where the running platform answers, for example `{"pid": 4711, "http": "http://127.0.0.1:8080"}`."""
        draft = self.path / "platform.draft"
        draft.write_text(json.dumps(info) + "\n")
        draft.replace(self.platform)

    def make_token(self) -> str:
        """Return a new operator's token, readable for the owner of the folder only; good until the next start."""
        text = secrets.token_urlsafe(32)
        self.token.unlink(missing_ok=True)
        descriptor = os.open(self.token, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        return text

    def read_token(self) -> str:
        """Return the operator's token; OSError when it cannot be read."""
        return self.token.read_text()

    def read_platform(self) -> dict[str, Any] | None:
        """Return what the platform wrote, None when there is nothing readable."""
        try:
            info = json.loads(self.platform.read_text())
        except (OSError, ValueError):
            return None
        return info if isinstance(info, dict) else None

    def mark_alive(self, now_ns: int) -> None:
        """Leave a sign of life: after a crash it tells from when on nobody was listening."""
        self.alive.touch()
        os.utime(self.alive, ns=(now_ns, now_ns))

    def alive_ns(self) -> int:
        """Return the last sign of life, ns UTC; 0 when there was never one."""
        try:
            return self.alive.stat().st_mtime_ns
        except OSError:
            return 0

    def write_districts(self, folders: Mapping[str, Path]) -> None:
        """Remember which districts, by id and folder, this platform runs."""
        draft = self.path / "districts.draft"
        draft.write_text(json.dumps({name: str(path.resolve()) for name, path in folders.items()}) + "\n")
        draft.replace(self.districts)

    def read_districts(self) -> dict[str, str]:
        """Return the folders of the districts that ran last, by id; empty when none did."""
        try:
            found = json.loads(self.districts.read_text())
        except (OSError, ValueError):
            return {}
        return {str(name): str(path) for name, path in found.items()} if isinstance(found, dict) else {}

    def running(self) -> dict[str, Any] | None:
        """Return what the platform that has this folder wrote (at least its `pid`), None when none runs.

        For other processes: takes nothing and changes nothing.
        """
        try:
            descriptor = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return {"pid": _pid(descriptor), **(self.read_platform() or {})}
        else:
            return None
        finally:
            os.close(descriptor)

    def _settle(self) -> None:
        """Put our number into the lock; what a killed process said of itself is no longer true."""
        try:
            self.platform.unlink(missing_ok=True)
            os.ftruncate(self._lock, 0)
            write_all(Files(), self._lock, f"{os.getpid()}\n".encode(), 0)
            Files().sync_folder(self.path)
        except OSError as error:
            self.close()
            words = os.strerror(error.errno or 0).lower()
            raise StartError(f"data folder {self.path} cannot be written: {words}") from error


def _take(descriptor: int) -> bool:
    """Lock a file, trying for a moment: whoever asks whether a platform runs holds it for an instant."""
    limit = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > limit:
                return False
            time.sleep(0.02)
        else:
            return True


def _pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
