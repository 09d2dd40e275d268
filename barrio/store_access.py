"""What each district is stored with: the tokens that `barrio apply` made, read when they are needed.

A token that was made anew is used from then on, without a restart.
"""

from __future__ import annotations

from pathlib import Path

from twin.resolution import ROLLUPS
from twin.store.influx_http import Access, login_of
from twin.store.port import StoreDenied

_ENDINGS = tuple(f"_{one.value}" for one in ROLLUPS)


class KeptAccess:
    """Credentials of a database by the file `DISTRICT.write`; None where a district has none.

    The file holds a token, or `user:password` for 1.x. `org` goes along with a token.
    """

    def __init__(self, folder: Path, org: str) -> None:
        self._folder = folder
        self._org = org
        self._known: dict[str, tuple[tuple[int, int, int], Access]] = {}

    def __call__(self, database: str) -> Access | None:
        """Return the credentials of a database; `StoreDenied` when their file cannot be read."""
        district = next((database.removesuffix(end) for end in _ENDINGS if database.endswith(end)), database)
        path = self._folder / f"{district}.write"
        try:
            state = path.stat()
            seen = (state.st_ino, state.st_mtime_ns, state.st_size)
            if (known := self._known.get(district)) is not None and known[0] == seen:
                return known[1]
            access = self._access(path.read_text("utf-8").strip())
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            words = error.strerror if isinstance(error, OSError) else "it is no text"
            raise StoreDenied(str(path), f"cannot be read: {words}") from error
        self._known[district] = (seen, access)
        return access

    def first(self) -> Access | None:
        """Return the credentials of the first district that has some, for what is asked of no database."""
        try:
            names = sorted(each.stem for each in self._folder.glob("*.write"))
        except OSError:
            return None
        return self(names[0]) if names else None

    def _access(self, secret: str) -> Access:
        if (login := login_of(secret)) is None:
            return Access(token=secret, org=self._org)
        user, password = login
        return Access(user=user, password=password)
