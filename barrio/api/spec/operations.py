"""What each operation is called: ids stay the same for as long as `/api/v1` does, since clients are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus as Status
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Operation:
    """Facts of an operation. `answer` is a schema of the file, or a media type where the answer is a text.

    `also` are the problems that it answers beside those that every operation may answer.
    """

    id: str
    tag: str
    summary: str
    answer: str
    also: tuple[Status, ...] = ()


_GONE = (Status.NOT_FOUND,)
_LIST = (Status.GONE,)
_ORDER = (Status.NOT_FOUND, Status.FORBIDDEN, Status.CONFLICT)
_COMMAND = (*_ORDER, Status.UNPROCESSABLE_ENTITY)
_TEXT = "text/plain"

OPERATIONS: Mapping[str, Operation] = {
    "GET /": Operation("read_index", "operation", "List what there is", _TEXT),
    "GET /healthz": Operation("read_health", "operation", "Whether the process lives", _TEXT),
    "GET /readyz": Operation("read_readiness", "operation", "Whether readings are taken and stored", _TEXT),
    "GET /metrics": Operation("read_metrics", "operation", "Numbers for Prometheus", _TEXT, _GONE),
    "GET /api/v1/status": Operation("read_status", "operation", "How the platform is", "Status", _GONE),
    "GET /api/v1/rollups": Operation("read_rollups", "operation", "How far rollups are", "Rollups", _GONE),
    "POST /api/v1/rollups/rebuild": Operation(
        "rebuild_rollups", "operation", "Make rollups again", "RollupsRebuilt", _ORDER
    ),
    "GET /api/v1/audit": Operation("read_audit_log", "operation", "What people did", "AuditLog"),
    "GET /api/v1/audit/verify": Operation(
        "verify_audit_log", "operation", "Whether the audit log is whole", "AuditVerified"
    ),
    "GET /api/v1/device-events": Operation(
        "list_device_events", "operation", "What devices reported", "DeviceEvents", _GONE
    ),
    "GET /api/v1/conditions": Operation(
        "list_conditions", "alarms", "Alarms that devices report", "Conditions"
    ),
    "POST /api/v1/conditions/{number}/acknowledge": Operation(
        "acknowledge_condition", "alarms", "Acknowledge a condition at its device", "Condition", _ORDER
    ),
    "GET /api/v1/alarms": Operation("list_alarms", "alarms", "How alarms stand", "Alarms", _GONE),
    "GET /api/v1/alarms/history": Operation(
        "list_alarm_changes", "alarms", "What happened to alarms", "AlarmHistory", _GONE
    ),
    "GET /api/v1/alarms/backtest": Operation(
        "backtest_alarm_rule", "alarms", "What a rule would have done", "AlarmBacktest", _GONE
    ),
    "GET /api/v1/alarms/{number}": Operation(
        "read_alarm", "alarms", "One alarm and its history", "AlarmWithHistory", _GONE
    ),
    "POST /api/v1/alarms/{number}/acknowledge": Operation(
        "acknowledge_alarm", "alarms", "Acknowledge an alarm", "AlarmChange", _ORDER
    ),
    "POST /api/v1/alarms/{number}/shelve": Operation(
        "shelve_alarm", "alarms", "Shelve an alarm", "AlarmChange", _ORDER
    ),
    "POST /api/v1/alarms/{number}/unshelve": Operation(
        "unshelve_alarm", "alarms", "End the shelving of an alarm", "AlarmChange", _ORDER
    ),
    "GET /api/v1/notifications": Operation(
        "list_notifications", "alarms", "How channels stand", "Notifications", _GONE
    ),
    "POST /api/v1/notifications/test": Operation(
        "test_notification", "alarms", "Send a test message", "NotificationTest", _ORDER
    ),
    "GET /api/v1/history": Operation("read_history", "history", "What points said before", "History"),
    "GET /api/v1/latest": Operation(
        "read_latest", "history", "The newest reading of many points", "LatestColumns"
    ),
    "GET /api/v1/points/{path}/latest": Operation(
        "read_latest_of_point", "history", "The newest reading of one point", "LatestReading"
    ),
    "GET /api/v1/why/{path}": Operation("explain_point", "history", "Why a point has no value", "Why", _GONE),
    "GET /api/v1/gaps": Operation("list_gaps", "history", "When points were not heard", "Gaps", _GONE),
    "GET /api/v1/completeness": Operation(
        "read_completeness", "history", "What was expected and received", "Completeness", _GONE
    ),
    "GET /api/v1/twin": Operation("read_twin", "past", "The twin at a moment", "Twin", _GONE),
    "GET /api/v1/models": Operation("list_models", "past", "The models that ran", "ModelVersions", _GONE),
    "GET /api/v1/models/{district}/{digest}": Operation(
        "read_model", "past", "One model as it was", "ModelFile", _GONE
    ),
    "GET /api/v1/intervals": Operation("read_intervals", "intervals", "Intervals of registers", "Intervals"),
    "GET /api/v1/intervals/totals": Operation(
        "read_totals", "intervals", "Differences of registers", "Totals"
    ),
    "GET /api/v1/intervals/versions": Operation(
        "list_interval_versions", "intervals", "Versions of a register's days", "IntervalVersions"
    ),
    "GET /api/v1/intervals/edits": Operation(
        "list_interval_edits", "intervals", "What was decided about registers", "IntervalEdits"
    ),
    "POST /api/v1/intervals/edits": Operation(
        "edit_intervals", "intervals", "Decide about a register", "IntervalEdited"
    ),
    "POST /api/v1/intervals/edits/{number}/withdraw": Operation(
        "withdraw_interval_edit", "intervals", "Take a decision back", "IntervalWithdrawn"
    ),
    "GET /api/v1/exports": Operation("list_exports", "exports", "Your export jobs", "Exports"),
    "POST /api/v1/exports": Operation("ask_for_export", "exports", "Ask for a file of readings", "Export"),
    "GET /api/v1/exports/{job_id}": Operation("read_export", "exports", "How far a job is", "Export"),
    "DELETE /api/v1/exports/{job_id}": Operation("delete_export", "exports", "Stop and forget a job", ""),
    "GET /api/v1/exports/{job_id}/file": Operation(
        "download_export", "exports", "The file of a job", "application/octet-stream"
    ),
    "GET /api/v1/commands": Operation(
        "list_commands", "commands", "What was asked of points", "Commands", _GONE
    ),
    "POST /api/v1/commands": Operation(
        "ask_for_value", "commands", "Ask for a value", "CommandAnswer", _COMMAND
    ),
    "GET /api/v1/commands/{number}": Operation("read_command", "commands", "One command", "Command", _GONE),
    "POST /api/v1/commands/release": Operation(
        "release_point", "commands", "Give a level of a point back", "Released", _COMMAND
    ),
    "POST /api/v1/commands/{number}/confirm": Operation(
        "confirm_command", "commands", "Confirm a prepared command", "Command", _COMMAND
    ),
    "POST /api/v1/commands/{number}/cancel": Operation(
        "cancel_command", "commands", "Take a prepared command back", "Command", _COMMAND
    ),
    "GET /api/v1/desired": Operation(
        "list_desired", "commands", "What is desired of points", "Desired", _GONE
    ),
    "GET /api/v1/schedules": Operation(
        "list_schedules", "commands", "What programmes want", "Schedules", _GONE
    ),
    "GET /api/v1/supply": Operation("read_supply", "services", "Tanks and their requests", "Supply", _GONE),
    "GET /api/v1/supply/{number}": Operation(
        "read_supply_request", "services", "One request", "SupplyRequest", _GONE
    ),
    "POST /api/v1/supply/{number}/acknowledge": Operation(
        "acknowledge_supply_request", "services", "Acknowledge a request", "SupplyRequest", _ORDER
    ),
    "POST /api/v1/supply/{number}/cancel": Operation(
        "cancel_supply_request", "services", "Cancel a request", "SupplyRequest", _ORDER
    ),
    "POST /api/v1/supply/{number}/close": Operation(
        "close_supply_request", "services", "Close a request by hand", "SupplyRequest", _ORDER
    ),
    "GET /api/v1/capacity": Operation("read_capacity", "services", "People in places", "Capacity", _GONE),
    "GET /api/v1/services": Operation(
        "list_services", "services", "Services that are due", "Services", _GONE
    ),
    "GET /api/v1/services/done": Operation(
        "list_services_done", "services", "Services that were done", "ServicesDone", _GONE
    ),
    "POST /api/v1/services/{key}/done": Operation(
        "note_service_done", "services", "Note that a service was done", "Service", _ORDER
    ),
    "GET /api/v1/stream": Operation(
        "stream_events", "live", "What happens now, as server-sent events", "text/event-stream"
    ),
    "GET /api/v1/hooks": Operation("list_hooks", "live", "Your webhooks", "Hooks"),
    "POST /api/v1/hooks": Operation("make_hook", "live", "Make a webhook", "Hook"),
    "GET /api/v1/hooks/{hook_id}": Operation("read_hook", "live", "How a webhook stands", "Hook"),
    "DELETE /api/v1/hooks/{hook_id}": Operation("delete_hook", "live", "Forget a webhook", ""),
    "POST /api/v1/hooks/{hook_id}/test": Operation("test_hook", "live", "Post a test", "HookTested"),
    "POST /api/v1/hooks/{hook_id}/on": Operation("switch_hook_on", "live", "Let a webhook try again", "Hook"),
    "GET /api/v1/hooks/{hook_id}/deliveries": Operation(
        "list_hook_deliveries", "live", "The newest tries of a webhook", "HookDeliveries"
    ),
    "GET /api/v1/session": Operation("read_session", "access", "Who asks", "Session"),
    "POST /api/v1/session": Operation("begin_session", "access", "Begin a session of a browser", "Session"),
    "DELETE /api/v1/session": Operation("end_session", "access", "End a session", "SessionEnded"),
    "POST /api/v1/session/codes": Operation("make_login_code", "access", "Make a login code", "LoginCode"),
    "GET /api/v1/districts": Operation("list_districts", "catalogue", "Districts", "Districts", _LIST),
    "GET /api/v1/districts/{district}": Operation("read_district", "catalogue", "One district", "District"),
    "GET /api/v1/sites": Operation("list_sites", "catalogue", "Sites", "Sites", _LIST),
    "GET /api/v1/sites/{district}/{site}": Operation("read_site", "catalogue", "One site", "Site"),
    "GET /api/v1/devices": Operation("list_devices", "catalogue", "Devices", "Devices", _LIST),
    "GET /api/v1/devices/{district}/{device}": Operation("read_device", "catalogue", "One device", "Device"),
    "GET /api/v1/profiles": Operation("list_profiles", "catalogue", "Device models", "Profiles", _LIST),
    "GET /api/v1/profiles/{profile}": Operation("read_profile", "catalogue", "One device model", "Profile"),
    "GET /api/v1/quantities": Operation("list_quantities", "catalogue", "Quantities", "Quantities", _LIST),
    "GET /api/v1/quantities/{quantity}": Operation("read_quantity", "catalogue", "One quantity", "Quantity"),
    "GET /api/v1/relations": Operation("list_relations", "catalogue", "Relations", "Relations", _LIST),
    "GET /api/v1/points": Operation("list_points", "catalogue", "Points", "Points", _LIST),
    "GET /api/v1/points/{path}": Operation("read_point", "catalogue", "One point", "Point"),
    "GET /api/v1/graph": Operation("read_graph", "catalogue", "What belongs to what", "Graphs", _GONE),
    "GET /api/v1/datasets": Operation("list_datasets", "datasets", "Datasets", "Datasets", _LIST),
    "GET /api/v1/datasets/{dataset}": Operation("read_dataset", "datasets", "One dataset", "Dataset"),
    "GET /api/v1/figures": Operation(
        "list_figures", "datasets", "Datasets with open figures", "DatasetsOfFigures"
    ),
    "GET /api/v1/figures/{dataset}": Operation("read_figures", "datasets", "Open figures", "Figures"),
    "GET /catalog": Operation("read_catalog", "datasets", "The inventory of data (DCAT 3)", "Catalog"),
    "GET /api/v1/catalog": Operation(
        "read_catalog_v1", "datasets", "The inventory of data, by its other name", "Catalog"
    ),
    "GET /sta/v1.1": Operation(
        "read_sensorthings_root", "sensorthings", "Entity sets and conformance", "SensorThingsRoot"
    ),
    "GET /sta/v1.1/{path}": Operation(
        "read_sensorthings", "sensorthings", "Whatever SensorThings addresses", "SensorThings"
    ),
}
TAGS: Mapping[str, str] = {
    "catalogue": "What there is: districts, sites, devices, points, what they have in common. HEAD is answered too.",
    "history": "Readings: the newest, those before, when there were none, and why.",
    "intervals": "What registers counted, as utilities bill it; versions and decisions.",
    "exports": "Files of many readings: ask, look how far they are, fetch.",
    "live": (
        "What happens now. `/api/v1/stream` gives server-sent events and does not end. `/api/v1/ws` is a WebSocket "
        '(RFC 6455), which this file cannot describe: messages are JSON texts, `{"type": "subscribe", "id": …, '
        '"under": …}`, `resume`, `unsubscribe` and `ping`; each event says the id of its subscription. Webhooks are '
        "posted with `Barrio-Signature: t=…,v1=…`, an HMAC-SHA256."
    ),
    "datasets": "Whose the data is, under which licence and for whom; open figures; the inventory as DCAT 3.",
    "sensorthings": "OGC SensorThings API 1.1, read only. The standard says what its paths and options are.",
    "past": "The twin as it was, and the models that ran.",
    "alarms": "Alarms, conditions that devices report, and who is told.",
    "commands": "What is asked of points, desired and scheduled.",
    "services": "Supply of tanks, people in places, maintenance.",
    "access": "Who asks, and sessions of browsers.",
    "operation": "How the platform itself is; mostly for operators.",
}
