"""Whatever apprise reaches (https://github.com/caronc/apprise): messengers, SMS gateways, pagers, by one secret URL.

The library is imported with the first message, so that a platform without such channels does not carry it.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson

from barrio.notify.daemon import in_daemon
from barrio.notify.outcome import Outcome, hidden, unreachable
from barrio.notify.words import message
from twin.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twin.notify_spec import ChannelSpec
    from twin.outbox_rows import Entry

_OVER = (".returned", ".delivered", ".closed")
_KINDS = {"critical": "failure", "high": "failure", "medium": "warning", "low": "info"}


class Apprise:
    """One URL of apprise."""

    def __init__(self, spec: ChannelSpec, secrets: Callable[[str], str]) -> None:
        self._spec = spec
        self._secrets = secrets

    async def deliver(self, entry: Entry) -> Outcome:
        """Send an entry once."""
        return await in_daemon(self._send, entry)

    async def close(self) -> None:
        """Nothing is held between two messages."""

    def _send(self, entry: Entry) -> Outcome:
        import apprise

        try:
            url = self._secrets(str(self._spec.apprise))
        except StartError as error:
            return unreachable(str(error))
        # In this thread: its own pool is small, and one service that hangs would hold up the others.
        asset = apprise.AppriseAsset(async_mode=False, service_timeout=0, plugin_paths=[])
        service = apprise.Apprise.instantiate(url, asset=asset)
        if not isinstance(service, apprise.NotifyBase):
            return unreachable(f"secret {self._spec.apprise!r} is no URL that apprise knows")
        words = message(entry, self._spec.lang)
        everyone = apprise.Apprise(asset=asset)
        everyone.add(service)
        with _heard() as lines:
            taken = everyone.notify(body=words.text, title=words.title, notify_type=_kind(entry))
        name = str(service.service_name)
        if taken:
            return Outcome("delivered", f"taken by {name}")
        return unreachable(f"{name} did not take it{hidden(': '.join(['', *lines[-1:]]), url)}")


class _Heard(logging.Handler):
    """Keeps what the library says in this thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        if record.thread == self._thread:
            self.lines.append(" ".join(record.getMessage().split()))


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Yield the list that takes what the library says: its log holds whatever stands in the URL, so ours gets none."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    handler = _Heard()
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)


def _kind(entry: Entry) -> str:
    body = orjson.loads(entry.body)
    over = entry.kind.endswith(_OVER)
    return "success" if over else _KINDS.get(str(body.get("priority")), "info")
