"""Write barrio/api/spec/examples.json anew: what the demo district really answers.

    barrio demo --data DIR --listen 127.0.0.1:8080     # for some minutes, in another terminal
    .venv/bin/python tools/record_examples.py http://127.0.0.1:8080 DIR

Orders are given too: they acknowledge, shelve and command what they find. Lists are cut to their first entries. What
the demo cannot show (no supply request was opened, no condition reported) stays as it was recorded before.
"""

import json
import sys
from pathlib import Path
from typing import Any

import httpx

OUT = Path(__file__).parents[1] / "barrio/api/spec/examples.json"
TOKEN = "operator.token"  # noqa: S105 - the name of a file
MOST_LISTED = 2
MOST_MEMBERS = 6
LONGEST = 2_000
SAID = {"who": "ana", "comment": "looked at it"}
LAMP = "ciudad-maderas/lamp-05/dimming"
PREPARED = {"point": "ciudad-maderas/cabinet-1/contactor", "value": "closed", "who": "ana", "why": "a feast"}
POINT = "ciudad-maderas/cistern-a1/level"


def main() -> None:
    """Ask, and write."""
    url, folder = sys.argv[1:]
    token = (Path(folder) / TOKEN).read_text(encoding="utf-8").strip()
    headers = {"Authorization": f"Bearer {token}"}
    found: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8"))
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
        for name, answer in _asked(http):
            if answer.is_success:
                found[name] = _short(answer)
            else:
                sys.stderr.write(f"{name}: {answer.status_code} {answer.text[:200]}\n")
    OUT.write_text(json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False) + "\n", "utf-8")


def _asked(http: httpx.Client) -> Any:
    for name, path in READS.items():
        yield name, http.get(path)
    for name, listing, member, key, path in ROWS:
        rows = http.get(listing).json()[member]
        if rows:
            yield name, http.get(path.format(rows[0][key]))
    alarms = [one["id"] for one in http.get("/api/v1/alarms").json()["alarms"]]
    for number in alarms[-1:]:
        path = f"/api/v1/alarms/{number}"
        yield "shelve_alarm", http.post(f"{path}/shelve", json=SAID | {"for": "1h"})
        yield "unshelve_alarm", http.post(f"{path}/unshelve", json=SAID)
        yield "acknowledge_alarm", http.post(f"{path}/acknowledge", json=SAID)
    for name, path, body in ORDERS:
        yield name, http.post(path, json=body)
    for name, deed in (("cancel_command", "cancel"), ("confirm_command", "confirm")):
        asked = http.post("/api/v1/commands", json=PREPARED).json()
        code = {"code": asked["code"]} if deed == "confirm" else {}
        yield name, http.post(f"/api/v1/commands/{asked['id']}/{deed}", json={"who": "ben", **code})
    for one in http.get("/api/v1/supply").json().get("requests", [])[:1]:
        path = f"/api/v1/supply/{one['id']}"
        yield "read_supply_request", http.get(path)
        yield "acknowledge_supply_request", http.post(f"{path}/acknowledge", json=SAID)
        yield "close_supply_request", http.post(f"{path}/close", json=SAID)
    for one in http.get("/api/v1/services").json().get("services", [])[:1]:
        yield "note_service_done", http.post(f"/api/v1/services/{one['key']}/done", json=SAID)
    yield "list_services_done", http.get("/api/v1/services/done")
    yield "list_commands", http.get("/api/v1/commands")


READS = {
    "read_index": "/",
    "read_health": "/healthz",
    "read_readiness": "/readyz",
    "read_metrics": "/metrics",
    "read_status": "/api/v1/status",
    "read_rollups": "/api/v1/rollups",
    "explain_point": f"/api/v1/why/{POINT}",
    "list_gaps": "/api/v1/gaps",
    "list_device_events": "/api/v1/device-events",
    "list_conditions": "/api/v1/conditions",
    "read_graph": "/api/v1/graph?of=cistern-a1",
    "read_twin": "/api/v1/twin?at=-1m&under=ciudad-maderas/cistern-a1",
    "list_models": "/api/v1/models",
    "read_completeness": "/api/v1/completeness?from=-1h&every=1h",
    "list_alarms": "/api/v1/alarms",
    "list_alarm_changes": "/api/v1/alarms/history",
    "list_desired": "/api/v1/desired",
    "list_schedules": "/api/v1/schedules",
    "read_supply": "/api/v1/supply",
    "read_capacity": "/api/v1/capacity",
    "list_services": "/api/v1/services",
    "list_notifications": "/api/v1/notifications",
}
ROWS = (
    ("read_alarm", "/api/v1/alarms", "alarms", "id", "/api/v1/alarms/{}"),
    ("backtest_alarm_rule", "/api/v1/alarms", "alarms", "rule", "/api/v1/alarms/backtest?from=-1h&rule={}"),
    ("read_command", "/api/v1/commands", "commands", "id", "/api/v1/commands/{}"),
    ("read_model", "/api/v1/models", "models", "digest", "/api/v1/models/ciudad-maderas/{}"),
)
ORDERS = (
    (
        "ask_for_value",
        "/api/v1/commands",
        {"point": LAMP, "value": 55, "who": "ana", "why": "a feast", "lease": "15min"},
    ),
    ("release_point", "/api/v1/commands/release", {"point": LAMP, "who": "ana"}),
    ("rebuild_rollups", "/api/v1/rollups/rebuild", {"under": POINT, "from": "-1h"}),
    ("test_notification", "/api/v1/notifications/test", {"channel": "ciudad-maderas/operations"}),
)


def _short(answer: httpx.Response) -> Any:
    if not answer.headers["content-type"].startswith("application/json"):
        return "".join(answer.text.splitlines(keepends=True)[:8])
    return _cut(answer.json(), 0)


def _cut(value: Any, depth: int) -> Any:
    """Return the beginning of lists, and of tables by name further down."""
    if isinstance(value, list):
        return [_cut(one, depth + 1) for one in value[:MOST_LISTED]]
    if isinstance(value, dict):
        return {name: _cut(one, depth + 1) for name, one in value.items()}
    return value


if __name__ == "__main__":
    main()
