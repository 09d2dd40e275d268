"""Data sources: http_api/data_source.md, `pkg/api/datasources.go`."""

from __future__ import annotations

import copy
from typing import Any

from tests.provisioning.grafana_stand_in.state import Answer, State


class Sources(State):
    """Calls about data sources."""

    def _source(self, uid: str) -> dict[str, Any]:
        if uid not in self.sources:
            raise Answer(404, "Data source not found")
        return self.sources[uid]

    def list_sources(self, **_: Any) -> tuple[int, Any]:
        hidden = ("secure", "basicAuthUser", "version")
        return 200, [
            {key: value for key, value in source.items() if key not in hidden}
            for source in self.sources.values()
        ]

    def _source_json(self, uid: str) -> dict[str, Any]:
        found = self._source(uid)
        shown = {key: value for key, value in found.items() if key != "secure"}
        return shown | {"secureJsonFields": {key: True for key, value in found["secure"].items() if value}}

    def get_source(self, uid: str, **_: Any) -> tuple[int, Any]:
        return 200, self._source_json(uid)

    def create_source(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if any(source["name"] == body["name"] for source in self.sources.values()):
            raise Answer(409, "data source with the same name already exists")
        if body["uid"] in self.sources:
            raise Answer(409, "data source with the same uid already exists")
        self.number += 1
        self.sources[body["uid"]] = {
            "id": self.number,
            "uid": body["uid"],
            "orgId": 1,
            "version": 1,
            **_source_fields(body),
            # `readOnly` is not taken from the body (`AddDataSourceCommand`).
            "readOnly": False,
            "secure": dict(body.get("secureJsonData") or {}),
        }
        shown = self._source_json(body["uid"])
        return 200, {
            "datasource": shown,
            "id": shown["id"],
            "message": "Datasource added",
            "name": shown["name"],
        }

    def put_source(self, uid: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        found = self._source(uid)
        if found["readOnly"]:
            raise Answer(403, "Cannot update read-only data source")
        if body.get("version") and body["version"] < found["version"]:
            words = "Datasource has already been updated by someone else. Please reload and try again"
            raise Answer(409, words)
        found |= _source_fields(body)
        found["version"] += 1
        found["secure"] |= body.get("secureJsonData") or {}
        shown = self._source_json(uid)
        return 200, {
            "datasource": shown,
            "id": shown["id"],
            "message": "Datasource updated",
            "name": shown["name"],
        }

    def delete_source(self, uid: str, **_: Any) -> tuple[int, Any]:
        if self._source(uid)["readOnly"]:
            raise Answer(403, "Cannot delete read-only data source")
        number = self.sources.pop(uid)["id"]
        return 200, {"message": "Data source deleted", "id": number}


def _source_fields(body: dict[str, Any]) -> dict[str, Any]:
    names = (
        "name",
        "type",
        "access",
        "url",
        "database",
        "basicAuth",
        "basicAuthUser",
        "isDefault",
        "jsonData",
    )
    return {name: copy.deepcopy(body.get(name)) for name in names}
