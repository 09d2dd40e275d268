"""What an event says: its fields as they are asked for, and the conditions (alarms) that are not over.

A condition is named by its node (by namespace URI, so that the name survives a restart of the server) and its branch.
Its newest EventId is what Acknowledge wants (OPC 10000-9, 5.7.3).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from connectors.opcua.codec import ns_of
from connectors.opcua.nodes import NodeAddress
from twin.events import LEAST_SEVERITY, MOST_SEVERITY, DeviceEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CONDITIONS = 10_000
_LONGEST = 1000

# Field, the type that defines it, its path there (OPC 10000-5, 6.4.2; OPC 10000-9, 5.5.2, 5.7.2, 5.8.2).
FIELDS: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("id", ObjectIds.BaseEventType, ("EventId",)),
    ("type", ObjectIds.BaseEventType, ("EventType",)),
    ("source", ObjectIds.BaseEventType, ("SourceName",)),
    ("time", ObjectIds.BaseEventType, ("Time",)),
    ("message", ObjectIds.BaseEventType, ("Message",)),
    ("severity", ObjectIds.BaseEventType, ("Severity",)),
    ("condition", ObjectIds.ConditionType, ()),
    ("branch", ObjectIds.ConditionType, ("BranchId",)),
    ("name", ObjectIds.ConditionType, ("ConditionName",)),
    ("retain", ObjectIds.ConditionType, ("Retain",)),
    ("acknowledged", ObjectIds.AcknowledgeableConditionType, ("AckedState", "Id")),
    ("active", ObjectIds.AlarmConditionType, ("ActiveState", "Id")),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as it was told last; `event_id` names that telling."""

    node: NodeAddress
    event_id: bytes
    event: DeviceEvent


class Conditions:
    """The conditions of a link that are not over, newest last, bounded; kept from one run to the next."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Condition] = OrderedDict()

    def __len__(self) -> int:
        """Number of conditions that are not over."""
        return len(self._known)

    def get(self, device: str, key: str) -> Condition | None:
        """Return a condition that is not over."""
        return self._known.get((device, key))

    def note(self, condition: Condition, *, over: bool) -> None:
        """Keep the newest telling of a condition, or forget one that is over."""
        key = (condition.event.device, condition.event.key)
        self._known.pop(key, None)
        if over:
            return
        self._known[key] = condition
        if len(self._known) > MOST_CONDITIONS:
            self._known.popitem(last=False)

    def without(self, told: set[tuple[str, str]]) -> list[Condition]:
        """Take out and return the conditions that are not among those that were told."""
        gone = [key for key in self._known if key not in told]
        return [self._known.pop(key) for key in gone]


def event_filter() -> ua.EventFilter:
    """Return the filter that asks for the fields above, of all events."""
    clauses = [
        ua.SimpleAttributeOperand(
            TypeDefinitionId=ua.NodeId(ua.Int32(kind)),
            BrowsePath=[ua.QualifiedName(name, ua.Int16(0)) for name in path],
            AttributeId=AttributeIds.Value if path else AttributeIds.NodeId,
        )
        for _, kind, path in FIELDS
    ]
    return ua.EventFilter(SelectClauses=clauses)


def told(
    device: str, kind: str, fields: Mapping[str, Any], received: int, uris: Mapping[int, str]
) -> DeviceEvent:
    """Return an event out of its fields; whatever is missing or of another type is as if it were not there."""
    condition = fields.get("condition")
    key = active = acknowledged = None
    if isinstance(condition, ua.NodeId) and not condition.is_null():
        key = _key(address_in(condition, uris), fields.get("branch"))
        active, acknowledged = _flag(fields.get("active")), _flag(fields.get("acknowledged"))
        active = _flag(fields.get("retain")) if active is None else active
    time = fields.get("time")
    severity = fields.get("severity")
    severity = severity if isinstance(severity, int) else LEAST_SEVERITY
    return DeviceEvent(
        device=device,
        kind=kind,
        at=(ns_of(time) if isinstance(time, datetime) else 0) or received,
        received=received,
        severity=max(LEAST_SEVERITY, min(MOST_SEVERITY, severity)),
        source=text_of(fields.get("source")),
        words=text_of(fields.get("message")) or text_of(fields.get("name")),
        key=key if key and len(key) <= _LONGEST else "",
        active=active,
        acknowledged=acknowledged,
    )


def _key(condition: NodeAddress, branch: object) -> str:
    if isinstance(branch, ua.NodeId) and not branch.is_null():
        return f"{condition}#{branch.to_string()}"
    return str(condition)


def address_in(node: ua.NodeId, uris: Mapping[int, str]) -> NodeAddress:
    """Return a node by the URI of its namespace; `uris` are the server's by their index."""
    index = int(node.NamespaceIndex)
    return NodeAddress(node.Identifier, uris.get(index, index) if index else 0)


def _flag(found: object) -> bool | None:
    return found if isinstance(found, bool) else None


def text_of(found: object) -> str:
    """Return a text or a localized text, bounded; empty for whatever is none."""
    text = getattr(found, "Text", found)
    return text[:_LONGEST] if isinstance(text, str) else ""
