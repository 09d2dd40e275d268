"""What the author of a connector writes, so that the suite can try it: one `Subject`, and the `Peer` that it starts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from connectors.conformance.recording import bind, device
from connectors.home import Home
from connectors.ladder import folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from connectors.base import Connector, Link
    from connectors.conformance.proxy import Mutation
    from twin.model.bound import BoundDevice
    from twin.model.spec import StateKey
    from twin.quality import Reason

NUMBER = "number"
STATE = "state"


class Peer(Protocol):
    """A real device (or server, or broker) on loopback, in tests."""

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""

    async def set(self, point: str, raw: float | StateKey) -> None:
        """Give a point of the subject a raw value: `number` a whole number of 0 to 1000, `state` one of its codes.

        The device has the value when this returns, and a flaw of that point is mended.
        """

    async def spoil(self, flaw: str) -> None:
        """Give `number` a flaw of `Subject.flaws`, until it is set again."""


class Subject:
    """A connector under trial. Class attributes say what is so; `peer` starts the far side.

    Only `connector`, `points`, `flaws`, `wrong_replies`, `mistakes`, `endpoint` and `peer` must be given. `points` has
    the keys of a profile: `number` reads a number (0 to 1000 fit), `state` something with `states`, of two codes or
    more; leave `state` out where the protocol knows no states. Choose options so short that a fault is noticed within
    `noticed_s`, and long enough for a busy machine (0.3 s and more for an answer).
    """

    connector: ClassVar[Connector]
    points: ClassVar[Mapping[str, Mapping[str, Any]]]

    transport: ClassVar[Literal["tcp", "udp"]] = "tcp"
    options: ClassVar[Mapping[str, Any]] = {}
    poll_s: ClassVar[float] = 0.1

    noticed_s: ClassVar[float] = 3.0
    """The longest until a link of these options notices that its peer is mute."""

    back_s: ClassVar[float] = 5.0
    """The longest from the end of a trouble until readings come again, the supervisor's wait being 0.05 s."""

    patience_s: ClassVar[float] = 0.5
    """An answer that takes half as long is on time."""

    flaws: ClassVar[Mapping[str, Reason]]
    """What a device can answer instead of a value, by the reason that its reading then has: {"absent": BAD_STATUS}."""

    wrong_replies: ClassVar[Mapping[str, Mutation]]
    """Well-formed replies that do not answer what was asked (another id, another length), made from right ones.

    Each maps the bytes of one reply to those of the wrong one. Applied to all that the peer sends.
    """

    mistakes: ClassVar[Mapping[str, tuple[Mapping[str, Any], str]]]
    """Addresses that cannot be, each with a word that the fault must hold: {"no such table": ({...}, "holding")}."""

    garbage: ClassVar[Mapping[str, bytes]] = {}
    """Malformed frames of the protocol that a peer may send, beside those that are tried on everybody."""

    secrets: ClassVar[Mapping[str, str]] = {}
    """Secrets that `options` name, by name; none of them may be seen anywhere."""

    in_flight: ClassVar[int] = 8
    """The most frames that were on their way when the buffer had no room; what a link may keep."""

    residue: ClassVar[int] = 20
    """Objects that one reconnect may leave behind on average; more only where the peer in this process keeps them."""

    excused: ClassVar[Mapping[str, str]] = {}
    """Words of what the event loop may be told of because the peer in this process has a bug, each with the reason."""

    tests: ClassVar[Path | None] = None
    """Folder of the connector's own tests; where this subject stands when left out."""

    def endpoint(self, port: int) -> str:
        """Return the endpoint of a device at this port of 127.0.0.1."""
        raise NotImplementedError

    def peer(self) -> AbstractAsyncContextManager[Peer]:
        """Start a device that has the points `number` (7) and `state` (the first of its codes), and stop it at the end.

        Called once for each check, in its event loop. A server that takes long to start may outlive it and be given
        back its values here.
        """
        raise NotImplementedError

    def probed(self) -> str:
        """Return a word of what a probe of that peer says."""
        return ""

    def links(self, devices: Sequence[BoundDevice], home: Home) -> Sequence[Link]:
        """Return the links; overridden only to make a connector's waits shorter than its options allow."""
        return self.connector.links(devices, home)

    @property
    def guarded(self) -> Subject:
        """The subject with which secrets are tried: another one where this one has to do without encryption.

        (Wrong replies can be made of readable ones only.)
        """
        return self

    # What follows is for the suite.

    @property
    def folder(self) -> Path:
        """Folder of the connector's package."""
        return folder_of(self.connector)

    @property
    def home_of_tests(self) -> Path:
        """Folder of the connector's own tests."""
        return self.tests or Path(str(sys.modules[type(self).__module__].__file__)).parent

    def home(self, folder: Path | None = None, seen: Callable[[str], None] = lambda _: None) -> Home:
        """Return a home with the secrets; `seen` hears the name of each that is asked for."""

        def secret(name: str) -> str:
            seen(name)
            return self.secrets[name]

        return Home(folder, secret)

    def bound(self, port: int, name: str = "device", first: int = 0) -> BoundDevice:
        """Return a device at `port` with the subject's points, its ids from `first` on."""
        made = device(
            self.connector,
            self.endpoint(port),
            self.points,
            name=name,
            poll_s=self.poll_s,
            options=self.options,
        )
        return bind(made, first)
