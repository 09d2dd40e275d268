"""Folders, their permissions, and the search: http_api/folder.md, folder_permissions.md, folder_dashboard_search.md."""

from __future__ import annotations

from typing import Any

from tests.provisioning.grafana_stand_in.state import UID, Answer, State


class Folders(State):
    """Calls about folders."""

    def add_folder(self, uid: str, title: str, parent: str = "") -> None:
        """Make a folder, as the page does; one at the top can be seen and edited by the basic roles."""
        self.number += 1
        self.folders[uid] = {
            "id": self.number,
            "uid": uid,
            "title": title,
            "parentUid": parent,
            "version": 1,
        }
        # `setDefaultFolderPermissions` in `pkg/api/folder.go`.
        basic = [{"role": "Editor", "permission": 2}, {"role": "Viewer", "permission": 1}]
        self.grants[uid] = [] if parent else basic

    def _folder(self, uid: str) -> dict[str, Any]:
        if uid not in self.folders:
            raise Answer(404, "folder not found", status="not-found")
        return self.folders[uid]

    def _folder_json(self, uid: str) -> dict[str, Any]:
        found = self._folder(uid)
        shown = {"hasAcl": False, "canSave": True, "url": f"/dashboards/f/{uid}", **found}
        if not shown["parentUid"]:
            del shown["parentUid"]
        return shown

    def get_folder(self, uid: str, **_: Any) -> tuple[int, Any]:
        return 200, self._folder_json(uid)

    def list_folders(self, params: dict[str, str], **_: Any) -> tuple[int, Any]:
        parent = params.get("parentUid", "")
        found = [each for each in self.folders.values() if each["parentUid"] == parent]
        return 200, [{"id": each["id"], "uid": each["uid"], "title": each["title"]} for each in found]

    def create_folder(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        uid, parent = body["uid"], body.get("parentUid", "")
        if not UID.fullmatch(uid):
            raise Answer(400, "uid contains illegal characters or is too long")
        if uid in self.folders:
            raise Answer(409, "a folder/dashboard with the same uid already exists")
        if parent and parent not in self.folders:
            raise Answer(404, "parent folder not found")
        title = body["title"].strip()
        if any((each["title"], each["parentUid"]) == (title, parent) for each in self.folders.values()):
            # 11.6 and 12.0 do so, others do not.
            raise Answer(409, "a folder with the same name already exists in the current location")
        self.add_folder(uid, title, parent)
        return 200, self._folder_json(uid)

    def update_folder(self, uid: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        found = self._folder(uid)
        if not body.get("overwrite") and body.get("version") != found["version"]:
            words = "The folder has been changed by someone else"
            raise Answer(412, words, status="version-mismatch")
        found["title"], found["version"] = body["title"].strip(), found["version"] + 1
        return 200, self._folder_json(uid)

    def move_folder(self, uid: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        parent = body.get("parentUid", "")
        if parent:
            self._folder(parent)
        self._folder(uid)["parentUid"] = parent
        return 200, self._folder_json(uid)

    def delete_folder(self, uid: str, params: dict[str, str], **_: Any) -> tuple[int, Any]:
        self._folder(uid)
        inside = self._below(uid)
        rules = [rule for rule in self.rules.values() if rule["folderUID"] in inside]
        if rules and params.get("forceDeleteRules") != "true":
            raise Answer(400, "folder cannot be deleted: folder is not empty")
        for each in inside:
            del self.folders[each]
            self.grants.pop(each, None)
        self.pages = {name: page for name, page in self.pages.items() if page.folder not in inside}
        return 200, {"message": "Folder deleted"}

    def _below(self, uid: str) -> set[str]:
        found = {uid}
        for each in [name for name, one in self.folders.items() if one["parentUid"] == uid]:
            found |= self._below(each)
        return found

    def count_folder(self, uid: str, **_: Any) -> tuple[int, Any]:
        # `GetFolderDescendantCounts` in `pkg/api/folder.go`
        self._folder(uid)
        inside = self._below(uid)
        return 200, {
            "alertrule": sum(rule["folderUID"] in inside for rule in self.rules.values()),
            "dashboard": sum(page.folder in inside for page in self.pages.values()),
            "folder": len(inside) - 1,
            "librarypanel": sum(self.library_panels.get(each, 0) for each in inside),
        }

    def get_permissions(self, uid: str, **_: Any) -> tuple[int, Any]:
        parent = self._folder(uid)["parentUid"]
        found = [self._grant_json(uid, item, inherited=False) for item in self.grants.get(uid, ())]
        if self.major >= 12 and parent:
            found += [self._grant_json(parent, item, inherited=True) for item in self.grants.get(parent, ())]
        return 200, found

    def _grant_json(self, uid: str, item: dict[str, Any], *, inherited: bool) -> dict[str, Any]:
        team = self.teams.get(item.get("teamId", 0), {})
        shown = {
            "created": "2026-11-01T00:00:00Z",
            "userId": item.get("userId", 0),
            "userLogin": "somebody" if item.get("userId") else "",
            "teamId": item.get("teamId", 0),
            "team": team.get("name", ""),
            "teamEmail": team.get("email", ""),
            "permission": item["permission"],
            "permissionName": {1: "View", 2: "Edit", 4: "Admin"}[item["permission"]],
            "uid": uid,
            "isFolder": True,
            "inherited": inherited,
        }
        return shown | ({"role": item["role"]} if "role" in item else {})

    def set_permissions(self, uid: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        self._folder(uid)
        for item in body["items"]:
            if sum(key in item for key in ("userId", "teamId", "role")) != 1:
                raise Answer(400, "permission items have exactly one of user, team and role")
            if item.get("teamId") and item["teamId"] not in self.teams:
                raise Answer(500, "Failed to create permission")
        self.grants[uid] = [dict(item) for item in body["items"]]
        return 200, {"message": "Folder permissions updated"}

    def search(self, params: dict[str, str], **_: Any) -> tuple[int, Any]:
        found = [
            {
                "id": page.id,
                "uid": uid,
                "title": page.json.get("title", ""),
                "type": "dash-db",
                "tags": page.json.get("tags", []),
                "folderUid": page.folder,
            }
            for uid, page in self.pages.items()
            if params.get("folderUIDs") in (None, page.folder) and params.get("dashboardUIDs") in (None, uid)
        ]
        return 200, found
