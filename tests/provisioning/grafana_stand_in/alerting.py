"""Rules and contact points: http_api/alerting_provisioning.md, `pkg/services/ngalert/provisioning`."""

from __future__ import annotations

import copy
import re
from typing import Any

from tests.provisioning.grafana_stand_in.state import UID, Answer, State

_SECURE = {"webhook": ("password", "authorization_credentials"), "email": ()}
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class Alerting(State):
    """Calls about alert rules and contact points."""

    def list_rules(self, **_: Any) -> tuple[int, Any]:
        return 200, copy.deepcopy(list(self.rules.values()))

    def get_group(self, folder: str, group: str, **_: Any) -> tuple[int, Any]:
        rules = self._in_group(folder, group)
        if not rules:
            raise Answer(
                404, "rule group not found", messageId="alerting.alert-rule.notFound", statusCode=404
            )
        interval = self.intervals[folder, group]
        shown = {"title": group, "folderUid": folder, "interval": interval, "rules": copy.deepcopy(rules)}
        return 200, shown

    def _in_group(self, folder: str, group: str) -> list[dict[str, Any]]:
        return [
            rule for rule in self.rules.values() if (rule["folderUID"], rule["ruleGroup"]) == (folder, group)
        ]

    def put_group(self, folder: str, group: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if folder not in self.folders:
            raise Answer(404, "folder not found")
        wanted = [self._rule(rule, folder, group) for rule in body["rules"]]
        kept = {rule["uid"] for rule in wanted}
        for rule in self._in_group(folder, group):
            if rule["uid"] not in kept:
                del self.rules[rule["uid"]]
        for rule in wanted:
            before = self.rules.get(rule["uid"])
            # Only what differs is written, and gets the provenance of this call (`CalculateChanges`).
            if before is None or _rule_content(before) != _rule_content(rule):
                self.number += 1
                self.rules[rule["uid"]] = {**rule, "id": self.number, "provenance": "api"}
        self.intervals[folder, group] = body["interval"]
        return 200, self.get_group(folder, group)[1]

    def _rule(self, rule: dict[str, Any], folder: str, group: str) -> dict[str, Any]:
        problem = self._rule_problem(rule)
        if problem:
            raise Answer(400, f"invalid alert rule: {problem}", traceID="")
        return {
            "keep_firing_for": "0s",
            "record": None,
            "notification_settings": None,
            "updated": "2026-11-01T00:00:00Z",
            **copy.deepcopy(rule),
            "for": _canonical(rule["for"]),
            "data": [_saved_query(query) for query in rule["data"]],
            "folderUID": folder,
            "ruleGroup": group,
            "orgID": 1,
        }

    def _rule_problem(self, rule: dict[str, Any]) -> str:
        annotations = rule.get("annotations", {})
        receiver = (rule.get("notification_settings") or {}).get("receiver")
        spans = [query["relativeTimeRange"] for query in rule["data"] if query["datasourceUid"] != "__expr__"]
        states = ("Alerting", "OK", "KeepLast")
        problems = {
            "uid is not valid": not UID.fullmatch(rule["uid"]),
            "both annotations __dashboardUid__ and __panelId__ must be specified": (
                ("__dashboardUid__" in annotations) != ("__panelId__" in annotations)
            ),
            f"receiver {receiver!r} does not exist": (
                receiver is not None and receiver not in {point["name"] for point in self.points.values()}
            ),
            f"condition {rule['condition']} does not exist": (
                rule["condition"] not in {query["refId"] for query in rule["data"]}
            ),
            "unknown noDataState": rule["noDataState"] not in (*states, "NoData"),
            "unknown execErrState": rule["execErrState"] not in (*states, "Error"),
            "invalid relative time range": any(span["from"] <= span["to"] for span in spans),
        }
        return next((problem for problem, is_so in problems.items() if is_so), "")

    def delete_rule(self, rule: str, **_: Any) -> tuple[int, Any]:
        self.rules.pop(rule, None)
        return 204, None

    def list_points(self, **_: Any) -> tuple[int, Any]:
        return 200, sorted(
            (_redacted(point) for point in self.points.values()), key=lambda each: each["name"]
        )

    def create_point(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if body["uid"] in self.points:
            raise Answer(400, "contact point with the same uid exists")
        self.points[body["uid"]] = self._point(body)
        return 202, _redacted(self.points[body["uid"]])

    def put_point(self, point: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        before = self.points.get(point)
        if before is None:
            raise Answer(404, "contact point not found")
        if before["name"] != body["name"]:
            raise Answer(404, f"contact point with uid '{point}' not found")
        if before["provenance"] not in ("", "api"):
            raise Answer(500, f"cannot changed provenance from '{before['provenance']}' to 'api'")
        for key, value in body["settings"].items():
            if value == "[REDACTED]":
                body["settings"][key] = before["settings"][key]
        self.points[point] = self._point({**body, "uid": point})
        return 202, {"message": "contactpoint updated"}

    def _point(self, body: dict[str, Any]) -> dict[str, Any]:
        needs = {"webhook": "url", "email": "addresses"}[body["type"]]
        if not body["settings"].get(needs):
            raise Answer(400, f"invalid contact point: required field '{needs}' is not specified")
        return {"disableResolveMessage": False, **copy.deepcopy(body), "provenance": "api"}

    def delete_point(self, point: str, **_: Any) -> tuple[int, Any]:
        name = self.points.get(point, {}).get("name")
        if any((rule["notification_settings"] or {}).get("receiver") == name for rule in self.rules.values()):
            raise Answer(409, "contact point is used by alert rules")
        self.points.pop(point, None)
        return 202, {"message": "contactpoint deleted"}

    def never(self, **_: Any) -> tuple[int, Any]:
        raise AssertionError("the tree of notification policies is nobody's business")


def _redacted(point: dict[str, Any]) -> dict[str, Any]:
    secure = _SECURE[point["type"]]
    settings = {key: "[REDACTED]" if key in secure else value for key, value in point["settings"].items()}
    return {**point, "settings": settings}


def _saved_query(query: dict[str, Any]) -> dict[str, Any]:
    """Return a query as `AlertQuery.PreSave` leaves it."""
    model = {"intervalMs": 1000, "maxDataPoints": 43200, **query["model"]}
    return {"queryType": "", **copy.deepcopy(query), "model": model}


def _rule_content(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key not in ("id", "provenance", "updated")}


def _canonical(text: str) -> str:
    """Return a duration as `model.Duration` writes it: 60s is 1m."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise Answer(400, f"not a valid duration string: {text!r}")
    seconds = sum(int(part or 0) * size for part, size in zip(match.groups(), (3600, 60, 1), strict=True))
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
