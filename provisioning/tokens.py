"""The tokens folder: secrets that provisioning made, one file each, readable by their owner only.

`DISTRICT.write` is barrio's own, `DISTRICT.RESOLUTION.read` are Grafana's, `DISTRICT.utility-ID.read` are those of
utilities. A file holds the token (InfluxDB 2.x), or `user:password` (1.x). A server shows a token once, when it makes
it: the file is written, and on the disk, before anything else is asked.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from provisioning.plan import ProvisioningError

if TYPE_CHECKING:
    from twin.resolution import Resolution

_UTILITY = r"utility-[a-z0-9][a-z0-9_-]*"
DISTRICT = r"[a-z0-9][a-z0-9_-]*"
KIND = rf"(?:write|(?:raw|15m|1h|1d|{_UTILITY})\.read)"
"""What of a file's name stands behind the district."""
ROLE = rf"(?:write|read-(?:raw|15m|1h|1d)|{_UTILITY})"
"""What a secret is for, as a mark on a server says it. Servers hold what anybody wrote: nothing else is one of ours."""

_NAME = re.compile(rf"{DISTRICT}\.{KIND}")
_OWNER_ONLY = 0o600
_FOLDER = 0o700


def name_of(district: str, role: str) -> str:
    """Return the name of the file of a role, as `ROLE` writes it."""
    if role == "write":
        return write_name(district)
    return f"{district}.{role.removeprefix('read-')}.read"


def write_name(district: str) -> str:
    """Return the name of barrio's own token of a district."""
    return f"{district}.write"


def read_name(district: str, resolution: Resolution) -> str:
    """Return the name of the token by which Grafana reads a district at a resolution."""
    return f"{district}.{resolution.value}.read"


def utility_name(district: str, utility: str) -> str:
    """Return the name of a utility's token."""
    return f"{district}.utility-{utility}.read"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The folder, shared by the targets of one plan.

    A step of an InfluxDB's plan may make a token anew. Whoever plans after it, and hands the token on, has to know:
    `expect` says so, and `changing` answers.
    """

    folder: Path
    _expected: set[str] = field(default_factory=set)

    def read(self, name: str) -> str | None:
        """Return a token, None where no file holds one; ProvisioningError when it cannot be read.

        What is not one line of text is none of ours: a new one is made, as for a file that is lost.
        """
        try:
            text = self._path(name).read_text("utf-8").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        except OSError as error:
            raise _cannot(f"read {self.folder / name}", error) from error
        return text if text and text.isprintable() else None

    def write(self, name: str, secret: str) -> None:
        """Keep a token: on the disk when this returns, in the place of one before it, whole or not at all."""
        path = self._path(name)
        draft = self.folder / f".{name}.new"
        try:
            self.folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
            with self._alone() as folder:
                draft.unlink(missing_ok=True)
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(f"{secret}\n")
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(path)
                os.fsync(folder)
        except OSError as error:
            raise _cannot(f"write {path}", error) from error
        self._expected.discard(name)

    def remove(self, name: str) -> None:
        """Forget a token."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise _cannot(f"remove {self.folder / name}", error) from error

    def names(self) -> list[str]:
        """Return the names of all tokens, sorted."""
        try:
            found = [each.name for each in self.folder.iterdir() if not each.name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _cannot(f"list {self.folder}", error) from error
        return sorted(found)

    def exposed(self) -> str:
        """Return why somebody else on this machine could use or replace tokens, empty where nobody can."""
        try:
            mode = self.folder.stat().st_mode
            readable = [name for name in self.names() if (self.folder / name).stat().st_mode & stat.S_IROTH]
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise _cannot(f"look at {self.folder}", error) from error
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"everybody on this machine may replace tokens in it: chmod 0700 {self.folder}"
        if readable and mode & stat.S_IXOTH:
            return f"everybody on this machine may read {', '.join(readable)}: remove them, and new ones are made"
        return ""

    def expect(self, name: str) -> None:
        """Say that a step of the plan that is being made will write this token."""
        self._expected.add(name)

    def changing(self, name: str) -> bool:
        """Whether a step planned before will write this token."""
        return name in self._expected

    def _path(self, name: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise ProvisioningError(f"{self.folder}", f"{name!r} is not the name of a token")
        return self.folder / name

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """Hold the folder open, and back another apply meanwhile, which would put its half of a file in our place."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Some file systems of a network lock no folders; two at once are rare enough there.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _cannot(call: str, error: OSError) -> ProvisioningError:
    return ProvisioningError(call, (error.strerror or str(error)).lower())
