"""What devices report of themselves beside readings: events, and conditions (alarms) that begin, change and end."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_SEVERITY = 1
MOST_SEVERITY = 1000


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One event, or one change of a condition, as the device reported it.

    `device` is `district/device`. `key` names the condition for as long as it exists, so that its changes are seen as
    one alarm and can be acknowledged; empty for a plain event. `active` and `acknowledged` are None for a plain event.
    `severity` is 1 to 1000 as in OPC 10000-5, 6.4.2 (BaseEventType). `at` is the device's own time, `received` ours,
    both ns UTC. `source` and `words` are the device's.
    """

    device: str
    kind: str
    at: int
    received: int
    severity: int
    source: str
    words: str
    key: str = ""
    active: bool | None = None
    acknowledged: bool | None = None
