"""Dashboards: http_api/dashboard.md, `pkg/api/dashboard.go`."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tests.provisioning.grafana_stand_in.state import UID, Answer, Page, State

if TYPE_CHECKING:
    from collections.abc import Callable


class Pages(State):
    """Calls about dashboards."""

    def add_page(self, uid: str, title: str, folder: str = "", **more: Any) -> None:
        """Make a dashboard, as somebody does."""
        self.number += 1
        sent = {"uid": uid, "title": title, "panels": [], "tags": [], **more}
        self.pages[uid] = Page(self.number, sent, 1, folder, versions=[(1, "")])

    def edit_page(self, uid: str, change: Callable[[dict[str, Any]], None], schema: str = "v1") -> None:
        """Save a dashboard as the editor does, which writes more than what was changed."""
        page = self.pages[uid]
        change(page.json)
        for panel in page.json.get("panels", ()):
            panel["pluginVersion"] = self.version
        built_in = {"builtIn": 1, "name": "Annotations & Alerts", "enable": True, "hide": True}
        annotations = page.json.setdefault("annotations", {}).setdefault("list", [])
        if not any(each.get("builtIn") for each in annotations):
            annotations.insert(0, built_in)
        page.json |= {
            "fiscalYearStartMonth": 0,
            "graphTooltip": page.json.get("graphTooltip", 0),
            "links": page.json.get("links", []),
        }
        page.schema = schema
        page.version += 1
        page.versions.append((page.version, ""))

    def get_page(self, uid: str, params: dict[str, str], **_: Any) -> tuple[int, Any]:
        page = self.pages.get(uid)
        if page is None:
            raise Answer(404, "Dashboard not found", status="not-found")
        if page.schema == "v2" and not (self.major >= 13 and params.get("apiVersion", "").startswith("v1")):
            where = f"/apis/dashboard.grafana.app/v2beta1/namespaces/default/dashboards/{uid}"
            raise Answer(406, f"dashboard api version not supported, use {where} instead")
        shown = {**copy.deepcopy(page.json), "id": page.id, "uid": uid, "version": page.version}
        meta = {"folderUid": page.folder, "version": page.version, "provisioned": page.from_file, "slug": "x"}
        return 200, {"dashboard": shown, "meta": meta}

    def save_page(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        sent, folder = copy.deepcopy(body["dashboard"]), body.get("folderUid", "")
        uid = sent["uid"]
        if not UID.fullmatch(uid):
            raise Answer(400, "uid too long, max 40 characters")
        if folder and folder not in self.folders:
            raise Answer(400, "folder not found")
        page = self.pages.get(uid)
        if page is not None and page.from_file:
            raise Answer(400, "Cannot save provisioned dashboard")
        version = sent.get("version") or 0
        if page is not None and version != page.version and not body.get("overwrite"):
            words = "The dashboard has been changed by someone else"
            raise Answer(412, words, status="version-mismatch")
        if page is None:
            self.number += 1
            page = self.pages[uid] = Page(self.number, {}, self.first_version - 1, folder)
        page.json, page.folder, page.schema = self._stored(sent), folder, "v1"
        page.version += 1
        page.versions.append((page.version, body.get("message", "")))
        return 200, {
            "id": page.id,
            "uid": uid,
            "url": f"/d/{uid}/x",
            "status": "success",
            "version": page.version,
            "slug": "x",
            "folderUid": folder,
        }

    def _stored(self, sent: dict[str, Any]) -> dict[str, Any]:
        if self.major == 11:
            return sent
        kept = {key: value for key, value in sent.items() if key not in ("id", "uid", "version")}
        # Migration on saving: the schema is raised, and what every dashboard has is written out.
        kept["schemaVersion"] = 42
        kept.setdefault("annotations", {}).setdefault("list", [])
        if self.major >= 13:
            # Stands for whatever a migration may write that we do not know of.
            for panel in kept.get("panels", ()):
                panel["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, **panel.get("options", {})}
        return {"fiscalYearStartMonth": 0, "graphTooltip": 0, "liveNow": False, "weekStart": "", **kept}

    def delete_page(self, uid: str, **_: Any) -> tuple[int, Any]:
        page = self.pages.get(uid)
        if page is None:
            raise Answer(404, "Dashboard not found", status="not-found")
        if page.from_file:
            raise Answer(400, "provisioned dashboard cannot be deleted")
        del self.pages[uid]
        title = page.json.get("title", "")
        return 200, {"title": title, "message": f"Dashboard {title} deleted", "uid": uid}
