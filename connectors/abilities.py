"""What links and connectors can do beyond reading. Having the methods is saying so; nothing is declared twice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.home import Home
    from twin.model.bound import BoundDevice, BoundPoint
    from twin.model.protocol import Endpoint
    from twin.model.spec import StateKey


@dataclass(frozen=True, slots=True)
class Setting:
    """One value for one writable point: the raw number as on the wire, or the raw code of a state.

    Made by `twin.model.setting`, which has checked limits and undone scale and offset.
    """

    point: BoundPoint
    raw: float | StateKey


class Done(StrEnum):
    """What became of a setting."""

    WRITTEN = "written"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one setting.

    `read_back` is the raw value that the device has now, None when it could not be read (a method, a device that
    does not answer). `unknown` means that the request may or may not have been carried out; it is never sent again
    by itself. `words` are the device's when it refused.
    """

    setting: Setting
    done: Done
    read_back: float | StateKey | None = None
    words: str = ""


@runtime_checkable
class Writes(Protocol):
    """A link that can set points of its devices while it runs."""

    async def write(self, settings: Sequence[Setting]) -> Sequence[Outcome]:
        """Set points of one device and read them back; an outcome for each setting, in order.

        Neighbouring registers go in one request where the protocol has one. `TransientError` when the link is down:
        then nothing was sent. Bounded in time by the device's timeout.
        """


@runtime_checkable
class Acknowledges(Protocol):
    """A link whose devices have conditions (alarms) that a person can acknowledge there."""

    async def acknowledge(self, device: str, key: str, comment: str) -> str:
        """Acknowledge the condition `key` of a `DeviceEvent`; returns "" when done, else why the device refused.

        `TransientError` when the link is down.
        """


@runtime_checkable
class Explains(Protocol):
    """A connector that can say how it reads a device, without network: `barrio explain PROTOCOL DEVICE`."""

    def explain(self, device: BoundDevice, home: Home) -> str:
        """Return lines for a person: requests, their points, their cost, what was learned about the device."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What discovery found: the text of a draft profile (YAML), and remarks for the integrator."""

    text: str
    remarks: Sequence[str] = ()


@runtime_checkable
class Discovers(Protocol):
    """A connector that can look at a device and draft a profile: `barrio discover PROTOCOL ENDPOINT`."""

    async def discover(self, endpoint: Endpoint, options: Mapping[str, object], home: Home) -> Draft:
        """Return the draft; `options` are checked against `options_model`.

        `TransientError` when the device is away, bounded in time and in size whatever the device says.
        """
