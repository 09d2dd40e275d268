"""What the conformance suite needs to know of wordline."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from connectors.conformance.subject import Subject
from twin.quality import Reason

from barrio_wordline import connector
from loopback import Device, device

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


class WordlineSubject(Subject):
    """Two words of one device."""

    connector = connector
    points: ClassVar = {
        "number": {"word": "number"},
        "state": {"word": "state", "states": {"off": "off", "on": "on"}},
    }
    options: ClassVar = {"timeout": "400ms"}
    poll_s = 0.05
    patience_s = 0.4
    noticed_s = 2.0
    flaws: ClassVar = {
        "refused": Reason.DEVICE_EXCEPTION,
        "empty": Reason.NOT_AVAILABLE,
        "a word": Reason.WRONG_TYPE,
    }
    wrong_replies: ClassVar = {
        "another word": lambda reply: b"x" + reply,
        "another sign": lambda reply: reply.replace(b"=", b":"),
        "no word": lambda reply: reply.partition(b" ")[2],
    }
    mistakes: ClassVar = {
        "no word": ({"word": ""}, "word"),
        "a blank": ({"word": "water level"}, "water level"),
        "unknown key": ({"word": "number", "register": 1}, "register"),
    }
    garbage: ClassVar = {
        "a line without an end": b"number = 1" * 200,
        "not text": b"number = \xff\xfe\n",
        "an empty line": b"\n",
    }

    def endpoint(self, port: int) -> str:
        """Return what a device at this port has as its endpoint."""
        return f"wordline://127.0.0.1:{port}"

    def peer(self) -> AbstractAsyncContextManager[Device]:
        """Start a device."""
        return device()

    def probed(self) -> str:
        """A probe asks for the first word."""
        return "number: "
