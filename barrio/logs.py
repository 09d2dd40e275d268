"""Logs: one event a line to stderr, as text for people or as JSON for machines; libraries hardly speak."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Protocol

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

QUIET = ("aiocoap", "asyncio", "asyncua", "coap", "coap-server", "httpcore", "httpx", "uvicorn")


class Output(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object:
        """Write text."""

    def flush(self) -> object:
        """Flush."""


class Stderr:
    """Writes to what `sys.stderr` is now, not to what it was when the logs were set up."""

    def write(self, text: str) -> int:
        """Write text."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush."""
        sys.stderr.flush()


def set_up(level: str = "info", form: str = "text", out: Output | None = None) -> None:
    """Send events of `level` and above to `out` (stderr), each as one line; to be called once, before anything runs."""
    target: Any = out or Stderr()
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _renderer(form),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    _quieten(target, form)


def _renderer(form: str) -> Processor:
    return structlog.processors.JSONRenderer() if form == "json" else _text


def _text(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    """Render `12:01:02 warning  link.down  link=… words='…'`; text that spans lines (a traceback) comes last."""
    stamp, level, name = str(event.pop("timestamp"))[11:19], event.pop("level"), event.pop("event")
    trace = event.pop("exception", "")
    pairs = " ".join(f"{key}={_plain(value)}" for key, value in event.items())
    line = f"{stamp} {level:<8} {name}  {pairs}".rstrip()
    return f"{line}\n{trace}" if trace else line


def _plain(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(" =\"'") else repr(text)


def _quieten(target: Any, form: str) -> None:
    """Let libraries through from ERROR on, in the same form."""
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(form)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.ERROR)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
